/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_BROKER_H
#define COCO_WIRE_BROKER_H

#include <stdint.h>

/*
 * What cocod and cocod-net say to each other while a secret is fetched from a broker.  The frames
 * are those of wire/msg.h.  One connection is one handshake, and one process of cocod-net:
 *
 *	cocod				cocod-net			broker
 *	MSG_NET_SETUP		->
 *	MSG_NET_AUTH		->	POST /auth		->
 *				<-	nonce, salt		<-
 *	(asks the TEE for evidence over the runtime data)
 *	MSG_NET_ATTEST + pack	->	POST /attest		->
 *				<-	result			<-
 *	MSG_NET_GET		->	GET /resource/...	->
 *	  + ciphertext		<-	fields of the JWE	<-
 *	(verifies the signature, unwraps, hands over)
 *	MSG_NET_CONFIRM		->	POST /coco/confirm	->
 *				<-	result			<-
 *
 * MSG_NET_AUTH begins a handshake and ends the one before it on this connection.  MSG_NET_GET may
 * be repeated for another path of the same handshake.  Each answer begins with a struct
 * net_result, and what follows it counts only when the result is NET_OK.
 *
 * cocod-net parses what the network and the host wrote.  cocod believes no more of an answer than
 * its form: the nonce is recomputed, the release is signed by the broker, and the key pair never
 * leaves cocod.
 *
 * Both ends are on one machine, so the byte order is native.  Text is NUL-terminated within its
 * array, and the bytes after the NUL are zero.
 */

#define BROKER_URLS_MAX 8
#define BROKER_URL_LEN 256		/* with NUL */
#define BROKER_PATH_LEN 256		/* with NUL; see wire/kbs-uri.h */
#define BROKER_PATHS_MAX 16
#define BROKER_NAME_LEN 256		/* of a host, with NUL */
#define BROKER_PIN_LEN 64		/* "sha256//" and 44 digits of base64, with NUL */
#define BROKER_NONCE_TEXT_LEN 44	/* base64 of 32 bytes, without NUL */
#define BROKER_SALT_LEN 32
#define BROKER_BOOT_LEN 32
#define BROKER_ID_LEN 32		/* SHA-256 of a public key */
#define BROKER_COORDINATE_MAX 66	/* P-521 */
#define BROKER_PEM_MAX 65536		/* of Identity= or Authority= */

#define JWE_PROTECTED_MAX 512
#define JWE_WRAPPED_LEN 40
#define JWE_IV_LEN 12
#define JWE_TAG_LEN 16
#define JWE_CIPHERTEXT_MAX 65536
#define RELEASE_SIGNATURE_LEN 64	/* r, s */

/* How a request ended.  net_error_text() has words for each. */
enum net_error {
	NET_OK,
	NET_UNREACHABLE,	/* no address of the broker answers */
	NET_CERTIFICATE,	/* something answers, and it is not the broker that was named */
	NET_BUSY,		/* 429, 503: ask later */
	NET_VERSION,		/* the broker speaks another version of the protocol */
	NET_EVIDENCE,		/* the broker does not accept the evidence */
	NET_POLICY,		/* the evidence is good, and the policy gives it no such secret */
	NET_ABSENT,		/* the broker has no such secret */
	NET_SESSION,		/* the session is unknown or over: begin again */
	NET_APPROVAL,		/* somebody must approve it first */
	NET_RELEASED,		/* it was released once, which is as often as it may be */
	NET_REBOOTED,		/* it was released to another kernel of this launch */
	NET_PROTOCOL,		/* the answer is not what the protocol says */
	NET_REFUSED,		/* any other refusal */
	NET_UNSUPPORTED,	/* this build has no libcurl, or evidence of an unknown kind */
	/* what only cocod finds, and cocod-net never says */
	NET_SETTINGS,		/* broker.conf does not allow it, or there is none */
	NET_NO_EVIDENCE,	/* this machine has none to show */
	NET_FORGED,		/* the nonce or the release is not from the broker of Identity= */
	NET_LOCAL,		/* cocod-net cannot be asked, or something else failed here */
	_NET_ERROR_MAX,
};

/* "unreachable", "policy", ...; "unknown" for an unknown number. */
const char *net_error_name(unsigned error);

/* A sentence for people, without a full stop: "the broker's policy refuses this secret". */
const char *net_error_text(unsigned error);

/* True if the same request may succeed later, without anybody changing anything here. */
int net_error_is_passing(unsigned error);

struct net_result {
	uint32_t error;			/* enum net_error */
	uint32_t status;		/* of HTTP; 0 without an answer */
	uint32_t retry_sec;		/* Retry-After; 0 without */
	uint32_t url;			/* which of the addresses answered, or failed last */
	char id[32];			/* the broker's handle for `coco-broker why`, or "" */
	char text[256];			/* the cause, printable; may quote the broker */
};

/* ---- MSG_NET_SETUP: + a sealed memfd with the PEM text of Identity= or Authority= ---- */

enum broker_trust {
	BROKER_TRUST_NONE,	/* refused */
	/* the PEM's key signs the releases, and issues the TLS certificate */
	BROKER_TRUST_IDENTITY,
	/* only TLS, by the hash of the server's public key; no PEM */
	BROKER_TRUST_PUBLIC_KEY,
	/* only TLS, by certificates that the PEM's authorities issued */
	BROKER_TRUST_AUTHORITY,
	_BROKER_TRUST_MAX,
};

struct net_setup {
	uint32_t trust;			/* enum broker_trust */
	uint32_t n_urls;		/* in the order in which they are tried */
	char urls[BROKER_URLS_MAX][BROKER_URL_LEN];
	/* the name in the server's certificate; "" is the host of the address */
	char server_name[BROKER_NAME_LEN];
	char public_key[BROKER_PIN_LEN];	/* "sha256//..." or "" */
	char proxy[BROKER_URL_LEN];	/* "" for none: the environment's is never used */
	uint64_t connect_usec, request_usec;
};

/* The answer to MSG_NET_SETUP is a struct net_result. */

/* ---- MSG_NET_INIT_DATA: + the descriptor of a file or device; it may come first ---- */

struct net_init_data {
	struct net_result result;
	char url[BROKER_URL_LEN];	/* trustee.kbs.url, or "" */
	char uri[BROKER_URL_LEN];	/* trustee.kbs.resource, or "" */
};

/* The request has no body.  The document goes along with each later MSG_NET_ATTEST. */

/* ---- MSG_NET_AUTH ---- */

struct net_auth {
	char tee[16];			/* "snp", "tdx", "az-snp-vtpm", "az-tdx-vtpm" */
	uint32_t n_paths;		/* that may be asked for; 0: the list is not sent */
	uint8_t boot[BROKER_BOOT_LEN];
	char paths[BROKER_PATHS_MAX][BROKER_PATH_LEN];
	uint32_t coco;			/* send "coco" in extra-params */
	uint32_t reserved;
};

enum net_hash {
	NET_HASH_SHA384,		/* the default */
	NET_HASH_SHA256,
	NET_HASH_SHA512,
	_NET_HASH_MAX,
};

struct net_challenge {
	struct net_result result;
	char nonce[48];			/* BROKER_NONCE_TEXT_LEN characters, as received */
	uint32_t hash;			/* enum net_hash */
	uint32_t has_salt;		/* the broker answered with "coco" */
	uint8_t salt[BROKER_SALT_LEN];
};

/* ---- MSG_NET_ATTEST: + a memfd with the evidence, a pack of wire/bundle.h ---- */

enum broker_curve {
	BROKER_P256,
	BROKER_P521,
	_BROKER_CURVE_MAX,
};

struct net_attest {
	uint32_t curve;			/* enum broker_curve */
	uint32_t coordinate_len;	/* 32 or 66 */
	uint8_t x[BROKER_COORDINATE_MAX];
	uint8_t y[BROKER_COORDINATE_MAX];
	/* the digest that the evidence is over; Azure's evidence has it as user-data too */
	uint32_t digest_len;
	uint8_t digest[64];
};

/* The answer to MSG_NET_ATTEST is a struct net_result. */

/* ---- MSG_NET_GET ---- */

struct net_get {
	char path[BROKER_PATH_LEN];
};

/* + a memfd with the ciphertext */
struct net_jwe {
	struct net_result result;
	uint32_t curve;			/* of the ephemeral key */
	uint32_t protected_len;
	uint32_t ciphertext_len;
	uint32_t has_release;		/* there is a header Coco-Release */
	uint64_t version;		/* of the secret, from that header */
	uint8_t signature[RELEASE_SIGNATURE_LEN];
	char protected[JWE_PROTECTED_MAX];	/* base64url, as received */
	uint8_t epk_x[BROKER_COORDINATE_MAX];	/* of the curve's length */
	uint8_t epk_y[BROKER_COORDINATE_MAX];
	uint8_t wrapped_key[JWE_WRAPPED_LEN];
	uint8_t iv[JWE_IV_LEN];
	uint8_t tag[JWE_TAG_LEN];
};

/* ---- MSG_NET_CONFIRM: struct net_get -> struct net_result ---- */

#endif
