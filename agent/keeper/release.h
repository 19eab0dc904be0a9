/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_RELEASE_H
#define COCO_AGENT_KEEPER_RELEASE_H

#include <openssl/evp.h>

#include "base/cause.h"
#include "base/secret.h"
#include "wire/broker.h"

/*
 * The keeper's side of a handshake with a broker: its key pair, what the evidence is over, and
 * whether what comes back is from the broker and for this handshake.  Nothing here parses JSON or
 * opens anything.
 *
 * cocod-net and the host see all that passes, and may answer what they like.  A JWE names no
 * sender: whoever has our public key can make one.  So with an identity (Identity= in
 * broker.conf) every release is signed by the broker, over this handshake, the name of the secret
 * and the ciphertext, and what is not signed so is refused.
 *
 * crypto/bind.h has what is hashed and signed.
 */

#define HANDSHAKE_USEC (300 * UINT64_C(1000000))	/* the life of a key pair */
#define BROKER_IDENTITIES_MAX 4

/* The keys that may sign releases. */
struct broker_identity {
	unsigned n;
	struct {
		EVP_PKEY *key;			/* P-256 */
		uint8_t id[BROKER_ID_LEN];	/* SHA-256 of its SubjectPublicKeyInfo */
	} keys[BROKER_IDENTITIES_MAX];
};

/*
 * Read the certificates of @pem, 1 to BROKER_IDENTITIES_MAX of them.  Only their keys count: no
 * date and no name in them is looked at, because they are in the owner's configuration.  Pass
 * @ret to broker_identity_done().
 *
 * Returns 0; -EBADMSG when a block is not a certificate or is broken, or two have one key;
 * -ENODATA for no certificate; -E2BIG for too many; -EOPNOTSUPP for a key that is not P-256;
 * -ENOMEM.  @why has the cause.
 */
int broker_identity_parse(const char *pem, size_t len, struct broker_identity *ret,
			  struct cause *why);
void broker_identity_done(struct broker_identity *i);

/*
 * Once, before the first key pair: private keys will lie in locked memory that is left out of
 * dumps, and that a child of this process finds wiped.  A child must not use OpenSSL's secure
 * memory.  Returns 0, also when it was done before; -ENOMEM when there is no such memory.
 */
int release_init(void);

/*
 * Fill in the digest of @key, whose curve and point are set: of the runtime data with that key and
 * the text @nonce, which needs no escape in JSON.  @hash is one of enum net_hash.  Returns 0;
 * -EINVAL for an unknown curve or hash; -ENOMEM.
 */
int runtime_data_digest(struct net_attest *key, const char *nonce, unsigned hash);

struct handshake;

/*
 * Make a key pair.  @now_usec is CLOCK_BOOTTIME: after HANDSHAKE_USEC the handshake is over.
 * @ret is yours.  Returns 0; -EINVAL for an unknown curve; -ENOMEM.
 */
int handshake_new(unsigned curve, uint64_t now_usec, struct handshake **ret);
struct handshake *handshake_free(struct handshake *h);
DEFINE_CLEANUP(struct handshake *, handshake_free)

/*
 * Take the broker's challenge @c to the question @asked.  Once for each handshake.  With an
 * identity @i, the nonce must be the one that a broker of that identity makes of @asked, and the
 * key of that identity is the only one that may sign.  @i NULL: TLS alone speaks for the broker,
 * and any nonce will do.
 *
 * Returns 0; -EPROTO when an identity is set and the broker does not speak of one, or asks for
 * another hash than SHA-384; -ESTALE when the nonce is not made of what was asked; -EBADMSG when
 * the nonce is not base64 of 32 bytes, or the hash is unknown; -EPERM the second time; -ENOMEM.
 */
int handshake_bind(struct handshake *h, const struct broker_identity *i,
		   const struct net_auth *asked, const struct net_challenge *c,
		   struct cause *why);

/*
 * What the TEE's report must be over: the digest of the runtime data, and zeros after it.  Also
 * fills in @ret_attest for MSG_NET_ATTEST.  Returns 0, or -EPERM before handshake_bind().
 */
int handshake_report_data(const struct handshake *h, uint8_t ret[static 64],
			  struct net_attest *ret_attest);

/*
 * Open what the broker released for @path.  @i as for handshake_bind().
 *
 * Returns 0 with @ret, which is yours; -EKEYREJECTED when an identity is set and the release is
 * not signed by it, for this handshake and this path; -EKEYEXPIRED when the handshake is over;
 * -EPERM before handshake_bind(), or without an identity for a second path: nothing would tell
 * two answers apart; an error of jwe_open().  @why has the cause.
 */
int handshake_open(struct handshake *h, const struct broker_identity *i, const char *path,
		   const struct net_jwe *jwe, const uint8_t *ciphertext, uint64_t now_usec,
		   struct secret **ret, uint64_t *ret_version, struct cause *why);

#endif
