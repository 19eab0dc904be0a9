/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a broker encrypts.  cocod-net's code reads it and cocod's opens it; RSA, which no guest of
 * ours has, is opened by OpenSSL.  tests/run/jwe-jose has other programs open it.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/net/jwe.h"
#include "base/base64.h"
#include "crypto/jwe-seal.h"
#include "crypto/jwe.h"
#include "crypto/locked-heap.h"

static struct secret *plain_of(size_t len)
{
	struct secret *s;

	assert_int_equal(secret_new(len, &s), 0);
	for (size_t i = 0; i < len; i++)
		secret_bytes(s)[i] = (uint8_t)(i * 7 + 1);
	return s;
}

static struct tee_key ec_key(unsigned curve, EVP_PKEY **ret)
{
	struct tee_key k = { .kind = curve == BROKER_P256 ? TEE_KEY_EC_P256 : TEE_KEY_EC_P521 };

	assert_int_equal(jwe_key_new(curve, ret), 0);
	assert_int_equal(jwe_key_point(*ret, curve, k.x, k.y), 0);
	k.x_len = k.y_len = (unsigned)broker_curve_len(curve);
	return k;
}

static unsigned number(EVP_PKEY *key, const char *name, uint8_t ret[static TEE_KEY_RSA_MAX])
{
	BIGNUM *n = NULL;
	int len;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	len = BN_bn2bin(n, ret);
	BN_free(n);
	return (unsigned)len;
}

static struct tee_key rsa_key(unsigned bits, EVP_PKEY **ret)
{
	struct tee_key k = { .kind = TEE_KEY_RSA_OAEP_256 };

	*ret = EVP_RSA_gen(bits);
	assert_non_null(*ret);
	k.x_len = number(*ret, OSSL_PKEY_PARAM_RSA_N, k.x);
	k.y_len = number(*ret, OSSL_PKEY_PARAM_RSA_E, k.y);
	return k;
}

/* The parts of the compact form, each a C string. */
static void split(char *jwe, char *parts[static JWE_PARTS])
{
	for (size_t i = 0; i < JWE_PARTS; i++) {
		parts[i] = strsep(&jwe, ".");
		assert_non_null(parts[i]);
	}
	assert_null(jwe);
}

static void header_is(const char *part, const char *expected)
{
	char text[1024] = "";

	assert_true(base64url_decode(part, strlen(part), (uint8_t *)text, sizeof(text) - 1) > 0);
	assert_string_equal(text, expected);
}

/* ---- without memory that is locked; this test is the first ---- */

static void test_no_heap(void **state)
{
	struct secret *plain = plain_of(5);
	char *jwe = NULL;
	EVP_PKEY *key;
	struct tee_key to = ec_key(BROKER_P256, &key);

	assert_int_equal(jwe_seal(&to, plain, &jwe), -ENOMEM);
	assert_null(jwe);
	assert_null(locked_heap_new(32));
	assert_int_equal(locked_heap_init(65536), 0);
	assert_int_equal(locked_heap_init(65536), 0);
	/* OpenSSL's generator keeps some of it. */
	assert_int_equal(jwe_seal(&to, plain, &jwe), 0);
	free(jwe);
	EVP_PKEY_free(key);
	secret_free(plain);
}

/* ---- to a guest of ours ---- */

static void opens(unsigned curve, size_t len)
{
	struct secret *plain = plain_of(len), *got = NULL;
	struct net_jwe fields = { .curve = 0 };
	struct cause why = { "" };
	char *jwe, *parts[JWE_PARTS], *json;
	uint8_t *ciphertext;
	EVP_PKEY *key;
	struct tee_key to = ec_key(curve, &key);
	size_t used = CRYPTO_secure_used();

	assert_int_equal(jwe_seal(&to, plain, &jwe), 0);
	/* No key of this stays behind. */
	assert_int_equal(CRYPTO_secure_used(), used);
	split(jwe, parts);
	assert_true(asprintf(&json,
			     "{\"protected\":\"%s\",\"encrypted_key\":\"%s\",\"iv\":\"%s\","
			     "\"ciphertext\":\"%s\",\"tag\":\"%s\"}",
			     parts[0], parts[1], parts[2], parts[3], parts[4]) > 0);
	assert_int_equal(jwe_read((struct bytes){ (uint8_t *)json, strlen(json) }, curve, &fields,
				  &ciphertext, &why),
			 0);
	assert_int_equal(jwe_open(key, curve, &fields, ciphertext, &got, &why), 0);
	assert_true(secret_equal(plain, got));
	free(json);
	free(jwe);
	free(ciphertext);
	secret_free(plain);
	secret_free(got);
	EVP_PKEY_free(key);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 32, 4096, 65535, JWE_CIPHERTEXT_MAX };

	for (unsigned curve = 0; curve < _BROKER_CURVE_MAX; curve++)
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			opens(curve, sizes[i]);
}

/* Trustee's clients write the header anew; in another order its bytes would be others. */
static void test_header(void **state)
{
	struct secret *plain = plain_of(5);
	char *jwe, *parts[JWE_PARTS], expected[512], json[512] = "", x[100], y[100];
	EVP_PKEY *key;
	struct tee_key to;

	for (unsigned curve = 0; curve < _BROKER_CURVE_MAX; curve++) {
		const char *form = "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":"
				   "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}}";

		to = ec_key(curve, &key);
		assert_int_equal(jwe_seal(&to, plain, &jwe), 0);
		split(jwe, parts);
		memset(json, 0, sizeof(json));
		assert_true(base64url_decode(parts[0], strlen(parts[0]), (uint8_t *)json,
					     sizeof(json) - 1) > 0);
		assert_int_equal(sscanf(strstr(json, "\"x\""),
					"\"x\":\"%90[^\"]\",\"y\":\"%90[^\"]\"", x, y),
				 2);
		assert_int_equal(strlen(x), curve == BROKER_P256 ? 43 : 88);
		snprintf(expected, sizeof(expected), form, broker_curve_name(curve), x, y);
		header_is(parts[0], expected);
		assert_true(strlen(parts[0]) < JWE_PROTECTED_MAX);
		free(jwe);
		EVP_PKEY_free(key);
	}
	secret_free(plain);
}

/* Nothing may be used twice: not the ephemeral key, not the content's, not the IV. */
static void test_fresh(void **state)
{
	struct secret *plain = plain_of(32);
	char *a, *b, *of_a[JWE_PARTS], *of_b[JWE_PARTS];
	EVP_PKEY *key;
	struct tee_key to = ec_key(BROKER_P256, &key);

	assert_int_equal(jwe_seal(&to, plain, &a), 0);
	assert_int_equal(jwe_seal(&to, plain, &b), 0);
	split(a, of_a);
	split(b, of_b);
	for (size_t i = 0; i < JWE_PARTS; i++)
		assert_string_not_equal(of_a[i], of_b[i]);
	free(a);
	free(b);
	EVP_PKEY_free(key);
	secret_free(plain);
}

/* ---- to a guest with an RSA key ---- */

static void unwrap_rsa(EVP_PKEY *key, const char *part, uint8_t ret[static 32])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	uint8_t wrapped[512], plain[512];
	size_t len = sizeof(plain);
	ssize_t n = base64url_decode(part, strlen(part), wrapped, sizeof(wrapped));

	assert_int_equal(n, EVP_PKEY_get_size(key));
	assert_int_equal(EVP_PKEY_decrypt_init(c), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()), 1);
	assert_int_equal(EVP_PKEY_decrypt(c, plain, &len, wrapped, (size_t)n), 1);
	assert_int_equal(len, 32);
	memcpy(ret, plain, 32);
	EVP_PKEY_CTX_free(c);
}

static void rsa_opens(unsigned bits)
{
	struct secret *plain = plain_of(100);
	uint8_t cek[32], iv[12], tag[16], ciphertext[100], got[116];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	char *jwe, *parts[JWE_PARTS];
	EVP_PKEY *key;
	struct tee_key to = rsa_key(bits, &key);
	int len;

	assert_int_equal(jwe_seal(&to, plain, &jwe), 0);
	split(jwe, parts);
	header_is(parts[0], "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\"}");
	unwrap_rsa(key, parts[1], cek);
	assert_int_equal(base64url_decode(parts[2], strlen(parts[2]), iv, 12), 12);
	assert_int_equal(base64url_decode(parts[3], strlen(parts[3]), ciphertext, 100), 100);
	assert_int_equal(base64url_decode(parts[4], strlen(parts[4]), tag, 16), 16);
	assert_int_equal(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, cek, iv), 1);
	assert_int_equal(EVP_DecryptUpdate(c, NULL, &len, (uint8_t *)parts[0],
					   (int)strlen(parts[0])),
			 1);
	assert_int_equal(EVP_DecryptUpdate(c, got, &len, ciphertext, 100), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, tag), 1);
	assert_int_equal(EVP_DecryptFinal_ex(c, got + 100, &len), 1);
	assert_memory_equal(got, secret_data(plain), 100);
	EVP_CIPHER_CTX_free(c);
	free(jwe);
	EVP_PKEY_free(key);
	secret_free(plain);
}

static void test_rsa(void **state)
{
	rsa_opens(2048);
	rsa_opens(4096);
}

/* ---- refused ---- */

static void test_bad(void **state)
{
	struct secret *plain = plain_of(5), *long_one = plain_of(JWE_CIPHERTEXT_MAX + 1);
	char *jwe = NULL;
	EVP_PKEY *key;
	struct tee_key to = ec_key(BROKER_P256, &key);

	assert_int_equal(jwe_seal(&to, long_one, &jwe), -EMSGSIZE);
	to.y[31] ^= 1;
	assert_int_equal(jwe_seal(&to, plain, &jwe), -EINVAL);
	to.kind = _TEE_KEY_MAX;
	assert_int_equal(jwe_seal(&to, plain, &jwe), -EINVAL);
	EVP_PKEY_free(key);
	/* Its RSA_generate_key() may refuse 512 bits: any modulus of that size will do. */
	to = (struct tee_key){ .kind = TEE_KEY_RSA_OAEP_256, .x_len = 64, .y_len = 1, .y = { 3 } };
	memset(to.x, 0xff, 64);
	assert_int_equal(jwe_seal(&to, plain, &jwe), -EINVAL);
	to.x_len = 256;
	memset(to.x, 0xff, 256);
	to.y[0] = 1;
	assert_int_equal(jwe_seal(&to, plain, &jwe), -EINVAL);
	assert_null(jwe);
	secret_free(plain);
	secret_free(long_one);
}

/* When locked memory is short there is an error, and nothing lies elsewhere. */
static void test_full_heap(void **state)
{
	struct secret *plain = plain_of(5);
	void *blocks[4096];
	size_t n = 0;
	char *jwe = NULL;
	EVP_PKEY *key;
	struct tee_key to = ec_key(BROKER_P521, &key);

	while (n < ARRAY_SIZE(blocks) && (blocks[n] = locked_heap_new(32)))
		n++;
	assert_in_range(n, 1, ARRAY_SIZE(blocks) - 1);
	assert_int_equal(jwe_seal(&to, plain, &jwe), -ENOMEM);
	/* One block after the other is free again: it fails at each step, until it works. */
	for (size_t i = 0; i < n; i++) {
		OPENSSL_secure_free(blocks[i]);
		if (!jwe && jwe_seal(&to, plain, &jwe) != -ENOMEM)
			assert_non_null(jwe);
	}
	assert_non_null(jwe);
	free(jwe);
	EVP_PKEY_free(key);
	secret_free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_heap), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_header),	cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_rsa),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_full_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
