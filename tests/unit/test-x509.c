/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* OpenSSL makes certificates and lists here: valid ones, and some that differ in one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "attest/evidence.h"
#include "attest/snp/amd-ca.h"
#include "attest/x509/x509.h"

#include <cmocka.h>

#include "tests/unit/der-build.h"

#define NOW 1768003200	/* 2026-01-10 */
#define DAY 86400

static EVP_PKEY *p256, *other_p256, *p384, *rsa;

static int setup(void **state)
{
	p256 = EVP_EC_gen("P-256");
	other_p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	rsa = EVP_RSA_gen(2048);
	return p256 && other_p256 && p384 && rsa ? 0 : -1;
}

static int teardown(void **state)
{
	EVP_PKEY_free(p256);
	EVP_PKEY_free(other_p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	return 0;
}

static void set_name(X509_NAME *name, const char *cn)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
						    (const uint8_t *)"Test", -1, -1, 0),
			 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)cn,
						    -1, -1, 0),
			 1);
}

/* Not signed yet: version 3, valid for a day on both sides of NOW. */
static X509 *make_cert(const char *subject, const char *issuer, EVP_PKEY *key)
{
	X509 *c = X509_new();

	assert_non_null(c);
	assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), 7), 1);
	set_name(X509_get_subject_name(c), subject);
	set_name(X509_get_issuer_name(c), issuer);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(c), NOW - DAY));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(c), NOW + DAY));
	assert_int_equal(X509_set_pubkey(c, key), 1);
	return c;
}

static void add_extension(X509 *c, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(c, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void sign(X509 *c, EVP_PKEY *key)
{
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
}

static X509 *make_signed(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *by)
{
	X509 *c = make_cert(subject, issuer, key);

	sign(c, by);
	return c;
}

/* Signed with RSASSA-PSS and the given parameters. */
static X509 *make_pss(const EVP_MD *md, const EVP_MD *mask, int salt)
{
	X509 *c = make_cert("a", "a", rsa);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;

	assert_int_equal(EVP_DigestSignInit(ctx, &p, md, NULL, rsa), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(p, mask), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, salt), 1);
	assert_true(X509_sign_ctx(c, ctx) > 0);
	EVP_MD_CTX_free(ctx);
	return c;
}

static struct bytes der_of(X509 *c)
{
	unsigned char *der = NULL;
	int len = i2d_X509(c, &der);

	assert_true(len > 0);
	return (struct bytes){ der, (size_t)len };
}

/* Returns what x509_parse_der() says about @c, which is freed. */
static int parse_of(X509 *c)
{
	struct bytes der = der_of(c);
	X509 *got = NULL;
	int r = x509_parse_der(der, &got);

	assert_int_equal(r == 0, got != NULL);
	X509_free(got);
	X509_free(c);
	OPENSSL_free((void *)der.p);
	return r;
}

/* ---- parsing ---- */

static void test_parse(void **state)
{
	_cleanup_(x509_freep) X509 *c = make_signed("a", "a", p256, p256);
	struct bytes der = der_of(c);
	uint8_t *more = calloc(1, EVIDENCE_CERT_LEN_MAX + 1);
	X509 *got = NULL;

	assert_non_null(more);
	assert_int_equal(x509_parse_der(der, &got), 0);
	assert_int_equal(X509_cmp(got, c), 0);
	X509_free(got);
	/* One byte more, one less, nothing at all. */
	memcpy(more, der.p, der.len);
	assert_int_equal(x509_parse_der((struct bytes){ more, der.len + 1 }, &got), -EBADMSG);
	assert_int_equal(x509_parse_der((struct bytes){ more, der.len - 1 }, &got), -EBADMSG);
	assert_int_equal(x509_parse_der((struct bytes){ more, 0 }, &got), -EBADMSG);
	assert_int_equal(x509_parse_der((struct bytes){ more, EVIDENCE_CERT_LEN_MAX }, &got),
			 -EBADMSG);
	assert_int_equal(x509_parse_der((struct bytes){ more, EVIDENCE_CERT_LEN_MAX + 1 }, &got),
			 -EMSGSIZE);
	/* Well-formed, but not a certificate. */
	assert_int_equal(x509_parse_der((struct bytes){ (const uint8_t *)"\x30\x03\x02\x01\x05",
							5 },
					&got),
			 -EBADMSG);
	OPENSSL_free((void *)der.p);
	free(more);
}

static void test_parse_refused(void **state)
{
	X509 *c;

	assert_int_equal(parse_of(make_signed("a", "a", p256, p256)), 0);
	c = make_cert("a", "a", p256);
	assert_int_equal(X509_set_version(c, X509_VERSION_1), 1);
	sign(c, p256);
	assert_int_equal(parse_of(c), -EBADMSG);
	c = make_cert("a", "a", p256);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), -7), 1);
	sign(c, p256);
	assert_int_equal(parse_of(c), -EBADMSG);
	c = make_cert("a", "a", p256);
	add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(c, NID_key_usage, "digitalSignature");
	sign(c, p256);
	assert_int_equal(parse_of(c), 0);
	/* The same extension again, next to the first or not. */
	c = make_cert("a", "a", p256);
	add_extension(c, NID_key_usage, "digitalSignature");
	add_extension(c, NID_key_usage, "keyCertSign");
	sign(c, p256);
	assert_int_equal(parse_of(c), -EBADMSG);
	c = make_cert("a", "a", p256);
	add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(c, NID_key_usage, "digitalSignature");
	add_extension(c, NID_basic_constraints, "critical,CA:FALSE");
	sign(c, p256);
	assert_int_equal(parse_of(c), -EBADMSG);
}

/* @n times @c in PEM, with @between after each. */
static char *pem_of(X509 *c, unsigned n, const char *between, size_t *ret_len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *ret;
	long len;

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(PEM_write_bio_X509(bio, c), 1);
		assert_true(BIO_puts(bio, between) >= 0);
	}
	len = BIO_get_mem_data(bio, &data);
	ret = malloc((size_t)len + 1);
	assert_non_null(ret);
	memcpy(ret, data, (size_t)len);
	*ret_len = (size_t)len;
	BIO_free(bio);
	return ret;
}

static int parse_pem(X509 *c, unsigned n, const char *between, struct x509_list *l)
{
	size_t len;
	char *text = pem_of(c, n, between, &len);
	int r = x509_parse((struct bytes){ (const uint8_t *)text, len }, l);

	free(text);
	return r;
}

static void test_lists(void **state)
{
	_cleanup_(x509_freep) X509 *c = make_signed("a", "a", p256, p256);
	struct bytes der = der_of(c);
	struct x509_list l = { .n = 0 };

	assert_int_equal(x509_parse(der, &l), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(parse_pem(c, 2, " \r\n\t\n", &l), 0);
	assert_int_equal(l.n, 3);
	x509_list_done(&l);
	assert_int_equal(l.n, 0);
	/* As many as fit, and one more. */
	assert_int_equal(parse_pem(c, X509_LIST_MAX, "", &l), 0);
	assert_int_equal(l.n, X509_LIST_MAX);
	assert_int_equal(x509_parse(der, &l), -EMSGSIZE);
	assert_int_equal(l.n, X509_LIST_MAX);
	x509_list_done(&l);
	assert_int_equal(parse_pem(c, X509_LIST_MAX + 1, "", &l), -EMSGSIZE);
	assert_int_equal(l.n, X509_LIST_MAX);
	x509_list_done(&l);
	/* Something else between or after: the certificates before it are kept. */
	assert_int_equal(parse_pem(c, 2, "# and\n", &l), -EBADMSG);
	assert_int_equal(l.n, 1);
	assert_int_equal(parse_pem(c, 1,
				   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
				   &l),
			 -EBADMSG);
	assert_int_equal(l.n, 2);
	x509_list_done(&l);
	/* Blanks alone are not a list, nor is another type of block. */
	assert_int_equal(x509_parse((struct bytes){ (const uint8_t *)" \n", 2 }, &l), -EBADMSG);
	assert_int_equal(x509_parse((struct bytes){ (const uint8_t *)"", 0 }, &l), -EBADMSG);
	assert_int_equal(x509_parse((struct bytes){ (const uint8_t *)"-----BEGIN X509 "
								     "CRL-----\nAAAA\n-----END "
								     "X509 CRL-----\n",
						    52 },
				    &l),
			 -EBADMSG);
	assert_int_equal(l.n, 0);
	OPENSSL_free((void *)der.p);
}

/* Blanks may stand before a block, and a limited number of them in it. */
static void test_blanks(void **state)
{
	static const char begin[] = "-----BEGIN X-----\n", end[] = "-----END X-----\n";
	char text[2048];
	uint8_t buf[3];

	for (size_t more = 0; more < 2; more++) {
		const size_t room = 4 * sizeof(buf) + 1024 + more;
		struct bytes b;
		int n;

		n = snprintf(text, sizeof(text), " \n\t%s%*s%s", begin, (int)room - 1, "AAEC", end);
		b = (struct bytes){ (const uint8_t *)text, (size_t)n };
		assert_true(pem_is(b));
		assert_int_equal(pem_next(&b, "X", buf, sizeof(buf)), more ? -EMSGSIZE : 3);
	}
	assert_memory_equal(buf, "\0\1\2", 3);
}

/* The zeros at the end of a quote's chain. */
static void test_zeros_at_the_end(void **state)
{
	_cleanup_(x509_freep) X509 *c = make_signed("a", "a", p256, p256);
	struct x509_list l = { .n = 0 };
	size_t len;
	char *text = pem_of(c, 1, "xy", &len);

	memset(text + len - 2, 0, 2);
	assert_int_equal(x509_parse((struct bytes){ (const uint8_t *)text, len }, &l), 0);
	text[len - 1] = 'x';
	assert_int_equal(x509_parse((struct bytes){ (const uint8_t *)text, len }, &l), -EBADMSG);
	x509_list_done(&l);
	free(text);
}

/* ---- keys and signatures ---- */

static void test_key_kinds(void **state)
{
	static const enum x509_key kinds[] = { X509_KEY_RSA_4096, X509_KEY_P256, X509_KEY_P384 };
	EVP_PKEY *k256 = EVP_EC_gen("secp256k1"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	const struct {
		EVP_PKEY *key;
		int kind;	/* index into kinds, -1 for none */
	} rows[] = { { p256, 1 }, { p384, 2 }, { rsa, -1 }, { k256, -1 }, { ed, -1 } };
	X509 *c = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_non_null(rows[i].key);
		c = make_cert("a", "a", rows[i].key);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			assert_int_equal(x509_key_is(c, kinds[k]), (int)k == rows[i].kind);
		assert_false(x509_key_is(c, 99));
		X509_free(c);
	}
	/* AMD's roots have keys of 4096 bits. */
	assert_int_equal(x509_parse_der(amd_cas[0].der, &c), 0);
	assert_true(x509_key_is(c, X509_KEY_RSA_4096));
	assert_false(x509_key_is(c, X509_KEY_P256) || x509_key_is(c, X509_KEY_P384));
	X509_free(c);
	EVP_PKEY_free(k256);
	EVP_PKEY_free(ed);
}

/* The same curve, written out with all its parameters: an attacker could choose the generator. */
static void test_explicit_curve(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *c;

	assert_int_equal(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
	c = make_cert("a", "a", key);
	assert_false(x509_key_is(c, X509_KEY_P256));
	X509_free(c);
	EVP_PKEY_free(key);
}

static void test_signed_with(void **state)
{
	X509 *c = make_signed("a", "a", p256, p256);

	assert_true(x509_signed_with(c, X509_SIG_ECDSA_SHA256));
	assert_false(x509_signed_with(c, X509_SIG_PSS_SHA384));
	X509_free(c);
	c = make_cert("a", "a", p256);
	assert_true(X509_sign(c, p256, EVP_sha384()) > 0);
	assert_false(x509_signed_with(c, X509_SIG_ECDSA_SHA256));
	assert_false(x509_issued_by(c, c, X509_SIG_ECDSA_SHA256));
	X509_free(c);
	/* RSA without PSS. */
	c = make_cert("a", "a", rsa);
	assert_true(X509_sign(c, rsa, EVP_sha384()) > 0);
	assert_false(x509_signed_with(c, X509_SIG_PSS_SHA384));
	X509_free(c);
}

/* The signer chooses the parameters of PSS, and only one choice is taken. */
static void test_pss_parameters(void **state)
{
	const struct {
		const EVP_MD *md, *mask;
		int salt;
		bool good;
	} rows[] = {
		{ EVP_sha384(), EVP_sha384(), 48, true },
		{ EVP_sha256(), EVP_sha384(), 48, false },
		{ EVP_sha384(), EVP_sha256(), 48, false },
		{ EVP_sha384(), EVP_sha1(), 48, false },
		{ EVP_sha1(), EVP_sha384(), 48, false },
		{ EVP_sha384(), EVP_sha384(), 47, false },
		{ EVP_sha384(), EVP_sha384(), 49, false },
		{ EVP_sha384(), EVP_sha384(), 0, false },
		{ EVP_sha384(), EVP_sha384(), 20, false },
		{ EVP_sha512(), EVP_sha512(), 64, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		X509 *c = make_pss(rows[i].md, rows[i].mask, rows[i].salt);

		assert_int_equal(x509_signed_with(c, X509_SIG_PSS_SHA384), rows[i].good);
		assert_int_equal(x509_issued_by(c, c, X509_SIG_PSS_SHA384), rows[i].good);
		assert_false(x509_signed_with(c, X509_SIG_ECDSA_SHA256));
		X509_free(c);
	}
}

/* The certificate has the algorithm twice, and only one of them is signed. */
static void test_two_algorithms(void **state)
{
	X509 *c = make_signed("a", "a", p256, p256);
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, c);
	assert_int_equal(X509_ALGOR_set0((X509_ALGOR *)outer, OBJ_nid2obj(NID_ecdsa_with_SHA384),
					 V_ASN1_UNDEF, NULL),
			 1);
	assert_false(x509_signed_with(c, X509_SIG_ECDSA_SHA256));
	X509_free(c);
	c = make_signed("a", "a", p256, p256);
	X509_get0_signature(NULL, &outer, c);
	/* With a parameter where there should be none. */
	assert_int_equal(X509_ALGOR_set0((X509_ALGOR *)outer, OBJ_nid2obj(NID_ecdsa_with_SHA256),
					 V_ASN1_NULL, NULL),
			 1);
	assert_false(x509_signed_with(c, X509_SIG_ECDSA_SHA256));
	X509_free(c);
}

static void test_issued_by(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	_cleanup_(x509_freep) X509 *impostor = make_signed("root", "root", other_p256, other_p256);
	_cleanup_(x509_freep) X509 *renamed = make_signed("other", "other", p256, p256);
	_cleanup_(x509_freep) X509 *leaf = make_signed("leaf", "root", p384, p256);
	_cleanup_(x509_freep) X509 *changed = X509_dup(leaf);

	assert_true(x509_issued_by(leaf, root, X509_SIG_ECDSA_SHA256));
	assert_true(x509_issued_by(root, root, X509_SIG_ECDSA_SHA256));
	assert_false(x509_issued_by(leaf, root, X509_SIG_PSS_SHA384));
	/* Another key under the same name, and the same key under another name. */
	assert_false(x509_issued_by(leaf, impostor, X509_SIG_ECDSA_SHA256));
	assert_false(x509_issued_by(leaf, renamed, X509_SIG_ECDSA_SHA256));
	assert_false(x509_issued_by(root, leaf, X509_SIG_ECDSA_SHA256));
	/* A change under the signature. */
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(changed), 8), 1);
	assert_true(i2d_re_X509_tbs(changed, NULL) > 0);
	assert_false(x509_issued_by(changed, root, X509_SIG_ECDSA_SHA256));
}

static void test_spki(void **state)
{
	_cleanup_(x509_freep) X509 *a = make_cert("a", "a", p256), *b = make_cert("b", "c", p256),
				   *other = make_cert("a", "a", other_p256);
	uint8_t x[32], y[32], z[32], want[32];
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(p256, &der);

	assert_true(len > 0);
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, want, NULL), 1);
	OPENSSL_free(der);
	assert_int_equal(x509_spki_sha256(a, x), 0);
	assert_int_equal(x509_spki_sha256(b, y), 0);
	assert_int_equal(x509_spki_sha256(other, z), 0);
	assert_memory_equal(x, want, 32);
	assert_memory_equal(y, want, 32);
	assert_memory_not_equal(z, want, 32);
}

/* ---- the bytes that are signed ---- */

/* SEQUENCE { @part, @algorithm, BIT STRING }: signed with @key and @md, whatever they say. */
static void sign_part(struct bytes part, struct bytes algorithm, EVP_PKEY *key, const EVP_MD *md,
		      struct der *ret)
{
	uint8_t bits[1 + 512] = { 0 };	/* unused bits, and the signature */
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct der all = { .n = 0 };
	size_t len = sizeof(bits) - 1;

	assert_int_equal(EVP_DigestSignInit(c, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(c, bits + 1, &len, part.p, part.len), 1);
	EVP_MD_CTX_free(c);
	der_add(&all, part);
	der_add(&all, algorithm);
	der_wrap(&all, DER_BIT_STRING, (struct bytes){ bits, 1 + len });
	ret->n = 0;
	der_wrap(ret, DER_SEQUENCE, der_bytes(&all));
}

static const uint8_t ecdsa_sha256[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
					0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const uint8_t ecdsa_sha384[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
					0x48, 0xce, 0x3d, 0x04, 0x03, 0x03 };
#define ALG(a) ((struct bytes){ a, sizeof(a) })

/* The signed part of @der, with @inner in the place of its algorithm. */
static void change_inner(struct bytes der, struct bytes inner, struct der *ret)
{
	struct der in = { .n = 0 };
	struct bytes all, part, piece;

	assert_int_equal(der_only(der, DER_SEQUENCE, &all), 0);
	assert_int_equal(der_take(&all, DER_SEQUENCE, &part), 0);
	/* The version and the number, or the version of a list. */
	while (part.p[0] != DER_SEQUENCE) {
		assert_int_equal(der_take_whole(&part, part.p[0], &piece), 0);
		der_add(&in, piece);
	}
	assert_int_equal(der_take_whole(&part, DER_SEQUENCE, &piece), 0);
	der_add(&in, inner);
	der_add(&in, part);
	ret->n = 0;
	der_wrap(ret, DER_SEQUENCE, der_bytes(&in));
}

static struct bytes part_of(struct bytes der)
{
	struct bytes all, part;

	assert_int_equal(der_only(der, DER_SEQUENCE, &all), 0);
	assert_int_equal(der_take_whole(&all, DER_SEQUENCE, &part), 0);
	return part;
}

/* The signature of @signed_der over the part @part. */
static void swap_part(const struct der *signed_der, struct bytes part, struct der *ret)
{
	struct der all = { .n = 0 };
	struct bytes rest, old;

	assert_int_equal(der_only(der_bytes(signed_der), DER_SEQUENCE, &rest), 0);
	assert_int_equal(der_take_whole(&rest, DER_SEQUENCE, &old), 0);
	der_add(&all, part);
	der_add(&all, rest);
	ret->n = 0;
	der_wrap(ret, DER_SEQUENCE, der_bytes(&all));
}

static bool is_issued(struct bytes der, X509 *issuer, enum x509_sig sig)
{
	_cleanup_(x509_freep) X509 *got = NULL;

	assert_int_equal(x509_parse_der(der, &got), 0);
	return x509_issued_by(got, issuer, sig);
}

/* A leaf whose point ends with a set bit, and where its BIT STRING begins: a count of bits. */
static struct bytes make_odd_leaf(size_t *ret_at)
{
	for (unsigned i = 0; i < 100; i++) {
		_cleanup_(x509_freep) X509 *c = NULL;
		EVP_PKEY *key = EVP_EC_gen("P-256");
		unsigned char *point = NULL;
		size_t len = EVP_PKEY_get1_encoded_public_key(key, &point);
		struct bytes der;
		uint8_t *at;

		assert_int_equal(len, 65);
		if (!(point[64] & 1)) {
			OPENSSL_free(point);
			EVP_PKEY_free(key);
			continue;
		}
		c = make_signed("leaf", "root", key, p256);
		der = der_of(c);
		at = memmem(der.p, der.len, point, len);
		assert_non_null(at);
		*ret_at = (size_t)(at - 1 - der.p);
		OPENSSL_free(point);
		EVP_PKEY_free(key);
		return der;
	}
	fail();
	return (struct bytes){ NULL, 0 };
}

/*
 * OpenSSL clears bits of a BIT STRING that are said to be unused, and would write it so.  What
 * counts are the bytes that came: a signature over what OpenSSL would write is one over others.
 */
static void test_bytes_as_they_came(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	struct der came, written, bad;
	size_t at = 0;
	struct bytes der = make_odd_leaf(&at);
	uint8_t *p = (uint8_t *)der.p;

	assert_true(is_issued(der, root, X509_SIG_ECDSA_SHA256));
	assert_int_equal(p[at], 0);
	p[at] = 1;
	assert_false(is_issued(der, root, X509_SIG_ECDSA_SHA256));
	sign_part(part_of(der), ALG(ecdsa_sha256), p256, EVP_sha256(), &came);
	assert_true(is_issued(der_bytes(&came), root, X509_SIG_ECDSA_SHA256));
	p[at + 65] &= 0xfe;
	sign_part(part_of(der), ALG(ecdsa_sha256), p256, EVP_sha256(), &written);
	assert_true(is_issued(der_bytes(&written), root, X509_SIG_ECDSA_SHA256));
	swap_part(&written, part_of(der_bytes(&came)), &bad);
	assert_false(is_issued(der_bytes(&bad), root, X509_SIG_ECDSA_SHA256));
	OPENSSL_free(p);
}

/* The algorithm outside is not signed: it must be the one inside, in a certificate and a list. */
static void test_inner_algorithm(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	_cleanup_(x509_freep) X509 *c = make_signed("leaf", "root", p384, p256);
	struct bytes der = der_of(c);
	struct der part, full;

	change_inner(der, ALG(ecdsa_sha256), &part);
	sign_part(der_bytes(&part), ALG(ecdsa_sha256), p256, EVP_sha256(), &full);
	assert_true(is_issued(der_bytes(&full), root, X509_SIG_ECDSA_SHA256));
	change_inner(der, ALG(ecdsa_sha384), &part);
	sign_part(der_bytes(&part), ALG(ecdsa_sha256), p256, EVP_sha256(), &full);
	assert_false(is_issued(der_bytes(&full), root, X509_SIG_ECDSA_SHA256));
	OPENSSL_free((void *)der.p);
}

/* With the key of another type than the algorithm's: OpenSSL would use it in its own way. */
static void test_key_of_another_algorithm(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", rsa, rsa);
	_cleanup_(x509_freep) X509 *c = make_signed("leaf", "root", p384, p256);
	struct bytes der = der_of(c);
	struct der full;

	assert_non_null(x509_public_key(root));
	sign_part(part_of(der), ALG(ecdsa_sha256), rsa, EVP_sha256(), &full);
	assert_false(is_issued(der_bytes(&full), root, X509_SIG_ECDSA_SHA256));
	assert_false(is_issued(der_bytes(&full), root, X509_SIG_PSS_SHA384));
	OPENSSL_free((void *)der.p);
}

/* The same signature, said to be some bits shorter. */
static void test_unused_bits(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	struct bytes all, value;
	uint8_t *der;
	size_t at;

	for (unsigned i = 0;; i++) {
		_cleanup_(x509_freep) X509 *c = make_signed("leaf", "root", p384, p256);
		struct bytes whole = der_of(c);

		der = (uint8_t *)whole.p;
		/* OpenSSL clears the bits that are not used, so let the last one be clear. */
		if (!(der[whole.len - 1] & 1)) {
			assert_true(is_issued(whole, root, X509_SIG_ECDSA_SHA256));
			assert_int_equal(der_only(whole, DER_SEQUENCE, &all), 0);
			assert_int_equal(der_take(&all, DER_SEQUENCE, &value), 0);
			assert_int_equal(der_take(&all, DER_SEQUENCE, &value), 0);
			assert_int_equal(der_only(all, DER_BIT_STRING, &value), 0);
			at = (size_t)(value.p - der);
			assert_int_equal(der[at], 0);
			der[at] = 1;
			assert_false(is_issued(whole, root, X509_SIG_ECDSA_SHA256));
			OPENSSL_free(der);
			return;
		}
		OPENSSL_free(der);
		assert_true(i < 100);
	}
}

/* A root whose key is written in another way has no key, whatever it has signed. */
static void test_hostile_root(void **state)
{
	_cleanup_(x509_freep) X509 *leaf = make_signed("leaf", "root", p384, p256);
	unsigned char *point = NULL;
	size_t len = EVP_PKEY_get1_encoded_public_key(p256, &point);
	const struct {
		int algorithm, type, parameter;
		size_t drop;
		bool good;
	} rows[] = {
		{ NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, NID_X9_62_prime256v1, 0, true },
		{ NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, NID_secp384r1, 0, false },
		{ NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, NID_secp256k1, 0, false },
		{ NID_X9_62_id_ecPublicKey, V_ASN1_UNDEF, 0, 0, false },
		{ NID_X9_62_id_ecPublicKey, V_ASN1_NULL, 0, 0, false },
		{ NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, NID_X9_62_prime256v1, 1, false },
		{ NID_rsaEncryption, V_ASN1_NULL, 0, 0, false },
		{ NID_ED25519, V_ASN1_UNDEF, 0, 0, false },
		{ NID_rsaesOaep, V_ASN1_UNDEF, 0, 0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(x509_freep) X509 *root = make_cert("root", "root", p256), *got = NULL;
		void *parameter = rows[i].type == V_ASN1_OBJECT ? OBJ_nid2obj(rows[i].parameter) :
								  NULL;
		struct bytes der;

		assert_int_equal(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(root),
							OBJ_nid2obj(rows[i].algorithm),
							rows[i].type, parameter,
							OPENSSL_memdup(point, len),
							(int)(len - rows[i].drop)),
				 1);
		sign(root, p256);
		der = der_of(root);
		assert_int_equal(x509_parse_der(der, &got), 0);
		assert_int_equal(x509_public_key(got) != NULL, rows[i].good);
		assert_int_equal(x509_key_is(got, X509_KEY_P256), rows[i].good);
		assert_int_equal(x509_issued_by(leaf, got, X509_SIG_ECDSA_SHA256), rows[i].good);
		assert_int_equal(x509_issued_by(got, got, X509_SIG_ECDSA_SHA256), rows[i].good);
		OPENSSL_free((void *)der.p);
	}
	OPENSSL_free(point);
}

/* Asked again, it is the same key; a copy of the certificate makes its own. */
static void test_public_key(void **state)
{
	X509 *c = make_signed("a", "a", p256, p256), *copy, *got = NULL;
	struct bytes der = der_of(c);
	EVP_PKEY *key;

	assert_int_equal(x509_parse_der(der, &got), 0);
	key = x509_public_key(got);
	assert_int_equal(EVP_PKEY_eq(key, p256), 1);
	assert_ptr_equal(x509_public_key(got), key);
	copy = X509_dup(got);
	X509_free(got);
	assert_int_equal(EVP_PKEY_eq(x509_public_key(copy), p256), 1);
	X509_free(copy);
	X509_free(c);
	OPENSSL_free((void *)der.p);
}

/* Who looks at OpenSSL's queue of errors next, for TLS perhaps, must not find ours there. */
static void test_no_errors_left(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256), *got = NULL;
	_cleanup_(x509_freep) X509 *impostor = make_signed("root", "root", other_p256, other_p256);
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	struct bytes der = der_of(root);

	ERR_clear_error();
	assert_int_equal(x509_parse_der(der, &got), 0);
	assert_true(x509_is_leaf(got));
	assert_false(x509_is_ca(got));
	assert_true(x509_issued_by(got, root, X509_SIG_ECDSA_SHA256));
	assert_false(x509_issued_by(got, impostor, X509_SIG_ECDSA_SHA256));
	assert_int_equal(x509_crl_parse(der, &crl), -EBADMSG);
	assert_int_equal(ERR_peek_error(), 0);
	OPENSSL_free((void *)der.p);
}

/* ---- time ---- */

static void test_valid_at(void **state)
{
	_cleanup_(x509_freep) X509 *c = make_cert("a", "a", p256);
	int64_t from, to;

	assert_int_equal(x509_validity(c, &from, &to), 0);
	assert_true(from == NOW - DAY && to == NOW + DAY);
	assert_int_equal(x509_valid_at(c, NOW - DAY - 1), -EKEYEXPIRED);
	assert_int_equal(x509_valid_at(c, NOW - DAY), 0);
	assert_int_equal(x509_valid_at(c, NOW + DAY), 0);
	assert_int_equal(x509_valid_at(c, NOW + DAY + 1), -EKEYEXPIRED);
	assert_int_equal(x509_valid_at(c, INT64_MIN), -EKEYEXPIRED);
	assert_int_equal(x509_valid_at(c, INT64_MAX), -EKEYEXPIRED);
	/* After 2050 a time has another form, and before 1970 it is negative. */
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notBefore(c), "600101000000Z"), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(c), "99991231235959Z"), 1);
	assert_int_equal(x509_validity(c, &from, &to), 0);
	assert_true(from == -315619200 && to == 253402300799);
	assert_int_equal(x509_valid_at(c, NOW), 0);
	/* A malformed time: neither valid nor expired. */
	assert_int_equal(ASN1_STRING_set(X509_getm_notAfter(c), "x", 1), 1);
	assert_int_equal(x509_valid_at(c, NOW), -EBADMSG);
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(c), NOW + DAY));
	assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(c), "x", 1), 1);
	assert_int_equal(x509_valid_at(c, NOW), -EBADMSG);
}

/* ---- names, extensions, numbers ---- */

static void assert_cn(const char *cn, int len, int type, int want)
{
	X509_NAME *name = X509_NAME_new();
	char got[X509_CN_MAX + 1] = "?";

	if (cn)
		assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, type,
							    (const uint8_t *)cn, len, -1, 0),
				 1);
	assert_int_equal(x509_common_name(name, got), want);
	if (want < 0)
		assert_string_equal(got, "?");
	else
		assert_string_equal(got, cn);
	X509_NAME_free(name);
}

static void test_common_name(void **state)
{
	static const char longest[] = "012345678901234567890123456789012345678901234567890123456789"
				      "0123";
	X509_NAME *name = X509_NAME_new();
	char got[X509_CN_MAX + 1];

	assert_cn("SEV-VCEK", -1, V_ASN1_UTF8STRING, 0);
	assert_cn(" ~", -1, V_ASN1_PRINTABLESTRING, 0);
	assert_cn(longest, X509_CN_MAX, V_ASN1_UTF8STRING, 0);
	assert_cn(NULL, 0, 0, -EBADMSG);
	assert_cn("", 0, V_ASN1_UTF8STRING, -EBADMSG);
	assert_cn("a\0b", 3, V_ASN1_UTF8STRING, -EBADMSG);
	assert_cn("a\x1f", 2, V_ASN1_UTF8STRING, -EBADMSG);
	assert_cn("a\x7f", 2, V_ASN1_UTF8STRING, -EBADMSG);
	assert_cn("\xc3\xa4", 2, V_ASN1_UTF8STRING, -EBADMSG);
	assert_cn("\0a", 2, V_ASN1_BMPSTRING, -EBADMSG);
	/* Two names do not count, and another entry is not a common name. */
	set_name(name, "a");
	assert_int_equal(x509_common_name(name, got), 0);
	set_name(name, "a");
	assert_int_equal(x509_common_name(name, got), -EBADMSG);
	X509_NAME_free(name);
}

/* OpenSSL itself does not make a name longer than 64. */
static void test_longer_name(void **state)
{
	X509_NAME *name = X509_NAME_new();
	char got[X509_CN_MAX + 1];

	set_name(name, "a");
	assert_int_equal(ASN1_STRING_set(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 1)),
					 "012345678901234567890123456789012345678901234567890123456"
					 "78901234",
					 X509_CN_MAX + 1),
			 1);
	assert_int_equal(x509_common_name(name, got), -EBADMSG);
	X509_NAME_free(name);
}

static void test_name_text(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	X509_NAME *name = X509_NAME_new();

	set_name(name, "a\x1b[0m");
	assert_string_equal(x509_name_text(v, name), "/O=Test/CN=a\\x1B[0m");
	X509_NAME_free(name);
}

static void test_extension(void **state)
{
	static const char oid[] = "1.3.6.1.4.1.3704.1.1";
	_cleanup_(x509_freep) X509 *c = make_cert("a", "a", p256);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *obj = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *e;
	struct bytes got = { NULL, 0 };

	assert_int_equal(x509_extension(c, oid, &got), -ENOENT);
	assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x16\x03xyz", 5), 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, value);
	assert_int_equal(X509_add_ext(c, e, -1), 1);
	assert_int_equal(x509_extension(c, oid, &got), 0);
	assert_int_equal(got.len, 5);
	assert_memory_equal(got.p, "\x16\x03xyz", 5);
	/* One more or one less digit is another extension. */
	assert_int_equal(x509_extension(c, "1.3.6.1.4.1.3704.1", &got), -ENOENT);
	assert_int_equal(x509_extension(c, "1.3.6.1.4.1.3704.1.1.1", &got), -ENOENT);
	assert_int_equal(X509_add_ext(c, e, -1), 1);
	assert_int_equal(x509_extension(c, oid, &got), -EEXIST);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(obj);
	ASN1_OCTET_STRING_free(value);
}

static void test_authorities(void **state)
{
	static const struct {
		const char *constraints, *usage;
		bool ca, leaf;
	} rows[] = {
		{ NULL, NULL, false, true },
		{ "CA:FALSE", NULL, false, true },
		{ "critical,CA:TRUE", NULL, true, false },
		{ "critical,CA:TRUE", "keyCertSign", true, false },
		{ "critical,CA:TRUE", "keyCertSign,digitalSignature", true, false },
		{ "critical,CA:TRUE", "digitalSignature,cRLSign", false, false },
		{ NULL, "keyCertSign", false, true },
		{ "CA:FALSE", "digitalSignature", false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(x509_freep) X509 *c = make_cert("a", "b", p256), *got = NULL;
		struct bytes der;

		if (rows[i].constraints)
			add_extension(c, NID_basic_constraints, rows[i].constraints);
		if (rows[i].usage)
			add_extension(c, NID_key_usage, rows[i].usage);
		sign(c, p256);
		der = der_of(c);
		assert_int_equal(x509_parse_der(der, &got), 0);
		assert_int_equal(x509_is_ca(got), rows[i].ca);
		assert_int_equal(x509_is_leaf(got), rows[i].leaf);
		OPENSSL_free((void *)der.p);
	}
}

/* An extension that OpenSSL knows and cannot read: neither an authority nor a leaf. */
static void test_malformed_extension(void **state)
{
	static const struct {
		int nid;
		const char *value;
		int len;
	} rows[] = { { NID_basic_constraints, "\x30\x03\x01\x01", 4 },
		     { NID_key_usage, "\x03", 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(x509_freep) X509 *c = make_cert("a", "b", p256), *got = NULL;
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		X509_EXTENSION *e;
		struct bytes der;

		if (i > 0)
			add_extension(c, NID_basic_constraints, "critical,CA:TRUE");
		assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)rows[i].value,
						       rows[i].len),
				 1);
		e = X509_EXTENSION_create_by_NID(NULL, rows[i].nid, 1, value);
		assert_int_equal(X509_add_ext(c, e, -1), 1);
		sign(c, p256);
		der = der_of(c);
		assert_int_equal(x509_parse_der(der, &got), 0);
		assert_false(x509_is_ca(got) || x509_is_leaf(got));
		X509_EXTENSION_free(e);
		ASN1_OCTET_STRING_free(value);
		OPENSSL_free((void *)der.p);
	}
}

static void test_serial(void **state)
{
	_cleanup_(x509_freep) X509 *c = make_cert("a", "a", p256);
	uint8_t got[X509_SERIAL_MAX], long_one[X509_SERIAL_MAX + 1];
	size_t len = 0;

	assert_int_equal(x509_serial(c, got, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(got[0], 7);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), 0), 1);
	assert_int_equal(x509_serial(c, got, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(got[0], 0);
	memset(long_one, 0x5a, sizeof(long_one));
	assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(c), long_one, X509_SERIAL_MAX), 1);
	assert_int_equal(x509_serial(c, got, &len), 0);
	assert_int_equal(len, X509_SERIAL_MAX);
	assert_memory_equal(got, long_one, X509_SERIAL_MAX);
	assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(c), long_one, X509_SERIAL_MAX + 1),
			 1);
	assert_int_equal(x509_serial(c, got, &len), -EBADMSG);
	assert_int_equal(ASN1_STRING_set(X509_get_serialNumber(c), "", 0), 1);
	assert_int_equal(x509_serial(c, got, &len), -EBADMSG);
}

/* ---- revocation lists ---- */

static X509_CRL *make_crl(const char *issuer)
{
	X509_CRL *l = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *t = ASN1_TIME_new();

	assert_non_null(l);
	set_name(name, issuer);
	assert_int_equal(X509_CRL_set_version(l, X509_CRL_VERSION_2), 1);
	assert_int_equal(X509_CRL_set_issuer_name(l, name), 1);
	assert_non_null(ASN1_TIME_set(t, NOW));
	assert_int_equal(X509_CRL_set1_lastUpdate(l, t), 1);
	assert_non_null(ASN1_TIME_set(t, NOW + DAY));
	assert_int_equal(X509_CRL_set1_nextUpdate(l, t), 1);
	ASN1_TIME_free(t);
	X509_NAME_free(name);
	return l;
}

static void revoke(X509_CRL *l, long serial, long reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, NOW - DAY);

	assert_int_equal(ASN1_INTEGER_set(n, serial), 1);
	assert_int_equal(X509_REVOKED_set_serialNumber(entry, n), 1);
	assert_int_equal(X509_REVOKED_set_revocationDate(entry, t), 1);
	assert_int_equal(ASN1_ENUMERATED_set(why, reason), 1);
	if (reason >= 0)
		assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, why, 0, 0), 1);
	assert_int_equal(X509_CRL_add0_revoked(l, entry), 1);
	ASN1_ENUMERATED_free(why);
	ASN1_INTEGER_free(n);
	ASN1_TIME_free(t);
}

static struct bytes crl_der_of(X509_CRL *l)
{
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(l, &der);

	assert_true(len > 0);
	return (struct bytes){ der, (size_t)len };
}

/* Sign, write and read again, like a list from elsewhere; @l is freed. */
static X509_CRL *reread(X509_CRL *l, EVP_PKEY *key)
{
	X509_CRL *got = NULL;
	struct bytes der;

	assert_true(X509_CRL_sign(l, key, EVP_sha256()) > 0);
	der = crl_der_of(l);
	assert_int_equal(x509_crl_parse(der, &got), 0);
	OPENSSL_free((void *)der.p);
	X509_CRL_free(l);
	return got;
}

static void test_crl_parse(void **state)
{
	X509_CRL *l = make_crl("root"), *got = NULL;
	uint8_t *more = calloc(1, 2 * EVIDENCE_CRL_LEN_MAX + 1);
	struct bytes der;

	assert_non_null(more);
	assert_true(X509_CRL_sign(l, p256, EVP_sha256()) > 0);
	der = crl_der_of(l);
	memcpy(more, der.p, der.len);
	assert_int_equal(x509_crl_parse((struct bytes){ more, der.len + 1 }, &got), -EBADMSG);
	assert_int_equal(x509_crl_parse((struct bytes){ more, der.len - 1 }, &got), -EBADMSG);
	assert_int_equal(x509_crl_parse((struct bytes){ more, 0 }, &got), -EBADMSG);
	assert_int_equal(x509_crl_parse((struct bytes){ more, EVIDENCE_CRL_LEN_MAX }, &got),
			 -EBADMSG);
	assert_int_equal(x509_crl_parse((struct bytes){ more, EVIDENCE_CRL_LEN_MAX + 1 }, &got),
			 -EMSGSIZE);
	assert_int_equal(x509_crl_parse((struct bytes){ more, 2 * EVIDENCE_CRL_LEN_MAX + 1 }, &got),
			 -EMSGSIZE);
	assert_null(got);
	assert_int_equal(x509_crl_parse(der, &got), 0);
	X509_CRL_free(got);
	OPENSSL_free((void *)der.p);
	free(more);
	/* Version 1 has no extensions that could say that the list is partial. */
	assert_int_equal(X509_CRL_set_version(l, X509_CRL_VERSION_1), 1);
	assert_true(X509_CRL_sign(l, p256, EVP_sha256()) > 0);
	der = crl_der_of(l);
	assert_int_equal(x509_crl_parse(der, &got), -EBADMSG);
	OPENSSL_free((void *)der.p);
	X509_CRL_free(l);
}

static int parse_crl_pem(X509_CRL *l, unsigned n, const char *after, size_t len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509_CRL *got = NULL;
	char *data;
	long all;
	int r;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(PEM_write_bio_X509_CRL(bio, l), 1);
	assert_int_equal(BIO_write(bio, after, (int)len), (int)len);
	all = BIO_get_mem_data(bio, &data);
	r = x509_crl_parse((struct bytes){ (const uint8_t *)data, (size_t)all }, &got);
	assert_int_equal(r == 0, got != NULL);
	X509_CRL_free(got);
	BIO_free(bio);
	return r;
}

static void test_crl_pem(void **state)
{
	X509_CRL *l = make_crl("root");

	assert_true(X509_CRL_sign(l, p256, EVP_sha256()) > 0);
	assert_int_equal(parse_crl_pem(l, 1, " \n\0\0", 4), 0);
	assert_int_equal(parse_crl_pem(l, 1, "x", 1), -EBADMSG);
	assert_int_equal(parse_crl_pem(l, 2, " \n", 2), -EBADMSG);
	assert_int_equal(parse_crl_pem(l, 0, "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n",
				       48),
			 -EBADMSG);
	assert_int_equal(parse_crl_pem(l, 0,
				       "-----BEGIN CERTIFICATE-----\nAAAA\n-----END "
				       "CERTIFICATE-----\n",
				       59),
			 -EBADMSG);
	X509_CRL_free(l);
}

static void test_crl_verify(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	_cleanup_(x509_freep) X509 *impostor = make_signed("root", "root", other_p256, other_p256);
	_cleanup_(x509_freep) X509 *other = make_signed("other", "other", p256, p256);
	_cleanup_(x509_crl_freep) X509_CRL *l = reread(make_crl("root"), p256);
	X509_CRL *weak = make_crl("root");

	assert_int_equal(x509_crl_verify(l, root, X509_SIG_ECDSA_SHA256), 0);
	assert_int_equal(x509_crl_verify(l, other, X509_SIG_ECDSA_SHA256), -ENOENT);
	assert_int_equal(x509_crl_verify(l, impostor, X509_SIG_ECDSA_SHA256), -EKEYREJECTED);
	assert_int_equal(x509_crl_verify(l, root, X509_SIG_PSS_SHA384), -EKEYREJECTED);
	assert_true(x509_crl_signed_with(l, X509_SIG_ECDSA_SHA256));
	assert_true(X509_CRL_sign(weak, p256, EVP_sha384()) > 0);
	assert_false(x509_crl_signed_with(weak, X509_SIG_ECDSA_SHA256));
	assert_int_equal(x509_crl_verify(weak, root, X509_SIG_ECDSA_SHA256), -EKEYREJECTED);
	X509_CRL_free(weak);
}

/* Returns the result for a list with an extension that is a number. */
static int verify_with(int nid, bool critical)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_CRL *l = make_crl("root");
	int r;

	assert_int_equal(ASN1_INTEGER_set(number, 5), 1);
	assert_int_equal(X509_CRL_add1_ext_i2d(l, nid, number, critical, 0), 1);
	ASN1_INTEGER_free(number);
	l = reread(l, p256);
	r = x509_crl_verify(l, root, X509_SIG_ECDSA_SHA256);
	X509_CRL_free(l);
	return r;
}

/* A list that says it is partial does not stand for the whole. */
static void test_crl_extensions(void **state)
{
	static const struct {
		bool user, ca, attr, indirect, reasons;
		int r;
	} rows[] = {
		{ .r = 0 },
		{ .user = true, .r = -EOPNOTSUPP },
		{ .ca = true, .r = -EOPNOTSUPP },
		{ .attr = true, .r = -EOPNOTSUPP },
		{ .indirect = true, .r = -EOPNOTSUPP },
		{ .reasons = true, .r = -EOPNOTSUPP },
	};
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ISSUING_DIST_POINT *idp = ISSUING_DIST_POINT_new();
		X509_CRL *l = make_crl("root");

		idp->onlyuser = rows[i].user ? 0xff : 0;
		idp->onlyCA = rows[i].ca ? 0xff : 0;
		idp->onlyattr = rows[i].attr ? 0xff : 0;
		idp->indirectCRL = rows[i].indirect ? 0xff : 0;
		if (rows[i].reasons) {
			idp->onlysomereasons = ASN1_BIT_STRING_new();
			assert_int_equal(ASN1_BIT_STRING_set_bit(idp->onlysomereasons, 1, 1), 1);
		}
		assert_int_equal(X509_CRL_add1_ext_i2d(l, NID_issuing_distribution_point, idp,
						       /* crit= */ 1, 0),
				 1);
		ISSUING_DIST_POINT_free(idp);
		l = reread(l, p256);
		assert_int_equal(x509_crl_verify(l, root, X509_SIG_ECDSA_SHA256), rows[i].r);
		X509_CRL_free(l);
	}
	assert_int_equal(verify_with(NID_crl_number, false), 0);
	assert_int_equal(verify_with(NID_crl_number, true), -EOPNOTSUPP);
	assert_int_equal(verify_with(NID_delta_crl, true), -EOPNOTSUPP);
}

/* Critical, and cannot be read. */
static void test_crl_malformed_idp(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	X509_CRL *l = make_crl("root");
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *e;

	assert_int_equal(ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x02\x01\x05", 3), 1);
	e = X509_EXTENSION_create_by_NID(NULL, NID_issuing_distribution_point, 1, value);
	assert_int_equal(X509_CRL_add_ext(l, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(value);
	l = reread(l, p256);
	assert_true(x509_crl_verify(l, root, X509_SIG_ECDSA_SHA256) < 0);
	X509_CRL_free(l);
}

/* A list of two serial numbers, in this order. */
static struct bytes make_crl_of(long first, long second)
{
	X509_CRL *l = make_crl("root");
	struct bytes der;

	revoke(l, first, -1);
	revoke(l, second, -1);
	assert_true(X509_CRL_sign(l, p256, EVP_sha256()) > 0);
	der = crl_der_of(l);
	X509_CRL_free(l);
	return der;
}

/* The number 7 is looked for first, for which OpenSSL sorts the list. */
static int verify_sorted(struct bytes der, X509 *issuer)
{
	_cleanup_(x509_freep) X509 *seven = make_cert("a", "root", p256);
	_cleanup_(x509_crl_freep) X509_CRL *l = NULL;

	assert_int_equal(x509_crl_parse(der, &l), 0);
	assert_false(x509_crl_has(l, seven));
	return x509_crl_verify(l, issuer, X509_SIG_ECDSA_SHA256);
}

/* Of a list, too, the bytes count that came, not those that OpenSSL would write after sorting. */
static void test_crl_bytes(void **state)
{
	_cleanup_(x509_freep) X509 *root = make_signed("root", "root", p256, p256);
	struct bytes sorted = make_crl_of(6, 8), unsorted = make_crl_of(8, 6);
	struct der good = { .n = 0 }, bad, part;

	assert_int_equal(verify_sorted(sorted, root), 0);
	assert_int_equal(verify_sorted(unsorted, root), 0);
	der_add(&good, sorted);
	swap_part(&good, part_of(unsorted), &bad);
	assert_int_equal(verify_sorted(der_bytes(&bad), root), -EKEYREJECTED);
	/* The algorithm outside is another one than inside. */
	change_inner(sorted, ALG(ecdsa_sha256), &part);
	sign_part(der_bytes(&part), ALG(ecdsa_sha256), p256, EVP_sha256(), &good);
	assert_int_equal(verify_sorted(der_bytes(&good), root), 0);
	change_inner(sorted, ALG(ecdsa_sha384), &part);
	sign_part(der_bytes(&part), ALG(ecdsa_sha256), p256, EVP_sha256(), &bad);
	assert_int_equal(verify_sorted(der_bytes(&bad), root), -EKEYREJECTED);
	OPENSSL_free((void *)sorted.p);
	OPENSSL_free((void *)unsorted.p);
}

static void test_crl_has(void **state)
{
	_cleanup_(x509_freep) X509 *c = make_cert("a", "root", p256);
	X509_CRL *l = reread(make_crl("root"), p256);

	assert_false(x509_crl_has(l, c));
	X509_CRL_free(l);
	l = make_crl("root");
	revoke(l, 6, -1);
	revoke(l, 8, -1);
	l = reread(l, p256);
	assert_false(x509_crl_has(l, c));
	X509_CRL_free(l);
	/* Whatever the reason: also one that only a delta list may have. */
	for (long reason = -1; reason <= 10; reason++) {
		l = make_crl("root");
		revoke(l, 6, -1);
		revoke(l, 7, reason);
		revoke(l, 8, -1);
		l = reread(l, p256);
		assert_true(x509_crl_has(l, c));
		X509_CRL_free(l);
	}
}

static void test_crl_validity(void **state)
{
	X509_CRL *l = make_crl("root");
	int64_t from, to;

	assert_int_equal(x509_crl_validity(l, &from, &to), 0);
	assert_true(from == NOW && to == NOW + DAY);
	X509_CRL_free(l);
	/* Without nextUpdate the list does not say how long it is valid. */
	l = X509_CRL_new();
	assert_int_equal(x509_crl_validity(l, &from, &to), -EBADMSG);
	X509_CRL_free(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refused),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_blanks),
		cmocka_unit_test(test_zeros_at_the_end),
		cmocka_unit_test(test_key_kinds),
		cmocka_unit_test(test_explicit_curve),
		cmocka_unit_test(test_signed_with),
		cmocka_unit_test(test_pss_parameters),
		cmocka_unit_test(test_two_algorithms),
		cmocka_unit_test(test_issued_by),
		cmocka_unit_test(test_spki),
		cmocka_unit_test(test_bytes_as_they_came),
		cmocka_unit_test(test_inner_algorithm),
		cmocka_unit_test(test_key_of_another_algorithm),
		cmocka_unit_test(test_unused_bits),
		cmocka_unit_test(test_hostile_root),
		cmocka_unit_test(test_public_key),
		cmocka_unit_test(test_no_errors_left),
		cmocka_unit_test(test_valid_at),
		cmocka_unit_test(test_common_name),
		cmocka_unit_test(test_longer_name),
		cmocka_unit_test(test_name_text),
		cmocka_unit_test(test_extension),
		cmocka_unit_test(test_authorities),
		cmocka_unit_test(test_malformed_extension),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_crl_parse),
		cmocka_unit_test(test_crl_pem),
		cmocka_unit_test(test_crl_verify),
		cmocka_unit_test(test_crl_extensions),
		cmocka_unit_test(test_crl_malformed_idp),
		cmocka_unit_test(test_crl_bytes),
		cmocka_unit_test(test_crl_has),
		cmocka_unit_test(test_crl_validity),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
