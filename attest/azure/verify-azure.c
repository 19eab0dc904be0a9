/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/azure/verify-azure.h"

#include <openssl/evp.h>

#include "attest/azure/azure-needs.h"
#include "attest/azure/azure-runtime.h"
#include "attest/evidence-look.h"
#include "attest/snp/verify-snp.h"
#include "attest/tdx/intel.h"
#include "attest/tdx/verify-tdx.h"
#include "attest/tpm/verify-tpm.h"
#include "wire/hcl.h"
#include "wire/jspan.h"

/*
 * The chain of an Azure confidential VM.  Its hardware report is made by the paravisor, and is
 * older than the nonce.
 *
 *	AMD or Intel root ── hardware report ── hash of the runtime JSON
 *		── attestation key of the vTPM ── quote over our nonce and the PCRs
 */
struct azure {
	struct hcl_report hcl;
	struct azure_runtime runtime;
	EVP_PKEY *ak;
};

/* ---- the HCL report and what is bound into it ---- */

static int parse_hcl(struct bytes bytes, struct verdict *v, struct hcl_report *ret)
{
	const char *problem = NULL;

	if (hcl_parse(bytes.p, bytes.len, ret, &problem) < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "FORMAT", "HCL report can be read",
				    "an HCL report", evidence_found(v, bytes, problem));
	verdict_pass(v, "HCL report can be read", NULL);
	verdict_claim_number(v, "hcl.type", ret->kind);
	return 0;
}

/* The 64 bytes of the hardware report that say what is bound into it. */
static const uint8_t *report_data(const struct hcl_report *hcl)
{
	struct snp_report snp;

	if (hcl->kind == HCL_TDX)
		return ((const struct td_report *)hcl->hw_report.p)->report_data;
	if (hcl->kind == HCL_SNP &&
	    snp_report_open(hcl->hw_report.p, hcl->hw_report.len, &snp) == 0)
		return snp.report_data;
	return NULL;
}

static const EVP_MD *hash_of(uint32_t hash)
{
	switch (hash) {
	case HCL_SHA256:
		return EVP_sha256();
	case HCL_SHA384:
		return EVP_sha384();
	case HCL_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* All 64 bytes are compared: the hash, and zeros behind it. */
static int check_binding(const struct hcl_report *hcl, struct verdict *v)
{
	static const char name[] = "runtime data are bound into the hardware report";
	const uint8_t *found = report_data(hcl);
	const EVP_MD *md = hash_of(hcl->hash);
	uint8_t want[EVP_MAX_MD_SIZE] = { 0 };

	if (!found)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "BIND", name,
				    "a report of SEV-SNP or TDX",
				    verdict_text(v, "type %u", hcl->kind));
	if (!md)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "BIND", name,
				    "SHA-256, SHA-384 or SHA-512",
				    verdict_text(v, "hash %u", hcl->hash));
	if (!EVP_Digest(hcl->runtime_json.p, hcl->runtime_json.len, want, NULL, md, NULL))
		return -ENOMEM;
	return verdict_equal(v, VERDICT_NOT_AUTHENTIC, "BIND", name, (struct bytes){ want, 64 },
			     (struct bytes){ found, 64 });
}

/* Names and values are the paravisor's own.  Only truth values and plain texts are shown. */
static void configuration_claims(const struct azure_runtime *rt, struct verdict *v)
{
	struct bytes it = rt->configuration, name, value, text;

	if (it.len == 0)
		return;
	while (jspan_next_member(&it, &name, &value) > 0) {
		const char *claim = verdict_text(v, "azure.%.*s", (int)MIN(name.len, 64),
						 (const char *)name.p);

		if (jspan_type(value) == JSPAN_TRUE || jspan_type(value) == JSPAN_FALSE)
			verdict_claim_bool(v, claim, jspan_type(value) == JSPAN_TRUE);
		else if (jspan_text(value, &text) == 0)
			verdict_claim_text(v, claim,
					   verdict_text(v, "%.*s", (int)MIN(text.len, 128),
							(const char *)text.p));
	}
}

static int read_runtime(struct verdict *v, struct azure *a)
{
	static const char name[] = "runtime data name one attestation key";
	const char *problem = NULL;
	int r;

	r = azure_runtime_read(a->hcl.runtime_json, &a->runtime, &problem);
	if (r < 0)
		return verdict_fail(v, r == -ENOKEY ? VERDICT_NOT_AUTHENTIC : VERDICT_MALFORMED,
				    r == -ENOKEY ? "AK" : "RUNTIME_JSON", name,
				    "one HCLAkPub, an RSA key", problem);
	configuration_claims(&a->runtime, v);
	if (a->runtime.has_user_data)
		verdict_claim_hex(v, "azure.user_data", a->runtime.user_data,
				  sizeof(a->runtime.user_data));
	a->ak = tpm_rsa_key(a->runtime.ak_n, a->runtime.ak_n_len);
	if (!a->ak)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "AK", name,
				    "an RSA key of 2048 to 4096 bits",
				    verdict_text(v, "%zu bytes", a->runtime.ak_n_len));
	verdict_pass(v, name, verdict_text(v, "RSA, %d bits", EVP_PKEY_get_bits(a->ak)));
	return 0;
}

/* Check all that needs only the HCL report.  Free @a->ak also after a failure. */
static int open_azure(struct bytes hcl, struct verdict *v, struct azure *a)
{
	int r;

	r = parse_hcl(hcl, v, &a->hcl);
	if (r < 0)
		return r;
	r = check_binding(&a->hcl, v);
	if (r < 0)
		return r;
	return read_runtime(v, a);
}

/* ---- a TDREPORT and its quote ---- */

/*
 * True if a TDREPORT has report data and nothing else.
 *
 * Only the machine that made a TDREPORT can check its MAC, so the quote is believed and not the
 * TDREPORT.  If both have the same values, they belong together; a TDREPORT without values does
 * not contradict the quote.
 */
static bool is_hollow(const struct td_report *t)
{
	struct bytes measured = { t->tcb_info_valid,
				  sizeof(*t) - offsetof(struct td_report, tcb_info_valid) };

	return bytes_all_zero(&measured);
}

static int check_td_report_hashes(const struct td_report *t, struct verdict *v)
{
	uint8_t tcb_hash[48], info_hash[48];

	if (!EVP_Digest(t->tcb_info_valid,
			offsetof(struct td_report, reserved3) -
				offsetof(struct td_report, tcb_info_valid),
			tcb_hash, NULL, EVP_sha384(), NULL) ||
	    !EVP_Digest(t->td_attributes, sizeof(*t) - offsetof(struct td_report, td_attributes),
			info_hash, NULL, EVP_sha384(), NULL))
		return -ENOMEM;
	return verdict_check(v,
			     t->type[0] == 0x81 &&
				     memcmp(tcb_hash, t->tcb_info_hash, sizeof(tcb_hash)) == 0 &&
				     memcmp(info_hash, t->info_hash, sizeof(info_hash)) == 0,
			     VERDICT_NOT_AUTHENTIC, "BIND", "TDREPORT is whole",
			     "the hashes of its two parts", "other hashes");
}

static int check_td_report(const struct td_report *t, const struct td_body *q, struct verdict *v)
{
	const struct {
		const char *what;
		const uint8_t *report, *quote;
		size_t len;
	} rows[] = {
#define ROW(what, member)                                                                          \
	{                                                                                          \
		what, (const uint8_t *)&t->member, (const uint8_t *)&q->member, sizeof(q->member)  \
	}
		ROW("TEE_TCB_SVN", tee_tcb_svn),
		ROW("MRSEAM", mrseam),
		ROW("MRSIGNERSEAM", mrsignerseam),
		ROW("SEAMATTRIBUTES", seam_attributes),
		ROW("TDATTRIBUTES", td_attributes),
		ROW("XFAM", xfam),
		ROW("MRTD", mrtd),
		ROW("MRCONFIGID", mrconfigid),
		ROW("MROWNER", mrowner),
		ROW("MROWNERCONFIG", mrownerconfig),
		ROW("RTMRs", rtmr),
#undef ROW
	};
	int r;

	if (is_hollow(t)) {
		verdict_skip(v, "quote is of the HCL report's TDREPORT",
			     "it has no measurements to compare");
		return 0;
	}
	r = check_td_report_hashes(t, v);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (memcmp(rows[i].report, rows[i].quote, rows[i].len) != 0)
			return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "BIND",
					    "quote is of the HCL report's TDREPORT",
					    "the same values in both",
					    verdict_text(v, "another %s", rows[i].what));
	verdict_pass(v, "quote is of the HCL report's TDREPORT", NULL);
	return 0;
}

static int authenticate_tdx(struct verifier *ctx, const struct azure *a, const struct evidence *e,
			    int64_t now, struct verdict *v, struct tdx_evidence *ret)
{
	const struct td_report *t = (const struct td_report *)a->hcl.hw_report.p;
	struct bytes report_bound = { t->report_data, sizeof(t->report_data) };
	struct tdx_evidence tdx;
	int r;

	if (!e->piece[EVIDENCE_TD_QUOTE].p)
		return verdict_fail(v, VERDICT_UNDECIDED, "MISSING", "evidence is complete",
				    evidence_piece_name(EVIDENCE_TD_QUOTE), "not given");
	r = tdx_authenticate(ctx, e->piece[EVIDENCE_TD_QUOTE], e, now, v, &tdx);
	if (r < 0)
		return r;
	r = verdict_equal(v, VERDICT_NOT_AUTHENTIC, "BIND", "runtime data are bound into the quote",
			  report_bound,
			  (struct bytes){ tdx.quote.body->report_data,
					  sizeof(tdx.quote.body->report_data) });
	if (r < 0)
		return r;
	r = check_td_report(t, tdx.quote.body, v);
	if (r < 0)
		return r;
	*ret = tdx;
	return 0;
}

/* ---- policy ---- */

/* Software below the paravisor can get reports too, with any key in their report data. */
static void check_paravisor(const struct snp_evidence *s, struct verdict *v)
{
	(void) verdict_check(v, s->report.vmpl == 0, VERDICT_REFUSED, "VMPL",
			     "report was made by the paravisor", "VMPL 0",
			     verdict_text(v, "VMPL %u", s->report.vmpl));
}

static void check_flag(const struct azure_runtime *rt, const char *member,
		       const struct policy_number *want, struct verdict *v)
{
	static const char *const words[] = { "no", "yes" };
	const char *name = verdict_text(v, "VM configuration: %s", member);
	int found = azure_runtime_flag(rt, member);

	policy_judged(v, want);
	if (!want->set) {
		verdict_skip(v, name, "not asked for");
		return;
	}
	(void) verdict_check(v, found >= 0 && (uint64_t)found == want->value, VERDICT_REFUSED,
			     "VM_CONFIG", name, words[want->value != 0],
			     found >= 0 ? words[found] : "not given");
}

/* User data are 64 bytes.  Shorter values are padded with zeros, as Azure does. */
static void check_user_data(const struct azure_runtime *rt, const struct policy *p,
			    struct verdict *v)
{
	struct policy_values padded = p->user_data;

	policy_judged(v, &p->user_data);
	for (unsigned i = 0; i < padded.n; i++)
		padded.len[i] = AZURE_USER_DATA_LEN;
	policy_check_values(v, &padded, "USER_DATA", "user data", rt->user_data,
			    rt->has_user_data ? sizeof(rt->user_data) : 0);
}

static int apply_runtime_policy(const struct azure *a, const struct policy *p, struct verdict *v)
{
	uint8_t hash[32];

	if (!EVP_Digest(a->runtime.ak_n, a->runtime.ak_n_len, hash, NULL, EVP_sha256(), NULL))
		return -ENOMEM;
	verdict_claim_hex(v, "azure.ak_n_sha256", hash, sizeof(hash));
	policy_judged(v, &p->hcl_type);
	if (p->hcl_type.set)
		(void) verdict_check(v, p->hcl_type.value == a->hcl.kind, VERDICT_REFUSED,
				     "HCL_TYPE", "type of the HCL report",
				     verdict_text(v, "%llu", (unsigned long long)p->hcl_type.value),
				     verdict_text(v, "%u", a->hcl.kind));
	policy_check_values(v, &p->ak_n_sha256, "AK_N", "attestation key, SHA-256 of its modulus",
			    hash, sizeof(hash));
	check_flag(&a->runtime, "secure-boot", &p->secure_boot, v);
	check_flag(&a->runtime, "console-enabled", &p->console, v);
	check_user_data(&a->runtime, p, v);
	return 0;
}

/* ---- the whole ---- */

/*
 * Judge the hardware's part: first its authenticity, then the policy.  In between, all of the
 * evidence has been found authentic.
 */
static int judge_hardware(struct verifier *ctx, const struct azure *a, const struct evidence *e,
			  const struct policy *p, int64_t now, struct verdict *v)
{
	struct tdx_evidence tdx;
	struct snp_evidence snp;
	int r;

	if (a->hcl.kind == HCL_TDX) {
		r = authenticate_tdx(ctx, a, e, now, v, &tdx);
		if (r < 0)
			return r;
		v->authentic = true;
		tdx_apply_policy(&tdx, p, v);
		return 0;
	}
	r = snp_authenticate(ctx, a->hcl.hw_report, e, p, now, v, &snp);
	if (r < 0)
		return r;
	v->authentic = true;
	snp_apply_policy(&snp, p, v);
	check_paravisor(&snp, v);
	snp_evidence_done(&snp);
	return 0;
}

static int judge(struct verifier *ctx, struct azure *a, const struct evidence *e,
		 const struct policy *p, int64_t now, struct verdict *v)
{
	struct tpm_pcrs pcrs;
	int r;

	r = open_azure(e->piece[EVIDENCE_HCL], v, a);
	if (r < 0)
		return r;
	r = tpm_authenticate(a->ak, e, p, v, &pcrs);
	if (r < 0)
		return r;
	r = judge_hardware(ctx, a, e, p, now, v);
	if (r < 0)
		return r;
	tpm_apply_policy(&pcrs, p, v);
	return apply_runtime_policy(a, p, v);
}

static int verify(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		  int64_t now, struct verdict *v)
{
	struct azure a = { .ak = NULL };
	int r;

	r = judge(ctx, &a, e, p, now, v);
	EVP_PKEY_free(a.ak);
	return r == -ENOMEM ? r : 0;
}

static int verify_hcl(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		      int64_t now, struct verdict *v)
{
	struct azure a = { .ak = NULL };
	int r;

	r = open_azure(e->piece[EVIDENCE_HCL], v, &a);
	if (r == 0) {
		verdict_skip(v, "hardware report is authentic",
			     "not asked: --type azure judges it");
		v->consistent = true;
		r = apply_runtime_policy(&a, p, v);
	}
	EVP_PKEY_free(a.ak);
	return r == -ENOMEM ? r : 0;
}

static int show(const struct evidence *e, struct verdict *v)
{
	struct azure a = { .ak = NULL };
	struct snp_report snp;
	struct tdx_quote q;
	int r = 0;

	if (e->piece[EVIDENCE_HCL].p)
		r = open_azure(e->piece[EVIDENCE_HCL], v, &a);
	EVP_PKEY_free(a.ak);
	if (r == -ENOMEM)
		return r;
	if (a.hcl.kind == HCL_SNP &&
	    snp_report_open(a.hcl.hw_report.p, a.hcl.hw_report.len, &snp) == 0)
		snp_report_claims(v, &snp, NULL);
	if (e->piece[EVIDENCE_TD_QUOTE].p && tdx_parse(v, e->piece[EVIDENCE_TD_QUOTE], &q) == 0)
		tdx_claims(v, &q);
	return 0;
}

#define COLLATERAL                                                                                 \
	(EVIDENCE_BIT(EVIDENCE_TCB_INFO) | EVIDENCE_BIT(EVIDENCE_QE_IDENTITY) |                    \
	 EVIDENCE_BIT(EVIDENCE_TCB_CHAIN) | EVIDENCE_BIT(EVIDENCE_QE_CHAIN) |                      \
	 EVIDENCE_BIT(EVIDENCE_ROOT_CRL) | EVIDENCE_BIT(EVIDENCE_PCK_CRL))

#define AZURE_IDENTITY                                                                             \
	"pcr4= (or pcr7= with pcr9= or pcr11=), and covers=kernel,initrd,cmdline or ak_n_sha256="

/* The hardware report is made at boot and cannot have a nonce; the TPM's quote has. */
#define AZURE_KIND                                                                                 \
	.identity = AZURE_IDENTITY, .proven = "whatever it booted; only its paravisor",           \
	.nonce = "nonce", .nonce_len = 32,                                                         \
	.stale = "Freshness was not asked for: this may be an old quote that is shown again "     \
		 "(--nonce; report data are of the VM's start)"

const struct policy_kind policy_azure_snp = {
	.name = "Azure with SEV-SNP",
	.sections = { "azure", "azure-snp" },
	.subjects = ABOUT_SNP | ABOUT_TPM | ABOUT_HCL,
	AZURE_KIND,
	.firmware_remark = snp_firmware_remark,
};

const struct policy_kind policy_azure_tdx = {
	.name = "Azure with TDX",
	.sections = { "azure", "azure-tdx" },
	.subjects = ABOUT_TDX | ABOUT_TPM | ABOUT_HCL,
	AZURE_KIND,
	.firmware_remark = tdx_firmware_remark,
};

/* Choose the policy by the field that tells which hardware's report is inside. */
static const struct policy_kind *find_kind(const struct evidence *e)
{
	struct bytes bytes = e->piece[EVIDENCE_HCL];
	const char *problem = NULL;
	struct hcl_report hcl;

	if (bytes.p && hcl_parse(bytes.p, bytes.len, &hcl, &problem) == 0 && hcl.kind == HCL_TDX)
		return &policy_azure_tdx;
	return &policy_azure_snp;
}

/*
 * The hardware measures the paravisor, which is the same in all such VMs.  The attestation key
 * belongs to one VM, whatever it boots.  What a boot loader measures proves something only if the
 * boot loader is known: PCR 4 has its hash, and PCR 7 the keys that may have signed it.
 */
static const struct policy_identity identities[] = {
	{ { "pcr4", "ak_n_sha256" }, true },
	{ { "pcr7", "pcr*", "ak_n_sha256" }, true },
	{ { "pcr4" }, false },
	{ { "pcr7", "pcr*" }, false },
	{ { NULL } },
};

const struct attest_verifier attest_verify_azure = {
	.name = "azure",
	.what = "Azure confidential VM: HCL report, TPM quote, and the hardware's certificates or "
		"quote",
	.needs = EVIDENCE_BIT(EVIDENCE_HCL) | EVIDENCE_BIT(EVIDENCE_ATTEST) |
		 EVIDENCE_BIT(EVIDENCE_SIG) | EVIDENCE_BIT(EVIDENCE_PCRS),
	.takes = EVIDENCE_BIT(EVIDENCE_TD_QUOTE) | EVIDENCE_BIT(EVIDENCE_CERT_TABLE) | COLLATERAL,
	.takes_certs = true,
	.takes_crls = true,
	.opens_gate = true,
	.identities = identities,
	.kinds = { &policy_azure_snp, &policy_azure_tdx },
	.find_kind = find_kind,
	.verify = verify,
	.show = show,
	.find_needs = azure_find_needs,
};

const struct attest_verifier attest_verify_azure_hcl = {
	.name = "azure-hcl",
	.what = "HCL report alone: is its key bound into its hardware report?",
	.needs = EVIDENCE_BIT(EVIDENCE_HCL),
	.is_part = true,
	.kinds = { &policy_azure_snp, &policy_azure_tdx },
	.find_kind = find_kind,
	.verify = verify_hcl,
	.show = show,
};
