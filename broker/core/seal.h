/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_SEAL_H
#define COCO_BROKER_CORE_SEAL_H

#include "broker/core/keys.h"

/*
 * A secret in the store: AES-256-GCM under a key derived from the master key ("coco seal"), as
 *
 *	iv[12] | ciphertext | tag[16]
 *
 * The additional data is "coco secret 1" | SHA-256(path) | version u64 | rules[32], where rules is
 * SHA-256 of the secret's policy and mode.  So who holds the store can neither read a secret, nor
 * swap two, nor put an old one or an old policy beside a new one.
 */
#define SEAL_OVERHEAD 28

/*
 * @ret of *@ret_len bytes is yours.  Returns 0; -EMSGSIZE over JWE_CIPHERTEXT_MAX; -ENOMEM; -EIO
 * without randomness.
 */
int seal(const struct keys *k, const char *path, uint64_t version, const uint8_t rules[static 32],
	 const struct secret *plain, uint8_t **ret, size_t *ret_len);

/*
 * Returns 0 with @ret, yours; -EKEYREJECTED when it is not what was sealed so; -EBADMSG for a
 * length that none can have; -ENOMEM; an error of secret_new().
 */
int unseal(const struct keys *k, const char *path, uint64_t version,
	   const uint8_t rules[static 32], const uint8_t *sealed, size_t len, struct secret **ret);

#endif
