/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_GCM_H
#define COCO_CRYPTO_GCM_H

#include "base/secret.h"
#include "wire/bytes.h"

/* AES-256-GCM between locked memory and bytes that everybody may see. */
#define GCM_KEY_LEN 32
#define GCM_IV_LEN 12
#define GCM_TAG_LEN 16

/*
 * @ret has room for as many bytes as @plain has.  An @iv is used once for a key.  Returns 0 or
 * -ENOMEM.
 */
int gcm_seal(const uint8_t key[static GCM_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	     struct bytes aad, const struct secret *plain, uint8_t *ret,
	     uint8_t ret_tag[static GCM_TAG_LEN]);

/*
 * @ret is yours.  Returns 0; -EBADMSG when the tag is wrong, and then nothing of the plaintext is
 * left; -ENOMEM; an error of secret_new().
 */
int gcm_open(const uint8_t key[static GCM_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	     struct bytes aad, struct bytes ciphertext, const uint8_t tag[static GCM_TAG_LEN],
	     struct secret **ret);

#endif
