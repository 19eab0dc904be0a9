/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The broker's keys, and the certificate that its guests have. */
#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/keys.h"
#include "tests/unit/broker-keys.h"

#define YEAR_SEC (365 * 86400)

static struct secret *secret_of(const void *data, size_t len)
{
	struct secret *s;

	assert_int_equal(secret_new(len, &s), 0);
	if (len > 0)
		memcpy(secret_bytes(s), data, len);
	return s;
}

/* ---- derived keys ---- */

/* HKDF of RFC 5869 without a salt, in one block. */
static void hkdf(const uint8_t master[32], const void *info, size_t len, uint8_t ret[32])
{
	uint8_t zeros[32] = { 0 }, prk[32], text[256];

	assert_true(len < sizeof(text));
	HMAC(EVP_sha256(), zeros, 32, master, 32, prk, NULL);
	memcpy(text, info, len);
	text[len] = 1;
	HMAC(EVP_sha256(), prk, 32, text, len + 1, ret, NULL);
}

static void test_derive(void **state)
{
	struct keys *k = broker_keys(0x11);
	uint8_t master[32], key[32], expected[32];

	memset(master, 0x11, sizeof(master));
	assert_int_equal(keys_derive(k, "coco seal", NULL, 0, key), 0);
	hkdf(master, "coco seal", 10, expected);
	assert_memory_equal(key, expected, 32);
	assert_int_equal(keys_derive(k, "coco salt", "\0\1\2\3", 4, key), 0);
	hkdf(master, "coco salt\0\0\1\2\3", 14, expected);
	assert_memory_equal(key, expected, 32);
	key_wipe(&key);
	memset(expected, 0, sizeof(expected));
	assert_memory_equal(key, expected, 32);
	keys_free(k);
}

static void test_token_key(void **state)
{
	struct keys *a = broker_keys(1), *b = broker_keys(1), *c = broker_keys(2);
	EVP_PKEY_CTX *check = EVP_PKEY_CTX_new(keys_token(a), NULL);

	/* Of one master key there is one, whatever the identity; it is neither of the others. */
	assert_int_equal(EVP_PKEY_eq(keys_token(a), keys_token(b)), 1);
	assert_int_equal(EVP_PKEY_eq(keys_token(a), keys_token(c)), 0);
	assert_int_equal(EVP_PKEY_eq(keys_token(a), keys_identity(a)), 0);
	assert_int_equal(EVP_PKEY_check(check), 1);
	EVP_PKEY_CTX_free(check);
	keys_free(a);
	keys_free(b);
	keys_free(c);
}

static void test_identity_id(void **state)
{
	struct keys *k = broker_keys(1);
	uint8_t *der = NULL, id[32];
	int len = i2d_PUBKEY(keys_identity(k), &der);

	SHA256(der, (size_t)len, id);
	assert_memory_equal(keys_identity_id(k), id, 32);
	OPENSSL_free(der);
	keys_free(k);
}

/* The public half of a key: nothing can be signed with it. */
static EVP_PKEY *public_half(EVP_PKEY *key)
{
	uint8_t *der = NULL;
	const uint8_t *p;
	int len = i2d_PUBKEY(key, &der);
	EVP_PKEY *public;

	p = der;
	public = d2i_PUBKEY(NULL, &p, len);
	assert_non_null(public);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return public;
}

static void test_bad_keys(void **state)
{
	uint8_t bytes[64] = { 7 };
	struct keys *k = NULL;

	assert_int_equal(keys_new(secret_of(bytes, 31), EVP_EC_gen("P-256"), &k), -EINVAL);
	assert_int_equal(keys_new(secret_of(bytes, 33), EVP_EC_gen("P-256"), &k), -EINVAL);
	assert_int_equal(keys_new(secret_of(bytes, 0), EVP_EC_gen("P-256"), &k), -EINVAL);
	assert_int_equal(keys_new(secret_of(bytes, 32), EVP_EC_gen("P-384"), &k), -EINVAL);
	assert_int_equal(keys_new(secret_of(bytes, 32), EVP_RSA_gen(2048), &k), -EINVAL);
	assert_int_equal(keys_new(secret_of(bytes, 32), public_half(EVP_EC_gen("P-256")), &k),
			 -EINVAL);
	assert_null(k);
}

/* ---- the file ---- */

static struct secret *pem_of(EVP_PKEY *key, const EVP_CIPHER *cipher, unsigned times)
{
	BIO *out = BIO_new(BIO_s_mem());
	struct secret *s;
	char *text;
	long len;

	for (unsigned i = 0; i < times; i++)
		assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, key, cipher,
							       cipher ? "word" : NULL,
							       cipher ? 4 : 0, NULL, NULL),
				 1);
	len = BIO_get_mem_data(out, &text);
	s = secret_of(text, (size_t)len);
	BIO_free(out);
	return s;
}

/* Takes the secret and frees it. */
static void file_is(struct secret *s, int r, const char *words)
{
	EVP_PKEY *key = NULL;
	struct cause why = { "" };

	assert_int_equal(identity_key_parse(s, &key, &why), r);
	assert_int_equal(r == 0, key != NULL);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not have '%s'", why.text, words);
	EVP_PKEY_free(key);
	secret_free(s);
}

/* As openssl ecparam -genkey writes it: the parameters in front of a key in SEC1's form. */
static struct secret *sec1(EVP_PKEY *key)
{
	static const char params[] = "-----BEGIN EC PARAMETERS-----\n"
				     "BggqhkjOPQMBBw==\n"
				     "-----END EC PARAMETERS-----\n";
	BIO *out = BIO_new(BIO_s_mem());
	struct secret *s;
	char *text;
	long len;

	BIO_puts(out, params);
	assert_int_equal(PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL),
			 1);
	len = BIO_get_mem_data(out, &text);
	s = secret_of(text, (size_t)len);
	BIO_free(out);
	return s;
}

static void test_file(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
	EVP_PKEY *again = NULL;
	struct secret *s = pem_of(key, NULL, 1), *cut;
	struct cause why = { "" };

	assert_int_equal(identity_key_parse(s, &again, &why), 0);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	EVP_PKEY_free(again);
	cut = secret_of(secret_data(s), secret_len(s) - 40);
	file_is(cut, -EBADMSG, "no private key");
	secret_free(s);
	file_is(sec1(key), 0, "");
	file_is(pem_of(key, NULL, 2), -EBADMSG, "more than one");
	file_is(pem_of(key, EVP_aes_256_cbc(), 1), -EBADMSG, "encrypted");
	file_is(pem_of(p384, NULL, 1), -EOPNOTSUPP, "P-256");
	file_is(pem_of(rsa, NULL, 1), -EOPNOTSUPP, "P-256");
	file_is(secret_of("", 0), -EBADMSG, "empty");
	file_is(secret_of("-----BEGIN PRIVATE KEY-----\n", 28), -EBADMSG, "no private key");
	EVP_PKEY_free(key);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
}

/* ---- the certificate ---- */

static X509 *certificate(const struct keys *k, const char *name, unsigned years)
{
	char *pem;
	BIO *in;
	X509 *x;

	assert_int_equal(identity_certificate(keys_identity(k), name, years, &pem), 0);
	in = BIO_new_mem_buf(pem, -1);
	x = PEM_read_bio_X509(in, NULL, NULL, NULL);
	assert_non_null(x);
	BIO_free(in);
	free(pem);
	return x;
}

static void test_certificate(void **state)
{
	struct keys *k = broker_keys(3);
	X509 *x = certificate(k, "home", 20), *y = certificate(k, "home", 20);
	char name[128];
	int days, seconds, critical;
	BASIC_CONSTRAINTS *b = X509_get_ext_d2i(x, NID_basic_constraints, &critical, NULL);

	assert_int_equal(X509_get_version(x), X509_VERSION_3);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	assert_string_equal(name, "coco-broker home");
	assert_int_equal(X509_verify(x, keys_identity(k)), 1);
	assert_int_equal(X509_check_issued(x, x), X509_V_OK);
	assert_int_equal(X509_check_ca(x), 1);
	assert_non_null(b);
	assert_int_equal(critical, 1);
	assert_true(b->ca);
	assert_int_equal(ASN1_INTEGER_get(b->pathlen), 0);
	assert_int_equal(X509_get_key_usage(x),
			 KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_ext_by_NID(x, NID_key_usage, -1) >= 0, 1);
	assert_non_null(X509_get0_subject_key_id(x));
	assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(x),
					       X509_get0_authority_key_id(x)),
			 0);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x),
					X509_get0_notAfter(x)),
			 1);
	assert_in_range(days, 20 * 365 + 5, 20 * 365 + 7);
	assert_true(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)) != 0);
	BASIC_CONSTRAINTS_free(b);
	X509_free(x);
	X509_free(y);
	keys_free(k);
}

/* A leaf for TLS by the identity, as openssl(1) would make it; it is over. */
static X509 *leaf(const struct keys *k, X509 *ca, EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509V3_CTX c;
	X509_EXTENSION *e;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 5);
	X509_set_issuer_name(x, X509_get_subject_name(ca));
	X509_gmtime_adj(X509_getm_notBefore(x), -2 * YEAR_SEC);
	X509_gmtime_adj(X509_getm_notAfter(x), -YEAR_SEC);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&c, ca, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &c, NID_authority_key_identifier, "keyid:always");
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	assert_true(X509_sign(x, keys_identity(k), EVP_sha256()) > 0);
	return x;
}

static int verify(X509 *x, X509 *ca, unsigned long flags)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	int r;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(c, store, x, NULL);
	X509_STORE_CTX_set_default(c, "ssl_server");
	X509_STORE_CTX_set_flags(c, flags);
	r = X509_verify_cert(c) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(c);
	X509_STORE_CTX_free(c);
	X509_STORE_free(store);
	return r;
}

/* As a guest verifies it, whose clock may be wrong, and as a strict program does. */
static void test_issues(void **state)
{
	struct keys *k = broker_keys(3), *other = broker_keys(4);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *ca = certificate(k, "home", 20), *theirs = certificate(other, "home", 20);
	X509 *x = leaf(k, ca, key);

	assert_int_equal(verify(x, ca, X509_V_FLAG_NO_CHECK_TIME), X509_V_OK);
	assert_int_equal(verify(x, ca, 0), X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_not_equal(verify(x, theirs, X509_V_FLAG_NO_CHECK_TIME), X509_V_OK);
	assert_int_equal(verify(ca, ca, X509_V_FLAG_X509_STRICT), X509_V_OK);
	X509_free(x);
	X509_free(ca);
	X509_free(theirs);
	EVP_PKEY_free(key);
	keys_free(k);
	keys_free(other);
}

static void test_bad_certificate(void **state)
{
	struct keys *k = broker_keys(3);
	char name[] = "12345678901234567890123456789012345678901234567890123", *pem = NULL;

	assert_int_equal(identity_certificate(keys_identity(k), "home", 0, &pem), -EINVAL);
	assert_int_equal(identity_certificate(keys_identity(k), "home", 101, &pem), -EINVAL);
	assert_int_equal(identity_certificate(keys_identity(k), "", 1, &pem), -EINVAL);
	assert_int_equal(identity_certificate(keys_identity(k), "ho\nme", 1, &pem), -EINVAL);
	assert_int_equal(identity_certificate(keys_identity(k), "ho\x9bme", 1, &pem), -EINVAL);
	assert_int_equal(identity_certificate(keys_identity(k), name, 1, &pem), -EINVAL);
	assert_null(pem);
	name[52] = '\0';
	assert_int_equal(identity_certificate(keys_identity(k), name, 100, &pem), 0);
	free(pem);
	keys_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derive),	     cmocka_unit_test(test_token_key),
		cmocka_unit_test(test_identity_id),  cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_file),	     cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_issues),	     cmocka_unit_test(test_bad_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
