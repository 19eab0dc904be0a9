/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_ECDSA_H
#define COCO_CRYPTO_ECDSA_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/*
 * ECDSA signatures as hardware and protocols write them: two plain numbers.  OpenSSL wants DER.
 */
enum ecdsa_order {
	ECDSA_BIG_ENDIAN,
	ECDSA_LITTLE_ENDIAN,
};

#define ECDSA_NUMBER_MAX 72	/* bytes: what the keys of SEV have room for */

/*
 * Check that the numbers @r and @s, @len bytes each, are @key's signature over @data with @md.
 * @len is from 1 to ECDSA_NUMBER_MAX.
 * OpenSSL itself checks that both are from 1 to the order of the curve less 1.
 * Returns 0 if the signature is good; -EKEYREJECTED if not, or if @key is an RSA key; -ENOMEM, also
 * for a key of a third type.
 */
int ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const uint8_t *r, const uint8_t *s, size_t len,
		 enum ecdsa_order order, struct bytes data);

/* The same over what has the hash @digest. */
int ecdsa_verify_numbers(EVP_PKEY *key, const uint8_t *r, const uint8_t *s, size_t len,
			 enum ecdsa_order order, struct bytes digest);

/*
 * The same for the signature @der, which is in OpenSSL's form, over what has the hash @digest.
 * OpenSSL refuses what it would not write itself.
 */
int ecdsa_verify_digest(EVP_PKEY *key, struct bytes digest, struct bytes der);

/*
 * The same in two steps, for a key that verifies several: with @ret, which is the caller's, as
 * often as is needed, by one thread at a time.  Beginning returns 0, -EKEYREJECTED or -ENOMEM, as
 * above.
 */
int ecdsa_verify_begin(EVP_PKEY *key, EVP_PKEY_CTX **ret);
int ecdsa_verify_with(EVP_PKEY_CTX *c, struct bytes digest, struct bytes der);

/*
 * Sign @data: the numbers r and s, big-endian, each in half of the @len bytes at @ret, which are
 * twice those of the curve's order.  Returns 0, or -ENOMEM.
 */
int ecdsa_sign(EVP_PKEY *key, const EVP_MD *md, struct bytes data, uint8_t *ret, size_t len);

/* True if @key is an EC key on the curve that OpenSSL calls @group: "prime256v1" is P-256. */
bool ec_key_is_on(EVP_PKEY *key, const char *group);

#endif
