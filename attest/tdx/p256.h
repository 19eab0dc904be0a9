/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_P256_H
#define COCO_ATTEST_TDX_P256_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/*
 * The P-256 public key with the coordinates x and y, 32 bytes each, big-endian.  The key is the
 * caller's.  NULL if they are not a point of the curve, or if memory is short.
 */
EVP_PKEY *p256_key(const uint8_t xy[static 64]);

/*
 * True if @signature (r and s, 32 bytes each, big-endian) is @key's signature over @data with
 * SHA-256.  False also if @key is NULL or memory is short.
 */
bool p256_verify(EVP_PKEY *key, const uint8_t signature[static 64], struct bytes data);
/* The same over the data that have @sha256. */
bool p256_verify_hash(EVP_PKEY *key, const uint8_t signature[static 64],
		      const uint8_t sha256[static 32]);

#endif
