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
		for (enum require require = 0; require < _REQUIRE_MAX; require++)
			for (unsigned n_errors = 0; n_errors < 2; n_errors++) {
				struct config c = { .require = require, .n_errors = n_errors, .first_error = "file:1: wrong" };
				bool owner = require == REQUIRE_ATTESTED && (tee == TEE_SEV || tee == TEE_SEV_ES);
				bool none = require == REQUIRE_NONE;
				struct gate g;

				gate_judge(&c, tee, "because", &g);
				assert_int_equal(g.open, n_errors == 0 && (none || owner));
				assert_string_equal(g.state, !g.open ? "closed" : none ? "not-required" : "owner-attested");
				assert_int_equal(g.wants_evidence, n_errors == 0 && !none && !owner);
				assert_int_equal(g.tee, tee);
				assert_non_null(
					strstr(g.reason, n_errors ? "file:1: wrong" : "because"));
			}
}

/* A verdict changes only a gate that wants one, and only an accepted one opens it. */
static void test_verdict(void **state)
{
	for (enum tee tee = TEE_NONE; tee < _TEE_MAX; tee++)
		for (unsigned setting = 0; setting < 3; setting++)
			for (unsigned i = 0; i < 2 * _ATTEST_RESULT_MAX; i++) {
				enum attest_result result = i / 2;
				bool nobody = i % 2;
				struct config c = { .require = setting == 1 ? REQUIRE_NONE : REQUIRE_ATTESTED, .n_errors = setting == 2 };
				struct attest_verdict v = { .result = result, .provider = "double", .code = "CODE", .reason = "because" };
				struct gate g;
				bool open, wants;

				gate_judge(&c, tee, "seems so", &g);
				open = g.open;
				wants = g.wants_evidence;
				gate_take_verdict(&g, result ? &v : NULL, "no answer", nobody, 42);
				assert_int_equal(g.open, wants ? result == ATTEST_ACCEPTED : open);
				if (!wants)
					continue;
				assert_string_equal(g.state, result == ATTEST_ACCEPTED ? "attested" :
											 "closed");
				assert_int_equal(g.verdict.result, result);
				assert_int_equal(g.verdict_usec, result ? 42 : 0);
				assert_non_null(strstr(g.reason, result ? "because" : "no answer"));
				assert_int_equal(strstr(g.reason, "seems so") != NULL,
						 !result && nobody);
				/* What was accepted once is not for ever. */
				gate_take_verdict(&g, NULL, "no answer", false, 43);
				assert_false(g.open);
				assert_int_equal(g.verdict.result, ATTEST_NONE);
			}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_gate), cmocka_unit_test(test_verdict) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
