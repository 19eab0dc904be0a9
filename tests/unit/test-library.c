/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Libraries that are loaded when they are asked for: there, not there, and too old; and trimmed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/library.h"
#include "base/macro.h"

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

/* In KiB, counted page by page: what statm says may be late. */
static long resident(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long kib = 0;

	assert_non_null(f);
	while (kib == 0 && fgets(line, sizeof(line), f))
		(void) sscanf(line, "Rss: %ld kB", &kib);
	assert_int_equal(fclose(f), 0);
	return kib;
}

static int written = 1;
static const char *const relocated[] = { "one", "two" };

static void test_trim(void **state)
{
	static const struct library_function functions[] = { { "X509_new" },
							     { "X509_free" },
							     { NULL } };
	struct table t = { NULL, NULL, NULL };
	char error[200] = "";
	long before, after;

	assert_int_equal(library_load("libcrypto.so.3", &t, functions, error, sizeof(error)), 0);
	written = 2;
	before = resident();
	library_trim();
	after = resident();
	assert_in_range(after, 1, before - 1);
	/* What was written is there, by the program and by the loader; the rest comes back. */
	assert_int_equal(written, 2);
	assert_string_equal(*(const char *const volatile *)&relocated[1], "two");
	for (int i = 0; i < 2; i++) {
		void *x = ((void *(*)(void))t.a)();

		assert_non_null(x);
		library_trim();
		((void (*)(void *))t.b)(x);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
