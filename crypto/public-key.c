/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/public-key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>

#include "crypto/cleanup.h"

static const struct {
	const char *group;
	size_t point_len;
} curves[_EC_CURVE_MAX] = {
	[EC_P256] = { "prime256v1", 1 + 2 * 32 },
	[EC_P384] = { "secp384r1", 1 + 2 * 48 },
};

/* OpenSSL would take compressed points, and the point at infinity, too. */
bool ec_point_is_uncompressed(enum ec_curve curve, struct bytes point)
{
	return point.len == curves[curve].point_len &&
	       point.p[0] == POINT_CONVERSION_UNCOMPRESSED;
}

static EVP_PKEY *key_from(const char *type, int selection, OSSL_PARAM *params)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!c || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &key, selection, params) != 1)
		key = evp_pkey_free(key);
	return key;
}

static EVP_PKEY *new_empty(enum ec_curve curve)
{
	/* OpenSSL only reads it. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)curves[curve].group, 0),
		OSSL_PARAM_construct_end(),
	};

	return key_from("EC", EVP_PKEY_KEY_PARAMETERS, params);
}

static EVP_PKEY *empty[_EC_CURVE_MAX];

static void free_empty(void)
{
	for (unsigned i = 0; i < _EC_CURVE_MAX; i++)
		empty[i] = evp_pkey_free(empty[i]);
}

/*
 * A key that has the curve and no point yet.  To set up a curve takes most of the time that it
 * takes to make a key, so each is set up once, and copied.  If that fails, the next call tries
 * again.  The keys in @empty stay until the process ends, and nothing changes them.
 */
static EVP_PKEY *copy_empty(enum ec_curve curve)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool freed_at_exit;
	EVP_PKEY *found;

	(void) pthread_mutex_lock(&lock);
	if (!freed_at_exit)
		freed_at_exit = OPENSSL_atexit(free_empty) == 1;
	if (!empty[curve])
		empty[curve] = new_empty(curve);
	found = empty[curve];
	(void) pthread_mutex_unlock(&lock);
	return found ? EVP_PKEY_dup(found) : NULL;
}

EVP_PKEY *ec_public_key(enum ec_curve curve, struct bytes point)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;

	if (!ec_point_is_uncompressed(curve, point))
		return NULL;
	ERR_set_mark();
	key = copy_empty(curve);
	/* OpenSSL checks that the coordinates are below the prime, and the point on the curve. */
	if (key && EVP_PKEY_set1_encoded_public_key(key, point.p, point.len) != 1)
		key = evp_pkey_free(key);
	(void) ERR_pop_to_mark();
	return TAKE_PTR(key);
}

#define RSA_MODULUS_MIN 256	/* bytes */
#define RSA_MODULUS_MAX 512

bool rsa_modulus_is_usable(struct bytes n)
{
	return n.len >= RSA_MODULUS_MIN && n.len <= RSA_MODULUS_MAX && (n.p[0] & 0x80) &&
	       (n.p[n.len - 1] & 1);
}

EVP_PKEY *rsa_public_key(struct bytes n)
{
	_cleanup_(params_bld_freep) OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	_cleanup_(bn_freep) BIGNUM *modulus = NULL;
	_cleanup_(params_freep) OSSL_PARAM *params = NULL;
	EVP_PKEY *key;

	if (!rsa_modulus_is_usable(n))
		return NULL;
	modulus = BN_bin2bn(n.p, (int)n.len, NULL);
	if (!b || !modulus || OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
	    OSSL_PARAM_BLD_push_ulong(b, OSSL_PKEY_PARAM_RSA_E, RSA_F4) != 1)
		return NULL;
	params = OSSL_PARAM_BLD_to_param(b);
	if (!params)
		return NULL;
	ERR_set_mark();
	key = key_from("RSA", EVP_PKEY_PUBLIC_KEY, params);
	(void) ERR_pop_to_mark();
	return key;
}
