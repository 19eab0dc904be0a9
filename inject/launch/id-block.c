/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/id-block.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "crypto/cleanup.h"
#include "crypto/ecdsa.h"

#include "wire/bytes.h"

#define VERSION_1 1
#define ALGORITHM_P384_SHA384 1
#define CURVE_P384 2
#define NUMBER_LEN 72
#define AUTH_BLOCK_SIGNATURE 0x040
#define AUTH_ID_KEY 0x240
#define AUTH_KEY_SIGNATURE 0x680
#define AUTH_AUTHOR_KEY 0x880
#define DER_MAX 128		/* a P-384 signature has 104 at most */

void id_block_make(const struct id_block *b, uint8_t ret[static ID_BLOCK_LEN])
{
	memcpy(ret, b->launch_digest, SHA384_LEN);
	memcpy(ret + 48, b->family_id, ID_LEN);
	memcpy(ret + 64, b->image_id, ID_LEN);
	put_u32le(ret + 80, VERSION_1);
	put_u32le(ret + 84, b->guest_svn);
	put_u32le(ret + 88, (uint32_t)b->policy);
	put_u32le(ret + 92, (uint32_t)(b->policy >> 32));
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *data)
{
	return -1;
}

int id_key_read(const void *pem, size_t len, EVP_PKEY **ret)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, (int)len);
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;

	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	if (!key)
		return -EBADMSG;
	if (!ec_key_is_on(key, "secp384r1"))
		return -EOPNOTSUPP;
	*ret = TAKE_PTR(key);
	return 0;
}

int id_key_public(EVP_PKEY *key, uint8_t ret[static ID_KEY_LEN])
{
	_cleanup_(bn_freep) BIGNUM *x = NULL, *y = NULL;

	memset(ret, 0, ID_KEY_LEN);
	put_u32le(ret, CURVE_P384);
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 ||
	    BN_bn2lebinpad(x, ret + 4, NUMBER_LEN) < 0 ||
	    BN_bn2lebinpad(y, ret + 4 + NUMBER_LEN, NUMBER_LEN) < 0)
		return -EIO;
	return 0;
}

static int sign(EVP_PKEY *key, const uint8_t *data, size_t len, uint8_t *ret)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_(ecdsa_sig_freep) ECDSA_SIG *signature = NULL;
	uint8_t der[DER_MAX];
	const uint8_t *p = der;
	size_t n = sizeof(der);

	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, "SHA384", NULL, NULL, key, NULL) != 1 ||
	    EVP_DigestSign(ctx, der, &n, data, len) != 1)
		return -EIO;
	signature = d2i_ECDSA_SIG(NULL, &p, (long)n);
	if (!signature || BN_bn2lebinpad(ECDSA_SIG_get0_r(signature), ret, NUMBER_LEN) < 0 ||
	    BN_bn2lebinpad(ECDSA_SIG_get0_s(signature), ret + NUMBER_LEN, NUMBER_LEN) < 0)
		return -EIO;
	return 0;
}

int id_auth_make(const uint8_t block[static ID_BLOCK_LEN], EVP_PKEY *id_key, EVP_PKEY *author_key,
		 uint8_t ret[static ID_AUTH_LEN])
{
	int r;

	memset(ret, 0, ID_AUTH_LEN);
	put_u32le(ret, ALGORITHM_P384_SHA384);
	r = sign(id_key, block, ID_BLOCK_LEN, ret + AUTH_BLOCK_SIGNATURE);
	if (r == 0)
		r = id_key_public(id_key, ret + AUTH_ID_KEY);
	if (r < 0 || !author_key)
		return r;
	put_u32le(ret + 4, ALGORITHM_P384_SHA384);
	r = sign(author_key, ret + AUTH_ID_KEY, ID_KEY_LEN, ret + AUTH_KEY_SIGNATURE);
	return r < 0 ? r : id_key_public(author_key, ret + AUTH_AUTHOR_KEY);
}
