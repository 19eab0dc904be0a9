/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wire/cdh.h"

#include <cmocka.h>

static void test_good(void **state)
{
	static const char *const good[][2] = {
		{ "/cdh/resource/default/db/password", "default/db/password" },
		{ "/cdh/resource/a/b/c", "a/b/c" },
		{ "/cdh/resource/a.b/c-d/e_f.1", "a.b/c-d/e_f.1" },
	};
	char path[BROKER_PATH_LEN];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(cdh_target_parse(good[i][0], path));
		assert_string_equal(path, good[i][1]);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "/", "/cdh", "/cdh/", "/cdh/resource", "/cdh/resource/", "/cdh/resource/a",
		"/cdh/resource/a/b", "/cdh/resource/a/b/", "/cdh/resource/a/b/c/",
		"/cdh/resource/a/b/c/d", "/cdh/resource//a/b/c", "/cdh/resource/a//c",
		"//cdh/resource/a/b/c", "cdh/resource/a/b/c", "/CDH/resource/a/b/c",
		"/cdh/resource/../a/b", "/cdh/resource/a/../c", "/cdh/resource/a/b/..",
		"/cdh/resource/a/b/.", "/cdh/resource/a/b/.c", "/cdh/resource/a/b/c%2e",
		"/cdh/resource/%2e%2e/b/c", "/cdh/resource/a/b/c?", "/cdh/resource/a/b/c?x=1",
		"/cdh/resource/a/b/c#", "/cdh/resource/+plugin/b/c", "/cdh/resource/+a/b",
		"/cdh/resource/a/b/c ", "/cdh/resource/a/b/c\n", "/cdh/resource/a/b/\xc3\xa4",
		"/cdh/resource/a\\b/c/d", "/cdh/resource/init-data", "/aa/token", "/cdh/unseal",
		"http://127.0.0.1/cdh/resource/a/b/c",
	};
	char path[BROKER_PATH_LEN] = "as before", text[BROKER_PATH_LEN + 64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(cdh_target_parse(bad[i], path));
	assert_string_equal(path, "as before");

	/* The longest path, and one byte more. */
	strcpy(text, "/cdh/resource/a/b/");
	memset(text + 18, 'c', BROKER_PATH_LEN - 1 - 4);
	text[14 + BROKER_PATH_LEN - 1] = '\0';
	assert_true(cdh_target_parse(text, path));
	assert_int_equal(strlen(path), BROKER_PATH_LEN - 1);
	strcat(text, "c");
	assert_false(cdh_target_parse(text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
