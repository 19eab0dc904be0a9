/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_LAUNCH_ID_BLOCK_H
#define COCO_INJECT_LAUNCH_ID_BLOCK_H

#include <openssl/evp.h>

#include "crypto/sha.h"

/*
 * The ID block of an SEV-SNP guest: the firmware launches it with this digest and policy only,
 * and its reports name who signed that.  Layouts: AMD, "SEV Secure Nested Paging Firmware ABI",
 * publication 56860, SNP_LAUNCH_FINISH.  Integers are little-endian.
 *
 *	ID block	0 launch digest[48]  48 family ID[16]  64 image ID[16]
 *			80 u32 version 1  84 u32 guest SVN  88 u64 policy
 *	ID auth		0 u32 algorithm of the ID key  4 u32 algorithm of the author key
 *			(1: ECDSA P-384 SHA-384, 0: none)
 *			0x040 signature[512] of the block  0x240 ID key[1028]
 *			0x680 signature[512] of that key  0x880 author key[1028]
 *	key		u32 curve 2 (P-384), x[72], y[72]
 *	signature	r[72], s[72]; numbers are little-endian, with zeros after them
 */
#define ID_BLOCK_LEN 96
#define ID_AUTH_LEN 4096
#define ID_KEY_LEN 1028
#define ID_LEN 16

struct id_block {
	uint8_t launch_digest[SHA384_LEN];
	uint8_t family_id[ID_LEN], image_id[ID_LEN];
	uint32_t guest_svn;
	uint64_t policy;
};

void id_block_make(const struct id_block *b, uint8_t ret[static ID_BLOCK_LEN]);

/*
 * The private key in the @len bytes of PEM at @pem, which must be one of P-384 without a
 * passphrase.  @ret is yours, for EVP_PKEY_free().
 * Returns 0; -EBADMSG for what is not a private key; -EOPNOTSUPP for one of another kind.
 */
int id_key_read(const void *pem, size_t len, EVP_PKEY **ret);

/* The public half as the firmware wants it.  Returns 0 or -EIO. */
int id_key_public(EVP_PKEY *key, uint8_t ret[static ID_KEY_LEN]);

/* Sign @block with @id_key, and that key with @author_key (may be NULL).  Returns 0 or -EIO. */
int id_auth_make(const uint8_t block[static ID_BLOCK_LEN], EVP_PKEY *id_key, EVP_PKEY *author_key,
		 uint8_t ret[static ID_AUTH_LEN]);

#endif
