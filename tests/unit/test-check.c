/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What outcomes mean for the whole: the exit status, and what to mend first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "doctor/check.h"

#include <cmocka.h>

/* Two for SNP, one for SEV alone, one for all, one for information. */
static const struct check checks[] = {
	{ .id = "snp", .needs = FOR(REQUIRE_SNP), .decides = true },
	{ .id = "snp-more", .needs = FOR(REQUIRE_SNP) },
	{ .id = "sev", .needs = FOR(REQUIRE_SEV), .decides = true },
	{ .id = "all", .needs = FOR_ALL },
	{ .id = "info", .needs = FOR_INFORMATION, .decides = true },
};

static const struct side side = { .name = "test", .checks = checks, .n_checks = 5 };

#define P OUTCOME_PASS
#define W OUTCOME_WARN
#define F OUTCOME_FAIL
#define N OUTCOME_NA
#define U OUTCOME_UNKNOWN
#define SEV_SNP (FOR(REQUIRE_SEV) | FOR(REQUIRE_SNP))

struct row {
	unsigned offers;
	int required;		/* -1: not given */
	enum outcome outcomes[5];
	int status;
	size_t first;
	int judged;		/* -1: for no technology */
};

static void test_conclude(void **state)
{
	static const struct row rows[] = {
		{ SEV_SNP, -1, { P, P, P, P, P }, DOCTOR_READY, 5, REQUIRE_SNP },
		/* The best that is offered; what is for another technology does not count. */
		{ SEV_SNP, -1, { P, P, F, P, P }, DOCTOR_READY, 5, REQUIRE_SNP },
		{ SEV_SNP, -1, { P, P, P, P, F }, DOCTOR_READY, 5, REQUIRE_SNP },
		{ SEV_SNP, -1, { F, P, P, P, P }, DOCTOR_NOT_READY, 0, REQUIRE_SNP },
		{ SEV_SNP, -1, { P, F, P, F, P }, DOCTOR_NOT_READY, 1, REQUIRE_SNP },
		{ SEV_SNP, -1, { P, W, P, F, P }, DOCTOR_NOT_READY, 3, REQUIRE_SNP },
		{ SEV_SNP, -1, { P, W, P, P, P }, DOCTOR_WARNINGS, 1, REQUIRE_SNP },
		/* Unknown counts where it decides, and never makes a failure. */
		{ SEV_SNP, -1, { U, P, P, P, P }, DOCTOR_CANNOT_TELL, 0, REQUIRE_SNP },
		{ SEV_SNP, -1, { P, U, P, P, P }, DOCTOR_READY, 5, REQUIRE_SNP },
		{ SEV_SNP, -1, { U, W, P, P, P }, DOCTOR_CANNOT_TELL, 0, REQUIRE_SNP },
		{ SEV_SNP, -1, { U, P, P, F, P }, DOCTOR_NOT_READY, 3, REQUIRE_SNP },
		{ SEV_SNP, -1, { N, N, N, N, N }, DOCTOR_READY, 5, REQUIRE_SNP },
		/* Any: what works, before what is better. */
		{ SEV_SNP, REQUIRE_ANY, { F, P, P, P, P }, DOCTOR_READY, 5, REQUIRE_SEV },
		{ SEV_SNP, REQUIRE_ANY, { U, P, W, P, P }, DOCTOR_WARNINGS, 2, REQUIRE_SEV },
		{ SEV_SNP, REQUIRE_ANY, { F, P, F, P, P }, DOCTOR_NOT_READY, 0, REQUIRE_SNP },
		{ SEV_SNP, REQUIRE_ANY, { P, P, P, P, P }, DOCTOR_READY, 5, REQUIRE_SNP },
		{ SEV_SNP, REQUIRE_SEV, { F, F, P, P, P }, DOCTOR_READY, 5, REQUIRE_SEV },
		{ SEV_SNP, REQUIRE_NOTHING, { F, F, F, P, P }, DOCTOR_READY, 5, REQUIRE_NOTHING },
		{ SEV_SNP, REQUIRE_NOTHING, { P, P, P, F, P }, DOCTOR_NOT_READY, 3,
		  REQUIRE_NOTHING },
		/* Nothing is offered: what matters for all. */
		{ 0, -1, { F, F, F, P, P }, DOCTOR_READY, 5, -1 },
		{ 0, -1, { P, P, P, F, P }, DOCTOR_NOT_READY, 3, -1 },
		{ 0, REQUIRE_ANY, { P, P, P, F, P }, DOCTOR_NOT_READY, 3, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct exam x = {
			.offers = row->offers, .given = row->required >= 0,
			.required = row->required >= 0 ? (enum requirement)row->required : 0,
		};
		struct result results[5] = { 0 };
		struct conclusion c;

		for (size_t k = 0; k < 5; k++)
			results[k].outcome = row->outcomes[k];
		exam_conclude(&x, &side, results, &c);
		if (c.status != row->status || c.first != row->first ||
		    c.offered != (row->judged >= 0) ||
		    (c.offered && (int)c.judged != row->judged))
			fail_msg("row %zu: %s, first %zu, judged %u", i, conclusion_name(c.status),
				 c.first, c.judged);
	}
}

static void test_lacks_required(void **state)
{
	struct exam x = { .offers = FOR(REQUIRE_SEV), .given = true, .required = REQUIRE_SNP };
	char text[OFFERS_TEXT_MAX];

	assert_true(exam_lacks_required(&x));
	x.required = REQUIRE_SEV;
	assert_false(exam_lacks_required(&x));
	x.required = REQUIRE_ANY;
	assert_false(exam_lacks_required(&x));
	x.required = REQUIRE_SNP;
	x.given = false;
	assert_false(exam_lacks_required(&x));
	assert_string_equal(offers_text(FOR_CONFIDENTIAL, text), "sev, sev-es, snp, tdx");
	assert_string_equal(offers_text(0, text), "");
}

static void test_results_are_bounded(void **state)
{
	struct result r = { 0 };
	char longer[2000];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (unsigned i = 0; i < 20; i++) {
		result_saw(&r, longer, "%s", longer);
		result_fix(&r, FIX_BIOS, "%s", longer);
	}
	result_set(&r, OUTCOME_WARN, "%s", longer);
	assert_int_equal(r.n_evidence, EVIDENCE_MAX);
	assert_int_equal(r.n_fixes, FIXES_MAX);
	assert_int_equal(strlen(r.explain), sizeof(r.explain) - 1);
	assert_int_equal(strlen(r.evidence[7].value), sizeof(r.evidence[7].value) - 1);
}

static void test_unknown(void **state)
{
	struct result r = { 0 };

	result_unknown(&r, "msr 0x87", GOT_ABSENT);
	assert_int_equal(r.outcome, OUTCOME_UNKNOWN);
	assert_string_equal(r.fixes[0].text, "modprobe msr");
	r = (struct result){ 0 };
	result_unknown(&r, "/dev/kvm", GOT_DENIED);
	assert_string_equal(r.fixes[0].text, "Run it as root");
	r = (struct result){ 0 };
	result_unknown(&r, "/dev/kvm", GOT_UNREADABLE);
	assert_int_equal(r.n_fixes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conclude),
		cmocka_unit_test(test_lacks_required),
		cmocka_unit_test(test_results_are_bounded),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
