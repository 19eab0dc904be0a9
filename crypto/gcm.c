/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/gcm.h"

#include <limits.h>

#include "crypto/cleanup.h"

_Static_assert(SECRET_MAX <= INT_MAX, "OpenSSL counts by int");

/* The cipher with its key, its IV and the additional data. */
static int begin(const uint8_t *key, const uint8_t *iv, struct bytes aad, int encrypts,
		 EVP_CIPHER_CTX **ret)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0;

	assert(aad.len <= INT_MAX);
	if (!c || EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv, encrypts) != 1 ||
	    EVP_CipherUpdate(c, NULL, &len, aad.p, (int)aad.len) != 1)
		return -ENOMEM;
	*ret = TAKE_PTR(c);
	return 0;
}

static int update(EVP_CIPHER_CTX *c, struct bytes in, uint8_t *ret)
{
	int len = 0;

	if (in.len == 0)
		return 0;
	return EVP_CipherUpdate(c, ret, &len, in.p, (int)in.len) == 1 && len == (int)in.len ?
		       0 :
		       -ENOMEM;
}

int gcm_seal(const uint8_t key[static GCM_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	     struct bytes aad, const struct secret *plain, uint8_t *ret,
	     uint8_t ret_tag[static GCM_TAG_LEN])
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *c = NULL;
	uint8_t none[16];
	int len = 0, r;

	r = begin(key, iv, aad, /* encrypts= */ 1, &c);
	if (r >= 0)
		r = update(c, (struct bytes){ secret_data(plain), secret_len(plain) }, ret);
	if (r < 0)
		return r;
	if (EVP_CipherFinal_ex(c, none, &len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, ret_tag) != 1)
		return -ENOMEM;
	return 0;
}

int gcm_open(const uint8_t key[static GCM_KEY_LEN], const uint8_t iv[static GCM_IV_LEN],
	     struct bytes aad, struct bytes ciphertext, const uint8_t tag[static GCM_TAG_LEN],
	     struct secret **ret)
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *c = NULL;
	_cleanup_(secret_freep) struct secret *s = NULL;
	uint8_t none[16];
	int len = 0, r;

	r = secret_new(ciphertext.len, &s);
	if (r >= 0)
		r = begin(key, iv, aad, /* encrypts= */ 0, &c);
	if (r >= 0)
		r = update(c, ciphertext, secret_bytes(s));
	if (r < 0)
		return r;
	/* OpenSSL only reads it. */
	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, (void *)tag) != 1)
		return -ENOMEM;
	if (EVP_CipherFinal_ex(c, none, &len) != 1)
		return -EBADMSG;
	*ret = TAKE_PTR(s);
	return 0;
}
