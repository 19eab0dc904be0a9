/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "agent/net/jwe.h"
#include "base/base64.h"
#include "tests/unit/vectors.h"

/* 32 bytes 00, 40 bytes 00, 12 bytes 00, 16 bytes 00 */
#define B32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B40 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B12 "AAAAAAAAAAAAAAAA"
#define B16 "AAAAAAAAAAAAAAAAAAAAAA"
#define EPK "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" B32 "\",\"y\":\"" B32 "\"}"
#define ALGORITHMS "\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\""
#define KEY(crv, kty, x, y)                                                           \
	"{" ALGORITHMS ",\"epk\":{\"crv\":\"" crv "\",\"kty\":\"" kty "\",\"x\":\"" x \
	"\",\"y\":\"" y "\"}}"
#define HEADER "{" ALGORITHMS ",\"epk\":" EPK "}"

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/* A JWE whose header is @header. */
static char *with_header(const char *header)
{
	char *encoded = NULL, *ret = NULL;

	assert_int_equal(base64url_encode((const uint8_t *)header, strlen(header), &encoded), 0);
	assert_true(asprintf(&ret,
			     "{\"protected\":\"%s\",\"encrypted_key\":\"" B40 "\",\"iv\":\"" B12
			     "\",\"ciphertext\":\"_-8\",\"tag\":\"" B16 "\"}",
			     encoded) > 0);
	free(encoded);
	return ret;
}

static int read_jwe(const char *json, enum broker_curve curve, struct net_jwe *ret)
{
	struct cause why = { "" };
	uint8_t *ciphertext = NULL;
	int r = jwe_read(text(json), curve, ret, &ciphertext, &why);

	if (r == 0)
		assert_non_null(ciphertext);
	else {
		assert_null(ciphertext);
		assert_string_not_equal(why.text, "");
	}
	free(ciphertext);
	return r;
}

static int read_header(const char *header)
{
	char *json = with_header(header);
	struct net_jwe j = { 0 };
	int r = read_jwe(json, BROKER_P256, &j);

	free(json);
	return r;
}

static void test_good(void **state)
{
	char *json = with_header(HEADER), *encoded;
	struct net_jwe j = { .result = { .status = 200 }, .has_release = 1 };
	uint8_t *ciphertext = NULL;
	struct cause why;

	assert_int_equal(jwe_read(text(json), BROKER_P256, &j, &ciphertext, &why), 0);
	assert_int_equal(j.result.status, 200);
	assert_int_equal(j.curve, BROKER_P256);
	assert_int_equal(j.ciphertext_len, 2);
	assert_memory_equal(ciphertext, "\xff\xef", 2);
	assert_int_equal(j.has_release, 0);
	assert_int_equal(base64url_encode((const uint8_t *)HEADER, strlen(HEADER), &encoded), 0);
	assert_string_equal(j.protected, encoded);
	assert_int_equal(j.protected_len, strlen(encoded));
	free(encoded);
	free(ciphertext);
	free(json);
}

static void test_headers(void **state)
{
	static const char *const good[] = {
		HEADER,
		" {\"epk\": " EPK ", \"enc\":\"A256GCM\",\"alg\":\"ECDH-ES+A256KW\"}\n",
		KEY("P-256", "EC", B32, B32),
		"{\"kid\":\"x\",\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":" EPK "}",
	};
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		HEADER HEADER,
		"{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":" EPK "}",
		"{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A128GCM\",\"epk\":" EPK "}",
		"{" ALGORITHMS "}",
		"{\"alg\":\"dir\",\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":" EPK "}",
		"{\"alg\":[\"ECDH-ES+A256KW\"],\"enc\":\"A256GCM\",\"epk\":" EPK "}",
		"{" ALGORITHMS ",\"apu\":\"\",\"epk\":" EPK "}",
		"{" ALGORITHMS ",\"apv\":null,\"epk\":" EPK "}",
		"{" ALGORITHMS ",\"zip\":\"DEF\",\"epk\":" EPK "}",
		"{" ALGORITHMS ",\"crit\":[],\"epk\":" EPK "}",
		/* the ephemeral key */
		"{" ALGORITHMS ",\"epk\":1}",
		"{" ALGORITHMS ",\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" B32 "\"}}",
		KEY("P-521", "EC", B32, B32),
		KEY("p-256", "EC", B32, B32),
		KEY("P-256", "OKP", B32, B32),
		KEY("P-256", "EC", B40, B32),
		KEY("P-256", "EC", B32, B16),
		KEY("P-256", "EC", "", B32),
		KEY("P-256", "EC", B32, B32 "\",\"d\":\"" B32),
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(read_header(good[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (read_header(bad[i]) != -EPROTO)
			fail_msg("it was taken: %s", bad[i]);
}

/* The longest header has 383 bytes, which are 511 digits. */
static void test_header_length(void **state)
{
	char header[600];

	snprintf(header, sizeof(header), "%s%*s", HEADER, 383 - (int)strlen(HEADER), "");
	assert_int_equal(read_header(header), 0);
	snprintf(header, sizeof(header), "%s%*s", HEADER, 384 - (int)strlen(HEADER), "");
	assert_int_equal(read_header(header), -EPROTO);
}

/* The good JWE with @from replaced by @to. */
static int read_changed(const char *from, const char *to)
{
	char *json = with_header(HEADER), *changed = NULL, *p = strstr(json, from);
	struct net_jwe j = { 0 };
	int r;

	assert_non_null(p);
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(p - json), json, to, p + strlen(from)) >
		    0);
	r = read_jwe(changed, BROKER_P256, &j);
	free(changed);
	free(json);
	return r;
}

static void test_members(void **state)
{
	static const char *const bad[][2] = {
		{ "{\"protected\"", "{\"aad\":\"\",\"protected\"" },
		{ "{\"protected\"", "{\"header\":{},\"protected\"" },
		{ "{\"protected\"", "{\"unprotected\":{},\"protected\"" },
		{ "{\"protected\"", "{\"recipients\":[],\"protected\"" },
		{ "{\"protected\"", "{\"Protected\"" },
		{ "\"tag\":", "\"tag\":\"" B16 "\",\"tag\":" },
		{ "\"tag\":\"" B16 "\"", "\"tag\":\"AAAAAAAAAAAAAAAA\"" },
		{ "\"tag\":\"" B16 "\"", "\"tag\":\"" B16 "==\"" },
		{ "\"tag\":\"" B16 "\"", "\"tag\":\"AAAAAAAAAAAAAAAAAAAAAB\"" },
		{ "\"tag\":\"" B16 "\"", "\"tag\":\"AAAAAAAAAAAAAAAAAAAAAAAA\"" },
		{ "\"tag\":\"" B16 "\"", "\"tag\":null" },
		{ "\"tag\":\"" B16 "\"", "\"tag\":\"\"" },
		{ ",\"tag\":\"" B16 "\"", "" },
		{ "\"iv\":\"" B12 "\"", "\"iv\":\"AAAAAAAAAAAAAAA\"" },
		{ "\"iv\":\"" B12 "\"", "\"iv\":\"AAAAAAAAAAAAAAAAAA\"" },
		{ "\"iv\":\"" B12 "\"", "\"iv\":\"AAAA AAAAAAAAAAA\"" },
		{ "\"iv\":\"" B12 "\"", "\"iv\":\"AAAA\\u0041AAAAAAAAAAA\"" },
		{ B40, B32 },
		{ "\"_-8\"", "\"/+8\"" },
		{ "\"_-8\"", "\"_-8=\"" },
		{ "\"_-8\"", "\"_-9\"" },
		{ "\"_-8\"", "\"_\"" },
		{ "\"_-8\"", "{}" },
		{ "}", "} ." },
	};
	static const char *const good[][2] = {
		{ "\"_-8\"", "\"\"" },
		{ "{\"protected\"", " {\n\"protected\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (read_changed(bad[i][0], bad[i][1]) != -EPROTO)
			fail_msg("it was taken: %s", bad[i][1]);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(read_changed(good[i][0], good[i][1]), 0);
}

static int read_large(size_t len)
{
	uint8_t *data = calloc(1, len);
	char *encoded = NULL, *quoted = NULL;
	int r;

	assert_non_null(data);
	assert_int_equal(base64url_encode(data, len, &encoded), 0);
	assert_true(asprintf(&quoted, "\"%s\"", encoded) > 0);
	r = read_changed("\"_-8\"", quoted);
	free(quoted);
	free(encoded);
	free(data);
	return r;
}

static void test_size(void **state)
{
	assert_int_equal(read_large(JWE_CIPHERTEXT_MAX), 0);
	assert_int_equal(read_large(JWE_CIPHERTEXT_MAX + 1), -EMSGSIZE);
	assert_int_equal(read_large(JWE_CIPHERTEXT_MAX + 100), -EMSGSIZE);
}

static void test_release(void **state)
{
	/* 64 bytes 00, 01, ... 3f */
	static const char signature[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKi"
					"ssLS4vMDEyMzQ1Njc4OTo7PD0-Pw";
	static const char *const bad[] = {
		"",
		"1",
		"1.",
		"1..",
		"1.7",
		"1.7.",
		"1.07.%s",
		"1.+7.%s",
		"1.0x7.%s",
		"1. 7.%s",
		"2.7.%s",
		"1.18446744073709551616.%s",
		"1.184467440737095516150.%s",
		"1.7.%s=",
		"1.7.%s.",
		"1.7.%sA",
		"1.7.A%s",
		"1.7.%s==",
		" 1.7.%s",
		"1.7. %s",
		"01.7.%s",
		"1.-7.%s",
		"1.7%s",
		"1.7.%s,1.7.%s",
	};
	struct net_jwe j = { 0 };
	struct cause why = { "" };
	char header[400];

	snprintf(header, sizeof(header), "1.18446744073709551615.%s", signature);
	assert_int_equal(jwe_read_release(header, &j, &why), 0);
	assert_int_equal(j.has_release, 1);
	assert_true(j.version == UINT64_MAX);
	for (size_t i = 0; i < sizeof(j.signature); i++)
		assert_int_equal(j.signature[i], i);
	snprintf(header, sizeof(header), "1.0.%s", signature);
	assert_int_equal(jwe_read_release(header, &j, &why), 0);
	assert_true(j.version == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *p = strstr(bad[i], "%s");

		memset(&j, 0, sizeof(j));
		if (p)
			snprintf(header, sizeof(header), "%.*s%s%s", (int)(p - bad[i]), bad[i],
				 signature, p + 2);
		else
			snprintf(header, sizeof(header), "%s", bad[i]);
		if (jwe_read_release(header, &j, &why) != -EPROTO)
			fail_msg("it was taken: %s", header);
		assert_int_equal(j.has_release, 0);
	}
}

/*
 * What is wrong inside a field only the key's owner can see; lengths, members and algorithms are
 * ours to refuse.
 */
static bool form_is_bad(const char *name)
{
	static const char *const bad[] = {
		"p256-70000-bytes",
		"p256-iv11",
		"p256-no-tag",
		"p256-tag12",
		"p256-pre-0.2.0-layout",
		/* of our own vectors */
		"p256-epk-unprotected",
		"p521-answer-for-p256-key",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (strcmp(name, bad[i]) == 0)
			return true;
	return strncmp(name, "rsa", 3) == 0;
}

static void read_cases(const char *file, size_t at_least)
{
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, file)), *cases, *o;
	size_t n;

	assert_non_null(all);
	assert_true(json_object_object_get_ex(all, "cases", &cases));
	n = json_object_array_length(cases);
	assert_true(n >= at_least);
	for (size_t i = 0; i < n; i++) {
		const char *name, *key, *json;
		struct net_jwe j = { 0 };
		enum broker_curve curve;
		int r;

		o = json_object_array_get_idx(cases, i);
		name = json_object_get_string(json_object_object_get(o, "name"));
		key = json_object_get_string(json_object_object_get(o, "key"));
		json = json_object_to_json_string(json_object_object_get(o, "jwe"));
		curve = strstr(key, "521") ? BROKER_P521 : BROKER_P256;
		r = read_jwe(json, curve, &j);
		if ((r == 0) == form_is_bad(name))
			fail_msg("%s: %d", name, r);
		if (r == 0)
			assert_int_equal(read_jwe(json,
						  curve == BROKER_P256 ? BROKER_P521 : BROKER_P256,
						  &j),
					 -EPROTO);
	}
	json_object_put(all);
}

static void test_vectors(void **state)
{
	read_cases("coco/jwe/cases.json", 16);
}

static void test_vectors_curves(void **state)
{
	read_cases("field/broker/jwe-curves.json", 8);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	      cmocka_unit_test(test_headers),
		cmocka_unit_test(test_header_length), cmocka_unit_test(test_members),
		cmocka_unit_test(test_size),	      cmocka_unit_test(test_release),
		cmocka_unit_test(test_vectors),	      cmocka_unit_test(test_vectors_curves),
	};

	vectors_or_skip(&tests[6], "coco/jwe/cases.json");
	vectors_or_skip(&tests[7], "field/broker/jwe-curves.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
