/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/sev/sev-key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "crypto/cleanup.h"
#include "crypto/ecdsa.h"
#include "crypto/openssl-error.h"

static int key_of(const char *type, OSSL_PARAM *params, EVP_PKEY **ret)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *ctx = NULL;

	openssl_begin();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1)
		return openssl_error(-EIO);
	return EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_PUBLIC_KEY, params) == 1 ?
		       0 :
		       openssl_error(-EBADMSG);
}

/*
 * A point on the curve, not infinite and of its order: whoever agrees on a key with another one
 * gives his own away.
 */
static int check_point(EVP_PKEY *key)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (!ctx)
		return -ENOMEM;
	openssl_begin();
	return EVP_PKEY_public_check(ctx) == 1 ? 0 : openssl_error(-EBADMSG);
}

/*
 * The uncompressed point 04 || x || y of two little-endian fields.  Returns its length;
 * -EBADMSG when a number is wider than the curve's.
 */
static int point_of(const struct sev_cert *c, size_t width,
		    uint8_t ret[static 1 + 2 * SEV_P384_LEN])
{
	const struct bytes tails[] = {
		{ c->x + width, SEV_NUMBER_LEN - width },
		{ c->y + width, SEV_NUMBER_LEN - width },
	};

	if (!bytes_all_zero(&tails[0]) || !bytes_all_zero(&tails[1]))
		return -EBADMSG;
	ret[0] = 0x04;
	for (size_t i = 0; i < width; i++) {
		ret[1 + i] = c->x[width - 1 - i];
		ret[1 + width + i] = c->y[width - 1 - i];
	}
	return (int)(1 + 2 * width);
}

int sev_cert_key(const struct sev_cert *c, EVP_PKEY **ret)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	bool p384 = c->curve == SEV_CURVE_P384;
	uint8_t point[1 + 2 * SEV_P384_LEN];
	char group[] = "P-384";
	OSSL_PARAM params[3];
	int n, r;

	if (!p384)
		memcpy(group, "P-256", sizeof(group));
	n = point_of(c, p384 ? SEV_P384_LEN : 32, point);
	if (n < 0)
		return n;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, (size_t)n);
	params[2] = OSSL_PARAM_construct_end();
	r = key_of("EC", params, &key);
	if (r == 0)
		r = check_point(key);
	if (r == 0)
		*ret = TAKE_PTR(key);
	return r;
}

int amd_cert_key(const struct amd_cert *c, EVP_PKEY **ret)
{
	_cleanup_(bn_freep) BIGNUM *n = BN_lebin2bn(c->modulus, (int)c->n, NULL);
	_cleanup_(bn_freep) BIGNUM *e = BN_lebin2bn(c->exponent, (int)c->n, NULL);
	_cleanup_(params_bld_freep) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	_cleanup_(params_freep) OSSL_PARAM *params = NULL;

	if (!n || !e || !bld)
		return -ENOMEM;
	if (BN_num_bits(n) != (int)c->n * 8 || !BN_is_odd(n))
		return -EBADMSG;
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return -ENOMEM;
	params = OSSL_PARAM_BLD_to_param(bld);
	return params ? key_of("RSA", params, ret) : -ENOMEM;
}

uint32_t amd_key_algo(size_t n)
{
	return n == 512 ? SEV_ALGO_RSA_SHA384 : SEV_ALGO_RSA_SHA256;
}

static int verify(EVP_PKEY *key, const EVP_MD *md, bool pss, const uint8_t *data, size_t len,
		  const uint8_t *sig, size_t sig_len)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;

	if (!ctx || EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key) != 1)
		return -ENOMEM;
	if (pss && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1 ||
		    EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, md) != 1))
		return -ENOMEM;
	openssl_begin();
	return EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1 ? 0 :
								     openssl_error(-EKEYREJECTED);
}

static int verify_rsa(EVP_PKEY *key, const EVP_MD *md, const uint8_t *data, size_t len,
		      const uint8_t *value)
{
	uint8_t sig[SEV_SIGNATURE_LEN];
	size_t n = (size_t)EVP_PKEY_get_size(key);

	/* All n bytes: one signature in 256 has a zero at its top. */
	if (n > sizeof(sig))
		return -EOPNOTSUPP;
	for (size_t i = 0; i < n; i++)
		sig[i] = value[n - 1 - i];
	return verify(key, md, /* pss= */ true, data, len, sig, n);
}

static int verify_ecdsa(EVP_PKEY *key, const EVP_MD *md, const uint8_t *data, size_t len,
			const uint8_t *value)
{
	return ecdsa_verify(key, md, value, value + SEV_NUMBER_LEN, SEV_NUMBER_LEN,
			    ECDSA_LITTLE_ENDIAN, (struct bytes){ data, len });
}

int sev_key_verify(EVP_PKEY *key, uint32_t algo, const uint8_t *data, size_t len,
		   const uint8_t *value)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA");

	switch (algo) {
	case SEV_ALGO_RSA_SHA256:
		return rsa ? verify_rsa(key, EVP_sha256(), data, len, value) : -EOPNOTSUPP;
	case SEV_ALGO_RSA_SHA384:
		return rsa ? verify_rsa(key, EVP_sha384(), data, len, value) : -EOPNOTSUPP;
	case SEV_ALGO_ECDSA_SHA256:
		return rsa ? -EOPNOTSUPP : verify_ecdsa(key, EVP_sha256(), data, len, value);
	case SEV_ALGO_ECDSA_SHA384:
		return rsa ? -EOPNOTSUPP : verify_ecdsa(key, EVP_sha384(), data, len, value);
	default:
		return -EOPNOTSUPP;
	}
}
