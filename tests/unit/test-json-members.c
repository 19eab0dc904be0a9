/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "base/json.h"

#include <cmocka.h>

static void test_text(void **state)
{
	_cleanup_(json_putp) struct json_object *o = json_tokener_parse(
		"{\"a\":\"text\",\"empty\":\"\",\"n\":1,\"none\":null,\"list\":[\"text\"],"
		"\"o\":{\"a\":\"text\"},\"cut\":\"text\\u0000more\"}");
	static const char *const no_text[] = { "n", "none", "list", "o", "cut", "A", "" };
	struct json_object *list, *cut;

	assert_non_null(o);
	assert_string_equal(json_text(o, "a"), "text");
	assert_string_equal(json_text(o, "empty"), "");
	for (size_t i = 0; i < ARRAY_SIZE(no_text); i++)
		assert_null(json_text(o, no_text[i]));

	/* What has no members. */
	assert_true(json_object_object_get_ex(o, "list", &list));
	assert_null(json_text(list, "a"));
	assert_null(json_text(NULL, "a"));
	assert_string_equal(json_text_or_empty(o, "a"), "text");
	assert_string_equal(json_text_or_empty(o, "cut"), "");
	assert_string_equal(json_text_or_empty(NULL, "a"), "");

	assert_string_equal(json_value_text(json_object_array_get_idx(list, 0)), "text");
	assert_true(json_object_object_get_ex(o, "cut", &cut));
	assert_null(json_value_text(cut));
	assert_null(json_value_text(list));
	assert_null(json_value_text(NULL));
}

/* A value for which there was no memory. */
static void test_no_value(void **state)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	_cleanup_(json_putp) struct json_object *array = json_object_new_array();

	assert_int_equal(json_add(o, "a", NULL), -ENOMEM);
	assert_int_equal(json_append(array, NULL), -ENOMEM);
	assert_int_equal(json_add_text(NULL, "a", "b"), -ENOMEM);
	assert_int_equal(json_append(NULL, json_object_new_int(1)), -ENOMEM);
	assert_int_equal(json_add_null(NULL, "a"), -ENOMEM);
	assert_int_equal(json_object_object_length(o), 0);
	assert_int_equal(json_object_array_length(array), 0);

	assert_int_equal(json_add_null(o, "a"), 0);
	assert_int_equal(json_add_text(o, "b", "text"), 0);
	assert_int_equal(json_append(array, json_object_new_int(1)), 0);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			    "{\"a\":null,\"b\":\"text\"}");
	assert_string_equal(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN), "[1]");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
