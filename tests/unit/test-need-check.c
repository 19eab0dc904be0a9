/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files are wanted for evidence of a generated platform, and when each is good. */
#include <setjmp.h>
#include <stdarg.h>

#include "attest/need-vendor.h"
#include "attest/need-verify.h"
#include "attest/needs.h"
#include "attest/snp/snp-needs.h"
#include "attest/tdx/tdx-needs.h"
#include "attest/verify.h"
#include "attest/x509/x509.h"
#include "wire/tdx-quote.h"

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

/* A sort of machine needs what each of its machines does, but for the device's own certificate. */
static void test_machines(void **state)
{
	static const struct {
		const char *table, *id, *name;
	} rows[] = {
		{ "snp", "ok-milan-vcek", "snp-vcek-Milan" },
		{ "snp", "ok-milan-vlek", "snp-vlek-Milan" },
		{ "snp", "ok-turin-vcek", "snp-vcek-Turin" },
		{ "tdx", "ok-many-levels", "tdx-platform-90c06f000000" },
	};
	static const char *const bad[] = {
		"", "tdx", "tdx-platform-", "tdx-platform-90c06f00000",
		"tdx-platform-90c06f0000000", "tdx-platform-90C06F000000",
		"tdx-other-90c06f000000", "tdx-platform-90c06f00000g", "snp-vcek-",
		"snp-vcek-milan", "snp-vcek-Milan ", "snp-vcek-Venice", "snp-xyz-Milan",
	};
	char name[NEEDS_MACHINE_LEN];
	struct needs n;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct needs all, sort;
		struct evidence e, bare;
		unsigned k = 0;

		platform_load(rows[i].table, rows[i].id, &e, NULL);
		bare = e;
		if (strstr(rows[i].name, "vcek"))
			bare.n_certs = 0;
		assert_int_equal(needs_find(&bare, NULL, &all, (char[NEEDS_PROBLEM_LEN]){ "" }), 0);
		needs_machine(&all, name);
		assert_string_equal(name, rows[i].name);
		assert_int_equal(needs_of_machine(name, &sort), 0);
		for (unsigned j = 0; j < all.n; j++) {
			if (need_is_device(&all.list[j])) {
				assert_true(need_is_device_name(all.list[j].name));
				continue;
			}
			assert_string_equal(sort.list[k].name, all.list[j].name);
			assert_string_equal(sort.list[k].path, all.list[j].path);
			assert_false(need_is_device_name(all.list[j].name));
			k++;
		}
		assert_int_equal(sort.n, k);
		platform_unload(&e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(needs_of_machine(bad[i], &n), -EINVAL);
}

/* The certificates that come with a CA's list are as good as those of a quote. */
static void test_ca(void **state)
{
	struct evidence e, only = { .n_certs = 0 };
	struct need_verifier *nv;
	struct need_result found;
	struct newest seen = { .n = 0 };
	struct tdx_quote q;
	struct trust trust;
	struct needs n;
	const char *header, *what;
	struct bytes ca;

	platform_load("tdx", "ok-many-levels", &e, NULL);
	platform_trust("tdx", &trust);
	assert_int_equal(needs_of_machine("tdx-platform-90c06f000000", &n), 0);
	assert_string_equal(needs_ca(&n, &header)->name, "pck-crl-platform.der");
	assert_int_equal(tdx_quote_parse(e.piece[EVIDENCE_QUOTE].p, e.piece[EVIDENCE_QUOTE].len,
					 &q, &what), 0);
	ca.p = memmem(q.pck_chain.p + 1, q.pck_chain.len - 1, "-----BEGIN", 10);
	assert_non_null(ca.p);
	ca.len = q.pck_chain.len - (size_t)(ca.p - q.pck_chain.p);
	for (unsigned i = 0; i < 3; i++) {
		/* That is right, and the lists are old; all three; none. */
		int want = i == 0 ? -EKEYEXPIRED : -EKEYREJECTED;

		only.n_certs = 0;
		if (i < 2)
			assert_int_equal(evidence_add_cert(&only, i ? q.pck_chain : ca, true), 0);
		assert_int_equal(need_verifier_new(&only, &n, &trust, NULL, PLATFORM_NOW, &nv), 0);
		assert_int_equal(need_verify(nv, &n.list[0], e.piece[EVIDENCE_ROOT_CRL],
					     (struct bytes){ NULL, 0 }, &seen, &found), want);
		assert_int_equal(need_verify(nv, &n.list[3], e.piece[EVIDENCE_PCK_CRL],
					     (struct bytes){ NULL, 0 }, &seen, &found), want);
		need_verifier_free(nv);
	}
	platform_unload(&e);
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

static void same(const struct needs *a, const struct needs *b)
{
	assert_int_equal(a->n, b->n);
	assert_ptr_equal(a->vendor, b->vendor);
	assert_memory_equal(a->notes, b->notes, sizeof(a->notes));
	assert_ptr_equal(a->none.what, b->none.what);
	assert_int_equal(a->none.is_there, b->none.is_there);
	for (unsigned i = 0; i < a->n; i++) {
		assert_string_equal(a->list[i].name, b->list[i].name);
		assert_string_equal(a->list[i].path, b->list[i].path);
	}
}

/* Who has verified certificates before finds the same, of the same evidence and of others'. */
static void test_known(void **state)
{
	static const char *const ids[] = {
		"ok-milan-vcek", "ok-milan-vlek", "ok-turin-vcek", "handshake-version-2",
	};
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	static struct policies none;
	struct trust trust;

	policies_init(&none);
	platform_trust("snp", &trust);
	assert_int_equal(verifier_new(&trust, &ctx), 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(ids); i++) {
		char problem[NEEDS_PROBLEM_LEN] = "";
		struct needs bare, with;
		struct evidence e;

		find("snp", ids[i % ARRAY_SIZE(ids)], &e, &bare);
		assert_int_equal(needs_find_with(ctx, &e, NULL, &with, problem), 0);
		same(&bare, &with);
		assert_int_equal(attest_verify(ctx, attest_verifier_find("snp"), &e, &none,
					       PLATFORM_NOW, v),
				 0);
		assert_true(v->authentic);
		assert_int_equal(needs_find_with(ctx, &e, NULL, &with, problem), 0);
		same(&bare, &with);
		platform_unload(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_ca),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_other_machines),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
