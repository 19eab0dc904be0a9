/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of states, wipes, results and differences, and what an unknown number is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire/msg.h"

#include <cmocka.h>

/* @n names, no two of them the same. */
static void assert_names(const char *(*name)(unsigned), unsigned n, const char *const *want)
{
	for (unsigned i = 0; i < n; i++)
		assert_string_equal(name(i), want[i]);
}

static void test_states(void **state)
{
	assert_names(secret_state_name, _SECRET_STATE_MAX,
		     (const char *const[]){ "present", "delivered", "confirmed", "wiped" });
	assert_string_equal(secret_state_name(_SECRET_STATE_MAX), "unknown");
	assert_string_equal(secret_state_name(UINT32_MAX), "unknown");
}

static void test_wipes(void **state)
{
	assert_names(secret_wipe_name, _SECRET_WIPE_MAX,
		     (const char *const[]){ "confirmed", "delivered", "boot-complete", "manual" });
	assert_string_equal(secret_wipe_name(_SECRET_WIPE_MAX), "unknown");
	assert_string_equal(secret_wipe_name(UINT32_MAX), "unknown");
}

static void test_places(void **state)
{
	assert_names(place_kind_name, _PLACE_KIND_MAX, (const char *const[]){ "keyring", "file" });
	assert_string_equal(place_kind_name(_PLACE_KIND_MAX), "unknown");
	assert_string_equal(place_kind_name(UINT32_MAX), "unknown");
}

/* An unknown result does not count as accepted. */
static void test_results(void **state)
{
	assert_names(attest_result_name, _ATTEST_RESULT_MAX,
		     (const char *const[]){ "none", "accepted", "undecided", "not-authentic",
					    "malformed", "refused" });
	assert_string_equal(attest_result_name(_ATTEST_RESULT_MAX), "none");
	assert_string_equal(attest_result_name(UINT32_MAX), "none");
}

static void test_differences(void **state)
{
	assert_names(msg_differs_name, 4,
		     (const char *const[]){ "Require", "BindPolicy", "attest.conf",
					    "attest.trust" });
	assert_null(msg_differs_name(4));
	assert_null(msg_differs_name(UINT32_MAX));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_wipes),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
