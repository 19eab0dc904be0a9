/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/ecdsa.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "crypto/cleanup.h"
#include "crypto/openssl-error.h"

/*
 * Write an INTEGER in DER: as short as can be, and with a zero before what would be a sign.
 * Returns its length.
 */
static size_t put_integer(uint8_t *ret, const uint8_t *p, size_t len, enum ecdsa_order order)
{
	uint8_t n[ECDSA_NUMBER_MAX] = { 0 };
	size_t zeros = 0, sign;

	for (size_t i = 0; i < len; i++)
		n[i] = order == ECDSA_LITTLE_ENDIAN ? p[len - 1 - i] : p[i];
	while (zeros + 1 < len && n[zeros] == 0)
		zeros++;
	sign = n[zeros] >> 7;
	ret[0] = 0x02;
	ret[1] = (uint8_t)(len - zeros + sign);
	ret[2] = 0;
	memcpy(ret + 2 + sign, n + zeros, len - zeros);
	return 2 + sign + len - zeros;
}

#define DER_MAX (3 + 2 * (3 + ECDSA_NUMBER_MAX))

/* SEQUENCE { INTEGER r, INTEGER s }.  @ret has its first byte at the place that is returned. */
static struct bytes to_der(const uint8_t *r, const uint8_t *s, size_t len, enum ecdsa_order order,
			   uint8_t ret[static DER_MAX])
{
	size_t n = put_integer(ret + 3, r, len, order);
	size_t first = 1;

	n += put_integer(ret + 3 + n, s, len, order);
	ret[2] = (uint8_t)n;
	if (n >= 0x80) {
		ret[1] = 0x81;
		first = 0;
	}
	ret[first] = 0x30;
	return (struct bytes){ ret + first, 3 - first + n };
}

int ecdsa_verify_begin(EVP_PKEY *key, EVP_PKEY_CTX **ret)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = NULL;

	/*
	 * With an RSA key, OpenSSL would verify another kind of signature.  Without memory it says
	 * of every type that the key is not of it.
	 */
	if (!EVP_PKEY_is_a(key, "EC"))
		return EVP_PKEY_is_a(key, "RSA") ? -EKEYREJECTED : -ENOMEM;
	c = EVP_PKEY_CTX_new(key, NULL);
	if (!c || EVP_PKEY_verify_init(c) != 1) {
		ERR_clear_error();
		return -ENOMEM;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

int ecdsa_verify_with(EVP_PKEY_CTX *c, struct bytes digest, struct bytes der)
{
	int r;

	openssl_begin();
	/* EVP_PKEY_verify() returns 0 for a wrong signature, less for an error: only 1 is good. */
	r = EVP_PKEY_verify(c, der.p, der.len, digest.p, digest.len) == 1 ?
		    0 :
		    openssl_error(-EKEYREJECTED);
	ERR_clear_error();
	return r;
}

int ecdsa_verify_digest(EVP_PKEY *key, struct bytes digest, struct bytes der)
{
	_cleanup_(pkey_ctx_freep) EVP_PKEY_CTX *c = NULL;
	int r = ecdsa_verify_begin(key, &c);

	return r < 0 ? r : ecdsa_verify_with(c, digest, der);
}

int ecdsa_verify_numbers(EVP_PKEY *key, const uint8_t *r, const uint8_t *s, size_t len,
			 enum ecdsa_order order, struct bytes digest)
{
	uint8_t der[DER_MAX];

	assert(len > 0 && len <= ECDSA_NUMBER_MAX);
	return ecdsa_verify_digest(key, digest, to_der(r, s, len, order, der));
}

int ecdsa_verify(EVP_PKEY *key, const EVP_MD *md, const uint8_t *r, const uint8_t *s, size_t len,
		 enum ecdsa_order order, struct bytes data)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n;

	if (EVP_Digest(data.p, data.len, digest, &n, md, NULL) != 1) {
		ERR_clear_error();
		return -ENOMEM;
	}
	return ecdsa_verify_numbers(key, r, s, len, order, (struct bytes){ digest, n });
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
