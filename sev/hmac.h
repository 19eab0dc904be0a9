/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_SEV_HMAC_H
#define COCO_SEV_HMAC_H

#include "base/secret.h"
#include "wire/bytes.h"

#define HMAC_LEN 32

/*
 * HMAC-SHA256 under @key over the @n @parts, one after the other.  OpenSSL keeps what it makes
 * of the key on its own heap and clears it.
 * Returns 0; -ENOMEM; -EIO when the library refuses.
 */
int hmac_sha256(const struct secret *key, const struct bytes *parts, size_t n,
		uint8_t ret[static HMAC_LEN]);

#endif
