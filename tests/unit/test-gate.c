/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/keeper/gate.h"

#include <cmocka.h>

static const enum require requires[] = { REQUIRE_ATTESTED, REQUIRE_EVIDENCE, REQUIRE_NONE };

static const struct carried nothing;

static bool owner_attests(enum tee tee)
{
	return tee == TEE_SEV || tee == TEE_SEV_ES;
}

/*
 * Every machine with every setting: without evidence the gate is open in exactly these cases.
 * What CPUID and sysfs say about the machine opens nothing where evidence is required.
 */
static void test_gate(void **state)
{
	for (enum tee tee = TEE_NONE; tee < _TEE_MAX; tee++)
		for (unsigned i = 0; i < 4 * ARRAY_SIZE(requires); i++) {
			unsigned n_errors = i % 2;
			struct config c = { .require = requires[i / 4],
					    .require_given = i / 2 % 2,
					    .errors = { n_errors, "file:1: wrong" } };
			bool none = c.require == REQUIRE_NONE,
			     owner = c.require == REQUIRE_ATTESTED && owner_attests(tee);
			struct gate g;

			gate_judge(&c, &nothing, tee, "because", &g);
			assert_int_equal(g.open, n_errors == 0 && (none || owner));
			assert_string_equal(g.state, !g.open ? "closed" :
						     none    ? "not-required" :
							       "owner-attested");
			assert_int_equal(g.wants_evidence, n_errors == 0 && !none && !owner);
			assert_int_equal(g.tee, tee);
			assert_int_equal(g.require, c.require);
			assert_non_null(strstr(g.require_reason,
					       c.require_given ? "cocod.conf" : "default"));
			assert_int_equal(!c.require_given && c.require == REQUIRE_EVIDENCE,
					 strstr(g.require_reason, "there is an attest.conf") !=
						 NULL);
			assert_non_null(strstr(g.reason, n_errors ? "file:1: wrong" : "because"));
			/* A machine without evidence is told so, and what to do. */
			assert_int_equal(!n_errors && c.require == REQUIRE_EVIDENCE &&
						 owner_attests(tee),
					 strstr(g.reason, "Require=attested") != NULL);
		}
}

/* Every pair of an initrd and a system, on every machine: the stricter of the two counts. */
static void test_initrd(void **state)
{
	for (enum tee tee = TEE_NONE; tee < _TEE_MAX; tee++)
		for (unsigned i = 0; i < 4 * ARRAY_SIZE(requires) * ARRAY_SIZE(requires); i++) {
			struct config c = { .require = requires[i / 4 % ARRAY_SIZE(requires)] };
			struct kept kept = { .require = requires[i / 4 / ARRAY_SIZE(requires)] };
			struct carried carried = { .kept = &kept, .own = i / 2 % 2 };
			bool none = c.require == REQUIRE_NONE && kept.require == REQUIRE_NONE;
			bool evidence = c.require == REQUIRE_EVIDENCE ||
					kept.require == REQUIRE_EVIDENCE;
			bool owner = !none && !evidence && owner_attests(tee);
			struct gate g;
			bool nothing_accepts;

			/*
			 * Without a policy an initrd accepts nothing, so no root file system can
			 * accept in its name.
			 */
			kept.policy = i % 2 ? (char *)"[Policy]" : NULL;
			nothing_accepts = !kept.policy && !carried.own &&
					  kept.require != REQUIRE_NONE && !owner;
			gate_judge(&c, &carried, tee, "because", &g);
			assert_int_equal(g.open, none || owner);
			assert_int_equal(g.wants_evidence, !g.open && !nothing_accepts);
			assert_string_equal(g.state, none  ? "not-required" :
						     owner ? "owner-attested" :
							     "closed");
			assert_int_equal(g.require, none     ? REQUIRE_NONE :
						    evidence ? REQUIRE_EVIDENCE :
							       REQUIRE_ATTESTED);
			assert_int_equal(strstr(g.require_reason, "initrd") != NULL,
					 g.require != c.require);
			if (nothing_accepts)
				assert_non_null(strstr(g.reason, "put the file into the initrd"));
			strcpy(carried.error, "the file is lost");
			gate_judge(&c, &carried, tee, "because", &g);
			assert_false(g.open || g.wants_evidence);
			assert_non_null(strstr(g.reason, "the file is lost"));
		}
}

/* A verdict changes only a gate that wants one, and only acceptance opens it. */
static void test_verdict(void **state)
{
	for (enum tee tee = TEE_NONE; tee < _TEE_MAX; tee++)
		for (unsigned setting = 0; setting < 2 * ARRAY_SIZE(requires); setting++)
			for (unsigned i = 0; i < 2 * _ATTEST_RESULT_MAX; i++) {
				enum attest_result result = i / 2;
				bool nobody = i % 2;
				struct config c = { .require = requires[setting / 2],
						    .errors.n = setting % 2 };
				struct attest_verdict v = { .result = result,
							    .provider = "double",
							    .code = "CODE",
							    .reason = "because" };
				struct gate g;
				bool open, wants;

				gate_judge(&c, &nothing, tee, "seems so", &g);
				open = g.open;
				wants = g.wants_evidence;
				gate_take_verdict(&g, result ? &v : NULL, "no answer", nobody, 42);
				assert_int_equal(g.open, wants ? result == ATTEST_ACCEPTED : open);
				if (!wants)
					continue;
				assert_string_equal(g.state, result == ATTEST_ACCEPTED ?
								     "attested" :
								     "closed");
				assert_int_equal(g.verdict.result, result);
				assert_int_equal(g.verdict_usec, result ? 42 : 0);
				assert_non_null(strstr(g.reason, result ? "because" : "no answer"));
				assert_int_equal(strstr(g.reason, "seems so") != NULL,
						 !result && nobody);
				if (!result && nobody && owner_attests(tee))
					assert_non_null(strstr(g.reason, "Require=attested "
									 "in cocod.conf"));
				/* Acceptance does not last for ever. */
				gate_take_verdict(&g, NULL, "no answer", false, 43);
				assert_false(g.open);
				assert_int_equal(g.verdict.result, ATTEST_NONE);
			}
}

/* The ACPI table SVKL counts in a TD whose quote was accepted, and in tests. */
static void test_host_table(void **state)
{
	static const char *const types[] = { "",	  "snp", "snp-table", "azure",
					     "azure-hcl", "tdx", "tpm",	      "ccel" };
	const struct secret_source area = { .name = "coco" },
				   svkl = { .name = "svkl", .host_table = true };
	unsigned n_believed = 0;

	for (enum tee tee = TEE_NONE; tee < _TEE_MAX; tee++)
		for (unsigned setting = 0; setting < 2 * ARRAY_SIZE(requires); setting++)
			for (unsigned i = 0; i < ARRAY_SIZE(types) * _ATTEST_RESULT_MAX * 2; i++) {
				struct config c = { .require = requires[setting / 2],
						    .errors.n = setting % 2 };
				enum attest_result result = i / 2 % _ATTEST_RESULT_MAX;
				struct attest_verdict v = { .result = result, .rtmr0 = i % 2 };
				bool sev = tee == TEE_SEV || tee == TEE_SEV_ES ||
					   tee == TEE_SEV_SNP;
				enum gate_belief belief;
				const char *why = NULL;
				bool td, test;
				struct gate g;

				strcpy(v.type, types[i / 2 / _ATTEST_RESULT_MAX]);
				gate_judge(&c, &nothing, tee, "seems so", &g);
				gate_take_verdict(&g, &v, "no answer", false, 42);
				td = !sev && g.open && g.wants_evidence &&
				     result == ATTEST_ACCEPTED && streq(v.type, "tdx");
				test = g.open && c.require == REQUIRE_NONE && tee == TEE_NONE;
				belief = gate_believes(&g, &svkl, &why);
				assert_int_equal(belief, test || (td && !v.rtmr0) ?
								 GATE_BELIEVES_HOST :
							 td ? GATE_BELIEVES :
							      GATE_IGNORES);
				assert_int_equal(why[0] != '\0', belief != GATE_BELIEVES);
				n_believed += td && belief == GATE_BELIEVES;
				assert_int_equal(gate_believes(&g, &area, &why), GATE_BELIEVES);
			}
	assert_true(n_believed > 0);
}

/* Every setting of broker.conf: attest.conf and Require= count for nothing, errors for all. */
static void test_broker(void **state)
{
	static const char *const states[_BROKER_TRUST_MAX] = { "closed", "configured", "tls-only",
							       "tls-only" };

	for (unsigned i = 0; i < 4 * ARRAY_SIZE(requires); i++)
		for (unsigned trust = 0; trust < _BROKER_TRUST_MAX; trust++) {
			unsigned n_errors = i % 2;
			bool present = i / 2 % 2, open;
			struct config c = { .require = requires[i / 4],
					    .broker = { .present = present, .trust = trust },
					    .errors = { n_errors, "file:1: wrong" } };
			struct broker_gate g;

			gate_judge_broker(&c, &g);
			open = !n_errors && present && trust != BROKER_TRUST_NONE;
			assert_int_equal(g.open, open);
			assert_string_equal(g.state, n_errors ? "closed" :
						     !present ? "none" :
								states[trust]);
			assert_true(g.reason[0]);
			assert_int_equal(strstr(g.reason, "file:1: wrong") != NULL, n_errors);
			assert_int_equal(strstr(g.reason, "is not signed") != NULL,
					 open && trust != BROKER_TRUST_IDENTITY);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_gate),
						   cmocka_unit_test(test_initrd),
						   cmocka_unit_test(test_verdict),
						   cmocka_unit_test(test_host_table),
						   cmocka_unit_test(test_broker) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
