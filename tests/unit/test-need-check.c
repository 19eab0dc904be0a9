/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files are wanted for evidence of a generated platform, and when each is good. */
#include <setjmp.h>
#include <stdarg.h>

#include "attest/needs.h"
#include "attest/snp/snp-needs.h"
#include "attest/tdx/tdx-needs.h"
#include "attest/x509/x509.h"

#include <cmocka.h>

#include "tests/unit/platform.h"

static void find(const char *table, const char *id, struct evidence *e, struct needs *ret)
{
	char problem[NEEDS_PROBLEM_LEN] = "";

	platform_load(table, id, e, NULL);
	assert_int_equal(needs_find(e, NULL, ret, problem), 0);
	assert_string_equal(problem, "");
}

static void test_kinds(void **state)
{
	static const struct {
		const char *table, *id;
		const struct need_vendor *vendor;
		const char *none;	/* a certificate that is not wanted */
		const char *file;	/* a file that is wanted */
	} rows[] = {
		{ "snp", "ok-milan-vcek", &need_amd, "VCEK", "cert-chain-vcek-Milan.pem" },
		{ "snp", "ok-milan-vlek", &need_amd, "VLEK", "cert-chain-vlek-Milan.pem" },
		{ "tdx", "ok-many-levels", &need_intel, NULL, "qe-identity.json" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct evidence e;
		struct needs n;
		bool there = false;

		find(rows[i].table, rows[i].id, &e, &n);
		assert_ptr_equal(n.vendor, rows[i].vendor);
		assert_int_equal(n.none.is_there, rows[i].none != NULL);
		if (rows[i].none)
			assert_string_equal(n.none.what, rows[i].none);
		for (unsigned k = 0; k < n.n; k++)
			there |= streq(n.list[k].name, rows[i].file);
		assert_true(there);
		platform_unload(&e);
	}
}

/* Each of a TD's four files with dates: on the first and last day, and a second beside them. */
static void test_periods(void **state)
{
	static const struct {
		const char *name;
		enum evidence_piece piece;
		bool last_is_good;	/* a list's next update is the first second after it */
	} rows[] = {
		{ "tcb-info-", EVIDENCE_TCB_INFO, true },
		{ "qe-identity.json", EVIDENCE_QE_IDENTITY, true },
		{ "pck-crl-", EVIDENCE_PCK_CRL, false },
		{ "root-crl.der", EVIDENCE_ROOT_CRL, false },
	};
	struct evidence e;
	struct needs n;

	find("tdx", "ok-many-levels", &e, &n);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const int64_t at[] = { 0,
				       PLATFORM_ISSUED - 1,
				       PLATFORM_ISSUED,
				       PLATFORM_NOW,
				       PLATFORM_NEXT - 1,
				       PLATFORM_NEXT,
				       PLATFORM_NEXT + 1 };
		const bool good[] = { true, false, true, true, true, rows[i].last_is_good, false };
		const struct need *need = NULL;

		for (unsigned k = 0; k < n.n; k++)
			if (startswith(n.list[k].name, rows[i].name))
				need = &n.list[k];
		assert_non_null(need);
		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			struct need_finding f;
			int r = need_check(&n, need, e.piece[rows[i].piece], at[k], &f);

			if (r != (good[k] ? 0 : -EKEYEXPIRED))
				fail_msg("%s at %lld: %d, %s", rows[i].name, (long long)at[k], r,
					 f.problem ? f.problem : "no problem");
			if (r == 0)
				assert_int_equal(f.until, PLATFORM_NEXT);
			else
				assert_non_null(startswith(f.problem, "it is not valid now"));
		}
	}
	platform_unload(&e);
}

/* A file for other evidence is refused, whatever its name is. */
static void test_other_machines(void **state)
{
	struct need_finding f;
	struct evidence e;
	struct needs n;

	find("tdx", "ok-many-levels", &e, &n);
	/* The FMSPC is the vendor's first note. */
	n.notes[5] ^= 1;
	for (unsigned i = 0; i < n.n; i++)
		if (startswith(n.list[i].name, "tcb-info-"))
			assert_int_equal(need_check(&n, &n.list[i], e.piece[EVIDENCE_TCB_INFO], 0,
						    &f),
					 -EKEYREJECTED);
	assert_string_equal(f.problem, "it is for other machines (FMSPC)");
	platform_unload(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_other_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
