/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/net/rcar.h"
#include "base/base64.h"
#include "tests/unit/vectors.h"

#define CHALLENGE(extra) "{\"nonce\":\"" NONCE "\",\"extra-params\":" extra "}"
#define WITH_NONCE(nonce) "{\"nonce\":\"" nonce "\",\"extra-params\":\"\"}"
#define NONCE "JWnFT6HV5UW8Ea6s4kPEakjcU5/pdJCec5jeP6Z7FFA="
#define SALT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/* ---- building ---- */

static void assert_text(char *is, const char *wanted)
{
	assert_string_equal(is, wanted);
	free(is);
}

static void test_request(void **state)
{
	struct net_auth a = { .tee = "snp" };
	char *body;

	assert_int_equal(rcar_build_request(&a, &body), 0);
	assert_text(body, "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":"
			  "{\"supported-hash-algorithms\":[\"sha384\",\"sha256\",\"sha512\"]}}");
}

static void test_request_coco(void **state)
{
	struct net_auth a = { .tee = "az-tdx-vtpm",
			      .coco = 1,
			      .n_paths = 2,
			      .paths = { "default/luks/root", "+pkcs11/a/b?c=d/e" } };
	char *body;

	for (size_t i = 0; i < sizeof(a.boot); i++)
		a.boot[i] = (uint8_t)(255 - i);
	assert_int_equal(rcar_build_request(&a, &body), 0);
	assert_text(body, "{\"version\":\"0.4.0\",\"tee\":\"az-tdx-vtpm\",\"extra-params\":"
			  "{\"supported-hash-algorithms\":[\"sha384\",\"sha256\",\"sha512\"],"
			  "\"coco\":{\"v\":1,"
			  "\"boot\":\"//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=\","
			  "\"uris\":[\"kbs:///default/luks/root\",\"kbs+pkcs11:///a/b?c=d/e\"]}}}");
	/* The paths are there, and the list is not sent. */
	a.n_paths = 0;
	assert_int_equal(rcar_build_request(&a, &body), 0);
	assert_null(strstr(body, "uris"));
	assert_non_null(strstr(body, "\"boot\""));
	free(body);
}

static void test_attestation(void **state)
{
	struct net_attest key = { .curve = BROKER_P256, .coordinate_len = 32 };
	struct net_auth coco = { .tee = "snp", .n_paths = 1, .paths = { "a/b/c" } };
	struct json_object *evidence = json_tokener_parse("{\"a\":[1,2]}");
	struct rcar_attestation a = { .nonce = NONCE, .key = &key, .evidence = evidence };
	char *body;

	memset(key.x, 0xff, sizeof(key.x));
	assert_int_equal(rcar_build_attestation(&a, &body), 0);
	assert_text(body, "{\"init-data\":null,\"runtime-data\":{\"nonce\":\"" NONCE
			  "\",\"tee-pubkey\":{\"kty\":\"EC\",\"crv\":\"P-256\","
			  "\"alg\":\"ECDH-ES+A256KW\","
			  "\"x\":\"__________________________________________8\","
			  "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}},"
			  "\"tee-evidence\":{\"primary_evidence\":{\"a\":[1,2]},"
			  "\"additional_evidence\":\"\"}}");
	a.init_data = "a = \"/\"\nNOT SENT";
	a.init_data_len = strlen("a = \"/\"\n");
	a.coco = &coco;
	assert_int_equal(rcar_build_attestation(&a, &body), 0);
	assert_non_null(strstr(body, "{\"init-data\":{\"format\":\"toml\","
				     "\"body\":\"a = \\\"/\\\"\\n\"},\"runtime-data\":"));
	assert_non_null(strstr(body, "}},\"coco\":{\"v\":1,\"boot\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				     "AAAAAAAAAAAAAAA=\",\"uris\":[\"kbs:///a/b/c\"]},"
				     "\"tee-evidence\":"));
	free(body);
	key.curve = BROKER_P521;
	key.coordinate_len = 66;
	assert_int_equal(rcar_build_attestation(&a, &body), 0);
	assert_non_null(strstr(body, "\"crv\":\"P-521\""));
	assert_non_null(strstr(body, "\"x\":\"_____________________________________________________"
				     "__"
				     "_________________________________\""));
	free(body);
	json_object_put(evidence);
}

static void test_confirm(void **state)
{
	char *body;

	assert_int_equal(rcar_build_confirm("default/luks/root", &body), 0);
	assert_text(body, "{\"uri\":\"kbs:///default/luks/root\"}");
}

/* ---- the challenge ---- */

static void assert_challenge(const char *body, enum net_hash hash, bool has_salt)
{
	struct net_challenge c = { .result = { .status = 200 } };
	struct cause why = { "" };

	if (rcar_read_challenge(text(body), &c, &why) != 0)
		fail_msg("%s: %s", body, why.text);
	assert_string_equal(c.nonce, NONCE);
	assert_int_equal(c.hash, hash);
	assert_int_equal(c.has_salt, has_salt);
	assert_int_equal(c.salt[31], has_salt ? 31 : 0);
	assert_int_equal(c.result.status, 200);
}

static void test_challenge(void **state)
{
	assert_challenge(CHALLENGE("\"\""), NET_HASH_SHA384, false);
	assert_challenge(CHALLENGE("{}"), NET_HASH_SHA384, false);
	assert_challenge(CHALLENGE("null"), NET_HASH_SHA384, false);
	assert_challenge(" {\"extra-params\" : { "
			 "\"selected-hash-algorithm\":\"SHA256\"},\n\"nonce\":"
			 "\"JWnFT6HV5UW8Ea6s4kPEakjcU5\\/pdJCec5jeP6Z7FFA\\u003d\", \"x\":[]} ",
			 NET_HASH_SHA256, false);
	assert_challenge("{\"nonce\":\"" NONCE "\",\"extra-params\":{\"coco\":{\"v\":1,\"salt\":"
			 "\"" SALT "\"}}}",
			 NET_HASH_SHA384, true);
	assert_challenge("{\"nonce\":\"" NONCE "\",\"extra-params\":{\"coco\":{\"v\":1,\"salt\":"
			 "\"" SALT "\"},\"selected-hash-algorithm\":\"sha512\"}}",
			 NET_HASH_SHA512, true);
}

static void test_challenge_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"nonce\":\"" NONCE "\"}",
		"{\"extra-params\":\"\"}",
		"{\"nonce\":\"" NONCE "\",\"nonce\":\"" NONCE "\",\"extra-params\":\"\"}",
		"{\"nonce\":\"" NONCE "\",\"extra-params\":\"\"} x",
		CHALLENGE("\"x\""),
		CHALLENGE("1"),
		CHALLENGE("[]"),
		"{\"nonce\":1,\"extra-params\":\"\"}",
		WITH_NONCE(""),
		/* 31 bytes, 33 bytes, with a blank, unused bits, the other alphabet */
		WITH_NONCE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
		WITH_NONCE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		WITH_NONCE("JWnFT6HV5UW8Ea6s4kPEakjcU5/pdJCec5jeP6Z7FFA= "),
		WITH_NONCE(" JWnFT6HV5UW8Ea6s4kPEakjcU5/pdJCec5jeP6Z7FFA="),
		WITH_NONCE("JWnFT6HV5UW8Ea6s4kPEakjcU5/pdJCec5jeP6Z7FFB="),
		WITH_NONCE("JWnFT6HV5UW8Ea6s4kPEakjcU5_pdJCec5jeP6Z7FFA="),
		WITH_NONCE("JWnFT6HV5UW8Ea6s4kPEakjcU5/pdJCec5jeP6Z7FFA"),
		CHALLENGE("{\"selected-hash-algorithm\":\"md5\"}"),
		CHALLENGE("{\"selected-hash-algorithm\":\"\"}"),
		CHALLENGE("{\"selected-hash-algorithm\":384}"),
		CHALLENGE("{\"selected-hash-algorithm\":null}"),
		CHALLENGE("{\"coco\":1}"),
		CHALLENGE("{\"coco\":null}"),
		"{\"nonce\":\"" NONCE "\",\"extra-params\":{\"coco\":{\"salt\":\"" SALT "\"}}}",
		CHALLENGE("{\"coco\":{\"v\":2,\"salt\":\"" SALT "\"}}"),
		"{\"nonce\":\"" NONCE "\",\"extra-params\":{\"coco\":{\"v\":\"1\",\"salt\":\"" SALT
		"\"}}}",
		CHALLENGE("{\"coco\":{\"v\":1}}"),
		CHALLENGE("{\"coco\":{\"v\":1,\"salt\":\"AAAA\"}}"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct net_challenge c = { .nonce = "kept" };
		struct cause why = { "" };

		if (rcar_read_challenge(text(bad[i]), &c, &why) != -EPROTO)
			fail_msg("it was taken: %s", bad[i]);
		assert_string_not_equal(why.text, "");
		assert_string_equal(c.nonce, "kept");
	}
}

static void test_challenge_version(void **state)
{
	struct net_challenge c = { 0 };
	struct cause why = { "" };

	assert_int_equal(rcar_read_challenge(text("{\"nonce\":\"" NONCE "\",\"extra-params\":{"
									"\"coco\":{\"v\":7}}}"),
					     &c, &why),
			 -EPROTO);
	assert_non_null(strstr(why.text, "version 7, and cocod speaks 1"));
}

/* ---- the token ---- */

static void test_token(void **state)
{
	struct cause why;

	assert_int_equal(rcar_check_token(text("{\"token\":\"a.b.c\"}"), &why), 0);
	assert_int_equal(rcar_check_token(text("{\"token\":1}"), &why), -EPROTO);
	assert_int_equal(rcar_check_token(text("{}"), &why), -EPROTO);
	assert_int_equal(rcar_check_token(text("\"a.b.c\""), &why), -EPROTO);
	assert_int_equal(rcar_check_token(text(""), &why), -EPROTO);
	assert_int_equal(rcar_check_token(text("{\"token\":\"a\",\"token\":\"b\"}"), &why),
			 -EPROTO);
}

/* ---- the cookie ---- */

static void test_cookie(void **state)
{
	static const char *const good[] = {
		"kbs-session-id=430e1e30f8324925aa3279aeaf0a17c0",
		"kbs-session-id=430e1e30f8324925aa3279aeaf0a17c0; Expires=Thu, 01 Jan 1970",
		"kbs-session-id=430e1e30f8324925aa3279aeaf0a17c0 ;Max-Age=0",
		"kbs-session-id=430e1e30f8324925aa3279aeaf0a17c0;",
		"kbs-session-id=430e1e30f8324925aa3279aeaf0a17c0 \t",
	};
	static const char *const bad[] = {
		"",
		"kbs-session-id",
		"kbs-session-id=",
		"kbs-session-id=;",
		"kbs-session-id= a",
		"Kbs-Session-Id=a",
		"other=a; kbs-session-id=b",
		"kbs-session-id=a b",
		"kbs-session-id=a,b",
		"kbs-session-id=\"a\"",
		"kbs-session-id=a\r\nX: y",
		"kbs-session-id=a_b",
		" kbs-session-id=a",
	};
	char cookie[RCAR_COOKIE_LEN], set[200], longest[RCAR_COOKIE_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(rcar_read_cookie(good[i], cookie), 0);
		assert_string_equal(cookie, good[0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (rcar_read_cookie(bad[i], cookie) != -EPROTO)
			fail_msg("it was taken: %s", bad[i]);
	snprintf(longest, sizeof(longest), "kbs-session-id=%0128d", 1);
	assert_int_equal(rcar_read_cookie(longest, cookie), 0);
	assert_string_equal(cookie, longest);
	snprintf(set, sizeof(set), "kbs-session-id=%0129d", 1);
	assert_int_equal(rcar_read_cookie(set, cookie), -EPROTO);
}

/* ---- vectors of others ---- */

static struct json_object *vectors(const char *name)
{
	char path[PATH_MAX];
	struct json_object *o = json_object_from_file(vectors_path(path, name));

	if (!o)
		fail_msg("%s: %s", path, json_util_get_last_err());
	return o;
}

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, name, &value))
		fail_msg("no member %s", name);
	return value;
}

static const char *plain(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
}

/* Their nonces are one letter, which no broker sends. */
static void test_challenge_vectors(void **state)
{
	struct json_object *cases = vectors("coco/rcar/challenge-cases.json");
	static const char *const names[] = { "sha384", "sha256", "sha512" };
	size_t n = json_object_array_length(cases);

	assert_true(n >= 5);
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(cases, i);
		struct json_object *challenge = member(o, "challenge");
		const char *hash = json_object_get_string(member(o, "client_hash"));
		struct net_challenge c = { 0 };
		struct cause why = { "" };
		int r;

		json_object_object_add(challenge, "nonce", json_object_new_string(NONCE));
		r = rcar_read_challenge(text(plain(challenge)), &c, &why);
		if (strcmp(hash, "error") == 0)
			assert_int_equal(r, -EPROTO);
		else {
			assert_int_equal(r, 0);
			assert_string_equal(names[c.hash], hash);
		}
	}
	json_object_put(cases);
}

static void decode_coordinate(struct json_object *jwk, const char *name, uint8_t *ret)
{
	const char *s = json_object_get_string(member(jwk, name));

	assert_int_equal(base64url_decode(s, strlen(s), ret, 32), 32);
}

/* The whole exchange, whose attestation we must build as it stands there. */
static void test_exchange_vector(void **state)
{
	struct json_object *o = vectors("coco/rcar/sample-ec256.json"), *steps = member(o, "steps");
	struct json_object *auth = json_object_array_get_idx(steps, 0),
			   *attest = json_object_array_get_idx(steps, 1), *wanted, *built;
	struct json_object *answer = member(auth, "response");
	struct net_attest key = { .curve = BROKER_P256, .coordinate_len = 32 };
	struct net_challenge c = { 0 };
	struct rcar_attestation a = { .key = &key };
	char cookie[RCAR_COOKIE_LEN], *body;
	struct cause why = { "" };

	assert_int_equal(rcar_read_challenge(text(plain(member(answer, "body"))), &c, &why), 0);
	assert_int_equal(rcar_read_cookie(json_object_get_string(
						  member(member(answer, "headers"), "set-cookie")),
					  cookie),
			 0);
	wanted = member(attest, "request");
	assert_string_equal(cookie,
			    json_object_get_string(member(member(wanted, "headers"), "cookie")));
	decode_coordinate(member(o, "tee_private_jwk"), "x", key.x);
	decode_coordinate(member(o, "tee_private_jwk"), "y", key.y);
	a.nonce = c.nonce;
	wanted = member(wanted, "body");
	a.evidence = member(member(wanted, "tee-evidence"), "primary_evidence");
	assert_int_equal(rcar_build_attestation(&a, &body), 0);
	built = json_tokener_parse(body);
	assert_true(json_object_equal(built, wanted));
	assert_int_equal(rcar_check_token(text(plain(member(member(attest, "response"), "body"))),
					  &why),
			 0);
	json_object_put(built);
	json_object_put(o);
	free(body);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_coco),
		cmocka_unit_test(test_attestation),
		cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_challenge_bad),
		cmocka_unit_test(test_challenge_version),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_challenge_vectors),
		cmocka_unit_test(test_exchange_vector),
	};

	vectors_or_skip(&tests[9], "coco/rcar/challenge-cases.json");
	vectors_or_skip(&tests[10], "coco/rcar/sample-ec256.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
