/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All it takes to add a TEE is tests/double/toy-tee.c, and no line elsewhere.  The evidence is
 * gathered, goes through a bundle, is shown, verified, and judged for the gate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "agent/keeper/gate.h"
#include "agent/worker/attest-judge.h"
#include "attest/bundle-evidence.h"
#include "attest/need-verify.h"
#include "attest/policy.h"
#include "attest/bundle-file.h"
#include "tests/double/toy-tee.h"

#define MEASUREMENT \
	"111111111111111111111111111111111111111111111111" \
	"111111111111111111111111111111111111111111111111"
#define COVERS "covers=kernel,initrd,cmdline\n"

static char root[] = "/tmp/toy-tee-XXXXXX";

static int set_up(void **state)
{
	uint8_t measurement[TOY_MEASUREMENT_LEN];
	char path[64];
	FILE *f;

	memset(measurement, 0x11, sizeof(measurement));
	assert_non_null(mkdtemp(root));
	(void) snprintf(path, sizeof(path), "%s/dev", root);
	assert_int_equal(mkdir(path, 0700), 0);
	(void) snprintf(path, sizeof(path), "%s" TOY_DEVICE, root);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(measurement, sizeof(measurement), 1, f), 1);
	assert_int_equal(fclose(f), 0);
	return 0;
}

static int tear_down(void **state)
{
	char path[64];

	(void) snprintf(path, sizeof(path), "%s" TOY_DEVICE, root);
	(void) unlink(path);
	(void) snprintf(path, sizeof(path), "%s/dev", root);
	(void) rmdir(path);
	return rmdir(root);
}

/* Asked for with a nonce of 0x42, and passed once through JSON. */
static void gather(struct bundle *ret)
{
	struct attest_request q = { .root = root, .nonce_len = ATTEST_NONCE_LEN, .privlevel = -1 };
	struct bundle gathered = { .n_items = 0 };
	struct json_object *json;
	const char *problem, *text;
	struct cause why;

	memset(q.nonce, 0x42, ATTEST_NONCE_LEN);
	assert_int_equal(attest_gather(attest_kernel_providers, &q, &gathered, &why), 0);
	json = bundle_to_json(&gathered, "2026-11-28T00:00:00Z");
	assert_non_null(json);
	text = json_object_to_json_string(json);
	assert_non_null(text);
	assert_int_equal(bundle_parse(text, strlen(text), ret, &problem), 0);
	json_object_put(json);
	bundle_done(&gathered);
}

static void test_verify_and_show(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	struct bundle b = { .n_items = 0 };
	struct evidence e = { .n_certs = 0 };
	const struct attest_verifier *type;
	char error[POLICY_ERROR_LEN];
	static struct policies ps;

	assert_non_null(v);
	gather(&b);
	type = attest_verifier_find(bundle_text(&b, BUNDLE_TYPE));
	assert_ptr_equal(type, &toy_verifier);
	assert_int_equal(bundle_evidence(&b, type, &e), 0);
	assert_int_equal(verifier_new(NULL, &ctx), 0);

	verdict_reset(v);
	assert_int_equal(type->show(&e, v), 0);
	assert_string_equal(verdict_find_claim(v, "toy.measurement"), MEASUREMENT);

	policies_init(&ps);
	assert_int_equal(attest_verify(ctx, type, &e, &ps, 0, v), 0);
	assert_int_equal(v->result, VERDICT_AUTHENTIC);
	assert_int_equal(policies_set(&ps, "measurement=" MEASUREMENT, error), 0);
	assert_int_equal(attest_verify(ctx, type, &e, &ps, 0, v), 0);
	assert_int_equal(v->result, VERDICT_ACCEPTED);
	assert_int_equal(v->identity, IDENTITY_PARTIAL);
	/* It does not have what other TEEs have, and says so. */
	assert_int_equal(policies_set(&ps, "min_guest_svn=1", error), 0);
	assert_int_equal(attest_verify(ctx, type, &e, &ps, 0, v), 0);
	assert_string_equal(v->code, "POLICY");
	bundle_done(&b);
}

static void judge(const struct bundle *b, uint8_t nonce, struct attest_verdict *ret)
{
	const struct attest_sources none = { -EBADF, -ENOENT };
	struct attest_question q = { .flags = 0 };
	int fd = memfd_create("pack", MFD_CLOEXEC);

	memset(q.nonce, nonce, sizeof(q.nonce));
	assert_true(fd >= 0);
	assert_int_equal(bundle_write_pack(b, fd), 0);
	attest_judge(fd, &none, &q, ret);
	(void) close(fd);
}

static void test_gate(void **state)
{
	static const struct {
		const char *policy;
		uint8_t nonce;
		bool meddle;
		const char *code;	/* "OK": the gate opens */
	} cases[] = {
		{ "[toy]\nmeasurement=" MEASUREMENT "\n" COVERS, 0x42, false, "OK" },
		{ "[Policy]\nmeasurement=" MEASUREMENT "\n" COVERS, 0x42, false, "OK" },
		{ "[toy]\nmeasurement=" MEASUREMENT "\n", 0x42, false, "IDENTITY" },
		{ "[toy]\n" COVERS, 0x42, false, "POLICY" },
		{ "[toy]\nmeasurement=22"
		  "11111111111111111111111111111111111111111111111111111111111111111111111111111111"
		  "11111111111111\n" COVERS,
		  0x42, false, "MEASUREMENT" },
		{ "[toy]\nmeasurement=" MEASUREMENT "\n" COVERS, 0x43, false, "REPORT_DATA" },
		{ "[toy]\nmeasurement=" MEASUREMENT "\n" COVERS, 0x42, true, "SIGNATURE" },
		/* Real TEEs do not exist where only the toy does. */
		{ "[snp]\nmeasurement=" MEASUREMENT "\n" COVERS, 0x42, false, "POLICY" },
	};
	const struct carried nothing = { .kept = NULL };
	const struct config config = { .require = REQUIRE_EVIDENCE, .require_given = true };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bundle b = { .n_items = 0 };
		struct attest_verdict verdict;
		struct gate g;

		gather(&b);
		assert_int_equal(bundle_add_own(&b, BUNDLE_POLICY, cases[i].policy,
						strlen(cases[i].policy)),
				 0);
		for (size_t n = 0; cases[i].meddle && n < b.n_items; n++)
			if (b.items[n].kind == BUNDLE_REPORT)
				b.items[n].data[REPORT_DATA_LEN] ^= 1;
		judge(&b, cases[i].nonce, &verdict);
		assert_string_equal(verdict.code, cases[i].code);
		gate_judge(&config, &nothing, TEE_NONE, "no witness knows it", &g);
		gate_take_verdict(&g, &verdict, NULL, false, 1);
		assert_int_equal(g.open, streq(cases[i].code, "OK"));
		bundle_done(&b);
	}
}

static void add(struct bundle *b, enum bundle_kind kind, const char *text)
{
	assert_int_equal(bundle_add_own(b, kind, text, strlen(text)), 0);
}

/* The verdict names the rules that accepted: this system's, the initrd's, or both. */
static void test_whose_rules(void **state)
{
	static const char one[] = "[toy]\nmeasurement=" MEASUREMENT "\n" COVERS;
	static const char other[] = "# ours\n[toy]\nmeasurement=" MEASUREMENT "\n" COVERS;
	static const struct {
		const char *initrds, *own, *says;
	} cases[] = {
		{ NULL, one, "4 checks of toy evidence" },
		{ one, NULL, "4 checks of toy evidence, by the initrd's policy" },
		{ one, one, "4 checks of toy evidence, by the initrd's policy" },
		{ one, other,
		  "8 checks of toy evidence, by the initrd's policy and by this system's" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bundle b = { .n_items = 0 };
		struct attest_verdict verdict;

		gather(&b);
		if (cases[i].initrds)
			add(&b, BUNDLE_KEPT_POLICY, cases[i].initrds);
		if (cases[i].own)
			add(&b, BUNDLE_POLICY, cases[i].own);
		judge(&b, 0x42, &verdict);
		assert_string_equal(verdict.code, "OK");
		assert_string_equal(verdict.reason, cases[i].says);
		bundle_done(&b);
	}
}

/* What evidence says of itself goes to logs and terminals. */
static void test_printable(void **state)
{
	struct bundle b = { .n_items = 0 };
	struct attest_verdict verdict;

	add(&b, BUNDLE_TYPE, "\x1b[2Jtoy\n");
	add(&b, BUNDLE_PROVIDER, "\xc2\x9b" "31m\xff");
	add(&b, BUNDLE_POLICY, "[toy]\nmeasurement=" MEASUREMENT "\n" COVERS);
	judge(&b, 0x42, &verdict);
	assert_int_equal(verdict.result, ATTEST_UNDECIDED);
	assert_string_equal(verdict.type, "?[2Jtoy?");
	assert_string_equal(verdict.provider, "?31m?");
	assert_string_equal(verdict.reason, "evidence of type '?[2Jtoy?' proves nothing here");
	bundle_done(&b);
}

/* Its vendor's files are named, recognised, checked and verified like those of other TEEs. */
static void test_needs(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ TOY_LIST "!", 0 },
		{ TOY_LIST, -EKEYREJECTED },
		{ TOY_LIST "!!", -EKEYREJECTED },
		{ "another list!", -EBADMSG },
		{ "", -EBADMSG },
	};
	_cleanup_(need_verifier_freep) struct need_verifier *nv = NULL;
	char problem[NEEDS_PROBLEM_LEN] = "";
	struct bundle b = { .n_items = 0 };
	struct evidence e = { .n_certs = 0 };
	struct newest seen = { .n = 0 };
	struct need_result result;
	struct needs n;

	gather(&b);
	assert_int_equal(bundle_evidence(&b, &toy_verifier, &e), 0);
	assert_int_equal(needs_find(&e, NULL, &n, problem), 0);
	assert_int_equal(n.n, 1);
	assert_string_equal(n.list[0].name, "toy-list-1.txt");
	assert_true(need_is_name("toy-list-2.txt"));
	assert_false(need_is_name("root-crl.der"));
	assert_int_equal(need_verifier_new(&e, &n, NULL, NULL, 0, &nv), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes text = { (const uint8_t *)cases[i].text, strlen(cases[i].text) };

		assert_int_equal(need_verify(nv, &n.list[0], text, (struct bytes){ NULL, 0 }, &seen,
					     &result),
				 cases[i].r);
		assert_int_equal(result.problem[0] == '\0', cases[i].r == 0);
	}
	bundle_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify_and_show),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_whose_rules),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_needs),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
