/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/appraise-tdx.h"

#include <openssl/evp.h>

#include "attest/tdx/tdx-collateral.h"
#include "attest/tdx/tdx-status.h"

#define TDATTR_DEBUG (UINT64_C(1) << 0)
#define TDATTR_SEPT_VE_DISABLE (UINT64_C(1) << 28)
#define TDATTR_MIGRATABLE (UINT64_C(1) << 29)
/* 28 SEPT_VE_DISABLE, 29 MIGRATABLE, 30 PKS, 31 KL, 63 PERFMON */
#define TDATTR_KNOWN (TDATTR_DEBUG | UINT64_C(0xf) << 28 | UINT64_C(1) << 63)
#define XFAM_FIXED1 UINT64_C(0x3)
#define XFAM_KNOWN UINT64_C(0x6dbe7)

static void check_attributes(struct verdict *v, const struct policy *p, const struct td_body *body)
{
	uint64_t attributes = get_u64le(body->td_attributes), xfam = get_u64le(body->xfam);
	bool debug_allowed = policy_allows(v, p, ALLOW_DEBUG);

	(void) verdict_check(v, !(attributes & TDATTR_DEBUG) || debug_allowed,
			     VERDICT_REFUSED, "DEBUG", "TD is not in debug mode", "DEBUG clear",
			     attributes & TDATTR_DEBUG ? "DEBUG set" : NULL);
	(void) verdict_check(v, (attributes & ~TDATTR_KNOWN) == 0, VERDICT_REFUSED, "TDATTR",
			     "TD attributes are known", "no unknown bit",
			     verdict_text(v, "%016llx", (unsigned long long)attributes));
	(void) verdict_check(v, (xfam & XFAM_FIXED1) == XFAM_FIXED1 && (xfam & ~XFAM_KNOWN) == 0,
			     VERDICT_REFUSED, "XFAM", "extended features are known",
			     "x87 and SSE, and no unknown bit",
			     verdict_text(v, "%016llx", (unsigned long long)xfam));
	if (policy_requires(v, p, REQUIRE_SEPT_VE_DISABLE))
		(void) verdict_check(v, (attributes & TDATTR_SEPT_VE_DISABLE) != 0, VERDICT_REFUSED,
				     "SEPT_VE", "host cannot take private pages unseen",
				     "SEPT_VE_DISABLE set",
				     verdict_text(v, "%016llx", (unsigned long long)attributes));
}

static void check_service_td(struct verdict *v, const struct policy *p,
			     const struct td_body15 *body15)
{
	struct bytes found = { body15 ? body15->mrservicetd : NULL,
			       body15 ? sizeof(body15->mrservicetd) : 0 };
	bool allowed = policy_allows(v, p, ALLOW_SERVICE_TD);

	if (p->mrservicetd.n > 0) {
		policy_check_values(v, &p->mrservicetd, "SERVICE_TD",
				    "service TD is one that is named", found.p, found.len);
		return;
	}
	/* A service TD can help to migrate this TD, so it must be trusted as well. */
	(void) verdict_check(v, bytes_all_zero(&found) || allowed,
			     VERDICT_REFUSED, "SERVICE_TD", "no service TD is bound", "none bound",
			     verdict_hex(v, found.p, found.len));
}

/*
 * A service TD may move a migratable TD, and give the copy any measurements.  The policy must
 * name that service TD; a body of TD 1.0 does not say which it is.
 */
static void check_not_imported(struct verdict *v, const struct tdx_quote *q)
{
	bool migratable = get_u64le(q->body->td_attributes) & TDATTR_MIGRATABLE;
	const char *found = NULL;

	if (migratable && q->body15)
		found = verdict_text(v, "MIGRATABLE set, service TD %s",
				     verdict_hex(v, q->body15->mrservicetd,
						 sizeof(q->body15->mrservicetd)));
	else if (migratable)
		found = "MIGRATABLE set, in a body that names no service TD";
	(void) verdict_check(v, !migratable || policy_held(v, "mrservicetd"), VERDICT_REFUSED,
			     "MIGRATABLE", "TD cannot be migrated, or by a named service TD only",
			     "MIGRATABLE clear, or a service TD that mrservicetd= names",
			     found);
}

/* True if the policy names this value of the register, or no value at all. */
static bool is_as_named(const struct policy_values *want, const uint8_t found[static 48])
{
	for (unsigned i = 0; i < want->n; i++)
		if (want->len[i] == 48 && memcmp(want->b[i], found, 48) == 0)
			return true;
	return want->n == 0;
}

/*
 * RTMR2 is the register that people most often compute wrong.  The hint is given only if all other
 * registers that the policy names are right, so that firmware and kernel are not in question.
 */
static void hint_rtmr2(struct verdict *v, const struct policy *p, const struct td_body *b)
{
	struct bytes found = { b->rtmr[2], sizeof(b->rtmr[2]) };

	if (is_as_named(&p->rtmr[2], b->rtmr[2]) || p->mrtd.n + p->rtmr[1].n == 0)
		return;
	if (!is_as_named(&p->mrtd, b->mrtd) || !is_as_named(&p->rtmr[0], b->rtmr[0]) ||
	    !is_as_named(&p->rtmr[1], b->rtmr[1]) || !is_as_named(&p->rtmr[3], b->rtmr[3]))
		return;
	if (bytes_all_zero(&found))
		verdict_skip(v, "RTMR2 alone differs",
			     "it is zeros: nothing was measured into it (firmware that has a TPM "
			     "measures there)");
	else
		verdict_skip(
			v, "RTMR2 alone differs",
			"it has what the kernel was told: the command line, in UTF-16 with a NUL, "
			"to which OVMF adds 'initrd=initrd' (before it since edk2-stable202508, "
			"behind it earlier); the initrd, since Linux 6.9; what a boot loader "
			"measures; and IMA's entries, once the system runs");
}

static void check_measurements(struct verdict *v, const struct policy *p, const struct td_body *b)
{
	static const char *const rtmr_codes[] = { "RTMR0", "RTMR1", "RTMR2", "RTMR3" };
	static const char *const rtmr_names[] = {
		"RTMR0 (firmware configuration)",
		"RTMR1 (boot loader and kernel)",
		"RTMR2 (what the kernel was told)",
		"RTMR3 (of the guest itself)",
	};

	policy_check_values(v, &p->mrtd, "MRTD", "measurement of the TD's initial memory (MRTD)",
			    b->mrtd, sizeof(b->mrtd));
	for (unsigned i = 0; i < 4; i++)
		policy_check_values(v, &p->rtmr[i], rtmr_codes[i], rtmr_names[i], b->rtmr[i],
				    sizeof(b->rtmr[i]));
	hint_rtmr2(v, p, b);
	policy_check_values(v, &p->mrseam, "MRSEAM", "measurement of the TDX module (MRSEAM)",
			    b->mrseam, sizeof(b->mrseam));
	policy_check_values(v, &p->mrconfigid, "MRCONFIGID", "MRCONFIGID", b->mrconfigid,
			    sizeof(b->mrconfigid));
	policy_check_values(v, &p->mrowner, "MROWNER", "MROWNER", b->mrowner, sizeof(b->mrowner));
	policy_check_values(v, &p->mrownerconfig, "MROWNERCONFIG", "MROWNERCONFIG",
			    b->mrownerconfig, sizeof(b->mrownerconfig));
	policy_check_values(v, &p->report_data, "REPORT_DATA", "report data", b->report_data,
			    sizeof(b->report_data));
}

static void check_floors(struct verdict *v, const struct policy *p, const struct tdx_evidence *t)
{
	const struct policy_values *floor = &p->min_tee_tcb_svn;
	const struct tdx_quote *q = &t->quote;
	bool reached = true;

	policy_judged(v, floor);
	policy_check_min(v, &p->min_tcb_evaluation, "EVALUATION", "TCB evaluation data number",
			 t->evaluation);
	policy_check_min(v, &p->min_qe_svn, "QE_SVN", "version of the quoting enclave",
			 get_u16le(q->qe_report->isvsvn));
	policy_check_min(v, &p->min_pce_svn, "PCE_SVN", "version of the PCE", t->pck.pcesvn);
	if (floor->n == 0)
		return;
	/* Of several floors, each byte must reach the highest. */
	for (unsigned i = 0; i < floor->n; i++)
		for (unsigned j = 0; j < TCB_COMPONENTS; j++)
			reached = reached && q->body->tee_tcb_svn[j] >= floor->b[i][j];
	(void) verdict_check(v, reached, VERDICT_REFUSED, "TEE_TCB_SVN",
			     "TEE_TCB_SVN reaches its floor, each byte",
			     verdict_hex(v, floor->b[0], TCB_COMPONENTS),
			     verdict_hex(v, q->body->tee_tcb_svn, TCB_COMPONENTS));
}

void tdx_apply_policy(const struct tdx_evidence *t, const struct policy *p, struct verdict *v)
{
	tdx_status_check(v, p, t->status);
	check_attributes(v, p, t->quote.body);
	check_service_td(v, p, t->quote.body15);
	check_not_imported(v, &t->quote);
	check_measurements(v, p, t->quote.body);
	check_floors(v, p, t);
}

const char *tdx_firmware_remark(const struct policy *p)
{
	if (!(p->accept & ~(1u << TCB_UP_TO_DATE)))
		return NULL;
	return "Firmware that Intel does not call UpToDate would do: it may have known holes "
	       "(--set accept=UpToDate)";
}

const struct policy_kind policy_tdx = {
	.name = "TDX",
	.sections = { "tdx" },
	.subjects = ABOUT_TDX | ABOUT_LOG,
	.identity = "mrtd= with rtmr1= and rtmr2=",
	.proven = HARDWARE_IS_PROVEN,
	.nonce = "report_data",
	.nonce_len = 64,
	.stale = REPORT_MAY_BE_STALE,
	.host_option = "mrconfigid",
	.host_md = EVP_sha384,
	.firmware_remark = tdx_firmware_remark,
};
