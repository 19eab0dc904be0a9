/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame of verification: verdicts, policy options, trust sets, the memo and DER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/snp/amd-ca.h"
#include "attest/azure/verify-azure.h"
#include "attest/newest.h"
#include "attest/policy.h"
#include "attest/snp/verify-snp.h"
#include "attest/tdx/verify-tdx.h"
#include "attest/trust.h"
#include "attest/verify.h"
#include "attest/x509/x509.h"
#include "base/parse.h"

#include <cmocka.h>

static struct verdict *new_verdict(void)
{
	struct verdict *v = verdict_new();

	assert_non_null(v);
	return v;
}

/* ---- verdicts ---- */

static void test_verdict_fails_closed(void **state)
{
	static struct verdict zeroed;
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();

	assert_int_equal(zeroed.result, VERDICT_UNDECIDED);
	assert_int_equal(v->result, VERDICT_UNDECIDED);
	verdict_conclude(v);	/* nothing was checked */
	assert_int_equal(v->result, VERDICT_UNDECIDED);
	verdict_skip(v, "a", "not asked for");
	v->authentic = true;
	verdict_conclude(v);	/* nothing passed */
	assert_int_equal(v->result, VERDICT_UNDECIDED);
	verdict_pass(v, "b", NULL);
	v->authentic = false;
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_UNDECIDED);
	/* Authentic alone allows any machine of that kind; a part is not even authentic. */
	v->consistent = true;
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_CONSISTENT);
	v->authentic = true;
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_AUTHENTIC);
	v->identity = IDENTITY_PARTIAL;
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_ACCEPTED);
	assert_string_equal(v->code, "OK");
}

static void test_first_failure_counts(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();

	verdict_pass(v, "a", NULL);
	assert_int_equal(verdict_fail(v, VERDICT_REFUSED, "DEBUG", "b", "x", "y"), -EKEYREJECTED);
	assert_int_equal(verdict_fail(v, VERDICT_MALFORMED, "FORMAT", "c", NULL, NULL), -EBADMSG);
	assert_int_equal(verdict_fail(v, VERDICT_UNDECIDED, "CRL_STALE", "d", NULL, NULL), -EAGAIN);
	v->authentic = true;
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_REFUSED);
	assert_string_equal(v->code, "DEBUG");
	assert_int_equal(v->first_failed, 1);
	assert_string_equal(v->checks[1].name, "b");
	assert_string_equal(v->checks[2].expected, "");

	verdict_reset(v);
	assert_int_equal(v->result, VERDICT_UNDECIDED);
	assert_int_equal(v->n_checks, 0);
}

/* Whoever waits must have something to wait for. */
static void test_lack(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	static const char *const lacks[] = { "NO_VEK",	  "NO_CA",	"CRL_MISSING", "CRL_STALE",
					     "COLL_STALE", "OLDER",	"CLOCK" },
				 *const others[] = { "VERSION", "PRODUCT", "BODY", "MISSING" };

	assert_false(verdict_lacks_collateral(v));
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		verdict_reset(v);
		(void) verdict_fail(v, VERDICT_UNDECIDED, lacks[i], "a", NULL, NULL);
		assert_true(verdict_lacks_collateral(v));
		verdict_reset(v);
		(void) verdict_fail(v, VERDICT_REFUSED, "DEBUG", "a", NULL, NULL);
		(void) verdict_fail(v, VERDICT_UNDECIDED, lacks[i], "b", NULL, NULL);
		assert_false(verdict_lacks_collateral(v));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		verdict_reset(v);
		(void) verdict_fail(v, VERDICT_UNDECIDED, others[i], "evidence is complete", NULL,
				    NULL);
		assert_false(verdict_lacks_collateral(v));
	}
	verdict_reset(v);
	(void) verdict_fail(v, VERDICT_UNDECIDED, "MISSING", VERDICT_COLLATERAL_COMPLETE, NULL,
			    NULL);
	assert_true(verdict_lacks_collateral(v));
	verdict_reset(v);
	verdict_pass(v, "a", NULL);
	v->authentic = true;
	verdict_conclude(v);
	assert_false(verdict_lacks_collateral(v));
}

/* More than fits: the rest is not shown, and the verdict does not change. */
static void test_verdict_is_bounded(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	uint8_t bytes[1024] = { 0 };
	const char *text = "";

	for (int i = 0; i < 1000; i++) {
		verdict_pass(v, "passes", NULL);
		verdict_claim_number(v, "number", (uint64_t)i);
		text = verdict_hex(v, bytes, sizeof(bytes));
		(void) verdict_text(v, "%01000d", i);
	}
	assert_true(v->truncated);
	assert_string_equal(text, "...");
	assert_int_equal(v->n_checks, VERDICT_CHECKS_MAX);
	assert_int_equal(v->n_claims, VERDICT_CLAIMS_MAX);
	assert_true(v->text_len <= VERDICT_TEXT_MAX);
	(void) verdict_fail(v, VERDICT_NOT_AUTHENTIC, "SIGNATURE", "fails", NULL, NULL);
	v->authentic = true;
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_NOT_AUTHENTIC);
	assert_string_equal(v->checks[v->first_failed].name, "fails");
}

static void test_words(void **state)
{
	enum tcb_status s;

	for (unsigned i = TCB_STATUS_NONE + 1; i < _TCB_STATUS_MAX; i++) {
		assert_int_equal(tcb_status_parse(tcb_status_name(i), strlen(tcb_status_name(i)),
						  &s),
				 0);
		assert_int_equal(s, i);
	}
	assert_int_equal(tcb_status_parse("uptodate", 8, &s), -EINVAL);
	assert_int_equal(tcb_status_parse("", 0, &s), -EINVAL);
	assert_string_not_equal(verdict_advice("TCB_OutOfDate"), "");
	assert_string_equal(verdict_advice("NOTHING"), "");
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		assert_true(evidence_piece_name(i)[0] && evidence_piece_max(i) > 0);
	for (unsigned i = 0; i < _VERDICT_MAX; i++)
		assert_true(verdict_result_name(i)[0]);
}

static void test_equal(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	const uint8_t a[] = { 1, 2, 3 };

	assert_int_equal(verdict_equal(v, VERDICT_REFUSED, "X", "a", (struct bytes){ a, 3 },
				       (struct bytes){ a, 3 }),
			 0);
	assert_int_equal(verdict_equal(v, VERDICT_REFUSED, "X", "b", (struct bytes){ a, 2 },
				       (struct bytes){ a, 3 }),
			 -EKEYREJECTED);
	assert_string_equal(v->checks[1].expected, "0102");
	assert_string_equal(v->checks[1].found, "010203");
	assert_int_equal(verdict_equal(v, VERDICT_REFUSED, "X", "c", (struct bytes){ a, 2 },
				       (struct bytes){ a + 1, 2 }),
			 -EKEYREJECTED);
}

static void test_missing_piece(void **state)
{
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	const struct evidence none = { 0 };
	static struct policies p;

	policies_init(&p);
	assert_int_equal(verifier_new(NULL, &ctx), 0);
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++) {
		assert_ptr_equal(attest_verifier_find((*t)->name), *t);
		assert_int_equal(attest_verify(ctx, *t, &none, &p, 0, v), 0);
		assert_int_equal(v->result, VERDICT_UNDECIDED);
		assert_string_equal(v->code, "MISSING");
		assert_string_equal(v->trust, "built in");
	}
	assert_null(attest_verifier_find("sgx"));
}

/* ---- the memo ---- */

static int n_released;

static void release(void *object)
{
	n_released++;
}

static void test_memo(void **state)
{
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	const struct bytes ab = { (const uint8_t *)"ab", 2 },
			   split[] = { { (const uint8_t *)"a", 1 }, { (const uint8_t *)"b", 1 } };
	uint8_t key[MEMO_KEY_LEN], other[MEMO_KEY_LEN];
	int objects[MEMO_AUTHORITIES_MAX + MEMO_DEVICES_MAX + 1];
	struct memo m = { &objects[0], release, 5, 7 };

	assert_int_equal(verifier_new(NULL, &ctx), 0);
	assert_int_equal(memo_key("x", &ab, 1, key), 0);
	assert_int_equal(memo_key("x", split, 2, other), 0);
	assert_memory_not_equal(key, other, sizeof(key));
	assert_int_equal(memo_key("y", &ab, 1, other), 0);
	assert_memory_not_equal(key, other, sizeof(key));

	assert_null(verifier_recall(ctx, key, 5));
	verifier_remember(ctx, MEMO_AUTHORITIES, key, &m);
	assert_null(verifier_recall(ctx, key, 4));
	assert_ptr_equal(verifier_recall(ctx, key, 5), &objects[0]);
	assert_ptr_equal(verifier_recall(ctx, key, 7), &objects[0]);
	assert_null(verifier_recall(ctx, key, 8));
	assert_null(verifier_recall(ctx, other, 5));
	/* However many devices there are, no authority is forgotten for them. */
	for (int i = 1; i <= MEMO_DEVICES_MAX; i++) {
		memcpy(other, &i, sizeof(i));
		m = (struct memo){ &objects[i], release, 0, 9 };
		verifier_remember(ctx, MEMO_DEVICES, other, &m);
		assert_ptr_equal(verifier_recall(ctx, other, 9), &objects[i]);
	}
	assert_int_equal(n_released, 0);
	assert_ptr_equal(verifier_recall(ctx, key, 5), &objects[0]);
	for (int i = MEMO_DEVICES_MAX + 1; i < (int)ARRAY_SIZE(objects); i++) {
		memcpy(other, &i, sizeof(i));
		m = (struct memo){ &objects[i], release, 0, 9 };
		verifier_remember(ctx, MEMO_AUTHORITIES, other, &m);
	}
	assert_null(verifier_recall(ctx, key, 5));	/* the oldest was forgotten */
	assert_int_equal(n_released, 1);
	ctx = verifier_free(ctx);
	assert_int_equal(n_released, ARRAY_SIZE(objects));
}

/* A clock is never earlier than a time that is known to have passed. */
static void test_clock(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	_cleanup_(verifier_freep) struct verifier *ctx = NULL;
	const int64_t floor = ATTEST_CLOCK_FLOOR;
	static struct newest n;
	struct evidence e = { .n_certs = 0 };
	static struct policies p;
	struct trust t;

	trust_init(&t);
	policies_init(&p);
	assert_true(attest_clock(INT64_MIN, NULL, &t) == floor);
	assert_true(attest_clock(floor - 1, NULL, &t) == floor);
	assert_true(attest_clock(floor + 7, NULL, &t) == floor + 7);
	n.n = 1;
	n.list[0].issued = floor + 9;
	assert_true(attest_clock(0, &n, &t) == floor);	/* the root is not trusted */
	memcpy(n.list[0].root, t.pins[1].spki_sha256, sizeof(n.list[0].root));
	assert_true(attest_clock(0, &n, &t) == floor + 9);
	assert_true(attest_clock(floor + 10, &n, &t) == floor + 10);

	assert_int_equal(verifier_new(&t, &ctx), 0);
	verifier_set_newest(ctx, &n);
	assert_int_equal(attest_verify_by_clock(ctx, attest_verifier_find("snp"), &e, &p, 0, v), 0);
	assert_true(v->now == floor + 9);
	assert_string_equal(v->checks[v->n_checks - 1].name, "clock");
	/* A caller that gives the time is not contradicted. */
	assert_int_equal(attest_verify(ctx, attest_verifier_find("snp"), &e, &p, 5, v), 0);
	assert_true(v->now == 5);
}

static void test_evidence_add(void **state)
{
	const uint8_t text[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ!$%&/"
			       "()=?+*#,;.:-_<>|^{}[]~@ and more and more of it";
	struct evidence e = { .n_certs = 0 };
	struct bytes got;
	bool sent;

	/* The sender's pieces have a limit, and leave room for the verifier's own. */
	for (unsigned i = 0; i < EVIDENCE_SENT_MAX + 9; i++)
		assert_int_equal(evidence_add_crl(&e, (struct bytes){ text + i, 2 }, true), 0);
	assert_int_equal(e.n_crls, EVIDENCE_SENT_MAX);
	assert_int_equal(e.n_left_out, 9);
	for (unsigned i = 0; i < EVIDENCE_OWN_MAX; i++)
		assert_int_equal(evidence_add_crl(&e, (struct bytes){ text + i, 3 }, false), 0);
	assert_int_equal(e.n_crls, EVIDENCE_CRLS_MAX);
	assert_int_equal(evidence_add_crl(&e, (struct bytes){ text, 4 }, false), -EMSGSIZE);
	/* A piece that both have counts as the verifier's. */
	assert_true(e.crl_sent[0]);
	assert_int_equal(evidence_add_crl(&e, (struct bytes){ text, 2 }, false), 0);
	assert_false(e.crl_sent[0]);

	assert_false(evidence_candidate(&e, EVIDENCE_TCB_INFO, 0, &got, &sent));
	assert_int_equal(evidence_add(&e, EVIDENCE_TCB_INFO, (struct bytes){ text, 5 }, true), 0);
	assert_int_equal(evidence_add(&e, EVIDENCE_PCK_CRL, (struct bytes){ text, 6 }, true), 0);
	assert_int_equal(evidence_add(&e, EVIDENCE_PCK_CRL, (struct bytes){ text, 7 }, false), 0);
	assert_int_equal(evidence_add(&e, EVIDENCE_TCB_INFO, (struct bytes){ text, 8 }, false), 0);
	assert_int_equal(evidence_add(&e, EVIDENCE_TCB_INFO, (struct bytes){ text, 8 }, true), 0);
	assert_true(evidence_candidate(&e, EVIDENCE_TCB_INFO, 0, &got, &sent) && got.len == 5 &&
		    sent);
	assert_true(evidence_candidate(&e, EVIDENCE_TCB_INFO, 1, &got, &sent) && got.len == 8 &&
		    !sent);
	assert_false(evidence_candidate(&e, EVIDENCE_TCB_INFO, 2, &got, &sent));
	assert_true(evidence_candidate(&e, EVIDENCE_PCK_CRL, 1, &got, NULL) && got.len == 7);
	assert_int_equal(evidence_add(&e, EVIDENCE_TCB_INFO, (struct bytes){ text, 5 }, false), 0);
	assert_true(evidence_candidate(&e, EVIDENCE_TCB_INFO, 0, &got, &sent) && !sent);
	/* For evidence itself the first piece counts. */
	assert_int_equal(evidence_add(&e, EVIDENCE_QUOTE, (struct bytes){ text, 9 }, true), 0);
	assert_int_equal(evidence_add(&e, EVIDENCE_QUOTE, (struct bytes){ text, 10 }, true), 0);
	assert_int_equal(e.piece[EVIDENCE_QUOTE].len, 9);
	assert_false(evidence_candidate(&e, EVIDENCE_QUOTE, 1, &got, &sent));
}

/* ---- policy ---- */

static void test_policy_options(void **state)
{
	char error[POLICY_ERROR_LEN];
	static struct policies ps, before;
	const struct policy *p;

	policies_init(&ps);
	p = policies_of(&ps, &policy_snp);
	assert_int_equal(p->max_vmpl.value, 3);
	assert_int_equal(p->accept, 1u << TCB_UP_TO_DATE);
	assert_int_equal(policies_set(&ps, "min_tcb=1:2:3:4", error), 0);
	assert_int_equal(p->min_tcb.n, 4);
	assert_int_equal(policies_set(&ps, "min_tcb=1:2:3:4:5", error), 0);
	assert_int_equal(p->min_tcb.n, 5);
	assert_int_equal(policies_set(&ps, "min_tcb=0xdb18000000000004", error), 0);
	assert_int_equal(p->min_tcb.n, POLICY_TCB_RAW);
	assert_memory_equal(p->min_tcb.component, "\x04\0\0\0\0\0\x18\xdb", POLICY_TCB_RAW);
	assert_int_equal(policies_set(&ps, "plat_require=0x20", error), 0);
	assert_int_equal(p->plat_require.value, 0x20);
	assert_int_equal(policies_set(&ps, "plat_require=ffffffffffffffff", error), 0);
	assert_true(p->plat_require.value == UINT64_MAX);
	assert_int_equal(policies_set(&ps, "min_firmware=1.55.29", error), 0);
	assert_int_equal(p->min_firmware.value, 0x01371d);
	assert_int_equal(policies_set(&ps, "allow=debug,masked", error), 0);
	assert_int_equal(p->allow, ALLOW_DEBUG | ALLOW_MASKED);
	assert_int_equal(policies_set(&ps, "allow=", error), 0);
	assert_int_equal(p->allow, 0);
	assert_int_equal(policies_set(&ps, "accept=UpToDate,OutOfDate", error), 0);
	assert_int_equal(p->accept, 1u << TCB_UP_TO_DATE | 1u << TCB_OUT_OF_DATE);
	assert_int_equal(policies_set(&ps,
				      "family_id=000102030405060708090a0b0c0d0e0f,"
				      "ff0102030405060708090A0B0C0D0E0F",
				      error),
			 0);
	assert_int_equal(p->family_id.n, 2);
	assert_int_equal(p->family_id.b[1][10], 10);
	assert_int_equal(policies_set(&ps,
				      "pcr23="
				      "010101010101010101010101010101010101010101010101010101010101"
				      "0101",
				      error),
			 0);
	assert_int_equal(p->pcr[23].n, 1);
	assert_int_equal(policies_set(&ps, "require_pcrs=0,8,23", error), 0);
	assert_int_equal(p->require_pcrs.value, 1u << 0 | 1u << 8 | 1u << 23);
	assert_int_equal(policies_set(&ps, "nonce=00", error), 0);

	assert_int_equal(policies_set(&ps, "covers=kernel,initrd,cmdline", error), 0);
	assert_int_equal(p->covers, COVERS_ALL_THAT_RUNS);
	assert_memory_equal(p->set, policies_of(&ps, &policy_azure_tdx)->set, sizeof(p->set));

	before = ps;
	static const char *const bad[] = {
		"",
		"=",
		"max_vmpl",
		"max_vmpl=",
		"max_vmpl= 1",
		"max_vmpl=1 ",
		"max_vmpl=+1",
		"max_vmpl=4294967296",
		"pcr24=00",
		"pcr00=00",
		"pcr=00",
		"nonce=",
		"nonce=0",
		"nonce=zz",
		"family_id=00,",
		"family_id=,",
		"regs=4",
		"regs=",
		"require_pcrs=24",
		"min_tcb=1:2:3",
		"min_tcb=1:2:3:4:5:6",
		"min_tcb=1:2:3:",
		"min_tcb=0x",
		"min_tcb=0xdb1800000000000",
		"min_tcb=0xdb180000000000040",
		"min_tcb=db18000000000004",
		"min_tcb=0xdb1800000000000g",
		"min_abi=1.2.3",
		"plat_forbid=10000000000000000",
		"secure_boot=maybe",
		"allow=debug,",
		"allow=debug,,masked",
		"accept=UpToDate,Nope",
		"MAX_VMPL=1",
		" max_vmpl=1",
		"report_data=00",
		"covers=disk",
		"covers=kernel,",
		"allow=partial",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		error[0] = '\0';
		assert_true(policies_set(&ps, bad[i], error) < 0);
		assert_true(error[0] != '\0');
		assert_memory_equal(&ps, &before, sizeof(ps));
	}
}

/* The whole value and nothing else: not its beginning, and not more. */
static void test_policy_values(void **state)
{
	static const struct {
		const char *option;
		bool good;
	} list[] = {
		{ "user_data=010203", true },	      { "user_data=0102", false },
		{ "user_data=01020304", false },      { "user_data=010204", false },
		{ "user_data=ff,010203,0102", true }, { "user_data=01,0102", false },
	};
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	static const uint8_t found[64] = { 1, 2, 3 };
	char error[POLICY_ERROR_LEN];
	static struct policies ps;
	const struct policy *p;

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		policies_init(&ps);
		p = policies_of(&ps, &policy_snp);
		verdict_reset(v);
		assert_int_equal(policies_set(&ps, list[i].option, error), 0);
		policy_check_values(v, &p->user_data, "USER_DATA", "user data", found, 3);
		assert_int_equal(v->first_failed, list[i].good ? -1 : 0);
		assert_int_equal(v->checks[0].result, list[i].good ? CHECK_PASSED : CHECK_FAILED);
	}
	policies_init(&ps);
	verdict_reset(v);
	policy_check_values(v, &p->user_data, "USER_DATA", "user data", found, 3);
	assert_int_equal(v->checks[0].result, CHECK_SKIPPED);
	/* A nonce fills the report data: zeros follow. */
	assert_int_equal(policies_set(&ps, "nonce=010203", error), 0);
	policy_check_nonce(v, p, found);
	assert_int_equal(v->first_failed, -1);
	assert_int_equal(policies_set(&ps, "nonce=0102", error), 0);
	policy_check_nonce(v, p, found);
	assert_int_equal(v->result, VERDICT_REFUSED);
}

#define HEX_32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* A value with an end counts until then, and its end is not the end of the check. */
static void test_policy_until(void **state)
{
	static const char *const bad[] = {
		"host_data=" HEX_32 " until", "host_data=" HEX_32 " until=",
		"host_data=" HEX_32 " until=2026-02-30", "host_data=" HEX_32 " until=1960-01-01",
		"host_data=" HEX_32 " until=1970-01-01", "host_data=" HEX_32 "until=2026-12-01",
		"host_data=until=2026-12-01", "host_data=" HEX_32 " until=2026-12-01 ",
		"host_data= until=2026-12-01," HEX_32, "host_data=" HEX_32 " from=2026-12-01",
		/* Their end would be the end of a check. */
		"min_tee_tcb_svn=00112233445566778899aabbccddeeff until=2026-12-01",
		"nonce=00 until=2026-12-01", "max_vmpl=0 until=2026-12-01",
	};
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	char error[POLICY_ERROR_LEN];
	static struct policies ps;
	const struct policy *p = &ps.of[0];
	uint8_t found[32];

	assert_non_null(v);
	policies_init(&ps);
	assert_null(policy_ended_option(p, INT64_MAX));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(policies_set(&ps, bad[i], error), -EINVAL);
	assert_int_equal(policies_set(&ps,
				      "host_data=" HEX_32 " until=2026-12-01,"
				      "ffffffffffffffffffffffffffffffff"
				      "ffffffffffffffffffffffffffffffff"
				      "  until=2026-12-02T12:00:00+01:00", error), 0);
	assert_int_equal(p->host_data.n, 2);
	assert_int_equal(p->host_data.until[0], 1796083200);
	assert_int_equal(p->host_data.until[1], 1796083200 + 86400 + 11 * 3600);
	assert_null(policy_ended_option(p, p->host_data.until[1] - 1));
	assert_string_equal(policy_ended_option(p, p->host_data.until[1]), "host_data");
	for (size_t i = 0; i < sizeof(found); i++)
		found[i] = (uint8_t)(i % 16 * 0x11);
	for (int64_t now = 1796083199; now <= 1796083201; now++) {
		verdict_reset(v);
		v->now = now;
		v->policy = p;
		policy_check_values(v, &p->host_data, "HOST_DATA", "host data", found, 32);
		assert_int_equal(v->first_failed < 0, now < 1796083200);
		assert_int_equal(policy_held(v, "host_data"), now < 1796083200);
		if (now >= 1796083200)
			assert_non_null(strstr(v->checks[0].expected,
					       "until 2026-12-01T00:00:00Z"));
	}
	/* The same value again, without an end. */
	assert_int_equal(policies_set(&ps, "host_data=" HEX_32 " until=2026-12-01," HEX_32, error),
			 0);
	assert_null(policy_ended_option(p, INT64_MAX - 1));
	verdict_reset(v);
	v->now = 1796083200;
	v->policy = p;
	policy_check_values(v, &p->host_data, "HOST_DATA", "host data", found, 32);
	assert_int_equal(v->first_failed, -1);
}

static void test_policy_files(void **state)
{
	static const struct {
		const char *text;
		int r;
	} files[] = {
		{ "", 0 },
		{ "\n\n", 0 },
		{ "# c\n; c\n[Policy]\n max_vmpl = 1 \nmin_guest_svn=2", 0 },
		{ "[snp]\nmax_vmpl=1\n[tdx]\nrequire=sept\n[azure]\nconsole=no\n[azure-snp]\nmin_"
		  "tcb=0:0:0:0\n[azure-tdx]\naccept=UpToDate\n[tpm]\nnonce=00\n",
		  0 },
		{ "[azure-snp]\nmax_vmpl=0\n[azure-tdx]\nmax_vmpl=1\n", 0 },
		{ "max_vmpl=1\n", -EBADMSG },
		{ "[Policy]\nmax_vmpl=1\nmax_vmpl=1\n", -EBADMSG },
		{ "[Policy]\nmax_vmpl=1\n[snp]\nmax_vmpl=1\n", -EBADMSG },
		{ "[snp]\nmax_vmpl=1\n[Policy]\nmax_vmpl=1\n", -EBADMSG },
		{ "[azure]\nmax_vmpl=1\n[azure-tdx]\nmax_vmpl=1\n", -EBADMSG },
		{ "[snp]\n[snp]\n", -EBADMSG },
		{ "[Policy]\npcr1=00\n", -EBADMSG },
		{ "[Policy]\nmax_vmpl\n", -EBADMSG },
		{ "[policy]\n", -EBADMSG },
		{ "[Snp]\n", -EBADMSG },
		{ "[Policy]\n=1\n", -EBADMSG },
	};
	char error[POLICY_ERROR_LEN];
	static struct policies p, before;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		policies_init(&p);
		before = p;
		assert_int_equal(policies_parse(&p, files[i].text, strlen(files[i].text), error),
				 files[i].r);
		if (files[i].r < 0)
			assert_memory_equal(&p, &before, sizeof(p));
	}
	policies_init(&p);
	assert_int_equal(policies_parse(&p, files[2].text, strlen(files[2].text), error), 0);
	for (unsigned k = 0; policy_kinds[k]; k++) {
		assert_int_equal(p.of[k].max_vmpl.value, 1);
		assert_int_equal(p.of[k].min_guest_svn.value, 2);
	}
	policies_init(&p);
	assert_int_equal(policies_parse(&p, files[4].text, strlen(files[4].text), error), 0);
	assert_int_equal(policies_of(&p, &policy_azure_snp)->max_vmpl.value, 0);
	assert_int_equal(policies_of(&p, &policy_azure_tdx)->max_vmpl.value, 1);
	assert_int_equal(policies_of(&p, &policy_snp)->max_vmpl.value, 3);
	assert_true(policies_of(&p, &policy_azure_snp)->has_own &&
		    policies_of(&p, &policy_snp)->has_file);
	assert_false(policies_of(&p, &policy_snp)->has_own ||
		     policies_of(&p, &policy_tdx)->has_option);
	assert_int_equal(policies_parse(&p, "[Policy]\n\nx=1", 13, error), -EBADMSG);
	assert_non_null(strstr(error, "line 3"));
	assert_int_equal(policies_parse(&p, "[snp]\nmax_vmpl=1\0", 17, error), -EBADMSG);
	assert_int_equal(policies_parse(&p, "", POLICY_FILE_MAX + 1, error), -EMSGSIZE);
}

/* ---- what was judged, what was identified ---- */

/* Begin a verdict by @policy of @kind, with nothing checked yet. */
static void begin(struct verdict *v, struct policies *ps, const struct policy_kind *kind)
{
	verdict_reset(v);
	v->policy = policies_of(ps, kind);
	verdict_pass(v, "signature", NULL);
	v->authentic = true;
}

static const char *const unjudged[] = {
	"report_data", "measurement", "host_data", "id_key_digest", "author_key_digest",
	"family_id", "image_id", "chip_id", "report_id", "mrtd", "mrseam", "rtmr0", "rtmr1",
	"rtmr2", "rtmr3", "mrconfigid", "mrowner", "mrownerconfig", "mrservicetd",
	"min_tee_tcb_svn", "nonce", "user_data", "ak_n_sha256", "pcr0", "pcr23",
	"min_tcb=1:2:3:4", "min_launch_tcb=1:2:3:4", "min_guest_svn=1", "max_vmpl=1",
	"min_abi=1.1", "min_firmware=1.2.3", "plat_require=1", "plat_forbid=1",
	"policy_require=1", "policy_forbid=1", "min_mit=1", "min_tcb_evaluation=1",
	"min_qe_svn=1", "min_pce_svn=1", "accept=UpToDate", "require_pcrs=1",
	"secure_boot=yes", "console=no", "type=2", "events=1", "regs=1", "allow=debug",
	"allow=migrate", "allow=masked", "allow=servicetd", "allow=partial-identity",
	"forbid=vlek", "forbid=provisional", "require=crl", "require=sept", "covers=kernel",
};

static void test_unjudged_options(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	static struct policies ps;
	char error[POLICY_ERROR_LEN], text[256];

	for (size_t i = 0; i < ARRAY_SIZE(unjudged); i++)
		for (unsigned kind = 0; policy_kinds[kind]; kind++)
			for (int n = 1; n <= 64; n++) {
				policies_init(&ps);
				(void) snprintf(text, sizeof(text), "%s%s%.*s", unjudged[i],
						strchr(unjudged[i], '=') ? "" : "=",
						strchr(unjudged[i], '=') ? 0 : 2 * n,
						"11111111111111111111111111111111"
						"11111111111111111111111111111111"
						"11111111111111111111111111111111"
						"11111111111111111111111111111111");
				if (policies_set(&ps, text, error) < 0)
					continue;
				begin(v, &ps, policy_kinds[kind]);
				policy_conclude(v, NULL);
				verdict_conclude(v);
				assert_int_equal(v->result, VERDICT_REFUSED);
				assert_string_equal(v->code, "POLICY");
				(void) snprintf(text, sizeof(text), "%.*s",
						(int)strcspn(unjudged[i], "="), unjudged[i]);
				assert_non_null(strstr(v->checks[v->first_failed].expected, text));
				break;
			}
}

/* An option about another kind can be found before there is evidence. */
static void test_foreign_options(void **state)
{
	static struct policies ps;
	char error[POLICY_ERROR_LEN];

	policies_init(&ps);
	assert_int_equal(policies_set(&ps, "require=crl", error), 0);
	assert_null(policy_foreign_option(policies_of(&ps, &policy_snp)));
	assert_string_equal(policy_foreign_option(policies_of(&ps, &policy_tdx)), "require");
	assert_int_equal(policies_set(&ps,
				      "pcr0="
				      "111111111111111111111111111111111111111111111111111111111111"
				      "1111",
				      error),
			 0);
	assert_null(policy_foreign_option(policies_of(&ps, &policy_azure_snp)));
	assert_string_equal(policy_foreign_option(policies_of(&ps, &policy_snp)), "pcrN");
}

/* One by one: a checked word stands for no other word. */
static void test_unjudged_words(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	static struct policies ps;
	char error[POLICY_ERROR_LEN];

	policies_init(&ps);
	assert_int_equal(policies_set(&ps, "allow=debug,masked", error), 0);
	begin(v, &ps, &policy_snp);
	assert_true(policy_allows(v, v->policy, ALLOW_DEBUG));
	policy_conclude(v, NULL);
	assert_string_equal(v->checks[v->first_failed].expected,
			    "evidence that 'allow=masked' is about");
	begin(v, &ps, &policy_snp);
	assert_true(policy_allows(v, v->policy, ALLOW_DEBUG) &&
		    policy_allows(v, v->policy, ALLOW_MASKED));
	assert_false(policy_forbids(v, v->policy, FORBID_VLEK) ||
		     policy_requires(v, v->policy, REQUIRE_CRL));
	policy_conclude(v, NULL);
	verdict_conclude(v);
	assert_int_equal(v->result, VERDICT_AUTHENTIC);
}

/* And a PCR stands for no other PCR. */
static void test_unjudged_pcrs(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	static struct policies ps;
	char error[POLICY_ERROR_LEN];

	policies_init(&ps);
	assert_int_equal(policies_set(&ps,
				      "pcr7="
				      "111111111111111111111111111111111111111111111111111111111111"
				      "1111",
				      error),
			 0);
	begin(v, &ps, &policy_azure_snp);
	policy_judged(v, &v->policy->pcr[8]);
	policy_judged(v, &policies_of(&ps, &policy_azure_tdx)->pcr[7]);
	policy_judged(v, v);
	policy_conclude(v, NULL);
	assert_string_equal(v->checks[v->first_failed].expected, "evidence that 'pcr7' is about");
}

/* What a program asks for is judged too, and not asked for twice. */
static void test_asked_by_programs(void **state)
{
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	static struct policies ps;

	policies_init(&ps);
	assert_int_equal(policy_ask(policies_of(&ps, &policy_snp), "nonce", "abc", 3, 3), 0);
	assert_int_equal(policy_ask(policies_of(&ps, &policy_snp), "nonce", "abd", 3, 3), -EEXIST);
	assert_memory_equal(policies_of(&ps, &policy_snp)->nonce.b[0], "abc", 3);
	begin(v, &ps, &policy_snp);
	policy_conclude(v, NULL);
	assert_int_equal(v->first_failed, (int)v->n_checks - 1);
}

/* A file that does not mention a kind refuses it. */
static void test_silent_policies(void **state)
{
	static const struct {
		const char *text;
		unsigned speaks;	/* one bit for each of policy_kinds, in its order */
	} files[] = {
		{ "", 0 },
		{ "# nothing\n", 0 },
		{ "[Policy]\n", 0 },
		{ "[snp]\n", 0 },
		{ "[Policy]\nallow=debug\n", 0 },
		{ "[Policy]\nallow=debug\n[snp]\n", 1u << 0 },
		{ "[snp]\nallow=debug\n", 1u << 0 },
		{ "[azure-tdx]\nallow=debug\n", 1u << 3 },
		{ "[azure]\nallow=debug\n", 1u << 3 | 1u << 2 },
		{ "[Policy]\nallow=masked\n", 1u << 0 | 1u << 2 },
		{ "[Policy]\nallow=servicetd\n", 1u << 1 | 1u << 3 },
	};
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	char error[POLICY_ERROR_LEN];
	static struct policies ps;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (unsigned kind = 0; policy_kinds[kind]; kind++) {
			policies_init(&ps);
			assert_int_equal(policies_parse(&ps, files[i].text, strlen(files[i].text),
							error),
					 0);
			begin(v, &ps, policy_kinds[kind]);
			(void) policy_allows(v, v->policy,
					     ALLOW_DEBUG | ALLOW_MASKED | ALLOW_SERVICE_TD);
			policy_conclude(v, NULL);
			verdict_conclude(v);
			assert_int_equal(v->result, files[i].speaks & 1u << kind ?
							    VERDICT_AUTHENTIC :
							    VERDICT_REFUSED);
		}
}

static void test_identities(void **state)
{
	static const struct policy_identity rows[] = {
		{ { "mrtd", "rtmr1" }, true },
		{ { "mrtd" }, false },
		{ { "pcr4" }, false },
		{ { "pcr7", "pcr*" }, false },
		{ { NULL } },
	};
	static const struct {
		const char *options[3];
		uint8_t byte;	/* the byte of all values */
		enum verdict_identity identity;
		bool judged;
	} list[] = {
		{ { "mrtd" }, 0x11, IDENTITY_PARTIAL, true },
		{ { "mrtd" }, 0x00, IDENTITY_NONE, true },
		{ { "mrtd" }, 0xff, IDENTITY_NONE, true },
		{ { "rtmr1" }, 0x11, IDENTITY_NONE, true },
		{ { "mrtd", "rtmr1" }, 0x11, IDENTITY_WHOLE, true },
		{ { "mrtd", "covers=kernel,initrd,cmdline" }, 0x11, IDENTITY_WHOLE, true },
		{ { "mrtd", "covers=firmware,kernel,initrd,cmdline" }, 0x11, IDENTITY_WHOLE, true },
		{ { "mrtd", "covers=firmware,kernel,initrd" }, 0x11, IDENTITY_PARTIAL, true },
		{ { "mrtd", "covers=" }, 0x11, IDENTITY_PARTIAL, true },
		{ { "rtmr1", "covers=kernel,initrd,cmdline" }, 0x11, IDENTITY_NONE, false },
		{ { "pcr4" }, 0x11, IDENTITY_PARTIAL, true },
		{ { "pcr4", "covers=kernel,initrd,cmdline" }, 0x11, IDENTITY_WHOLE, true },
		{ { "pcr7", "pcr11", "covers=kernel,initrd,cmdline" }, 0x11, IDENTITY_WHOLE, true },
		{ { "pcr7", "pcr8" }, 0x11, IDENTITY_PARTIAL, true },
		{ { "pcr8", "pcr9", "pcr11" }, 0x11, IDENTITY_NONE, true },
		{ { "pcr7", "pcr10", "pcr12" }, 0x11, IDENTITY_NONE, true },
		{ { "pcr7" }, 0x11, IDENTITY_NONE, true },
		{ { "pcr0", "pcr16" }, 0x11, IDENTITY_NONE, true },
		{ { "pcr4" }, 0x00, IDENTITY_NONE, true },
		{ { "mrconfigid" }, 0x11, IDENTITY_NONE, true },
	};
	_cleanup_(verdict_freep) struct verdict *v = new_verdict();
	char error[POLICY_ERROR_LEN], text[256];
	static struct policies ps;

	for (size_t i = 0; i < ARRAY_SIZE(list); i++) {
		const struct policy *p;
		uint8_t value[48];

		policies_init(&ps);
		p = policies_of(&ps, &policy_tdx);
		memset(value, list[i].byte, sizeof(value));
		for (size_t n = 0; n < 3 && list[i].options[n]; n++) {
			size_t len = startswith(list[i].options[n], "pcr") ? 32 : 48;

			(void) snprintf(text, sizeof(text), "%s", list[i].options[n]);
			if (!strchr(text, '=')) {
				strcat(text, "=");
				format_hex(value, len, text + strlen(text));
			}
			assert_int_equal(policies_set(&ps, text, error), 0);
		}
		begin(v, &ps, &policy_tdx);
		policy_check_values(v, &p->mrtd, "MRTD", "mrtd", value, 48);
		policy_check_values(v, &p->rtmr[1], "RTMR1", "rtmr1", value, 48);
		policy_check_values(v, &p->mrconfigid, "MRCONFIGID", "mrconfigid", value, 48);
		for (unsigned n = 0; n < POLICY_PCRS; n++)
			policy_check_values(v, &p->pcr[n], "PCR", "pcr", value, 32);
		policy_conclude(v, rows);
		assert_int_equal(v->identity, list[i].identity);
		assert_int_equal(v->first_failed < 0, list[i].judged);
	}
	/* An identity that is named but does not match does not count. */
	policies_init(&ps);
	assert_int_equal(policies_set(&ps,
				      "pcr4="
				      "111111111111111111111111111111111111111111111111111111111111"
				      "1111",
				      error),
			 0);
	begin(v, &ps, &policy_azure_snp);
	policy_check_values(v, &v->policy->pcr[4], "PCR4", "pcr4", "", 0);
	policy_conclude(v, rows);
	verdict_conclude(v);
	assert_int_equal(v->identity, IDENTITY_NONE);
	assert_int_equal(v->result, VERDICT_REFUSED);
	assert_false(policy_held(v, "pcr4"));
}

/* ---- trust ---- */

static void test_trust(void **state)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	uint8_t spki[PIN_LEN];
	struct trust t;
	unsigned line;

	trust_init(&t);
	assert_false(t.replaced);
	assert_int_equal(t.n_pins, 4);
	/* The built-in pins are the keys of the built-in certificates. */
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++) {
		char cn[X509_CN_MAX + 1];
		const struct trust_pin *pin;

		assert_int_equal(x509_parse_der(ca->der, &cert), 0);
		assert_int_equal(x509_common_name(X509_get_subject_name(cert), cn), 0);
		assert_string_equal(cn, ca->common_name);
		assert_int_equal(x509_spki_sha256(cert, spki), 0);
		pin = trust_find(&t, ROOT_AMD_ARK, spki);
		if (startswith(cn, "ARK-"))
			assert_string_equal(pin->name, cn);
		else
			assert_null(pin);
		assert_null(trust_find(&t, ROOT_INTEL_SGX, spki));
		cert = x509_free(cert);
	}
	/* A trust file replaces all pins, and says what it is. */
	assert_int_equal(trust_parse(amd_cas[0].der.p, amd_cas[0].der.len, "mine", &t, &line), 0);
	assert_true(t.replaced);
	assert_string_equal(t.source, "mine");
	assert_int_equal(t.n_pins, 1);
	assert_int_equal(x509_parse_der(amd_cas[0].der, &cert), 0);
	assert_int_equal(x509_spki_sha256(cert, spki), 0);
	assert_non_null(trust_find(&t, ROOT_AMD_ARK, spki));
	assert_non_null(trust_find(&t, ROOT_INTEL_SGX, spki));
	assert_int_equal(trust_parse(amd_cas[0].der.p, amd_cas[0].der.len - 1, "x", &t, &line),
			 -EBADMSG);
	assert_int_equal(line, 0);
	assert_int_equal(trust_parse("", 0, "x", &t, &line), -ENODATA);
	assert_string_equal(t.source, "mine");
}

/* ---- DER ---- */

static void test_der(void **state)
{
	static const struct {
		const char *der;
		size_t len;
		int64_t value;	/* -1: refused */
	} numbers[] = {
		{ "\x02\x01\x00", 3, 0 },
		{ "\x02\x01\x7f", 3, 127 },
		{ "\x02\x02\x00\x80", 4, 128 },
		{ "\x02\x02\x00\xff", 4, 255 },
		{ "\x02\x01\x80", 3, -1 },
		{ "\x02\x02\x00\x7f", 4, -1 },
		{ "\x02\x02\x01\x00", 4, -1 },
		{ "\x02\x00", 2, -1 },
		{ "\x02\x01", 2, -1 },
		{ "\x02\x81\x01\x05", 4, -1 },
		{ "\x02\x80\x05\x00\x00", 5, -1 },
		{ "\x02\x01\x05\x00", 4, -1 },
		{ "\x04\x01\x05", 3, -1 },
		{ "", 0, -1 },
	};
	struct bytes b, inner;
	uint8_t big[300] = { DER_OCTET_STRING, 0x82, 0x01, 0x00 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t n;
		int r = der_only_uint((struct bytes){ (const uint8_t *)numbers[i].der,
						      numbers[i].len },
				      255, &n);

		assert_int_equal(r, numbers[i].value < 0 ? -EBADMSG : 0);
		if (r == 0)
			assert_int_equal(n, numbers[i].value);
	}
	b = (struct bytes){ big, sizeof(big) };
	assert_int_equal(der_take(&b, DER_OCTET_STRING, &inner), 0);
	assert_int_equal(inner.len, 256);
	assert_int_equal(b.len, 300 - 260);
	assert_int_equal(der_only((struct bytes){ big, 260 }, DER_OCTET_STRING, &inner), 0);
	assert_int_equal(der_only((struct bytes){ big, 259 }, DER_OCTET_STRING, &inner), -EBADMSG);
	memcpy(big, "\x04\x84\x00\x00\x00\x01", 6);
	assert_int_equal(der_only((struct bytes){ big, 7 }, DER_OCTET_STRING, &inner), -EBADMSG);
	memcpy(big, "\x04\x82\x00\xff", 4);
	assert_int_equal(der_only((struct bytes){ big, 259 }, DER_OCTET_STRING, &inner), -EBADMSG);
}

static struct bytes literal(const char *s, size_t len)
{
	return (struct bytes){ (const uint8_t *)s, len };
}

static void test_der_edges(void **state)
{
	static const struct {
		const char *der;
		size_t len;
		bool strict, oid;
	} rows[] = {
		{ "\x06\x02\x2a\x03", 4, true, true },
		{ "\x06\x03\x2a\x81\x00", 5, true, true },
		{ "\x06\x00", 2, true, false },
		{ "\x06\x02\x2a\x83", 4, true, false },
		{ "\x06\x02\x80\x2a", 4, true, false },
		{ "\x06\x03\x2a\x80\x01", 5, true, false },
		{ "\x30\x03\x04\x01\xff", 5, true, false },
		{ "\x30\x80\x00\x00", 4, false, false },
		{ "\x30\x04\x04\x81\x01\xff", 6, false, false },
		{ "\x24\x03\x04\x01\xff", 5, false, false },
		{ "\xa0\x03\x04\x01\xff", 5, true, false },
		{ "\x30\x02\x04\x01", 4, false, false },
		{ "\x30\x03\x01\x01\xff", 5, true, false },
		{ "\x30\x03\x01\x01\x01", 5, false, false },
		{ "\x30\x02\x01\x00", 4, false, false },
		{ "\x05\x00\x05\x00", 4, false, false },
		{ "\x1f\x01\x00", 3, false, false },
		{ "\x05", 1, false, false },
		{ "", 0, false, false },
	};
	uint8_t deep[2 * 34];
	struct bytes b, oid;
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		b = literal(rows[i].der, rows[i].len);
		assert_int_equal(der_is_strict(b), rows[i].strict);
		assert_int_equal(der_take_oid(&b, &oid), rows[i].oid ? 0 : -EBADMSG);
		assert_int_equal(b.len, rows[i].oid ? 0 : rows[i].len);
	}
	assert_true(der_is_one(literal("\x30\x02\x04\x01", 4)));
	assert_false(der_is_one(literal("\x05\x00\x05\x00", 4)));
	for (size_t i = 0; i < 34; i++) {
		deep[2 * i] = DER_SEQUENCE;
		deep[2 * i + 1] = (uint8_t)(2 * (33 - i));
	}
	assert_false(der_is_strict((struct bytes){ deep, sizeof(deep) }));
	assert_true(der_is_strict((struct bytes){ deep + 4, sizeof(deep) - 4 }));

	assert_int_equal(der_only_uint(literal("\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff", 11),
				       UINT64_MAX, &n),
			 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(der_only_uint(literal("\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00", 11),
				       UINT64_MAX, &n),
			 -EBADMSG);
}

/* The same certificate, but not in strict DER form; and one of a version that does not exist. */
static void test_certificate_forms(void **state)
{
	struct bytes der = amd_cas[0].der, body = der;
	_cleanup_(freep) uint8_t *other = malloc(der.len + 2);
	X509 *cert = NULL;
	uint8_t *version;

	assert_non_null(other);
	assert_int_equal(x509_parse_der(der, &cert), 0);
	X509_free(cert);
	assert_int_equal(bytes_skip(&body, 4), 0);
	memcpy(other, "\x30\x80", 2);
	memcpy(other + 2, body.p, body.len);
	memset(other + 2 + body.len, 0, 2);
	assert_int_equal(x509_parse_der((struct bytes){ other, body.len + 4 }, &cert), -EBADMSG);
	memcpy(other, der.p, der.len);
	version = memmem(other, 32, "\xa0\x03\x02\x01\x02", 5);
	assert_non_null(version);
	for (uint8_t v = 0; v < 5; v++)
		if (v != 2) {
			version[4] = v;
			assert_int_equal(x509_parse_der((struct bytes){ other, der.len }, &cert),
					 -EBADMSG);
		}
}

static void test_pem(void **state)
{
	static const char good[] = " \n-----BEGIN X-----\nAAEC\n-----END X-----\n\n-----BEGIN "
				   "X-----\nAw==\n-----END X-----\n\0\0";
	static const char *const bad[] = {
		"x",
		"-----BEGIN Y-----\nAAEC\n-----END Y-----",
		"-----BEGIN X-----\nAAEC",
		"-----BEGIN X-----\n-----END X-----",
		"-----BEGIN X-----\nAA*C\n-----END X-----",
		"x-----BEGIN X-----\nAAEC\n-----END X-----",
	};
	struct bytes b = { (const uint8_t *)good, sizeof(good) };
	uint8_t buf[3];

	assert_true(pem_is(b));
	assert_int_equal(pem_next(&b, "X", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "\0\1\2", 3);
	assert_int_equal(pem_next(&b, "X", buf, sizeof(buf)), 1);
	assert_int_equal(pem_next(&b, "X", buf, sizeof(buf)), 0);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		b = (struct bytes){ (const uint8_t *)bad[i], strlen(bad[i]) };
		assert_int_equal(pem_next(&b, "X", buf, sizeof(buf)), -EBADMSG);
	}
	b = (struct bytes){ (const uint8_t *)good, sizeof(good) };
	assert_int_equal(pem_next(&b, "X", buf, 2), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict_fails_closed),
		cmocka_unit_test(test_first_failure_counts),
		cmocka_unit_test(test_lack),
		cmocka_unit_test(test_verdict_is_bounded),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_missing_piece),
		cmocka_unit_test(test_memo),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_evidence_add),
		cmocka_unit_test(test_policy_options),
		cmocka_unit_test(test_policy_values),
		cmocka_unit_test(test_policy_until),
		cmocka_unit_test(test_unjudged_options),
		cmocka_unit_test(test_foreign_options),
		cmocka_unit_test(test_unjudged_words),
		cmocka_unit_test(test_unjudged_pcrs),
		cmocka_unit_test(test_asked_by_programs),
		cmocka_unit_test(test_silent_policies),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_policy_files),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_der),
		cmocka_unit_test(test_der_edges),
		cmocka_unit_test(test_certificate_forms),
		cmocka_unit_test(test_pem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
