/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A million deliveries to those who had the secret are a hundred lines and some numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/keeper/repeat.h"

#include <cmocka.h>

static void test_million(void **state)
{
	struct repeats r = { 0 };
	unsigned n_full = 0, n_numbers = 0;
	uint64_t last = 100;

	for (unsigned i = 1; i <= 1000000; i++) {
		assert_int_equal(repeat_is_quiet(&r), i > 100);
		switch (repeat_note(&r)) {
		case REPEAT_IN_FULL:
			n_full++;
			assert_true(i <= 100);
			break;
		case REPEAT_NUMBER:
			n_numbers++;
			assert_int_equal(r.n, 2 * last);
			last = r.n;
			break;
		case REPEAT_NOTHING:
			/* Never more is unsaid than was said. */
			assert_true(r.n - r.n_said < r.n_said);
			break;
		}
		assert_int_equal(r.n, i);
	}
	assert_int_equal(n_full, 100);
	assert_int_equal(n_numbers, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_million),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
