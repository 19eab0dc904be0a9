/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "cryptsetup/token-json.h"

/* What comes before a name. */
#define REST "\"keyslots\":[],\"coco-secret\":"
#define OURS "{\"type\":\"coco\",\"keyslots\":[\"1\"],\"coco-secret\":\"data\"}"

static void test_good(void **state)
{
	static const struct {
		const char *json, *name;
	} cases[] = {
		{ OURS, "data" },
		{ " {\"coco-secret\" : \"a.b_c-9\",\n"
		  "\"keyslots\":[], \"type\":\"coco\"}\n", "a.b_c-9" },
		{ "{\"type\":\"coco\",\"keyslots\":[\"0\",\"31\"],"
		  "\"coco-secret\":\"x\",\"more\":[1,{}]}",
		  "x" },
		/* libcryptsetup may escape what it likes. */
		{ "{\"type\":\"\\u0063oco\"," REST "\"d\\u0061ta\"}", "data" },
		{ "{\"type\":\"coco\"," REST "\"0123456789012345678901234567890"
		  "123456789012345678901234567890123\"}",
		  "0123456789012345678901234567890123456789012345678901234567890123" },
	};
	char name[MSG_NAME_LEN + 1];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(token_json_secret(cases[i].json, name), 0);
		assert_string_equal(name, cases[i].name);
	}
}

static void test_bad(void **state)
{
	static const char *const cases[] = {
		"", " ", "null", "7", "\"data\"", "[]", "{}", OURS OURS, OURS "x", "{" OURS,
		"{\"type\":\"coco\",\"keyslots\":[\"1\"]}",
		"{\"type\":\"coco\",\"coco-secret\":\"data\"}",
		"{\"keyslots\":[\"1\"],\"coco-secret\":\"data\"}",
		"{\"type\":\"Coco\"," REST "\"data\"}",
		"{\"type\":\"coco2\"," REST "\"data\"}",
		"{\"type\":\"coco\\u0000\"," REST "\"data\"}",
		"{\"type\":[\"coco\"]," REST "\"data\"}",
		"{\"type\":\"coco\",\"keyslots\":{},\"coco-secret\":\"data\"}",
		"{\"type\":\"coco\",\"keyslots\":[1],\"coco-secret\":\"data\"}",
		"{\"type\":\"coco\",\"keyslots\":\"1\",\"coco-secret\":\"data\"}",
		"{\"type\":\"coco\",\"keyslots\":null,\"coco-secret\":\"data\"}",
		/* names */
		"{\"type\":\"coco\"," REST "\"\"}",
		"{\"type\":\"coco\"," REST "null}",
		"{\"type\":\"coco\"," REST "7}",
		"{\"type\":\"coco\"," REST "true}",
		"{\"type\":\"coco\"," REST "[\"data\"]}",
		"{\"type\":\"coco\"," REST "{\"a\":\"data\"}}",
		"{\"type\":\"coco\"," REST "\"../data\"}",
		"{\"type\":\"coco\"," REST "\"-data\"}",
		"{\"type\":\"coco\"," REST "\"da ta\"}",
		"{\"type\":\"coco\"," REST "\"data\\n\"}",
		"{\"type\":\"coco\"," REST "\"data\\u0000\"}",
		"{\"type\":\"coco\"," REST "\"\\u001b[31m\"}",
		"{\"type\":\"coco\"," REST "\"d\xc3\xa4ta\"}",
		"{\"type\":\"coco\"," REST "\"0123456789012345678901234567890"
		"1234567890123456789012345678901234\"}",
		/* two members of one name, of which json-c would take the last */
		"{\"type\":\"coco\"," REST "\"a\",\"coco-secret\":\"data\"}",
		"{\"type\":\"coco\",\"type\":\"coco\"," REST "\"data\"}",
		"{\"type\":\"coco\",\"keyslots\":[],"
		"\"coco-\\u0073ecret\":\"a\",\"coco-secret\":\"data\"}",
		"{\"type\":\"coco\"," REST "\"data\",\"x\":{\"y\":1,\"y\":2}}",
		/* what json-c would take, and JSON is not */
		"{'type':'coco','keyslots':[],'coco-secret':'data'}",
		"{\"type\":\"coco\"," REST "\"data\",}",
		"{\"type\":\"coco\"," REST "\"data\"} // more",
		"{\"type\":\"coco\"," REST "\"data\",\"x\":NaN}",
	};
	char name[MSG_NAME_LEN + 1] = "untouched";

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (token_json_secret(cases[i], name) != -EINVAL)
			fail_msg("taken: %s", cases[i]);
	assert_int_equal(token_json_secret(NULL, name), -EINVAL);
	assert_string_equal(name, "untouched");
}

static void test_limits(void **state)
{
	char name[MSG_NAME_LEN + 1], json[TOKEN_JSON_MAX + 2], deep[512] = "";

	memset(json, ' ', sizeof(json));
	memcpy(json, OURS, strlen(OURS));
	json[TOKEN_JSON_MAX] = '\0';
	assert_int_equal(token_json_secret(json, name), 0);
	json[TOKEN_JSON_MAX] = ' ';
	json[TOKEN_JSON_MAX + 1] = '\0';
	assert_int_equal(token_json_secret(json, name), -EMSGSIZE);

	for (int depth = 4; depth <= 64; depth *= 2) {
		strcpy(deep, "{\"type\":\"coco\"," REST "\"data\",\"x\":");
		for (int i = 0; i < depth; i++)
			strcat(deep, "[");
		for (int i = 0; i < depth; i++)
			strcat(deep, "]");
		strcat(deep, "}");
		assert_int_equal(token_json_secret(deep, name), depth < 32 ? 0 : -EINVAL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
