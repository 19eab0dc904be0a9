/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/tee-key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdio.h>

#include "base/base64.h"
#include "crypto/cleanup.h"
#include "crypto/jwe.h"

static unsigned curve_of(enum tee_key_kind kind)
{
	return kind == TEE_KEY_EC_P256 ? BROKER_P256 : BROKER_P521;
}

static int ec_public(const struct tee_key *key, EVP_PKEY **ret)
{
	unsigned curve = curve_of(key->kind);
	size_t len = broker_curve_len(curve);
	int r;

	if (key->x_len != len || key->y_len != len)
		return -EINVAL;
	r = jwe_key_of_point(curve, key->x, key->y, ret);
	return r == -EBADMSG ? -EINVAL : r;
}

/* Not whether it is one of two primes: who sends another modulus gives away his own secret. */
static bool rsa_is_good(const struct tee_key *key)
{
	const uint8_t *n = key->x, *e = key->y;

	if (key->x_len < TEE_KEY_RSA_MIN || key->x_len > TEE_KEY_RSA_MAX ||
	    (key->x_len == TEE_KEY_RSA_MIN ? n[0] < 0x80 : n[0] == 0) || n[key->x_len - 1] % 2 == 0)
		return false;
	if (key->y_len == 0 || key->y_len > TEE_KEY_EXPONENT_MAX || e[0] == 0)
		return false;
	return e[key->y_len - 1] % 2 == 1 && (key->y_len > 1 || e[0] >= 3);
}

static int rsa_public(const struct tee_key *key, EVP_PKEY **ret)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = NULL;
	_cleanup_(params_bld_freep) OSSL_PARAM_BLD *b = NULL;
	_cleanup_(params_freep) OSSL_PARAM *params = NULL;
	_cleanup_(bn_freep) BIGNUM *n = NULL, *e = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *public = NULL;

	if (!rsa_is_good(key))
		return -EINVAL;
	c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	b = OSSL_PARAM_BLD_new();
	n = BN_bin2bn(key->x, (int)key->x_len, NULL);
	e = BN_bin2bn(key->y, (int)key->y_len, NULL);
	if (!c || !b || !n || !e || OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return -ENOMEM;
	params = OSSL_PARAM_BLD_to_param(b);
	if (!params || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &public, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return -ENOMEM;
	*ret = TAKE_PTR(public);
	return 0;
}

int tee_key_public(const struct tee_key *key, EVP_PKEY **ret)
{
	int r;

	switch (key->kind) {
	case TEE_KEY_EC_P256:
	case TEE_KEY_EC_P521:
		r = ec_public(key, ret);
		break;
	case TEE_KEY_RSA_OAEP_256:
		r = rsa_public(key, ret);
		break;
	default:
		r = -EINVAL;
	}
	if (r < 0)
		ERR_clear_error();
	return r;
}

int tee_key_text(const struct tee_key *key, char **ret)
{
	_cleanup_(freep) char *x = NULL, *y = NULL;
	char *text;
	int len;

	if (key->kind >= _TEE_KEY_MAX)
		return -EINVAL;
	assert(key->x_len <= sizeof(key->x) && key->y_len <= sizeof(key->y));
	if (base64url_encode(key->x, key->x_len, &x) < 0 ||
	    base64url_encode(key->y, key->y_len, &y) < 0)
		return -ENOMEM;
	if (key->kind == TEE_KEY_RSA_OAEP_256)
		len = asprintf(&text,
			       "{\"alg\":\"RSA-OAEP-256\",\"e\":\"%s\",\"kty\":\"RSA\","
			       "\"n\":\"%s\"}",
			       y, x);
	else
		len = asprintf(&text,
			       "{\"alg\":\"ECDH-ES+A256KW\",\"crv\":\"%s\",\"kty\":\"EC\","
			       "\"x\":\"%s\",\"y\":\"%s\"}",
			       broker_curve_name(curve_of(key->kind)), x, y);
	if (len < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}
