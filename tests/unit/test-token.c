/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens, which come back from anybody. */
#include <errno.h>
#include <json-c/json.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/net/rcar.h"
#include "base/base64.h"
#include "broker/core/token.h"
#include "crypto/ecdsa.h"
#include "crypto/jwe.h"
#include "tests/unit/broker-keys.h"
#include "tests/unit/vectors.h"

#define NOW INT64_C(1800000000)
#define NONCE "0r7T1E+0Ubt0hRXfsFCsTrBg8fwUM4jwZtuBAKz3gDU="
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"JWT\"}"
#define CASES "coco/token/ear-cases.json"

struct fixture {
	struct keys *k;
	struct cookie cookie, got;
	struct attestation a;
	char session[COOKIE_TEXT_LEN];
	char *token;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	EVP_PKEY *key;

	f->k = broker_keys(0x70);
	assert_int_equal(cookie_new(NOW, &f->cookie), 0);
	cookie_format(&f->cookie, f->session);
	strcpy(f->a.nonce, NONCE);
	assert_int_equal(jwe_key_new(BROKER_P256, &key), 0);
	assert_int_equal(jwe_key_point(key, BROKER_P256, f->a.key.x, f->a.key.y), 0);
	f->a.key.x_len = f->a.key.y_len = 32;
	EVP_PKEY_free(key);
	assert_int_equal(token_build(f->k, &f->cookie, BROKER_TEE_TDX, &f->a, NOW, "affirming",
				     &f->token),
			 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	keys_free(f->k);
	free(f->token);
	free(f);
	return 0;
}

static void is(struct fixture *f, const char *token, int r)
{
	struct cookie untouched = f->got;
	int got = token_read(f->k, token, NOW, &f->got);

	if (got != r)
		fail_msg("%d, not %d: %s", got, r, token);
	if (r < 0)
		assert_memory_equal(&f->got, &untouched, sizeof(untouched));
}

/* A part of the token, as a JSON object. */
static struct json_object *part(const char *token, unsigned i)
{
	char text[8192] = "";
	struct json_object *o;

	for (; i > 0; i--)
		token = strchr(token, '.') + 1;
	assert_true(base64url_decode(token, strcspn(token, "."), (uint8_t *)text,
				     sizeof(text) - 1) > 0);
	o = json_tokener_parse(text);
	assert_non_null(o);
	return o;
}

static struct json_object *at(struct json_object *o, const char *pointer)
{
	struct json_object *m = NULL;

	if (json_pointer_get(o, pointer, &m) != 0)
		fail_msg("there is no %s", pointer);
	return m;
}

static void text_is(struct json_object *o, const char *pointer, const char *expected)
{
	assert_string_equal(json_object_get_string(at(o, pointer)), expected);
}

static void test_token(void **state)
{
	struct fixture *f = *state;
	struct json_object *header = part(f->token, 0), *claims = part(f->token, 1), *key;
	char *text;

	is(f, f->token, 0);
	assert_memory_equal(&f->got, &f->cookie, sizeof(f->cookie));
	text_is(header, "/alg", "ES256");
	text_is(header, "/typ", "JWT");
	text_is(header, "/jwk/alg", "ES256");
	assert_int_equal(json_object_get_int64(at(claims, "/iat")), NOW);
	assert_int_equal(json_object_get_int64(at(claims, "/exp")), NOW + 300);
	text_is(claims, "/eat_profile", "tag:github.com,2024:confidential-containers/Trustee");
	text_is(claims, "/submods/cpu0/ear.status", "affirming");
	text_is(claims,
		"/submods/cpu0/ear.veraison.annotated-evidence/runtime_data_claims/nonce", NONCE);
	assert_int_equal(tee_key_text(&f->a.key, &text), 0);
	key = json_tokener_parse(text);
	assert_true(json_object_equal(
		key, at(claims, "/submods/cpu0/ear.veraison.annotated-evidence/"
				"runtime_data_claims/tee-pubkey")));
	at(claims, "/submods/cpu0/ear.veraison.annotated-evidence/tdx");
	json_object_put(key);
	free(text);
	json_object_put(header);
	json_object_put(claims);
}

/* Our guests take the answer with it. */
static void test_our_guest(void **state)
{
	struct fixture *f = *state;
	struct cause why;
	char *answer;

	assert_true(asprintf(&answer, "{\"token\":\"%s\"}", f->token) > 0);
	assert_int_equal(rcar_check_token((struct bytes){ (uint8_t *)answer, strlen(answer) },
					  &why),
			 0);
	free(answer);
}

/* All instances read it. */
static void test_other_instance(void **state)
{
	struct fixture *f = *state;
	struct keys *same = broker_keys(0x70), *other = broker_keys(0x71);

	assert_int_equal(token_read(same, f->token, NOW, &f->got), 0);
	assert_int_equal(token_read(other, f->token, NOW, &f->got), -EKEYREJECTED);
	keys_free(same);
	keys_free(other);
}

static void test_life(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(token_read(f->k, f->token, NOW + 330, &f->got), 0);
	assert_int_equal(token_read(f->k, f->token, NOW + 331, &f->got), -EKEYEXPIRED);
	assert_int_equal(token_read(f->k, f->token, NOW - 31, &f->got), -EKEYEXPIRED);
}

/* ---- forged ---- */

static char *in_base64url(const char *text)
{
	char *ret;

	assert_int_equal(base64url_encode((const uint8_t *)text, strlen(text), &ret), 0);
	return ret;
}

/* @key signs; NULL: there is no signature. */
static char *forge(const char *header, const char *claims, EVP_PKEY *key)
{
	char *h = in_base64url(header), *c = in_base64url(claims), *s = NULL, *text, *token;
	uint8_t signature[64];

	assert_true(asprintf(&text, "%s.%s", h, c) > 0);
	if (key) {
		assert_int_equal(ecdsa_sign(key, EVP_sha256(),
					    (struct bytes){ (uint8_t *)text, strlen(text) },
					    signature, 64),
				 0);
		assert_int_equal(base64url_encode(signature, 64, &s), 0);
	}
	assert_true(asprintf(&token, "%s.%s", text, s ? s : "") > 0);
	free(h);
	free(c);
	free(s);
	free(text);
	return token;
}

static void forged(struct fixture *f, const char *header, const char *claims, EVP_PKEY *key, int r)
{
	char *token = forge(header, claims, key);

	is(f, token, r);
	free(token);
}

static char *claims_of(struct fixture *f)
{
	char *claims;

	assert_true(asprintf(&claims, "{\"exp\":%u,\"jti\":\"%s\"}", f->cookie.expiry,
			     f->session) > 0);
	return claims;
}

static void test_algorithms(void **state)
{
	static const char *const others[] = {
		"{\"alg\":\"none\"}",
		"{\"alg\":\"None\"}",
		"{\"alg\":\"HS256\"}",
		"{\"alg\":\"es256\"}",
		"{\"alg\":\"ES384\"}",
		"{\"alg\":\"RS256\"}",
		"{\"alg\":\"\"}",
		"{\"alg\":null}",
		"{\"alg\":[\"ES256\"]}",
		"{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}",
	};
	struct fixture *f = *state;
	char *claims = claims_of(f);

	forged(f, HEADER, claims, keys_token(f->k), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		forged(f, others[i], claims, keys_token(f->k), -EKEYREJECTED);
	/* Without a signature it has not even the form. */
	forged(f, "{\"alg\":\"none\"}", claims, NULL, -EBADMSG);
	forged(f, HEADER, claims, NULL, -EBADMSG);
	forged(f, "{}", claims, keys_token(f->k), -EBADMSG);
	forged(f, "[]", claims, keys_token(f->k), -EBADMSG);
	forged(f, "{\"alg\":\"ES256\",\"alg\":\"ES256\"}", claims, keys_token(f->k), -EBADMSG);
	free(claims);
}

/* The public key is known to everybody; here it is the key of an HMAC. */
static void test_hmac(void **state)
{
	struct fixture *f = *state;
	char *claims = claims_of(f), *h = in_base64url("{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
	char *c = in_base64url(claims), *pem, *s, *text, *token;
	BIO *out = BIO_new(BIO_s_mem());
	uint8_t mac[32], twice[64];
	long len;

	PEM_write_bio_PUBKEY(out, keys_token(f->k));
	len = BIO_get_mem_data(out, &pem);
	assert_true(asprintf(&text, "%s.%s", h, c) > 0);
	HMAC(EVP_sha256(), pem, (int)len, (uint8_t *)text, strlen(text), mac, NULL);
	assert_int_equal(base64url_encode(mac, 32, &s), 0);
	assert_true(asprintf(&token, "%s.%s", text, s) > 0);
	is(f, token, -EKEYREJECTED);
	free(token);
	free(s);
	/* It has the length of ours. */
	memcpy(twice, mac, 32);
	memcpy(twice + 32, mac, 32);
	assert_int_equal(base64url_encode(twice, 64, &s), 0);
	assert_true(asprintf(&token, "%s.%s", text, s) > 0);
	is(f, token, -EKEYREJECTED);
	free(token);
	free(s);
	free(text);
	free(h);
	free(c);
	free(claims);
	BIO_free(out);
}

/* The key in the header is the forger's, and the signature fits it. */
static void test_own_key(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char *claims = claims_of(f), *x64, *y64, *header;
	uint8_t x[66], y[66];

	assert_int_equal(jwe_key_point(key, BROKER_P256, x, y), 0);
	assert_int_equal(base64url_encode(x, 32, &x64), 0);
	assert_int_equal(base64url_encode(y, 32, &y64), 0);
	assert_true(asprintf(&header,
			     "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"EC\","
			     "\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"%s\",\"y\":\"%s\"}}",
			     x64, y64) > 0);
	forged(f, header, claims, key, -EKEYREJECTED);
	/* The broker's other key signs releases. */
	forged(f, header, claims, keys_identity(f->k), -EKEYREJECTED);
	forged(f, header, claims, keys_token(f->k), 0);
	free(header);
	free(x64);
	free(y64);
	free(claims);
	EVP_PKEY_free(key);
}

/* Signed by us; what is in it is wrong all the same.  @ is the expiry, and $ the session. */
static void test_claims(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"exp\":@}",
		"{\"jti\":\"$\"}",
		"{\"exp\":\"@\",\"jti\":\"$\"}",
		"{\"exp\":@.0,\"jti\":\"$\"}",
		"{\"exp\":-1,\"jti\":\"$\"}",
		"{\"exp\":99999999999,\"jti\":\"$\"}",
		"{\"exp\":1,\"jti\":\"$\"}",
		"{\"exp\":@,\"jti\":\"$0\"}",
		"{\"exp\":@,\"jti\":\"\"}",
		"{\"exp\":@,\"jti\":null}",
		"{\"exp\":@,\"jti\":\"$\",\"jti\":\"$\"}",
		"{\"exp\":@,\"jti\":\"$\"}{}",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char claims[512];
		size_t n = 0;

		for (const char *p = bad[i]; *p; p++)
			if (*p == '@')
				n += (size_t)sprintf(claims + n, "%u", f->cookie.expiry);
			else if (*p == '$')
				n += (size_t)sprintf(claims + n, "%s", f->session);
			else
				claims[n++] = *p;
		claims[n] = '\0';
		forged(f, HEADER, claims, keys_token(f->k), -EBADMSG);
	}
}

/* Cut anywhere, and one character changed anywhere. */
static void test_cut(void **state)
{
	struct fixture *f = *state;
	const size_t len = strlen(f->token);
	char *token = strdup(f->token), *longer;

	for (size_t i = 0; i < len; i++) {
		token[i] = '\0';
		assert_true(token_read(f->k, token, NOW, &f->got) < 0);
		token[i] = f->token[i];
	}
	for (size_t i = 0; i < len; i++) {
		token[i] = f->token[i] == 'B' ? 'C' : 'B';
		assert_true(token_read(f->k, token, NOW, &f->got) < 0);
		token[i] = f->token[i];
	}
	free(token);
	assert_true(asprintf(&longer, "%s.", f->token) > 0);
	is(f, longer, -EBADMSG);
	free(longer);
	assert_true(asprintf(&longer, "%s=", f->token) > 0);
	is(f, longer, -EBADMSG);
	free(longer);
	assert_true(asprintf(&longer, " %s", f->token) > 0);
	is(f, longer, -EBADMSG);
	free(longer);
	is(f, "", -EBADMSG);
	is(f, "..", -EBADMSG);
	is(f, "...", -EBADMSG);
	longer = malloc(100000);
	memset(longer, 'A', 99999);
	longer[99999] = '\0';
	is(f, longer, -EBADMSG);
	longer[100] = longer[8000] = '.';
	is(f, longer, -EBADMSG);
	free(longer);
}

/* Tokens of another service, good and bad. */
static void test_vectors(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, CASES)), *cases, *t;
	unsigned n = 0;

	assert_non_null(all);
	cases = json_object_is_type(all, json_type_array) ? all :
							    json_object_object_get(all, "cases");
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *o = json_object_array_get_idx(cases, i);

		if (!json_object_object_get_ex(o, "token", &t) &&
		    !json_object_object_get_ex(o, "jwt", &t))
			continue;
		assert_true(token_read(f->k, json_object_get_string(t), NOW, &f->got) < 0);
		n++;
	}
	assert_true(n >= 5);
	json_object_put(all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	struct CMUnitTest tests[] = {
		TEST(test_vectors),	TEST(test_token),   TEST(test_our_guest),
		TEST(test_other_instance), TEST(test_life), TEST(test_algorithms),
		TEST(test_hmac),	TEST(test_own_key), TEST(test_claims),
		TEST(test_cut),
	};

	vectors_or_skip(&tests[0], CASES);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
