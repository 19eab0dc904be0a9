/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_MSG_H
#define COCO_WIRE_MSG_H

#include <stdint.h>

#include "wire/broker.h"
#include "wire/guid.h"

/*
 * What cocod, cococtl and cocod-worker say to each other.  One packet of a SOCK_SEQPACKET socket
 * is one frame.
 *
 *	0  4  magic "coco"	 8  4  length of the body in bytes
 *	4  2  version, 1	12  4  0, or a negative errno in a reply
 *	6  2  type		16  x  body
 *
 * Both ends are on one machine, so the byte order is native.  A request has exactly the body of
 * its type (below).  A reply has the request's type and the reply's body, or an error and no
 * body.  Text is NUL-terminated within its array.
 */
#define MSG_MAGIC 0x6f636f63u
#define MSG_VERSION 1
#define MSG_BODY_MAX 16384

struct msg_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t len;
	int32_t error;
};

enum msg_type {
	MSG_STATUS = 1,		/* - -> struct msg_status */
	MSG_SECRET_INFO,	/* struct msg_index -> struct msg_secret; -ENOENT after the last */
	MSG_SECRET_FIND,	/* struct msg_name -> struct msg_secret */
	/* struct msg_read -> the bytes from its offset, at most MSG_BODY_MAX */
	MSG_SECRET_READ,
	/* struct msg_name -> -: the caller has the whole secret, and it was used */
	MSG_SECRET_DELIVERED,
	MSG_SECRET_WIPE,	/* struct msg_wipe -> - */
	MSG_BOOT_COMPLETE,	/* - -> - */
	MSG_SOURCE_INFO,	/* struct msg_index -> struct msg_source; -ENOENT after the last */
	/*
	 * to cocod-worker: struct luks_question and the device's descriptor -> struct
	 * luks_verdict
	 */
	MSG_LUKS_CHECK,
	/*
	 * to cocod-worker: - and a TPM's descriptor, for the next MSG_ATTEST_VERIFY of this
	 * connection -> -
	 */
	MSG_ATTEST_TPM,
	/*
	 * to cocod-worker: struct attest_question and a sealed memfd with a pack (wire/bundle.h)
	 * -> struct attest_verdict
	 */
	MSG_ATTEST_VERIFY,
	/*
	 * to cocod-worker: struct attest_imds and the connection, if there is one, for the next
	 * MSG_ATTEST_VERIFY too -> -
	 */
	MSG_ATTEST_IMDS,
	MSG_WARNING,		/* struct msg_index -> struct msg_warning; -ENOENT after the last */
	/*
	 * struct msg_name -> struct msg_fetched: have a secret that the broker has.  The answer
	 * takes as long as the broker does; the client then has it here until it disconnects.
	 */
	MSG_SECRET_FETCH,
	/* struct msg_broker_get -> struct msg_fetched: the same for any secret of the broker's */
	MSG_BROKER_GET,
	/* struct msg_offset -> the fetched bytes from there, at most MSG_BODY_MAX */
	MSG_FETCHED_READ,
	MSG_FETCHED_DONE,	/* - -> -: the client has all of it, and it was used */
	/* to cocod-net, see wire/broker.h */
	MSG_NET_SETUP,		/* struct net_setup and perhaps a memfd -> struct net_result */
	MSG_NET_INIT_DATA,	/* - and a descriptor -> struct net_init_data */
	MSG_NET_AUTH,		/* struct net_auth -> struct net_challenge */
	MSG_NET_ATTEST,		/* struct net_attest and a memfd -> struct net_result */
	MSG_NET_GET,		/* struct net_get -> struct net_jwe and a memfd */
	MSG_NET_CONFIRM,	/* struct net_get -> struct net_result */
	/*
	 * to cocod-worker, after MSG_ATTEST_TPM and MSG_ATTEST_IMDS: struct attest_gather and an
	 * empty memfd, which gets a pack -> struct attest_gathered
	 */
	MSG_ATTEST_GATHER,
	MSG_BROKER_SETTINGS,	/* - -> struct msg_broker_settings */
	/*
	 * struct msg_has -> -: the secret could be had now; nothing is fetched.  -EKEYREVOKED: it
	 * is wiped; -ENODATA: it is empty; -EACCES: not by that unit
	 */
	MSG_SECRET_HAS,
	/*
	 * to cocod-worker: struct luks_question and a file with the JSON of a LUKS2 header, as
	 * libcryptsetup has it -> struct luks_verdict
	 */
	MSG_LUKS_TEXT,
	/*
	 * struct msg_name and a file with the JSON of the header -> struct msg_fetched: have the
	 * key of the volume whose token names the secret.  The header is judged first; the client
	 * then has the key here until it disconnects, and sends MSG_FETCHED_DONE when it has all
	 * of it.  -EACCES: the secret is not for tokens; -EKEYREVOKED: it is wiped; -EAGAIN,
	 * -EPERM: the gate is not open
	 */
	MSG_TOKEN_OPEN,
	/*
	 * struct msg_place -> struct msg_placed: put the secret where its policy says.  The answer
	 * takes as long as the broker does.
	 */
	MSG_SECRET_PLACE,
	MSG_SECRET_WITHDRAW,	/* struct msg_place -> -: remove it from there */
	/*
	 * to cocod-place: struct place_order -> struct place_answer, once cocod-place has all the
	 * bytes, and nobody else sees them yet
	 */
	MSG_PLACE_PREPARE,
	/* from cocod-place, meanwhile: struct msg_offset -> the bytes, at most MSG_BODY_MAX */
	MSG_PLACE_READ,
	MSG_PLACE_COMMIT,	/* - -> struct place_answer: what was prepared appears */
	MSG_PLACE_REMOVE,	/* struct place_order -> struct place_answer */
	/*
	 * from cocod-rest, once and first: struct msg_rest and the connection of whoever asks ->
	 * struct msg_secret.  Then MSG_SECRET_FETCH, _READ and _DELIVERED, MSG_FETCHED_READ.
	 */
	MSG_REST_FIND,
	MSG_STAMP,		/* struct msg_index -> struct msg_stamp; -ENOENT after the last */
	_MSG_MAX,
};

#define MSG_NAME_LEN 64		/* length of a secret's name, without NUL */
#define MSG_CONSUMERS_LEN 512
#define MSG_DELIVERIES_LEN 2048
#define MSG_WARNING_LEN 512
#define LUKS_TOKENS_LEN 256
#define LUKS_PINS_LEN 512

enum secret_state {
	/* in the kernel's area, or with the broker ("remote"); given to nobody */
	SECRET_PRESENT,
	SECRET_DELIVERED,	/* a consumer has read all of it */
	SECRET_CONFIRMED,	/* a consumer provably used it */
	SECRET_WIPED,		/* gone: the kernel's area is zero */
	_SECRET_STATE_MAX,
};

enum secret_wipe {
	WIPE_CONFIRMED,
	WIPE_DELIVERED,
	WIPE_BOOT_COMPLETE,
	WIPE_MANUAL,
	_SECRET_WIPE_MAX,
};

/*
 * The names for people and JSON: "present", "boot-complete", ...; "unknown" for an unknown
 * number.
 */
const char *secret_state_name(unsigned state);

/* The name of the state of a secret that has been given to nobody and is with the broker. */
#define SECRET_STATE_REMOTE "remote"

const char *secret_wipe_name(unsigned wipe);

struct msg_index {
	uint32_t index;
};

struct msg_name {
	char name[MSG_NAME_LEN + 1];	/* or the GUID's text */
};

struct msg_read {
	char name[MSG_NAME_LEN + 1];
	uint8_t reserved[3];
	uint32_t offset;		/* in bytes */
};

struct msg_has {
	char name[MSG_NAME_LEN + 1];
	char unit[128];			/* whether this unit may have it; "" for anybody */
};

/* Where a secret can be put by itself. */
enum place_kind {
	PLACE_KEYRING,
	PLACE_FILE,
	_PLACE_KIND_MAX,
};

/* "keyring", "file"; "unknown" for an unknown number.  These are words of Consumers= too. */
const char *place_kind_name(unsigned kind);

struct msg_place {
	char name[MSG_NAME_LEN + 1];
	uint8_t kind;			/* enum place_kind */
};

/* Whether a secret was put there. */
struct msg_placed {
	int32_t error;			/* 0, or a negative errno */
	uint32_t net_error;		/* enum net_error, when the broker did not release it */
	char id[32];			/* the broker's handle for its owner, or "" */
	char text[512];			/* for people: where it is, or why not and what to do */
};

#define PLACE_NAME_LEN 128		/* with the NUL */
#define PLACE_KEY_MAX 32767		/* of a key's payload, in bytes: the kernel's limit */

/*
 * What cocod-place is to put, or to remove.  A process of cocod-place is of one kind, and does one
 * of these.
 */
struct place_order {
	char name[PLACE_NAME_LEN];	/* the key's description, or the file's name */
	uint32_t owner;			/* uid; the key goes to the user keyring of that user */
	uint32_t group;			/* gid of a file */
	uint32_t rights;		/* KEY_POS_* and KEY_USR_* of a key, or a file's mode */
	uint32_t logon;			/* 1: the key is of type logon; 0: of type user */
	uint32_t expires_sec;		/* of a key, from now; 0: never */
	uint32_t len;			/* how many bytes */
	/*
	 * the serial number of the key to remove or to replace, or 0; for a file 1 when it
	 * replaces one
	 */
	uint32_t old;
};

struct place_answer {
	int32_t error;			/* 0, or a negative errno */
	uint32_t id;			/* the key's serial number, or 1 for a file */
	char reason[400];		/* for people, printable; "" without an error */
};

struct msg_rest {
	char path[BROKER_PATH_LEN];	/* "REPOSITORY/TYPE/TAG" */
};

struct msg_offset {
	uint32_t offset;		/* in bytes */
};

struct msg_broker_get {
	char path[256];			/* wire/kbs-uri.h */
	char url[256];			/* "", or the only address to ask: one of broker.conf */
	/*
	 * A person of root's typed the path, for a volume that is being made: secrets.d need not
	 * have it yet.
	 */
	uint8_t by_person;
};

/* How a fetch ended. */
struct msg_fetched {
	uint32_t error;			/* enum net_error of wire/broker.h; 0 is success */
	uint32_t here;			/* nothing was fetched: it is a launch secret */
	uint32_t len;			/* of the secret, in bytes */
	char id[32];			/* the broker's handle for its owner, or "" */
	char text[512];			/* for people: why not, and what to do */
};

struct msg_wipe {
	char name[MSG_NAME_LEN + 1];
	uint8_t force;			/* even while a consumer is using it */
};

struct msg_secret {
	char guid[GUID_TEXT_LEN + 1];
	char name[MSG_NAME_LEN + 1];
	char source[16];
	uint8_t state;			/* enum secret_state */
	uint8_t wipe;			/* enum secret_wipe */
	uint8_t remote;			/* the broker has it; its size is not known before */
	uint8_t trailing_nul;		/* enum trailing_nul of secrets/policy.h */
	/* the header of a volume that is to get it is judged before */
	uint8_t verify_header;
	uint64_t size;			/* in bytes */
	/* as in struct luks_question */
	char allow_tokens[LUKS_TOKENS_LEN], volume_pins[LUKS_PINS_LEN];
	char uri[BROKER_URL_LEN + 8];	/* "kbs:///...", "init-data"; "" without Uri= */
	/* CLOCK_REALTIME at which each state was reached, or 0 */
	uint64_t since_usec[_SECRET_STATE_MAX];
	char consumers[MSG_CONSUMERS_LEN];	/* the consumers that may have it, as configured */
	char delivered_to[128];		/* the last consumer */
	/*
	 * the outcomes, "CONSUMER=OUTCOME" with a blank between; "..." at the end when there are
	 * more
	 */
	char deliveries[MSG_DELIVERIES_LEN];
	char warning[MSG_WARNING_LEN];	/* what a person should know and do about it; "" */
};

/* What a person should know and do, beside the gate's reason. */
struct msg_warning {
	char text[MSG_WARNING_LEN];
};

/* The steps that cocod notes the time of, for `cococtl boot-time`. */
enum stamp_what {
	STAMP_ASKED,		/* a consumer asks */
	STAMP_EVIDENCE,		/* the TEE is asked for evidence */
	STAMP_VERDICT,
	STAMP_READ,		/* cocod has read the secret, to hand it over at once */
	STAMP_DELIVERED,
	STAMP_CONFIRMED,
	STAMP_WIPED,
	_STAMP_MAX,
};

/* "asked", "evidence", ...; NULL for other numbers. */
const char *stamp_name(unsigned what);

/* The first time of a step in this boot. */
struct msg_stamp {
	uint64_t usec;			/* CLOCK_BOOTTIME */
	uint32_t what;			/* enum stamp_what */
	/* only in the first: steps that found no room; not 0 too when earlier ones were lost */
	uint32_t dropped;
	char secret[72];		/* "" for the machine's, and where it is not known yet */
	char consumer[128];		/* "cryptsetup:data", or "" */
};

struct msg_source {
	char name[16];
	char path[256];			/* "" for the broker */
	/* 0, or why it cannot be read; -ENOENT: it does not exist */
	int32_t error;
	uint32_t n_secrets;
	uint32_t ignored;		/* its secrets do not count here; a warning says why */
};

/* The result of verifying evidence. */
enum attest_result {
	ATTEST_NONE,		/* no verdict */
	/* authentic, fresh, as the policy requires, and the policy names what runs */
	ATTEST_ACCEPTED,
	ATTEST_UNDECIDED,	/* something is missing or stale */
	ATTEST_NOT_AUTHENTIC,
	ATTEST_MALFORMED,
	ATTEST_REFUSED,		/* authentic, but not as the policy requires */
	_ATTEST_RESULT_MAX,
};

/* "accepted", "not-authentic", ...; "none" for an unknown number. */
const char *attest_result_name(unsigned result);

#define ATTEST_NONCE_LEN 32
/* HOST_DATA or MRCONFIGID must name policy and trust set, see cocod.conf(5). */
#define ATTEST_BIND_POLICY 1u

struct attest_question {
	/* the evidence must be over this nonce, with zeros after it */
	uint8_t nonce[ATTEST_NONCE_LEN];
	uint32_t flags;				/* ATTEST_* */
};

/* A connection to Azure's metadata service, which may not be established yet. */
struct attest_imds {
	/* 0: the connection is passed; otherwise why not, a negative errno */
	int32_t error;
};

/* cocod-worker's judgement of evidence; text is printable. */
struct attest_verdict {
	uint32_t result;		/* enum attest_result */
	uint8_t trust_replaced;		/* judged by another trust set than the built-in roots */
	/* the policy names the TD's RTMR0 and it matches: the owner knows its ACPI tables */
	uint8_t rtmr0;
	uint8_t reserved[2];
	uint8_t nonce[ATTEST_NONCE_LEN];	/* of the question */
	/* of the policy that refused; when all accept, the initrd's before this system's */
	uint8_t policy_sha256[32];
	/* of the trust file for that policy; zeros for the built-in roots */
	uint8_t trust_sha256[32];
	char type[16];			/* "snp", ...; "" when not known */
	char provider[48];
	char code[32];			/* "OK", or the code of the first check that failed */
	char reason[256];		/* for people: which check, what was expected and found */
};

/* Ask Azure's vTPM for evidence that somebody else will judge. */
struct attest_gather {
	/* becomes the user data of the report, whole */
	uint8_t report_data[64];
	/* 1 to 64: the quote is over so many of its bytes; 0: only the kind of TEE is wanted */
	uint32_t len;
};

/*
 * The pack is whole when @error is 0, and then the worker has ended its use of the memfd: seal it
 * before it goes on.  Otherwise the memfd is to be thrown away.  Text is printable.
 */
struct attest_gathered {
	/*
	 * 0; -ENODEV: the TPM is not Azure's; -EOPNOTSUPP: a report of another TEE; else an errno
	 * of tpm_gather(), tpm_put_user_data() or imds_complete()
	 */
	int32_t error;
	char tee[16];			/* "az-snp-vtpm" or "az-tdx-vtpm"; "" after an error */
	char reason[256];		/* for people, after an error */
};

/* How a system's configuration differs from that of the initrd before it. */
#define MSG_DIFFERS_REQUIRE 1u
#define MSG_DIFFERS_BIND 2u
#define MSG_DIFFERS_POLICY 4u	/* attest.conf */
#define MSG_DIFFERS_TRUST 8u	/* attest.trust */

/* The name of the bit 1 << @bit, "Require", "attest.conf", ...; NULL past the last. */
const char *msg_differs_name(unsigned bit);

/* What an initrd judged by, which holds beside this system's own configuration. */
struct msg_kept {
	uint8_t present;		/* 0: nothing was kept, and all other fields are zero */
	uint8_t here;			/* this system is that initrd */
	uint8_t bind_policy;
	uint8_t has_policy, has_trust;
	uint8_t reserved[3];
	uint32_t differs;		/* MSG_DIFFERS_* */
	uint32_t result;		/* enum attest_result of its last verdict */
	uint64_t verdict_usec;		/* CLOCK_REALTIME at which that came */
	char require[16];
	uint8_t policy_sha256[32], trust_sha256[32];	/* zeros without the file */
};

/* The broker of broker.conf, which has a gate of its own. */
struct msg_broker {
	char state[16];			/* "none", "configured", "tls-only", "closed" */
	uint8_t open;			/* its secrets may be fetched */
	uint8_t reserved[3];
	uint32_t n_urls;
	char reason[512];		/* why it is in this state, for people */
	char urls[BROKER_URLS_MAX][BROKER_URL_LEN];
	/* how the last attempt to fetch a secret ended: "ok", or what went wrong; "" without */
	char result[24];
	char text[512];			/* the same for people */
	char id[32];			/* the broker's handle for `coco-broker why`, or "" */
	uint64_t result_usec;		/* CLOCK_REALTIME at which that came */
};

/* By which settings the broker of broker.conf is asked; its text is as in struct net_setup. */
#define MSG_BROKER_KEYS_MAX 4
struct msg_broker_settings {
	char state[16];			/* as in struct msg_broker */
	char reason[512];
	uint32_t open;			/* it may be asked */
	uint32_t trust;			/* enum broker_trust */
	uint32_t n_urls, n_keys;
	uint32_t curve;			/* enum broker_curve */
	uint32_t measure_release;
	char urls[BROKER_URLS_MAX][BROKER_URL_LEN];
	char server_name[BROKER_NAME_LEN];
	char public_key[BROKER_PIN_LEN];
	char proxy[BROKER_URL_LEN];
	char uri_prefix[BROKER_PATH_LEN];
	char pem_path[256];
	char init_data[256];
	/* SHA-256 of the keys of Identity= */
	uint8_t keys[MSG_BROKER_KEYS_MAX][BROKER_ID_LEN];
	uint64_t timeout_usec;
};

struct msg_status {
	char version[32];
	char tee[16];			/* "none", "sev", "sev-es", "sev-snp", "tdx", "unknown" */
	char require[16];		/* what must hold: "attested", "evidence", "none" */
	char require_reason[64];	/* why that must hold, for people: "set in cocod.conf" */
	/* "owner-attested", "attested", "not-required", "closed", "verifying" */
	char gate[24];
	char reason[512];		/* why the gate is in this state, for people */
	char secret_directory[256];	/* for tests; otherwise empty */
	uint8_t gate_open;
	uint8_t verify_header;
	uint32_t n_secrets[_SECRET_STATE_MAX];	/* the remote ones are not counted as present */
	uint32_t n_remote;
	uint64_t since_usec;		/* CLOCK_REALTIME of cocod's start */
	/* the last verdict; its result is ATTEST_NONE before the first */
	struct attest_verdict verdict;
	uint64_t verdict_usec;		/* CLOCK_REALTIME at which it came */
	struct msg_kept kept;
	struct msg_broker broker;
};

/* What the owner allows in a volume's header, in addition to what is always good. */
struct luks_question {
	char allow_tokens[LUKS_TOKENS_LEN];	/* types, with one blank between them */
	/*
	 * Words with one blank between them, "uuid:UUID", "digest:HEX", "header:HEX": of each
	 * kind that is there, the header must have one (agent/worker/luks-pins.h).
	 */
	char pins[LUKS_PINS_LEN];
	uint32_t any_token;	/* 1: of whatever type, because no key is given */
};

/* cocod-worker's judgement of a volume's header. */
struct luks_verdict {
	/* 0 good; -EKEYREJECTED not safe; -EBADMSG malformed; -EOPNOTSUPP not LUKS */
	int32_t error;
	uint32_t version;	/* of LUKS, 0 when unknown */
	char uuid[40];
	char reason[464];	/* for people, printable */
	char pins[LUKS_PINS_LEN];	/* what the header has, as pins; "" for what is no volume */
};

#endif
