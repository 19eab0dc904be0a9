/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Libraries that are loaded when they are asked for: there, not there, and too old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "net/library.h"

#include <cmocka.h>

struct table {
	void *a, *b, *after;
};

static void test_there(void **state)
{
	static const struct library_function functions[] = { { "strlen" }, { "getpid" }, { NULL } };
	struct table t = { NULL, NULL, NULL };
	char error[200] = "";

	assert_int_equal(library_load("libc.so.6", &t, functions, error, sizeof(error)), 0);
	assert_non_null(t.a);
	assert_non_null(t.b);
	assert_ptr_not_equal(t.a, t.b);
	assert_null(t.after);
	assert_int_equal(((size_t (*)(const char *))t.a)("four"), 4);
	assert_string_equal(error, "");
}

static void test_not_there(void **state)
{
	static const struct library_function functions[] = { { "strlen" }, { NULL } };
	struct table t = { NULL, NULL, NULL };
	char error[200] = "";

	assert_int_equal(library_load("libcoco-nowhere.so.9", &t, functions, error, sizeof(error)),
			 -ENOENT);
	assert_non_null(strstr(error, "libcoco-nowhere.so.9"));
	assert_null(t.a);
	/* However little room there is for the reason. */
	assert_int_equal(library_load("libcoco-nowhere.so.9", &t, functions, error, 5), -ENOENT);
	assert_int_equal(strlen(error), 4);
}

static void test_too_old(void **state)
{
	static const struct library_function functions[] = { { "strlen" },
							     { "coco_not_yet" },
							     { NULL } };
	struct table t = { NULL, NULL, NULL };
	char error[200] = "";

	assert_int_equal(library_load("libc.so.6", &t, functions, error, sizeof(error)), -ENOSYS);
	assert_string_equal(error, "libc.so.6 is too old: it has no coco_not_yet()");
	assert_null(t.b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
