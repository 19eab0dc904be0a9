/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/seal.h"

#include <openssl/rand.h>

#include "crypto/gcm.h"

#define SEAL_LABEL "coco seal"
#define SECRET_LABEL "coco secret 1"
#define HASH_LEN 32
#define AAD_LEN (sizeof(SECRET_LABEL) + HASH_LEN + 8 + HASH_LEN)

_Static_assert(GCM_IV_LEN + GCM_TAG_LEN == SEAL_OVERHEAD, "before and behind the ciphertext");

/* Derive the key of all secrets, and write the additional data of this one. */
static int prepare(const struct keys *k, const char *path, uint64_t version,
		   const uint8_t rules[static HASH_LEN], uint8_t ret_key[static GCM_KEY_LEN],
		   uint8_t ret_aad[static AAD_LEN])
{
	uint8_t *p = ret_aad;

	memcpy(p, SECRET_LABEL, sizeof(SECRET_LABEL));
	p += sizeof(SECRET_LABEL);
	if (EVP_Digest(path, strlen(path), p, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	p += HASH_LEN;
	for (int i = 0; i < 8; i++)
		*p++ = (uint8_t)(version >> (56 - 8 * i));
	memcpy(p, rules, HASH_LEN);
	return keys_derive(k, SEAL_LABEL, NULL, 0, ret_key);
}

int seal(const struct keys *k, const char *path, uint64_t version, const uint8_t rules[static 32],
	 const struct secret *plain, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *sealed = NULL;
	_cleanup_(key_wipe) uint8_t key[GCM_KEY_LEN];
	const size_t n = secret_len(plain);
	uint8_t aad[AAD_LEN];
	int r;

	if (n > JWE_CIPHERTEXT_MAX)
		return -EMSGSIZE;
	sealed = malloc(n + SEAL_OVERHEAD);
	if (!sealed)
		return -ENOMEM;
	if (RAND_bytes(sealed, GCM_IV_LEN) != 1)
		return -EIO;
	r = prepare(k, path, version, rules, key, aad);
	if (r >= 0)
		r = gcm_seal(key, sealed, (struct bytes){ aad, sizeof(aad) }, plain,
			     sealed + GCM_IV_LEN, sealed + GCM_IV_LEN + n);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(sealed);
	*ret_len = n + SEAL_OVERHEAD;
	return 0;
}

int unseal(const struct keys *k, const char *path, uint64_t version,
	   const uint8_t rules[static 32], const uint8_t *sealed, size_t len, struct secret **ret)
{
	_cleanup_(key_wipe) uint8_t key[GCM_KEY_LEN];
	struct bytes ciphertext;
	uint8_t aad[AAD_LEN];
	int r;

	if (len < SEAL_OVERHEAD || len > SEAL_OVERHEAD + JWE_CIPHERTEXT_MAX)
		return -EBADMSG;
	ciphertext = (struct bytes){ sealed + GCM_IV_LEN, len - SEAL_OVERHEAD };
	r = prepare(k, path, version, rules, key, aad);
	if (r >= 0)
		r = gcm_open(key, sealed, (struct bytes){ aad, sizeof(aad) }, ciphertext,
			     sealed + len - GCM_TAG_LEN, ret);
	return r == -EBADMSG ? -EKEYREJECTED : r;
}
