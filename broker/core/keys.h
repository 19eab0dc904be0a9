/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_KEYS_H
#define COCO_BROKER_CORE_KEYS_H

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/cause.h"
#include "base/secret.h"
#include "wire/broker.h"

/*
 * The broker's keys.  From the master key, 32 random bytes, all keys for data are derived by
 * HKDF-SHA256 with a label of its own each.  The identity, a P-256 key, signs what is released,
 * and issues the TLS certificate; a guest has its certificate in broker.conf (Identity=).  All
 * instances of a broker have both in common.
 */
#define MASTER_KEY_LEN 32

struct keys;

/*
 * Takes over @master and @identity, also on an error.  Returns 0; -EINVAL when the master key has
 * another length, or the identity is not a P-256 key; -ENOMEM.
 */
int keys_new(struct secret *master, EVP_PKEY *identity, struct keys **ret);
struct keys *keys_free(struct keys *k);
DEFINE_CLEANUP(struct keys *, keys_free)

EVP_PKEY *keys_identity(const struct keys *k);			/* borrowed */
/* BROKER_ID_LEN, SHA-256 of its SPKI */
const uint8_t *keys_identity_id(const struct keys *k);
EVP_PKEY *keys_token(const struct keys *k);	/* P-256, derived; signs the tokens; borrowed */

/*
 * Derive 32 bytes for @label, with its NUL, and @context, of which the @len may be 0.  @ret is
 * wiped by the caller: _cleanup_(key_wipe) uint8_t key[32].  Returns 0 or -ENOMEM.
 */
static inline void key_wipe(uint8_t (*key)[32])
{
	OPENSSL_cleanse(*key, sizeof(*key));
}

int keys_derive(const struct keys *k, const char *label, const void *context, size_t len,
		uint8_t ret[static 32]);

/* The same from another key, such as a master key that no identity belongs to yet. */
int secret_derive(const struct secret *key, const char *label, uint8_t ret[static 32]);

/*
 * Read the private key of the PEM text, of which there is exactly one.  @ret is yours.  Returns 0;
 * -EBADMSG without such a key, with two, or if it is encrypted; -EOPNOTSUPP if it is not P-256, or
 * its public half does not fit; -ENOMEM.
 */
int identity_key_parse(const struct secret *pem, EVP_PKEY **ret, struct cause *why);

/*
 * Make the certificate of the identity: self-signed, CA, named "coco-broker NAME", valid for
 * @years, 1 to 100.  @ret_pem is a C string, yours.  Returns 0; -EINVAL for other years, or a name
 * that is empty, not printable ASCII, or over 52 characters; -ENOMEM.
 */
int identity_certificate(EVP_PKEY *identity, const char *name, unsigned years, char **ret_pem);

#endif
