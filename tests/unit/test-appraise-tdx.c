/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policies ask of an authentic TDX quote: each option and each attribute at its edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/tdx/appraise-tdx.h"
#include "base/parse.h"

#include <cmocka.h>

static struct {
	struct tdx_evidence t;
	struct td_body15 body;
	struct sgx_report qe;
	struct policies policies;
	struct policy *p;
	struct verdict *v;
} f;

static int start(void **state)
{
	f.v = verdict_new();
	return f.v ? 0 : -1;
}

static int stop(void **state)
{
	verdict_free(f.v);
	return 0;
}

static void put_u64(uint8_t *p, uint64_t n)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(n >> 8 * i);
}

/* A quote of a TD 1.5 that any default policy accepts. */
static int setup(void **state)
{
	struct verdict *v = f.v;

	memset(&f, 0, sizeof(f));
	f.v = v;
	f.t.quote.body = &f.body.body;
	f.t.quote.body15 = &f.body;
	f.t.quote.qe_report = &f.qe;
	f.t.status = TCB_UP_TO_DATE;
	f.t.evaluation = 17;
	f.t.pck.pcesvn = 13;
	f.qe.isvsvn[0] = 8;
	put_u64(f.body.body.xfam, 0x602e7);
	memset(f.body.body.tee_tcb_svn, 5, sizeof(f.body.body.tee_tcb_svn));
	policies_init(&f.policies);
	f.p = policies_of(&f.policies, &policy_tdx);
	return 0;
}

static void set(const char *option)
{
	char error[POLICY_ERROR_LEN];

	if (policies_set(&f.policies, option, error) < 0)
		fail_msg("%s: %s", option, error);
}

static void set_value(const char *name, const uint8_t *data, size_t len)
{
	char text[200];

	snprintf(text, sizeof(text), "%s=", name);
	format_hex(data, len, text + strlen(text));
	set(text);
}

/* The code of the first check that fails is @code, "OK" for none. */
static void assert_code(const char *code)
{
	const char *got;

	verdict_reset(f.v);
	f.v->policy = f.p;
	tdx_apply_policy(&f.t, f.p, f.v);
	/* Whatever was asked was looked at. */
	f.v->authentic = true;
	if (f.v->first_failed < 0)
		policy_conclude(f.v, NULL);
	got = f.v->first_failed < 0 ? "OK" : f.v->code;
	if (!streq(got, code))
		fail_msg("%s is not %s: %s", got, code,
			 f.v->first_failed < 0 ? "" : f.v->checks[f.v->first_failed].name);
	if (!streq(code, "OK"))
		assert_int_equal(f.v->result, VERDICT_REFUSED);
}

static bool is_hinted(void)
{
	for (unsigned i = 0; i < f.v->n_checks; i++)
		if (streq(f.v->checks[i].name, "RTMR2 alone differs"))
			return true;
	return false;
}

/* ---- attributes ---- */

static void test_good(void **state)
{
	assert_code("OK");
	f.t.quote.body15 = NULL;
	assert_code("OK");
}

static void test_attributes(void **state)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		bool known = bit == 28 || bit == 30 || bit == 31 || bit == 63;

		put_u64(f.body.body.td_attributes, UINT64_C(1) << bit);
		assert_code(bit == 0  ? "DEBUG" :
			    bit == 29 ? "MIGRATABLE" :
			    known     ? "OK" :
					"TDATTR");
	}
}

static void test_debug(void **state)
{
	put_u64(f.body.body.td_attributes, 1);
	set("allow=migrate,masked,servicetd");
	assert_code("DEBUG");
	set("allow=debug");
	assert_code("OK");
	/* A bit that nobody knows is allowed by nothing. */
	put_u64(f.body.body.td_attributes, 3);
	assert_code("TDATTR");
}

static void test_features(void **state)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		bool known = (UINT64_C(0x6dbe7) >> bit) & 1;

		put_u64(f.body.body.xfam, UINT64_C(3) ^ UINT64_C(1) << bit);
		assert_code(bit < 2 || !known ? "XFAM" : "OK");
	}
	put_u64(f.body.body.xfam, 0x6dbe7);
	assert_code("OK");
	put_u64(f.body.body.xfam, 0);
	assert_code("XFAM");
}

static void test_sept(void **state)
{
	set("require=sept");
	assert_code("SEPT_VE");
	put_u64(f.body.body.td_attributes, UINT64_C(1) << 28);
	assert_code("OK");
}

/* ---- who else may decide about the TD ---- */

static void test_service_td(void **state)
{
	for (size_t i = 0; i < sizeof(f.body.mrservicetd); i += sizeof(f.body.mrservicetd) - 1) {
		assert_int_equal(setup(state), 0);
		f.body.mrservicetd[i] = 1;
		assert_code("SERVICE_TD");
		set("allow=debug");
		assert_code("SERVICE_TD");
		set("allow=servicetd");
		assert_code("OK");
		set("allow=");
		set_value("mrservicetd", f.body.mrservicetd, sizeof(f.body.mrservicetd));
		assert_code("OK");
		f.body.mrservicetd[i] = 2;
		assert_code("SERVICE_TD");
	}
	/* A named one has to be bound: no service TD, or a body without the field, is refused. */
	memset(f.body.mrservicetd, 0, sizeof(f.body.mrservicetd));
	assert_code("SERVICE_TD");
	f.t.quote.body15 = NULL;
	assert_code("SERVICE_TD");
}

/* A copy that a service TD made can have any measurements: only its name helps. */
static void test_migratable(void **state)
{
	put_u64(f.body.body.td_attributes, UINT64_C(1) << 29);
	assert_code("MIGRATABLE");
	set("allow=servicetd,migrate,partial-identity");
	assert_code("MIGRATABLE");
	set("allow=");
	memset(f.body.mrservicetd, 0x77, sizeof(f.body.mrservicetd));
	set_value("mrservicetd", f.body.mrservicetd, sizeof(f.body.mrservicetd));
	assert_code("OK");
	f.body.mrservicetd[0] ^= 1;
	assert_code("SERVICE_TD");
	f.t.quote.body15 = NULL;
	assert_code("SERVICE_TD");
	/* Zeros name nobody. */
	assert_int_equal(setup(state), 0);
	put_u64(f.body.body.td_attributes, UINT64_C(1) << 29);
	set_value("mrservicetd", f.body.mrservicetd, sizeof(f.body.mrservicetd));
	assert_code("MIGRATABLE");
}

/* ---- values and floors ---- */

static void test_values(void **state)
{
	struct td_body *b = &f.body.body;
	const struct {
		const char *option, *code;
		uint8_t *found;
		size_t len;
	} rows[] = {
		{ "mrtd", "MRTD", b->mrtd, 48 },
		{ "rtmr0", "RTMR0", b->rtmr[0], 48 },
		{ "rtmr1", "RTMR1", b->rtmr[1], 48 },
		{ "rtmr2", "RTMR2", b->rtmr[2], 48 },
		{ "rtmr3", "RTMR3", b->rtmr[3], 48 },
		{ "mrseam", "MRSEAM", b->mrseam, 48 },
		{ "mrconfigid", "MRCONFIGID", b->mrconfigid, 48 },
		{ "mrowner", "MROWNER", b->mrowner, 48 },
		{ "mrownerconfig", "MROWNERCONFIG", b->mrownerconfig, 48 },
		{ "report_data", "REPORT_DATA", b->report_data, 64 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		for (size_t n = 0; n < rows[i].len; n++)
			rows[i].found[n] = (uint8_t)(n + i);
		set_value(rows[i].option, rows[i].found, rows[i].len);
		assert_code("OK");
		rows[i].found[0] ^= 1;
		assert_code(rows[i].code);
		rows[i].found[0] ^= 1;
		rows[i].found[rows[i].len - 1] ^= 0x80;
		assert_code(rows[i].code);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *option, *code;
	} rows[] = {
		{ "min_tcb_evaluation=17", "OK" },
		{ "min_tcb_evaluation=18", "EVALUATION" },
		{ "min_qe_svn=8", "OK" },
		{ "min_qe_svn=9", "QE_SVN" },
		{ "min_pce_svn=13", "OK" },
		{ "min_pce_svn=14", "PCE_SVN" },
		{ "min_tee_tcb_svn=05050505050505050505050505050505", "OK" },
		{ "min_tee_tcb_svn=00000000000000000000000000000000", "OK" },
		{ "min_tee_tcb_svn=06050505050505050505050505050505", "TEE_TCB_SVN" },
		{ "min_tee_tcb_svn=05050505050505050505050505050506", "TEE_TCB_SVN" },
		{ "min_tee_tcb_svn=05000000000000000000000000000000,"
		  "00050000000000000000000000000000",
		  "OK" },
		/* All of them have to be reached. */
		{ "min_tee_tcb_svn=05000000000000000000000000000000,"
		  "00060000000000000000000000000000",
		  "TEE_TCB_SVN" },
		{ "min_tee_tcb_svn=06000000000000000000000000000000,"
		  "00050000000000000000000000000000",
		  "TEE_TCB_SVN" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(setup(state), 0);
		set(rows[i].option);
		assert_code(rows[i].code);
	}
	/* Both bytes of the enclave's version count. */
	assert_int_equal(setup(state), 0);
	f.qe.isvsvn[0] = 0;
	f.qe.isvsvn[1] = 1;
	set("min_qe_svn=256");
	assert_code("OK");
}

/* What is accepted is what is named, and by default the newest alone. */
static void test_status(void **state)
{
	for (unsigned s = TCB_STATUS_NONE; s < _TCB_STATUS_MAX; s++) {
		char text[100], code[100];

		assert_int_equal(setup(state), 0);
		f.t.status = s;
		snprintf(code, sizeof(code), "TCB_%s", tcb_status_name(s));
		assert_code(s == TCB_UP_TO_DATE ? "OK" : code);
		if (s == TCB_STATUS_NONE)
			continue;
		snprintf(text, sizeof(text), "accept=%s", tcb_status_name(s));
		set(text);
		assert_code("OK");
		f.t.status = s == TCB_OUT_OF_DATE ? TCB_REVOKED : TCB_OUT_OF_DATE;
		snprintf(code, sizeof(code), "TCB_%s", tcb_status_name(f.t.status));
		assert_code(code);
	}
}

/* ---- what is said to people ---- */

static void test_hint(void **state)
{
	struct td_body *b = &f.body.body;
	uint8_t other[48] = { 0xee };

	memset(b->mrtd, 1, sizeof(b->mrtd));
	memset(b->rtmr[1], 2, sizeof(b->rtmr[1]));
	memset(b->rtmr[2], 3, sizeof(b->rtmr[2]));
	/* RTMR2 by itself says nothing: no other register is known to be right. */
	set_value("rtmr2", other, sizeof(other));
	assert_code("RTMR2");
	assert_false(is_hinted());
	set_value("mrtd", b->mrtd, sizeof(b->mrtd));
	set_value("rtmr1", b->rtmr[1], sizeof(b->rtmr[1]));
	assert_code("RTMR2");
	assert_true(is_hinted());
	memset(b->rtmr[2], 0, sizeof(b->rtmr[2]));
	assert_code("RTMR2");
	assert_true(is_hinted());
	set_value("rtmr1", other, sizeof(other));
	assert_code("RTMR1");
	assert_false(is_hinted());
	/* Either register is enough, and each that is named has to be right. */
	assert_int_equal(setup(state), 0);
	memset(b->rtmr[1], 2, sizeof(b->rtmr[1]));
	set_value("rtmr2", other, sizeof(other));
	set_value("rtmr1", b->rtmr[1], sizeof(b->rtmr[1]));
	assert_code("RTMR2");
	assert_true(is_hinted());
	set_value("mrtd", other, sizeof(other));
	assert_code("MRTD");
	assert_false(is_hinted());
	set_value("mrtd", b->mrtd, sizeof(b->mrtd));
	for (unsigned i = 0; i < 4; i += 3) {
		const char *name = i == 0 ? "rtmr0" : "rtmr3";

		set_value(name, other, sizeof(other));
		assert_code(i == 0 ? "RTMR0" : "RTMR2");
		assert_false(is_hinted());
		set_value(name, b->rtmr[i], sizeof(b->rtmr[i]));
		assert_code("RTMR2");
		assert_true(is_hinted());
	}
	/* Nothing to hint at where it is as it should be. */
	set_value("rtmr1", b->rtmr[1], sizeof(b->rtmr[1]));
	set_value("rtmr2", b->rtmr[2], sizeof(b->rtmr[2]));
	assert_code("OK");
	assert_false(is_hinted());
}

static void test_remark(void **state)
{
	assert_null(tdx_firmware_remark(f.p));
	set("accept=UpToDate,OutOfDate");
	assert_non_null(tdx_firmware_remark(f.p));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_attributes, setup),
		cmocka_unit_test_setup(test_debug, setup),
		cmocka_unit_test_setup(test_features, setup),
		cmocka_unit_test_setup(test_sept, setup),
		cmocka_unit_test_setup(test_service_td, setup),
		cmocka_unit_test_setup(test_migratable, setup),
		cmocka_unit_test_setup(test_values, setup),
		cmocka_unit_test_setup(test_numbers, setup),
		cmocka_unit_test_setup(test_status, setup),
		cmocka_unit_test_setup(test_hint, setup),
		cmocka_unit_test_setup(test_remark, setup),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
