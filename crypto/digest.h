/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_DIGEST_H
#define COCO_CRYPTO_DIGEST_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/*
 * OpenSSL's hashes, fetched once.  EVP_sha256() only names the algorithm, and OpenSSL looks for its
 * implementation each time when a hash begins with it.
 *
 * Returns the hash, which stays until the process ends, or NULL if memory is short: then OpenSSL's
 * functions fail that are given it.  Any thread may call these.
 */
const EVP_MD *digest_sha256(void);
const EVP_MD *digest_sha384(void);

/* SHA-256 of @data.  Returns 0 or -ENOMEM. */
int digest_sha256_of(struct bytes data, uint8_t ret[static 32]);

#endif
