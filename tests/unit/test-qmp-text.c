/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "doctor/qmp-text.h"

#include <cmocka.h>

static void test_cpu_max(void **state)
{
	static const char good[] =
		"{\"QMP\": {}}\n{\"return\": []}\n\n"
		"{\"return\": [{\"alias\": \"pc\", \"cpu-max\": 255}, 1,"
		" {\"alias\": \"q35\", \"cpu-max\": 288}]}\n";
	uint64_t n = 7;

	assert_int_equal(qmp_cpu_max(good, &n), 0);
	assert_int_equal(n, 288);
	assert_int_equal(qmp_cpu_max("", &n), -ENOENT);
	assert_int_equal(qmp_cpu_max("{\"return\": 1}\n", &n), -ENOENT);
	assert_int_equal(qmp_cpu_max("{\"return\": [{\"alias\": \"q35\", \"cpu-max\": -1}]}", &n),
			 -ENOENT);
	assert_int_equal(qmp_cpu_max("{\"return\": [{\"alias\": 1, \"cpu-max\": 1}]}", &n),
			 -ENOENT);
	assert_int_equal(n, 288);
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = { "{", "[]", "1", "null", "x", "{}\n{\"return\": [}\n" };
	uint64_t n = 7;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (qmp_cpu_max(texts[i], &n) != -EBADMSG)
			fail_msg("%s", texts[i]);
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_max),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
