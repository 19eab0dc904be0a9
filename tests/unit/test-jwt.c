/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "broker/serve/jwt.h"
#include "crypto/cleanup.h"

#define NOW 1800000000
#define GOOD "{\"exp\":1800000100,\"role\":\"admin\",\"sub\":\"alice\"}"

static EVP_PKEY *ed25519, *p256, *p384, *rsa, *other;

static int make_keys(void **state)
{
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	rsa = EVP_RSA_gen(2048);
	return ed25519 && other && p256 && p384 && rsa ? 0 : -1;
}

static int free_keys(void **state)
{
	EVP_PKEY_free(ed25519);
	EVP_PKEY_free(other);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	return 0;
}

/* OpenSSL's DER of an ECDSA signature as two numbers. */
static size_t raw_signature(uint8_t *sig, size_t len)
{
	const uint8_t *p = sig;
	_cleanup_(ecdsa_sig_freep) ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)len);

	assert_non_null(s);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32), 32);
	return 64;
}

static void sign(EVP_PKEY *key, const char *text, char ret[static 2048])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const EVP_MD *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
	uint8_t sig[512];
	size_t len = sizeof(sig);
	char *encoded;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const uint8_t *)text, strlen(text)), 1);
	EVP_MD_CTX_free(ctx);
	if (EVP_PKEY_is_a(key, "EC"))
		len = raw_signature(sig, len);
	assert_int_equal(base64url_encode(sig, len, &encoded), 0);
	assert_true(snprintf(ret, 2048, "%s.%s", text, encoded) < 2048);
	free(encoded);
}

static void make_token(EVP_PKEY *key, const char *header, const char *claims,
		       char ret[static 2048])
{
	char *h, *c, text[1024];

	assert_int_equal(base64url_encode((const uint8_t *)header, strlen(header), &h), 0);
	assert_int_equal(base64url_encode((const uint8_t *)claims, strlen(claims), &c), 0);
	assert_true(snprintf(text, sizeof(text), "%s.%s", h, c) < (int)sizeof(text));
	sign(key, text, ret);
	free(h);
	free(c);
}

static int verify(EVP_PKEY *key, const char *token)
{
	struct jwt_claims c = { .exp = -1 };
	struct cause why = { "" };
	int r = jwt_verify(key, token, NOW, &c, &why);

	if (r == 0)
		assert_true(c.exp > 0);
	else
		assert_int_equal(c.exp, -1);
	assert_true((r == 0) == (why.text[0] == '\0'));
	return r;
}

static int verify_made(EVP_PKEY *key, const char *header, const char *claims)
{
	char token[2048];

	make_token(key, header, claims, token);
	return verify(key, token);
}

static void test_algorithms(void **state)
{
	EVP_PKEY *const keys[] = { ed25519, p256, rsa };
	static const char *const headers[] = { "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}",
					       "{\"alg\":\"ES256\"}", "{\"alg\":\"RS256\"}" };
	char token[2048];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_true(jwt_key_is_good(keys[i]));
		for (size_t k = 0; k < ARRAY_SIZE(headers); k++)
			assert_int_equal(verify_made(keys[i], headers[k], GOOD),
					 i == k ? 0 : -EOPNOTSUPP);
	}
	assert_false(jwt_key_is_good(p384));
	make_token(p256, "{\"alg\":\"ES256\"}", GOOD, token);
	assert_int_equal(verify(p384, token), -EOPNOTSUPP);
}

static void test_claims(void **state)
{
	struct jwt_claims c;
	struct cause why = { "" };
	char token[2048];

	make_token(ed25519, "{\"alg\":\"EdDSA\"}", GOOD, token);
	assert_int_equal(jwt_verify(ed25519, token, NOW, &c, &why), 0);
	assert_int_equal(c.exp, 1800000100);
	assert_string_equal(c.role, "admin");
	assert_string_equal(c.subject, "alice");
	/* It may only be valid later than at any other time. */
	assert_int_equal(jwt_verify(ed25519, token, 1800000159, &c, &why), 0);
	assert_int_equal(jwt_verify(ed25519, token, 1800000160, &c, &why), -EKEYEXPIRED);
}

static void test_wrong_claims(void **state)
{
	static const struct {
		const char *claims;
		int error;
	} cases[] = {
		{ "{}", -EBADMSG },
		{ "{\"role\":\"admin\"}", -EBADMSG },
		{ "{\"exp\":\"1800000100\"}", -EBADMSG },
		{ "{\"exp\":1800000100.5}", -EBADMSG },
		{ "{\"exp\":-1}", -EBADMSG },
		{ "{\"exp\":1e300}", -EBADMSG },
		{ "{\"exp\":18446744073709551615}", -EBADMSG },
		{ "{\"exp\":9223372036854775807}", -EBADMSG },
		{ "{\"exp\":null}", -EBADMSG },
		{ "{\"exp\":1,\"exp\":1800000100}", -EBADMSG },
		{ "{\"exp\":0}", -EKEYEXPIRED },
		{ "{\"exp\":1799999940}", -EKEYEXPIRED },
		{ "{\"exp\":1800000100,\"nbf\":1800000061}", -EKEYEXPIRED },
		{ "{\"exp\":1800000100,\"nbf\":\"x\"}", -EBADMSG },
		{ "{\"exp\":1800000100,\"nbf\":1800000060}", 0 },
		{ "{\"exp\":1800000100}", 0 },
		{ "{\"exp\":1800000100,\"role\":\"reader\"}", -EACCES },
		{ "{\"exp\":1800000100,\"role\":\"\"}", -EACCES },
		{ "{\"exp\":1800000100,\"role\":[\"admin\"]}", -EACCES },
		{ "{\"exp\":1800000100,\"role\":null}", -EACCES },
		{ "[1800000100]", -EBADMSG },
		{ "x", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(verify_made(ed25519, "{\"alg\":\"EdDSA\"}", cases[i].claims),
				 cases[i].error);
}

static void test_wrong_headers(void **state)
{
	static const struct {
		const char *header;
		int error;
	} cases[] = {
		{ "{\"alg\":\"none\"}", -EOPNOTSUPP },
		{ "{\"alg\":\"None\"}", -EOPNOTSUPP },
		{ "{\"alg\":\"HS256\"}", -EOPNOTSUPP },
		{ "{\"alg\":\"eddsa\"}", -EOPNOTSUPP },
		{ "{\"alg\":[\"EdDSA\"]}", -EOPNOTSUPP },
		{ "{\"alg\":\"none\",\"alg\":\"EdDSA\"}", -EBADMSG },
		{ "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"]}", -EOPNOTSUPP },
		{ "{}", -EOPNOTSUPP },
		{ "[]", -EBADMSG },
		{ "{\"alg\":\"EdDSA\"", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(verify_made(ed25519, cases[i].header, GOOD), cases[i].error);
}

/* The public key as the secret of an HMAC, a signature that is not there, and another's. */
static void test_forged(void **state)
{
	char token[2048], *dot;
	uint8_t none[64] = { 0 };
	char *zeros;

	make_token(other, "{\"alg\":\"EdDSA\"}", GOOD, token);
	assert_int_equal(verify(ed25519, token), -EKEYREJECTED);
	make_token(ed25519, "{\"alg\":\"EdDSA\"}", GOOD, token);
	dot = strrchr(token, '.');
	dot[1] = '\0';
	assert_int_equal(verify(ed25519, token), -EBADMSG);
	assert_int_equal(base64url_encode(none, sizeof(none), &zeros), 0);
	strcpy(dot + 1, zeros);
	assert_int_equal(verify(ed25519, token), -EKEYREJECTED);
	make_token(p256, "{\"alg\":\"ES256\"}", GOOD, token);
	strcpy(strrchr(token, '.') + 1, zeros);
	assert_int_equal(verify(p256, token), -EKEYREJECTED);
	free(zeros);
}

/* Each character of a token counts. */
static void test_changed(void **state)
{
	char token[2048];

	make_token(ed25519, "{\"alg\":\"EdDSA\"}", GOOD, token);
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(verify(ed25519, token), 0);
		token[i] = was;
	}
	for (size_t i = strlen(token); i-- > 0;) {
		token[i] = '\0';
		assert_int_not_equal(verify(ed25519, token), 0);
	}
}

static void test_form(void **state)
{
	static const char *const cases[] = { "", ".", "..", "...", "a.b", "a.b.c.d", ".e30.e30",
					     "e30..e30", "e30.e30.", "e30 .e30.e30",
					     "e30=.e30.e30" };
	char token[JWT_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_not_equal(verify(ed25519, cases[i]), 0);
	memset(token, 'A', sizeof(token) - 1);
	token[sizeof(token) - 1] = '\0';
	assert_int_equal(verify(ed25519, token), -EMSGSIZE);
	token[JWT_MAX - 1] = '\0';
	assert_int_equal(verify(ed25519, token), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms), cmocka_unit_test(test_claims),
		cmocka_unit_test(test_wrong_claims), cmocka_unit_test(test_wrong_headers),
		cmocka_unit_test(test_forged),	   cmocka_unit_test(test_changed),
		cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
