/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/ecdsa.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "crypto/cleanup.h"
#include "crypto/openssl-error.h"

static BIGNUM *number(const uint8_t *p, size_t len, enum ecdsa_order order)
{
	return order == ECDSA_LITTLE_ENDIAN ? BN_lebin2bn(p, (int)len, NULL) :
					      BN_bin2bn(p, (int)len, NULL);
}

/* Returns the length of @ret, or -ENOMEM.  Free @ret with OPENSSL_free(). */
static int to_der(const uint8_t *r, const uint8_t *s, size_t len, enum ecdsa_order order,
		  uint8_t **ret)
{
	BIGNUM *br = number(r, len, order), *bs = number(s, len, order);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = 0;

	if (br && bs && sig && ECDSA_SIG_set0(sig, br, bs)) {
		br = bs = NULL;	/* owned by the signature now */
		n = i2d_ECDSA_SIG(sig, ret);
	}
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(sig);
	return n > 0 ? n : -ENOMEM;
}

int ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const uint8_t *r, const uint8_t *s, size_t len,
		 enum ecdsa_order order, struct bytes data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int n, status = -ENOMEM;
	uint8_t *der = NULL;

	n = to_der(r, s, len, order, &der);
	openssl_begin();
	/* EVP_DigestVerify() returns 0 for a wrong signature, less for an error: only 1 is good. */
	if (n > 0 && ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1)
		status = EVP_DigestVerify(ctx, der, (size_t)n, data.p, data.len) == 1 ?
				 0 :
				 openssl_error(-EKEYREJECTED);
	ERR_clear_error();
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return status;
}

/* Returns the length of @ret, or -ENOMEM.  Free @ret with OPENSSL_free(). */
static int sign_der(EVP_PKEY *key, const EVP_MD *md, struct bytes data, uint8_t **ret)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	size_t len = 0;

	if (!c || EVP_DigestSignInit(c, NULL, md, NULL, key) != 1 ||
	    EVP_DigestSign(c, NULL, &len, data.p, data.len) != 1)
		return -ENOMEM;
	der = OPENSSL_malloc(len);
	if (!der || EVP_DigestSign(c, der, &len, data.p, data.len) != 1)
		return -ENOMEM;
	*ret = TAKE_PTR(der);
	return (int)len;
}

int ecdsa_sign(EVP_PKEY *key, const EVP_MD *md, struct bytes data, uint8_t *ret, size_t len)
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	_cleanup_(ecdsa_sig_freep) ECDSA_SIG *sig = NULL;
	const int half = (int)(len / 2);
	const uint8_t *p;
	int n;

	n = sign_der(key, md, data, &der);
	p = der;
	sig = n > 0 ? d2i_ECDSA_SIG(NULL, &p, n) : NULL;
	if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, half) == half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + half, half) == half)
		return 0;
	ERR_clear_error();
	return -ENOMEM;
}

bool ec_key_is_on(EVP_PKEY *key, const char *group)
{
	char name[32];

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 &&
	       streq(name, group);
}
