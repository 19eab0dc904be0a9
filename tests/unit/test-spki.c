/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public keys: what OpenSSL writes is read, and what differs from it in one thing is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "attest/x509/spki.h"
#include "crypto/cleanup.h"
#include "crypto/public-key.h"

#include <cmocka.h>

#include "tests/unit/der-build.h"

#define PIECE(...)                                                     \
	(struct bytes)                                                 \
	{                                                              \
		(const uint8_t[]){ __VA_ARGS__ },                      \
			sizeof((const uint8_t[]){ __VA_ARGS__ })       \
	}
#define NOTHING (struct bytes){ (const uint8_t *)"", 0 }
#define ID_RSA PIECE(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01)
#define ID_RSA_PSS PIECE(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a)
#define ID_EC PIECE(0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01)
#define P256 PIECE(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)
#define P384 PIECE(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22)
#define P521 PIECE(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23)
#define SECP256K1 PIECE(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a)
#define NULL_ PIECE(0x05, 0x00)

static struct {
	EVP_PKEY *p256, *p384, *p521, *k256, *rsa;
	struct bytes point256, point384, n;
} f;

static struct bytes point_of(EVP_PKEY *key)
{
	unsigned char *p = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(key, &p);

	assert_true(len > 0);
	return (struct bytes){ p, len };
}

static int setup(void **state)
{
	BIGNUM *n = NULL;
	uint8_t *b = malloc(256);

	f.p256 = EVP_EC_gen("P-256");
	f.p384 = EVP_EC_gen("P-384");
	f.p521 = EVP_EC_gen("P-521");
	f.k256 = EVP_EC_gen("secp256k1");
	f.rsa = EVP_RSA_gen(2048);
	assert_true(f.p256 && f.p384 && f.p521 && f.k256 && f.rsa && b);
	f.point256 = point_of(f.p256);
	f.point384 = point_of(f.p384);
	assert_int_equal(EVP_PKEY_get_bn_param(f.rsa, OSSL_PKEY_PARAM_RSA_N, &n), 1);
	assert_int_equal(BN_bn2bin(n, b), 256);
	f.n = (struct bytes){ b, 256 };
	BN_free(n);
	return 0;
}

static int teardown(void **state)
{
	EVP_PKEY_free(f.p256);
	EVP_PKEY_free(f.p384);
	EVP_PKEY_free(f.p521);
	EVP_PKEY_free(f.k256);
	EVP_PKEY_free(f.rsa);
	OPENSSL_free((void *)f.point256.p);
	OPENSSL_free((void *)f.point384.p);
	free((void *)f.n.p);
	return 0;
}

/* ---- what OpenSSL writes ---- */

static struct bytes written(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	assert_true(len > 0);
	return (struct bytes){ der, (size_t)len };
}

static void assert_read(EVP_PKEY *key, int kind)
{
	struct bytes der = written(key);
	_cleanup_(pkey_freep) EVP_PKEY *got = spki_key(der);
	struct spki s = { .kind = 77 };

	assert_int_equal(spki_read(der, &s), kind < 0 ? -EBADMSG : 0);
	assert_int_equal((int)s.kind, kind < 0 ? 77 : kind);
	if (kind < 0)
		assert_null(got);
	else
		assert_int_equal(EVP_PKEY_eq(got, key), 1);
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free((void *)der.p);
}

static void test_kinds(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	assert_read(f.p256, SPKI_P256);
	assert_read(f.p384, SPKI_P384);
	assert_read(f.rsa, SPKI_RSA);
	assert_read(f.p521, -1);
	assert_read(f.k256, -1);
	assert_read(ed, -1);
}

/* The same curve with all its parameters, and the same point compressed. */
static void test_other_forms(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *explicit = EVP_PKEY_dup(f.p256),
					*compressed = EVP_PKEY_dup(f.p256),
					*hybrid = EVP_PKEY_dup(f.p256);

	assert_read(explicit, SPKI_P256);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(explicit, OSSL_PKEY_PARAM_EC_ENCODING,
							"explicit"),
			 1);
	assert_read(explicit, -1);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
				 compressed, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
				 "compressed"),
			 1);
	assert_read(compressed, -1);
	assert_int_equal(EVP_PKEY_set_utf8_string_param(
				 hybrid, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "hybrid"),
			 1);
	assert_read(hybrid, -1);
}

/* ---- what nobody should write ---- */

struct parts {
	struct bytes id, parameters, key;
	uint8_t unused;			/* bits, of the BIT STRING */
	bool ber_all, ber_algorithm, ber_bits;
	struct bytes after_parameters, after_key, after_all;
};

static void build(const struct parts *p, struct der *ret)
{
	struct der algorithm = { .n = 0 }, bits = { .n = 0 }, all = { .n = 0 };

	der_add(&algorithm, p->id);
	der_add(&algorithm, p->parameters);
	der_add(&algorithm, p->after_parameters);
	der_add_bytes(&bits, &p->unused, 1);
	der_add(&bits, p->key);
	(p->ber_algorithm ? der_wrap_ber : der_wrap)(&all, DER_SEQUENCE, der_bytes(&algorithm));
	(p->ber_bits ? der_wrap_ber : der_wrap)(&all, DER_BIT_STRING, der_bytes(&bits));
	der_add(&all, p->after_key);
	ret->n = 0;
	(p->ber_all ? der_wrap_ber : der_wrap)(ret, DER_SEQUENCE, der_bytes(&all));
	der_add(ret, p->after_all);
}

/* A copy of exactly its size, so that reading past it is noticed. */
static EVP_PKEY *key_of(const struct parts *p)
{
	struct der d;
	uint8_t *exact;
	EVP_PKEY *key;

	build(p, &d);
	exact = malloc(d.n);
	assert_non_null(exact);
	memcpy(exact, d.b, d.n);
	key = spki_key((struct bytes){ exact, d.n });
	free(exact);
	assert_int_equal(ERR_peek_error(), 0);
	return key;
}

static bool is_taken(const struct parts *p)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = key_of(p);

	return key != NULL;
}

static void test_curves(void **state)
{
	const struct parts rows[] = {
		{ ID_EC, P384, f.point256 },
		{ ID_EC, P256, f.point384 },
		{ ID_EC, P521, f.point256 },
		{ ID_EC, SECP256K1, f.point256 },
		{ ID_EC, NOTHING, f.point256 },
		{ ID_EC, NULL_, f.point256 },
		{ ID_EC, P256, f.n },
		{ ID_EC, P256, NOTHING },
		{ ID_RSA, P256, f.point256 },
		{ ID_RSA, NULL_, f.point256 },
		{ ID_RSA, NULL_, NOTHING },
		{ P256, P256, f.point256 },
		{ NOTHING, NOTHING, f.point256 },
	};

	assert_true(is_taken(&(struct parts){ ID_EC, P256, f.point256 }));
	assert_true(is_taken(&(struct parts){ ID_EC, P384, f.point384 }));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_false(is_taken(&rows[i]));
}

/* The prime of P-256, big-endian. */
static const uint8_t prime[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
};

static void test_points(void **state)
{
	static const uint8_t firsts[] = { 0x00, 0x02, 0x03, 0x05, 0x06, 0x07, 0x84, 0xff };
	uint8_t point[66] = { 0 };
	struct parts p = { ID_EC, P256, { point, 65 } };

	memcpy(point, f.point256.p, 65);
	assert_true(is_taken(&p));
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		point[0] = firsts[i];
		assert_false(is_taken(&p));
	}
	point[0] = 0x04;
	/* Off the curve, by any bit of either coordinate. */
	for (size_t bit = 8; bit < 65 * 8; bit++) {
		point[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(is_taken(&p));
		point[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	/* One byte more, one less; infinity, which is one byte, and all zeros. */
	p.key.len = 66;
	assert_false(is_taken(&p));
	p.key.len = 64;
	assert_false(is_taken(&p));
	p.key = PIECE(0x00);
	assert_false(is_taken(&p));
	memset(point + 1, 0, 64);
	p.key = (struct bytes){ point, 65 };
	assert_false(is_taken(&p));
}

/* A number modulo the prime is another way to write the same point, if it fits. */
static void test_coordinate_above_prime(void **state)
{
	/* x = 5 is on the curve, and 5 + p is less than 2^256. */
	_cleanup_(ec_group_freep) EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	_cleanup_(ec_point_freep) EC_POINT *at = EC_POINT_new(g);
	_cleanup_(bn_freep) BIGNUM *x = BN_new(), *p = BN_bin2bn(prime, sizeof(prime), NULL);
	uint8_t point[65];
	struct parts parts = { ID_EC, P256, { point, sizeof(point) } };

	assert_true(x && p && BN_set_word(x, 5));
	assert_int_equal(EC_POINT_set_compressed_coordinates(g, at, x, 0, NULL), 1);
	assert_int_equal(EC_POINT_point2oct(g, at, POINT_CONVERSION_UNCOMPRESSED, point,
					    sizeof(point), NULL),
			 sizeof(point));
	assert_true(is_taken(&parts));
	assert_true(BN_add(x, x, p));
	assert_int_equal(BN_bn2binpad(x, point + 1, 32), 32);
	assert_false(is_taken(&parts));
}

static void test_framing(void **state)
{
	const struct parts good = { ID_EC, P256, f.point256 };
	const struct parts wrong[] = {
		{ ID_EC, P256, f.point256, .unused = 1 },
		{ ID_EC, P256, f.point256, .ber_all = true },
		{ ID_EC, P256, f.point256, .ber_algorithm = true },
		{ ID_EC, P256, f.point256, .ber_bits = true },
		{ ID_EC, P256, f.point256, .after_parameters = NULL_ },
		{ ID_EC, P256, f.point256, .after_key = NULL_ },
		{ ID_EC, P256, f.point256, .after_all = PIECE(0x00) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(is_taken(&wrong[i]));
	assert_true(is_taken(&good));
}

/* Every prefix, and every byte changed, is refused or is another point. */
static void test_cut(void **state)
{
	struct der d;

	build(&(struct parts){ ID_EC, P256, f.point256 }, &d);
	for (size_t n = 0; n < d.n; n++) {
		uint8_t *exact = malloc(n + 1);

		assert_non_null(exact);
		memcpy(exact, d.b, n);
		assert_null(spki_key((struct bytes){ exact, n }));
		free(exact);
	}
	for (size_t i = 0; i < d.n; i++) {
		d.b[i] ^= 0x01;
		assert_null(spki_key(der_bytes(&d)));
		d.b[i] ^= 0x01;
	}
}

/* ---- RSA ---- */

/* A key with the contents of two INTEGERs. */
static bool rsa_taken(struct bytes n, struct bytes e, struct bytes parameters, struct bytes more)
{
	struct der numbers = { .n = 0 }, key = { .n = 0 };

	der_wrap(&numbers, DER_INTEGER, n);
	der_wrap(&numbers, DER_INTEGER, e);
	der_add(&numbers, more);
	der_wrap(&key, DER_SEQUENCE, der_bytes(&numbers));
	return is_taken(&(struct parts){ ID_RSA, parameters, der_bytes(&key) });
}

/* @len bytes behind a zero, the first and the last with @top and @low. */
static bool modulus_taken(size_t len, uint8_t top, uint8_t low)
{
	struct der n = { .n = 0 };
	uint8_t middle[2050];

	memset(middle, 0x5a, sizeof(middle));
	assert_true(len - 2 <= sizeof(middle));
	der_add_bytes(&n, "", 1);
	der_add_bytes(&n, &top, 1);
	der_add_bytes(&n, middle, len - 2);
	der_add_bytes(&n, &low, 1);
	return rsa_taken(der_bytes(&n), PIECE(0x01, 0x00, 0x01), NULL_, NOTHING);
}

static void test_modulus(void **state)
{
	assert_true(modulus_taken(256, 0x80, 0x01));
	assert_true(modulus_taken(384, 0xff, 0x01));
	assert_true(modulus_taken(512, 0x80, 0x01));
	/* Tiny, huge, even; a zero bit first, which makes it shorter than it says. */
	assert_false(modulus_taken(3, 0x80, 0x01));
	assert_false(modulus_taken(64, 0x80, 0x01));
	assert_false(modulus_taken(128, 0x80, 0x01));
	assert_false(modulus_taken(255, 0xff, 0x01));
	assert_false(modulus_taken(513, 0x80, 0x01));
	assert_false(modulus_taken(2048, 0x80, 0x01));
	assert_false(modulus_taken(256, 0x80, 0x02));
	assert_false(modulus_taken(256, 0x7f, 0x01));
	assert_false(modulus_taken(257, 0x00, 0x01));
	assert_false(modulus_taken(257, 0x01, 0x01));
}

static void test_exponent(void **state)
{
	struct der n = { .n = 0 }, bare = { .n = 0 }, padded = { .n = 0 };
	const struct bytes f4 = PIECE(0x01, 0x00, 0x01);

	der_add_bytes(&n, "", 1);
	der_add(&n, f.n);
	assert_true(rsa_taken(der_bytes(&n), f4, NULL_, NOTHING));
	/* 0, 1, 3, 65536, 65539, two forms of 65537, -65537, nothing, a large one. */
	assert_false(rsa_taken(der_bytes(&n), PIECE(0x00), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), PIECE(0x01), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), PIECE(0x03), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), PIECE(0x01, 0x00, 0x00), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), PIECE(0x01, 0x00, 0x03), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), PIECE(0x00, 0x01, 0x00, 0x01), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), PIECE(0xfe, 0xff, 0xff), NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), NOTHING, NULL_, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), der_bytes(&n), NULL_, NOTHING));
	/* A negative modulus, one with a zero too many, and none. */
	der_add(&bare, f.n);
	assert_false(rsa_taken(der_bytes(&bare), f4, NULL_, NOTHING));
	der_add_bytes(&padded, "", 1);
	der_add(&padded, der_bytes(&n));
	assert_false(rsa_taken(der_bytes(&padded), f4, NULL_, NOTHING));
	assert_false(rsa_taken(NOTHING, f4, NULL_, NOTHING));
	/* More after the numbers, and other parameters than NULL. */
	assert_false(rsa_taken(der_bytes(&n), f4, NULL_, PIECE(0x02, 0x01, 0x00)));
	assert_false(rsa_taken(der_bytes(&n), f4, NULL_, PIECE(0x00)));
	assert_false(rsa_taken(der_bytes(&n), f4, NOTHING, NOTHING));
	assert_false(rsa_taken(der_bytes(&n), f4, PIECE(0x30, 0x00), NOTHING));
}

/* A key for PSS alone has another name, and the bytes of RSA under the name of EC are no point. */
static void test_rsa_names(void **state)
{
	struct der n = { .n = 0 }, numbers = { .n = 0 }, key = { .n = 0 }, more = { .n = 0 };

	der_add_bytes(&n, "", 1);
	der_add(&n, f.n);
	der_wrap(&numbers, DER_INTEGER, der_bytes(&n));
	der_wrap(&numbers, DER_INTEGER, PIECE(0x01, 0x00, 0x01));
	der_wrap(&key, DER_SEQUENCE, der_bytes(&numbers));
	assert_true(is_taken(&(struct parts){ ID_RSA, NULL_, der_bytes(&key) }));
	assert_false(is_taken(&(struct parts){ ID_RSA_PSS, NULL_, der_bytes(&key) }));
	assert_false(is_taken(&(struct parts){ ID_RSA_PSS, NOTHING, der_bytes(&key) }));
	assert_false(is_taken(&(struct parts){ ID_EC, P256, der_bytes(&key) }));
	assert_false(is_taken(&(struct parts){ ID_RSA, NULL_, der_bytes(&key), .unused = 7 }));
	der_add(&more, der_bytes(&key));
	der_add_bytes(&more, "", 1);
	assert_false(is_taken(&(struct parts){ ID_RSA, NULL_, der_bytes(&more) }));
	more.n = 0;
	der_wrap_ber(&more, DER_SEQUENCE, der_bytes(&numbers));
	assert_false(is_taken(&(struct parts){ ID_RSA, NULL_, der_bytes(&more) }));
}

/* ---- the functions below ---- */

static void test_numbers(void **state)
{
	uint8_t even[256];

	assert_null(ec_public_key(EC_P256, NOTHING));
	assert_null(ec_public_key(EC_P256, f.point384));
	assert_null(ec_public_key(EC_P384, f.point256));
	assert_null(rsa_public_key(NOTHING));
	assert_null(rsa_public_key((struct bytes){ f.n.p, 255 }));
	memcpy(even, f.n.p, sizeof(even));
	even[255] &= 0xfe;
	assert_null(rsa_public_key((struct bytes){ even, sizeof(even) }));
	assert_int_equal(ERR_peek_error(), 0);
}

/* Keys that come one after the other do not share anything. */
static void test_apart(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *more = EVP_EC_gen("P-256"), *a = NULL, *b = NULL, *c = NULL;
	struct bytes point = point_of(more);

	a = ec_public_key(EC_P256, f.point256);
	b = ec_public_key(EC_P256, point);
	c = ec_public_key(EC_P384, f.point384);
	assert_int_equal(EVP_PKEY_eq(a, f.p256), 1);
	assert_int_equal(EVP_PKEY_eq(b, more), 1);
	assert_int_equal(EVP_PKEY_eq(c, f.p384), 1);
	OPENSSL_free((void *)point.p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_coordinate_above_prime),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_modulus),
		cmocka_unit_test(test_exponent),
		cmocka_unit_test(test_rsa_names),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
