/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/jwe.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "crypto/cleanup.h"
#include "crypto/gcm.h"
#include "crypto/locked-heap.h"

#define POINT_UNCOMPRESSED 4

/*
 * OtherInfo of the key derivation, RFC 7518 section 4.6.2: the algorithm with its length, no
 * PartyUInfo, no PartyVInfo, 256 bits.
 */
static const uint8_t kdf_info[] = "\0\0\0\x0e" "ECDH-ES+A256KW" "\0\0\0\0" "\0\0\0\0" "\0\0\1";

_Static_assert(sizeof(kdf_info) == 4 + 14 + 4 + 4 + 4, "the literal's own NUL is the last byte");

static const struct {
	const char *name, *group;
	int nid;
	size_t len;
} curves[_BROKER_CURVE_MAX] = {
	[BROKER_P256] = { "P-256", "prime256v1", NID_X9_62_prime256v1, 32 },
	[BROKER_P521] = { "P-521", "secp521r1", NID_secp521r1, 66 },
};

/* The key that wraps, and the key of the content: in OpenSSL's locked memory. */
struct keys {
	uint8_t wrap[JWE_KEY_LEN];
	/* EVP_DecryptUpdate() may write a block more than it reports. */
	uint8_t content[JWE_KEY_LEN + 16];
};

static void keys_freep(struct keys **k)
{
	OPENSSL_secure_clear_free(*k, sizeof(**k));
}

const char *broker_curve_name(unsigned curve)
{
	return curve < _BROKER_CURVE_MAX ? curves[curve].name : NULL;
}

size_t broker_curve_len(unsigned curve)
{
	return curve < _BROKER_CURVE_MAX ? curves[curve].len : 0;
}

int jwe_key_new(unsigned curve, EVP_PKEY **ret)
{
	EVP_PKEY *key;

	if (curve >= _BROKER_CURVE_MAX)
		return -EINVAL;
	key = EVP_EC_gen(curves[curve].group);
	if (!key)
		return -ENOMEM;
	*ret = key;
	return 0;
}

int jwe_key_point(EVP_PKEY *key, unsigned curve, uint8_t ret_x[static BROKER_COORDINATE_MAX],
		  uint8_t ret_y[static BROKER_COORDINATE_MAX])
{
	uint8_t point[1 + 2 * BROKER_COORDINATE_MAX];
	size_t n = broker_curve_len(curve), len;

	/* Not compressed, as OpenSSL gives it unless it is told otherwise. */
	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					    &len) != 1 ||
	    len != 1 + 2 * n || point[0] != POINT_UNCOMPRESSED)
		return -ENOMEM;
	memcpy(ret_x, point + 1, n);
	memcpy(ret_y, point + 1 + n, n);
	return 0;
}

/* Whether a point that OpenSSL did not take is none, or memory was short. */
static int why_not(unsigned curve, const uint8_t *point)
{
	_cleanup_(ec_group_freep) EC_GROUP *g = EC_GROUP_new_by_curve_name(curves[curve].nid);
	_cleanup_(ec_point_freep) EC_POINT *p = g ? EC_POINT_new(g) : NULL;
	int reason;

	ERR_clear_error();
	if (!p || EC_POINT_oct2point(g, p, point, 1 + 2 * curves[curve].len, NULL) == 1)
		return -ENOMEM;
	reason = ERR_GET_REASON(ERR_peek_error());
	ERR_clear_error();
	return reason == EC_R_POINT_IS_NOT_ON_CURVE || reason == EC_R_INVALID_ENCODING ||
			       reason == EC_R_COORDINATES_OUT_OF_RANGE ?
		       -EBADMSG :
		       -ENOMEM;
}

/* OpenSSL refuses a point that is not on the curve. */
int jwe_key_of_point(unsigned curve, const uint8_t *x, const uint8_t *y, EVP_PKEY **ret)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	/* OpenSSL would take what is there for a key to be filled in. */
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	size_t n = broker_curve_len(curve);
	uint8_t point[1 + 2 * BROKER_COORDINATE_MAX] = { POINT_UNCOMPRESSED };
	/* OpenSSL only reads them. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)curves[curve].group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, x, n);
	memcpy(point + 1 + n, y, n);
	if (!c || EVP_PKEY_fromdata_init(c) != 1)
		return -ENOMEM;
	if (EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return why_not(curve, point);
	*ret = TAKE_PTR(key);
	return 0;
}

static int ephemeral_key(const struct net_jwe *jwe, EVP_PKEY **ret, struct cause *why)
{
	int r = jwe_key_of_point(jwe->curve, jwe->epk_x, jwe->epk_y, ret);

	if (r == -ENOMEM)
		return cause_set_oom(why);
	return r < 0 ? cause_set(why, r, "its ephemeral key is not on the curve %s",
				 curves[jwe->curve].name) :
		       0;
}

static int agree(EVP_PKEY *key, EVP_PKEY *peer, size_t n, uint8_t *ret_z)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	size_t len = n;

	if (!c || EVP_PKEY_derive_init(c) != 1)
		return -ENOMEM;
	if (EVP_PKEY_derive_set_peer(c, peer) != 1 || EVP_PKEY_derive(c, ret_z, &len) != 1 ||
	    len != n)
		return -EBADMSG;
	return 0;
}

/* The Concat KDF of NIST SP 800-56A, whose first block of SHA-256 is enough. */
static int derive(const uint8_t *z, size_t n, uint8_t ret[static JWE_KEY_LEN])
{
	static const uint8_t counter[] = { 0, 0, 0, 1 };
	/* It wipes what it has seen of @z. */
	_cleanup_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();

	return c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
			       EVP_DigestUpdate(c, counter, sizeof(counter)) == 1 &&
			       EVP_DigestUpdate(c, z, n) == 1 &&
			       EVP_DigestUpdate(c, kdf_info, sizeof(kdf_info)) == 1 &&
			       EVP_DigestFinal_ex(c, ret, NULL) == 1 ?
		       0 :
		       -ENOMEM;
}

int jwe_wrapping_key(EVP_PKEY *own, EVP_PKEY *peer, unsigned curve,
		     uint8_t ret[static JWE_KEY_LEN])
{
	const size_t len = broker_curve_len(curve);
	uint8_t *z = locked_heap_new(len);
	int r = z ? agree(own, peer, len, z) : -ENOMEM;

	if (r >= 0)
		r = derive(z, len, ret);
	OPENSSL_secure_clear_free(z, len);
	return r;
}

/* RFC 3394.  Its check value tells whether the key is the right one. */
static int unwrap(const uint8_t wrap[static JWE_KEY_LEN],
		  const uint8_t wrapped[static JWE_WRAPPED_LEN],
		  uint8_t ret[static JWE_KEY_LEN + 16])
{
	_cleanup_(cipher_ctx_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len = 0;

	if (!c)
		return -ENOMEM;
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_DecryptInit_ex(c, EVP_aes_256_wrap(), NULL, wrap, NULL) != 1)
		return -ENOMEM;
	return EVP_DecryptUpdate(c, ret, &len, wrapped, JWE_WRAPPED_LEN) == 1 &&
			       len == JWE_KEY_LEN ?
		       0 :
		       -EBADMSG;
}

static int decrypt(const uint8_t content[static JWE_KEY_LEN], const struct net_jwe *jwe,
		   const uint8_t *ciphertext, struct secret **ret)
{
	return gcm_open(content, jwe->iv,
			(struct bytes){ (const uint8_t *)jwe->protected, jwe->protected_len },
			(struct bytes){ ciphertext, jwe->ciphertext_len }, jwe->tag, ret);
}

int jwe_open(EVP_PKEY *key, unsigned curve, const struct net_jwe *jwe, const uint8_t *ciphertext,
	     struct secret **ret, struct cause *why)
{
	_cleanup_(keys_freep) struct keys *k = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *ephemeral = NULL;
	int r;

	if (curve >= _BROKER_CURVE_MAX || jwe->curve != curve)
		return cause_set(why, -EBADMSG, "its ephemeral key is of another curve than ours");
	if (jwe->ciphertext_len > JWE_CIPHERTEXT_MAX)
		return cause_set(why, -EMSGSIZE, "it has more than %d bytes", JWE_CIPHERTEXT_MAX);
	if (jwe->protected_len == 0 || jwe->protected_len >= JWE_PROTECTED_MAX)
		return cause_set(why, -EBADMSG, "its header has a length that none can have");
	k = locked_heap_new(sizeof(*k));
	if (!k)
		return cause_set(why, -ENOMEM, "no memory is locked for the keys");
	r = ephemeral_key(jwe, &ephemeral, why);
	if (r < 0)
		return r;
	r = jwe_wrapping_key(key, ephemeral, curve, k->wrap);
	if (r >= 0)
		r = unwrap(k->wrap, jwe->wrapped_key, k->content);
	if (r == -EBADMSG)
		return cause_set(why, r, "it is encrypted to another key, or was changed");
	if (r >= 0)
		r = decrypt(k->content, jwe, ciphertext, ret);
	if (r == -EBADMSG)
		return cause_set(why, r, "it was changed on the way: its tag is wrong");
	return r < 0 ? cause_set(why, r, "it cannot be decrypted: %s", strerror(-r)) : 0;
}
