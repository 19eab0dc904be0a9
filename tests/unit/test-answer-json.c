/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What coco-broker --json makes of the broker's answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "broker/answer-json.h"

#include <cmocka.h>

static void assert_document(const char *answer, const char *name, const char *expected)
{
	struct json_object *a = json_tokener_parse(answer), *o, *wanted;
	char before[1024];

	assert_non_null(a);
	snprintf(before, sizeof(before), "%s", json_object_to_json_string(a));
	o = answer_document(a, name);
	wanted = json_tokener_parse(expected);
	assert_non_null(o);
	assert_non_null(wanted);
	assert_string_equal(json_object_to_json_string(o), json_object_to_json_string(wanted));
	/* The caller reads its answer afterwards. */
	assert_string_equal(json_object_to_json_string(a), before);
	json_putp(&a);
	json_putp(&o);
	json_putp(&wanted);
}

static void test_protocol(void **state)
{
	assert_document("{\"v\":1,\"ok\":true}", "approve",
			"{\"schema\":\"coco-broker-approve\",\"version\":1}");
	/* Only at the top are these the protocol's. */
	assert_document("{\"v\":1,\"list\":[{\"v\":2,\"ok\":null}]}", "x",
			"{\"schema\":\"coco-broker-x\",\"version\":1,"
			"\"list\":[{\"v\":2,\"ok\":null}]}");
}

static void test_members(void **state)
{
	assert_document("{\"max-bytes\":5,\"version\":7,\"why\":null}", "status",
			"{\"schema\":\"coco-broker-status\",\"version\":1,\"max_bytes\":5,"
			"\"secret_version\":7,\"why\":null}");
}

/* An answer cannot say that it is another document. */
static void test_names_taken(void **state)
{
	struct json_object *a = json_tokener_parse("{\"schema\":\"coco-secret\"}"), *o;

	o = answer_document(a, "try");
	assert_string_equal(json_object_to_json_string(o),
			    "{ \"schema\": \"coco-broker-try\", \"version\": 1 }");
	json_putp(&a);
	json_putp(&o);
}

static void test_times(void **state)
{
	assert_document("{\"at\":86400,\"changed\":0,\"used\":-5,"
			"\"l\":[{\"kept-since-refused\":1}],\"from\":\"folder\"}",
			"why",
			"{\"schema\":\"coco-broker-why\",\"version\":1,"
			"\"time\":\"1970-01-02T00:00:00Z\",\"changed\":null,\"used\":null,"
			"\"l\":[{\"kept_since_refused\":\"1970-01-01T00:00:01Z\"}],"
			"\"from\":\"folder\"}");
	/* A number that is no time any more. */
	assert_document("{\"expires\":9223372036854775807}", "x",
			"{\"schema\":\"coco-broker-x\",\"version\":1,\"expires\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocol),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_names_taken),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
