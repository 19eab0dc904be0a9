/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/x509/spki.h"

#include "crypto/public-key.h"

/* The algorithm with its parameters, as it must be to the byte. */
#define ALGORITHM(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
static const struct {
	struct bytes algorithm;
	enum spki_kind kind;
} kinds[] = {
	/* 1.2.840.113549.1.1.1, NULL */
	{ { ALGORITHM(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
		      0x00) },
	  SPKI_RSA },
	/* 1.2.840.10045.2.1, 1.2.840.10045.3.1.7 */
	{ { ALGORITHM(0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
		      0x48, 0xce, 0x3d, 0x03, 0x01, 0x07) },
	  SPKI_P256 },
	/* 1.2.840.10045.2.1, 1.3.132.0.34 */
	{ { ALGORITHM(0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
		      0x04, 0x00, 0x22) },
	  SPKI_P384 },
};

static int find_kind(struct bytes algorithm, enum spki_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (bytes_equal(algorithm, kinds[i].algorithm)) {
			*ret = kinds[i].kind;
			return 0;
		}
	return -EBADMSG;
}

/* RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } */
static int read_modulus(struct bytes key, struct bytes *ret)
{
	static const uint8_t f4[] = { 0x01, 0x00, 0x01 };
	struct bytes numbers, n, e;

	if (der_only(key, DER_SEQUENCE, &numbers) < 0 || der_take_natural(&numbers, &n) < 0 ||
	    der_take_natural(&numbers, &e) < 0 || numbers.len > 0)
		return -EBADMSG;
	if (!bytes_equal(e, (struct bytes){ f4, sizeof(f4) }) || !rsa_modulus_is_usable(n))
		return -EBADMSG;
	*ret = n;
	return 0;
}

static enum ec_curve curve_of(enum spki_kind kind)
{
	return kind == SPKI_P256 ? EC_P256 : EC_P384;
}

static int read_point(enum ec_curve curve, struct bytes key, struct bytes *ret)
{
	if (!ec_point_is_uncompressed(curve, key))
		return -EBADMSG;
	*ret = key;
	return 0;
}

int spki_read(struct bytes der, struct spki *ret)
{
	struct bytes both, algorithm, bits;
	struct spki s;
	int r;

	if (der_only(der, DER_SEQUENCE, &both) < 0 ||
	    der_take(&both, DER_SEQUENCE, &algorithm) < 0 ||
	    der_only(both, DER_BIT_STRING, &bits) < 0 || find_kind(algorithm, &s.kind) < 0)
		return -EBADMSG;
	/* The first byte counts the bits of the last byte that are not used. */
	if (bits.len == 0 || bits.p[0] != 0)
		return -EBADMSG;
	(void) bytes_skip(&bits, 1);
	if (s.kind == SPKI_RSA)
		r = read_modulus(bits, &s.number);
	else
		r = read_point(curve_of(s.kind), bits, &s.number);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

EVP_PKEY *spki_key(struct bytes der)
{
	struct spki s;

	if (spki_read(der, &s) < 0)
		return NULL;
	if (s.kind == SPKI_RSA)
		return rsa_public_key(s.number);
	return ec_public_key(curve_of(s.kind), s.number);
}
