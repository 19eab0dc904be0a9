/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/gate.h"

#include <cmocka.h>

/* Every machine under every setting: the gate is open in exactly these cases. */
static void test_gate(void **state)
{
	for (enum tee tee = TEE_NONE; tee < _TEE_MAX; tee++)
		for (int none = 0; none < 2; none++)
			for (unsigned n_errors = 0; n_errors < 2; n_errors++) {
				struct config c = { .require = none ? REQUIRE_NONE : REQUIRE_ATTESTED, .n_errors = n_errors, .first_error = "file:1: wrong" };
				bool owner = tee == TEE_SEV || tee == TEE_SEV_ES;
				struct gate g;

				gate_judge(&c, tee, "because", &g);
				assert_int_equal(g.open, n_errors == 0 && (none || owner));
				assert_string_equal(g.state, !g.open ? "closed" : none ? "not-required" : "owner-attested");
				assert_int_equal(g.tee, tee);
				assert_non_null(strstr(g.reason, n_errors ? "file:1: wrong" : "because"));
			}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_gate) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
