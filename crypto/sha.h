/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_SHA_H
#define COCO_CRYPTO_SHA_H

#include <openssl/evp.h>

#include "base/pool.h"

/*
 * A running SHA-256 or SHA-384 that can be begun again and copied, without asking OpenSSL for
 * the algorithm each time.  All functions that return an int return 0, or -EIO when OpenSSL
 * refuses (it does so without memory only).
 */
#define SHA256_LEN 32
#define SHA384_LEN 48

struct sha {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

/* @name is "SHA256" or "SHA384".  @ret is yours, for sha_done(); it is begun. */
int sha_init(struct sha *ret, const char *name);
void sha_done(struct sha *s);

int sha_begin(struct sha *s);
int sha_update(struct sha *s, const void *p, size_t len);

/* The digest; the hash has to be begun again. */
int sha_final(struct sha *s, uint8_t *ret);

/* The digest so far; the hash goes on. */
int sha_peek(const struct sha *s, uint8_t *ret);

/* A second hash that goes on from the same place.  @ret is yours, for sha_done(). */
int sha_copy(const struct sha *s, struct sha *ret);

/* All of the one piece @p. */
int sha_of(struct sha *s, const void *p, size_t len, uint8_t *ret);

/*
 * All that comes from @fd, read in pieces.  Returns 0; -ENOMEM; a negative errno of read(2);
 * -EIO; -ECANCELED when @pool has ended before the file.
 */
int sha_fd(struct sha *s, int fd, struct pool *pool);

#endif
