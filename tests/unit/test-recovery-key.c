/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery passphrases have the form of systemd's, use all letters, and are not made twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/recovery-key.h"

#include <cmocka.h>

static void test_form(void **state)
{
	static const char modhex[] = "cbdefghijklnrtuv";
	unsigned seen = 0;

	for (unsigned round = 0; round < 20; round++) {
		struct secret *s;
		const uint8_t *p;

		assert_int_equal(recovery_key_new(&s), 0);
		assert_int_equal(secret_len(s), RECOVERY_KEY_LEN);
		p = secret_data(s);
		for (unsigned i = 0; i < RECOVERY_KEY_LEN; i++) {
			const char *at = strchr(modhex, p[i]);

			if (i % 9 == 8) {
				assert_int_equal(p[i], '-');
				continue;
			}
			assert_non_null(at);
			assert_int_not_equal(p[i], 0);
			seen |= 1u << (at - modhex);
		}
		secret_free(s);
	}
	assert_int_equal(seen, 0xffff);
}

static void test_another_each_time(void **state)
{
	struct secret *a, *b;

	assert_int_equal(recovery_key_new(&a), 0);
	assert_int_equal(recovery_key_new(&b), 0);
	assert_false(secret_equal(a, b));
	secret_free(a);
	secret_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_another_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
