/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How current a TDX platform is: each rule at its edge, by levels that this test makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/tdx/tdx-tcb.h"

#include <cmocka.h>

struct fixture {
	struct tdx_tcb_info info;
	struct tdx_qe_identity qe;
	struct pck pck;
	struct td_body15 body;
	struct sgx_report report;
	struct tdx_quote quote;
};

/*
 * A platform at the newest of two levels.  Its module has version 1, and module and quoting
 * enclave are each at the newest of two levels.  The older level is out of date.
 */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->info.n_levels = 2;
	memset(f->info.levels[0].sgx, 5, TCB_COMPONENTS);
	memset(f->info.levels[0].tdx, 7, TCB_COMPONENTS);
	f->info.levels[0].pcesvn = 11;
	f->info.levels[0].state.status = TCB_UP_TO_DATE;
	memset(f->info.levels[1].sgx, 4, TCB_COMPONENTS);
	memset(f->info.levels[1].tdx, 6, TCB_COMPONENTS);
	f->info.levels[1].pcesvn = 10;
	f->info.levels[1].state.status = TCB_OUT_OF_DATE;
	f->info.n_modules = 1;
	f->info.modules[0].id = (struct bytes){ (const uint8_t *)"TDX_01", 6 };
	f->info.modules[0].levels.n = 2;
	f->info.modules[0].levels.level[0] = (struct svn_level){ 3, { .status = TCB_UP_TO_DATE } };
	f->info.modules[0].levels.level[1] = (struct svn_level){ 2, { .status = TCB_OUT_OF_DATE } };
	f->qe.levels.n = 2;
	f->qe.levels.level[0] = (struct svn_level){ 9, { .status = TCB_UP_TO_DATE } };
	f->qe.levels.level[1] = (struct svn_level){ 8, { .status = TCB_OUT_OF_DATE } };

	memset(f->pck.components, 5, TCB_COMPONENTS);
	f->pck.pcesvn = 11;
	memset(f->body.body.tee_tcb_svn, 7, TCB_COMPONENTS);
	f->body.body.tee_tcb_svn[0] = 3;
	f->body.body.tee_tcb_svn[1] = 1;
	f->report.isvsvn[0] = 9;
	f->quote.body = &f->body.body;
	f->quote.qe_report = &f->report;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static enum tcb_status status(struct fixture *f, struct tdx_tcb *ret)
{
	tdx_tcb_evaluate(&f->info, &f->qe, &f->pck, &f->quote, ret);
	return ret->status;
}

static void assert_status(struct fixture *f, enum tcb_status want)
{
	struct tdx_tcb tcb;

	assert_int_equal(status(f, &tcb), want);
}

/* ---- levels ---- */

static void test_newest(void **state)
{
	struct fixture *f = *state;
	struct tdx_tcb tcb;

	assert_int_equal(status(f, &tcb), TCB_UP_TO_DATE);
	assert_ptr_equal(tcb.platform, &f->info.levels[0]);
	assert_ptr_equal(tcb.module, &f->info.modules[0].levels.level[0]);
	assert_ptr_equal(tcb.qe, &f->qe.levels.level[0]);
	/* Newer than everything that Intel lists is as good. */
	memset(f->pck.components, 0xff, TCB_COMPONENTS);
	f->pck.pcesvn = 0xffff;
	memset(f->body.body.tee_tcb_svn + 2, 0xff, TCB_COMPONENTS - 2);
	f->body.body.tee_tcb_svn[0] = 0xff;
	memset(f->report.isvsvn, 0xff, 2);
	assert_int_equal(status(f, &tcb), TCB_UP_TO_DATE);
}

/* One less in any component gives the next level; two less gives none. */
static void test_each_component(void **state)
{
	struct fixture *f = *state;
	struct tdx_tcb tcb;

	for (unsigned i = 0; i < TCB_COMPONENTS; i++) {
		f->pck.components[i] = 4;
		assert_int_equal(status(f, &tcb), TCB_OUT_OF_DATE);
		assert_ptr_equal(tcb.platform, &f->info.levels[1]);
		f->pck.components[i] = 3;
		assert_int_equal(status(f, &tcb), TCB_UNSUPPORTED);
		assert_null(tcb.platform);
		f->pck.components[i] = 5;
	}
	f->pck.pcesvn = 10;
	assert_status(f, TCB_OUT_OF_DATE);
	f->pck.pcesvn = 9;
	assert_status(f, TCB_UNSUPPORTED);
	f->pck.pcesvn = 11;
	for (unsigned i = 2; i < TCB_COMPONENTS; i++) {
		f->body.body.tee_tcb_svn[i] = 6;
		assert_status(f, TCB_OUT_OF_DATE);
		f->body.body.tee_tcb_svn[i] = 5;
		assert_status(f, TCB_UNSUPPORTED);
		f->body.body.tee_tcb_svn[i] = 7;
	}
	assert_status(f, TCB_UP_TO_DATE);
	/* The highest byte of the PCE's version counts. */
	f->info.levels[0].pcesvn = f->info.levels[1].pcesvn = 0x100;
	assert_status(f, TCB_UNSUPPORTED);
	f->pck.pcesvn = 0x100;
	assert_status(f, TCB_UP_TO_DATE);
}

/* Platform, module and enclave each need a level; without one the status is "unsupported". */
static void test_no_level(void **state)
{
	struct fixture *f = *state;
	struct tdx_tcb tcb;

	f->body.body.tee_tcb_svn[0] = 2;
	assert_status(f, TCB_OUT_OF_DATE);
	f->body.body.tee_tcb_svn[0] = 1;
	assert_int_equal(status(f, &tcb), TCB_UNSUPPORTED);
	assert_null(tcb.module);
	assert_non_null(tcb.platform);
	f->body.body.tee_tcb_svn[0] = 3;
	f->report.isvsvn[0] = 8;
	assert_status(f, TCB_OUT_OF_DATE);
	f->report.isvsvn[0] = 7;
	assert_int_equal(status(f, &tcb), TCB_UNSUPPORTED);
	assert_null(tcb.qe);
	f->report.isvsvn[1] = 1;
	assert_status(f, TCB_UP_TO_DATE);
	f->info.n_levels = 0;
	assert_status(f, TCB_UNSUPPORTED);
}

/* ---- modules ---- */

static void test_module_identity(void **state)
{
	static const struct {
		const char *id;
		unsigned version;
		bool found;
	} rows[] = {
		{ "TDX_01", 0x01, true },   { "tdx_01", 0x01, true },	{ "TDX_1f", 0x1f, true },
		{ "TDX_1F", 0x1f, true },   { "TDX_ff", 0xff, true },	{ "TDX_01", 0x10, false },
		{ "TDX_1", 0x01, false },   { "TDX_001", 0x01, false }, { "TDX-01", 0x01, false },
		{ "XTDX_01", 0x01, false }, { "TDX_01 ", 1, false },	{ "", 0x01, false },
		{ "SGX_01", 0x01, false },
	};
	struct fixture *f = *state;
	uint8_t svn[16] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->info.modules[0].id = (struct bytes){ (const uint8_t *)rows[i].id,
							strlen(rows[i].id) };
		svn[1] = (uint8_t)rows[i].version;
		assert_ptr_equal(tdx_tcb_module(&f->info, svn),
				 rows[i].found ? &f->info.modules[0] : NULL);
	}
	/* The first byte does not matter for the version; without modules there is none. */
	svn[0] = svn[1];
	svn[1] = 0;
	assert_null(tdx_tcb_module(&f->info, svn));
	f->info.has_module = true;
	assert_ptr_equal(tdx_tcb_module(&f->info, svn), &f->info.module);
	svn[1] = 1;
	f->info.n_modules = 0;
	assert_null(tdx_tcb_module(&f->info, svn));
}

/* For version 0 only the platform's levels count, with the first two components. */
static void test_version_0(void **state)
{
	struct fixture *f = *state;
	struct tdx_tcb tcb;

	f->info.has_module = true;
	f->body.body.tee_tcb_svn[0] = 7;
	f->body.body.tee_tcb_svn[1] = 0;
	assert_status(f, TCB_UNSUPPORTED);
	f->info.levels[0].tdx[1] = f->info.levels[1].tdx[1] = 0;
	assert_int_equal(status(f, &tcb), TCB_UP_TO_DATE);
	assert_null(tcb.module);
	f->body.body.tee_tcb_svn[0] = 6;
	assert_status(f, TCB_OUT_OF_DATE);
	f->body.body.tee_tcb_svn[0] = 5;
	assert_status(f, TCB_UNSUPPORTED);
	/* With a version these components do not count. */
	f->body.body.tee_tcb_svn[0] = 3;
	f->body.body.tee_tcb_svn[1] = 1;
	f->info.levels[0].tdx[0] = f->info.levels[0].tdx[1] = 0xff;
	assert_status(f, TCB_UP_TO_DATE);
}

static void test_module_fits(void **state)
{
	struct td_body body = { .seam_attributes = { 0 } };
	struct tdx_module m = { .attributes = { 0 } };

	memset(m.mrsigner, 0x5a, sizeof(m.mrsigner));
	memset(body.mrsignerseam, 0x5a, sizeof(body.mrsignerseam));
	memset(m.attributes_mask, 0xff, sizeof(m.attributes_mask));
	/* The TD's own attributes, which follow, are another matter. */
	memset(body.td_attributes, 0xff, sizeof(body.td_attributes));
	assert_true(tdx_module_fits(&m, &body));
	for (size_t i = 0; i < sizeof(body.mrsignerseam); i += sizeof(body.mrsignerseam) - 1) {
		body.mrsignerseam[i] ^= 1;
		assert_false(tdx_module_fits(&m, &body));
		body.mrsignerseam[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof(body.seam_attributes); i++) {
		body.seam_attributes[i] = 0x80;
		assert_false(tdx_module_fits(&m, &body));
		m.attributes[i] = 0x80;
		assert_true(tdx_module_fits(&m, &body));
		/* A bit outside the mask is refused, not ignored. */
		m.attributes_mask[i] = 0x80;
		body.seam_attributes[i] = 0x81;
		assert_false(tdx_module_fits(&m, &body));
		body.seam_attributes[i] = 0;
		assert_false(tdx_module_fits(&m, &body));
		m.attributes[i] = 0;
		m.attributes_mask[i] = 0xff;
	}
}

static void test_qe_fits(void **state)
{
	struct tdx_qe_identity qe = { .isvprodid = 0x0102 };
	struct sgx_report r = { .isvprodid = { 2, 1 } };

	memset(qe.miscselect_mask, 0xf0, sizeof(qe.miscselect_mask));
	memset(qe.attributes_mask, 0xf0, sizeof(qe.attributes_mask));
	assert_true(tdx_qe_fits(&qe, &r));
	/* Bits outside the mask may have any value. */
	memset(r.miscselect, 0x0f, sizeof(r.miscselect));
	memset(r.attributes, 0x0f, sizeof(r.attributes));
	assert_true(tdx_qe_fits(&qe, &r));
	for (size_t i = 0; i < sizeof(r.miscselect); i++) {
		r.miscselect[i] ^= 0x10;
		assert_false(tdx_qe_fits(&qe, &r));
		r.miscselect[i] ^= 0x10;
	}
	for (size_t i = 0; i < sizeof(r.attributes); i++) {
		r.attributes[i] ^= 0x80;
		assert_false(tdx_qe_fits(&qe, &r));
		r.attributes[i] ^= 0x80;
	}
	for (size_t i = 0; i < sizeof(r.mrsigner); i++) {
		r.mrsigner[i] ^= 1;
		assert_false(tdx_qe_fits(&qe, &r));
		r.mrsigner[i] ^= 1;
	}
	for (size_t i = 0; i < sizeof(r.isvprodid); i++) {
		r.isvprodid[i] ^= 1;
		assert_false(tdx_qe_fits(&qe, &r));
		r.isvprodid[i] ^= 1;
	}
	/* The version says which enclave of that signer and product it is, not the measurement. */
	memset(r.mrenclave, 0xff, sizeof(r.mrenclave));
	memset(r.isvsvn, 0xff, sizeof(r.isvsvn));
	assert_true(tdx_qe_fits(&qe, &r));
	/* An identity that requires a bit outside its mask fits nothing. */
	qe.attributes[0] = 1;
	assert_false(tdx_qe_fits(&qe, &r));
}

/* ---- one status from three ---- */

/* The result for each status of the platform with a part that is out of date. */
static const enum tcb_status with_old_part[_TCB_STATUS_MAX] = {
	[TCB_UP_TO_DATE] = TCB_OUT_OF_DATE,
	[TCB_SW_HARDENING_NEEDED] = TCB_OUT_OF_DATE,
	[TCB_TD_RELAUNCH_ADVISED] = TCB_OUT_OF_DATE,
	[TCB_CONFIGURATION_NEEDED] = TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	[TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	[TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	[TCB_OUT_OF_DATE] = TCB_OUT_OF_DATE,
	[TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
	[TCB_REVOKED] = TCB_REVOKED,
	[TCB_UNSUPPORTED] = TCB_UNSUPPORTED,
};

/* With an old part: the module if @module, else the quoting enclave. */
static void check_part(struct fixture *f, bool module)
{
	enum tcb_status *part = module ? &f->info.modules[0].levels.level[0].state.status :
					 &f->qe.levels.level[0].state.status;

	for (unsigned s = TCB_UP_TO_DATE; s < _TCB_STATUS_MAX; s++) {
		f->info.levels[0].state.status = s;
		*part = TCB_UP_TO_DATE;
		assert_status(f, s);
		*part = TCB_OUT_OF_DATE;
		assert_status(f, with_old_part[s]);
		*part = TCB_REVOKED;
		assert_status(f, s == TCB_UNSUPPORTED ? TCB_UNSUPPORTED : TCB_REVOKED);
		*part = TCB_UNSUPPORTED;
		assert_status(f, TCB_UNSUPPORTED);
	}
	*part = TCB_UP_TO_DATE;
}

static void test_converge(void **state)
{
	check_part(*state, /* module= */ true);
	check_part(*state, /* module= */ false);
}

/* ---- a module that was updated under a running TD ---- */

static void test_relaunch(void **state)
{
	static const enum tcb_status advised[_TCB_STATUS_MAX] = {
		[TCB_UP_TO_DATE] = TCB_TD_RELAUNCH_ADVISED,
		[TCB_SW_HARDENING_NEEDED] = TCB_TD_RELAUNCH_ADVISED,
		[TCB_CONFIGURATION_NEEDED] = TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
		[TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] =
			TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	};
	struct fixture *f = *state;
	uint8_t *now = f->body.tee_tcb_svn2;

	memset(now, 7, sizeof(f->body.tee_tcb_svn2));
	now[0] = 3;
	now[1] = 1;
	f->body.body.tee_tcb_svn[0] = 2;
	/* A TD 1.0 cannot have this status. */
	assert_status(f, TCB_OUT_OF_DATE);
	f->quote.body15 = &f->body;
	for (unsigned s = TCB_UP_TO_DATE; s < _TCB_STATUS_MAX; s++) {
		f->info.levels[0].state.status = s;
		assert_status(f, advised[s] ? advised[s] : with_old_part[s]);
	}
	f->info.levels[0].state.status = TCB_UP_TO_DATE;
	/* A module that is at its newest level needs no relaunch. */
	f->body.body.tee_tcb_svn[0] = 3;
	assert_status(f, TCB_UP_TO_DATE);
	f->body.body.tee_tcb_svn[0] = 2;
	/* The running module must be the newest: version, number, and the third component. */
	now[0] = 2;
	assert_status(f, TCB_OUT_OF_DATE);
	now[0] = 4;
	assert_status(f, TCB_TD_RELAUNCH_ADVISED);
	now[1] = 2;
	assert_status(f, TCB_OUT_OF_DATE);
	now[1] = 1;
	now[2] = 6;
	assert_status(f, TCB_OUT_OF_DATE);
	now[2] = 8;
	assert_status(f, TCB_TD_RELAUNCH_ADVISED);
	/* For version 0 the platform's first component counts. */
	now[1] = 0;
	now[0] = 6;
	assert_status(f, TCB_OUT_OF_DATE);
	now[0] = 7;
	assert_status(f, TCB_TD_RELAUNCH_ADVISED);
	/* A quoting enclave that is old stays old. */
	f->report.isvsvn[0] = 8;
	assert_status(f, TCB_OUT_OF_DATE);
	f->report.isvsvn[0] = 9;
	/* A relaunch does not help when revoked. */
	f->info.modules[0].levels.level[1].state.status = TCB_REVOKED;
	assert_status(f, TCB_REVOKED);
}

/* A running version that Intel lists without levels is not known to be the newest. */
static void test_relaunch_without_levels(void **state)
{
	struct fixture *f = *state;

	memset(f->body.tee_tcb_svn2, 7, sizeof(f->body.tee_tcb_svn2));
	f->body.tee_tcb_svn2[1] = 2;
	f->body.body.tee_tcb_svn[0] = 2;
	f->quote.body15 = &f->body;
	f->info.n_modules = 2;
	f->info.modules[1].id = (struct bytes){ (const uint8_t *)"TDX_02", 6 };
	assert_status(f, TCB_OUT_OF_DATE);
	f->info.modules[1].levels.n = 1;
	f->info.modules[1].levels.level[0] = (struct svn_level){ 7, { .status = TCB_UP_TO_DATE } };
	assert_status(f, TCB_TD_RELAUNCH_ADVISED);
}

/* ---- what is lacking ---- */

static const uint32_t only_current = 1u << TCB_UP_TO_DATE;

static void find(struct fixture *f, uint32_t accept, struct tdx_shortfall *ret)
{
	tdx_shortfall_find(&f->info, &f->qe, &f->pck, &f->quote, accept, ret);
}

static void assert_lacks(struct fixture *f, enum tdx_part part, unsigned i, unsigned has,
			 unsigned needs)
{
	struct tdx_shortfall s;

	find(f, only_current, &s);
	assert_ptr_equal(s.target, &f->info.levels[0]);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.lacks[0].part, part);
	assert_int_equal(s.lacks[0].i, i);
	assert_int_equal(s.lacks[0].has, has);
	assert_int_equal(s.lacks[0].needs, needs);
	assert_int_equal(s.module_alone, part == TDX_PART_MODULE);
}

static void test_lacks(void **state)
{
	struct fixture *f = *state;
	struct tdx_shortfall s;

	find(f, only_current, &s);
	assert_ptr_equal(s.target, &f->info.levels[0]);
	assert_int_equal(s.n, 0);
	assert_false(s.module_alone);
	for (unsigned i = 0; i < TCB_COMPONENTS; i++) {
		f->pck.components[i] = 1;
		assert_lacks(f, TDX_PART_SGX, i, 1, 5);
		f->pck.components[i] = 5;
	}
	f->pck.pcesvn = 2;
	assert_lacks(f, TDX_PART_PCESVN, 0, 2, 11);
	f->pck.pcesvn = 11;
	for (unsigned i = 2; i < TCB_COMPONENTS; i++) {
		f->body.body.tee_tcb_svn[i] = 6;
		assert_lacks(f, TDX_PART_TDX, i, 6, 7);
		f->body.body.tee_tcb_svn[i] = 7;
	}
	f->body.body.tee_tcb_svn[0] = 2;
	assert_lacks(f, TDX_PART_MODULE, 1, 2, 3);
	f->body.body.tee_tcb_svn[0] = 3;
	f->report.isvsvn[0] = 8;
	assert_lacks(f, TDX_PART_QE, 0, 8, 9);
}

/* The names of everything at once fit. */
static void test_all_lacking(void **state)
{
	struct fixture *f = *state;
	struct tdx_shortfall s;

	memset(f->pck.components, 0, TCB_COMPONENTS);
	f->pck.pcesvn = 0;
	memset(f->body.body.tee_tcb_svn, 0, TCB_COMPONENTS);
	f->report.isvsvn[0] = 0;
	f->info.has_module = true;
	find(f, only_current, &s);
	assert_int_equal(s.n, 2 * TCB_COMPONENTS + 2);
	f->body.body.tee_tcb_svn[1] = 1;
	find(f, only_current, &s);
	assert_int_equal(s.n, 2 * TCB_COMPONENTS + 1);
	assert_false(s.module_alone);
}

/* The target is the newest accepted level; each part needs its newest level that keeps it so. */
static void test_targets(void **state)
{
	struct fixture *f = *state;
	struct tdx_shortfall s;

	f->pck.pcesvn = 0;
	f->body.body.tee_tcb_svn[0] = 1;
	f->report.isvsvn[0] = 1;
	find(f, 1u << TCB_OUT_OF_DATE, &s);
	assert_ptr_equal(s.target, &f->info.levels[1]);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.lacks[0].needs, 10);
	assert_int_equal(s.lacks[1].needs, 3);
	assert_int_equal(s.lacks[2].needs, 9);
	/* No level has the status: there is no target, and nothing is known to be missing. */
	find(f, 1u << TCB_REVOKED, &s);
	assert_null(s.target);
	assert_int_equal(s.n, 0);
	find(f, 0, &s);
	assert_null(s.target);
	/* A module that Intel does not list. */
	f->info.n_modules = 0;
	find(f, only_current, &s);
	assert_non_null(s.target);
	assert_int_equal(s.n, 0);
}

/* A newer module alone is suggested only when it helps. */
static void test_module_alone(void **state)
{
	struct fixture *f = *state;
	struct tdx_shortfall s;

	f->body.body.tee_tcb_svn[0] = 2;
	assert_lacks(f, TDX_PART_MODULE, 1, 2, 3);
	f->pck.pcesvn = 10;
	find(f, only_current, &s);
	assert_int_equal(s.n, 2);
	assert_false(s.module_alone);
	f->pck.pcesvn = 11;
	/* The level needs a module number that does not fit into a byte. */
	f->info.modules[0].levels.level[0].isvsvn = UINT8_MAX;
	find(f, only_current, &s);
	assert_true(s.module_alone);
	f->info.modules[0].levels.level[0].isvsvn = UINT8_MAX + 1;
	find(f, only_current, &s);
	assert_int_equal(s.n, 1);
	assert_false(s.module_alone);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_component, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_module_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_version_0, setup, teardown),
		cmocka_unit_test(test_module_fits),
		cmocka_unit_test(test_qe_fits),
		cmocka_unit_test_setup_teardown(test_converge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relaunch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relaunch_without_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lacks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_lacking, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_module_alone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
