/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_ECDSA_H
#define COCO_CRYPTO_ECDSA_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/* The two numbers of an ECDSA signature as hardware and protocols write them; OpenSSL wants DER. */
enum ecdsa_order {
	ECDSA_BIG_ENDIAN,
	ECDSA_LITTLE_ENDIAN,
};

/*
 * Whether @key made the signature @r, @s, of @len bytes each, over @data by @md.  OpenSSL looks
 * after 0 < r, s < n itself.
 * Returns 0; -EKEYREJECTED when it did not; -ENOMEM.
 */
int ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const uint8_t *r, const uint8_t *s, size_t len,
		 enum ecdsa_order order, struct bytes data);

#endif
