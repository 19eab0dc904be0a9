/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/verify-snp.h"

#include <openssl/evp.h>

#include "attest/evidence-look.h"
#include "attest/snp/snp-needs.h"
#include "attest/x509/x509.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"

/* ---- the report by itself ---- */

static const char *known_versions(struct verdict *v)
{
	return verdict_text(v, "%d to %d", SNP_VERSION_MIN, SNP_VERSION_MAX);
}

/* Check that it is a report.  The fields of later versions are read as those of version 5. */
static int check_is_report(struct bytes report, struct verdict *v, struct snp_report *ret)
{
	if (snp_report_open(report.p, report.len, ret) < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "FORMAT", "report is whole",
				    verdict_text(v, "%d bytes", SNP_REPORT_LEN),
				    evidence_found(v, report,
						   verdict_text(v, "%zu bytes", report.len)));
	if (ret->version < SNP_VERSION_MIN || ret->version > SNP_VERSION_LATER)
		return verdict_fail(v, VERDICT_MALFORMED, "VERSION", "report version is known",
				    known_versions(v),
				    evidence_found(v, report, verdict_text(v, "%u", ret->version)));
	if (ret->signature_algo != 1)
		return verdict_fail(v, VERDICT_MALFORMED, "SIGALGO",
				    "report is signed with ECDSA P-384 and SHA-384", "algorithm 1",
				    verdict_text(v, "%u", ret->signature_algo));
	if (!(ret->policy & SNP_POLICY_ONE))
		return verdict_fail(v, VERDICT_MALFORMED, "RESERVED", "reserved bytes are zero",
				    "bit 17 of the guest policy set",
				    verdict_text(v, "%#llx", (unsigned long long)ret->policy));
	return 0;
}

/* A later version may give reserved bytes a meaning that is not known here. */
static int check_reserved(struct bytes report, const struct snp_report *r, struct verdict *v)
{
	static const char name[] = "reserved bytes are zero";
	struct snp_range range;

	if (r->version > SNP_VERSION_MAX) {
		verdict_skip(v, name, verdict_text(v, "not known for version %u", r->version));
		return 0;
	}
	if (snp_report_reserved(report.p, r, &range))
		return verdict_fail(v, VERDICT_MALFORMED, "RESERVED", name, "zeros",
				    verdict_text(v, "at %#x: %s", range.offset,
						 verdict_hex(v, report.p + range.offset,
							     range.len)));
	verdict_pass(v, "report is well-formed", verdict_text(v, "version %u", r->version));
	return 0;
}

/* Checked last: a report of a later version may say something that undoes all the rest. */
static int check_version(const struct snp_report *r, struct verdict *v)
{
	if (r->version <= SNP_VERSION_MAX)
		return 0;
	return verdict_fail(v, VERDICT_UNDECIDED, "VERSION", "report version is known",
			    known_versions(v),
			    verdict_text(v,
					 "%u: its signature is right, and all else that was "
					 "checked; what is new in it is not known, so no policy "
					 "can judge it",
					 r->version));
}

static const char *cpu_text(struct verdict *v, const struct snp_report *r)
{
	const char *name = snp_cpu_name(r->family, r->model);

	return verdict_text(v, "CPU family %#x, model %#x, stepping %u%s%s", r->family, r->model,
			    r->stepping, name ? ": " : "", name ? name : "");
}

/* Without a known root key for a product, none of its certificates can be verified. */
static int check_known_cpu(const struct snp_report *r, struct verdict *v)
{
	enum snp_product product;

	if (r->version < 3 || snp_product_by_cpuid(r->family, r->model, &product) == 0)
		return 0;
	return verdict_fail(v, VERDICT_UNDECIDED, "PRODUCT", "product is known",
			    "Milan, Genoa or Turin, whose root keys are known here",
			    cpu_text(v, r));
}

static int check_format(struct bytes report, struct verdict *v, struct snp_report *ret)
{
	int r;

	r = check_is_report(report, v, ret);
	if (r == 0)
		r = check_reserved(report, ret, v);
	if (r == 0)
		r = check_known_cpu(ret, v);
	if (r < 0)
		return r;
	if (ret->signing_key != SNP_KEY_VCEK && ret->signing_key != SNP_KEY_VLEK)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "KEYTYPE",
				    "report is signed by a VCEK or VLEK", "0 or 1",
				    ret->signing_key == SNP_KEY_NONE ?
					    "not signed" :
					    verdict_text(v, "%u", ret->signing_key));
	return 0;
}

/* ---- its signature ---- */

static const char signature[] = "report signature";

static int check_new_signature(const struct snp_report *report, X509 *vek, struct verdict *v)
{
	EVP_PKEY *key = x509_public_key(vek);
	uint8_t r[48], s[48];
	int status;

	if (snp_report_signature(report, r, s) < 0)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "SIGNATURE", signature,
				    "R and S of 48 bytes, and zeros for the rest of their fields",
				    "other bytes");
	status = !key ? -EKEYREJECTED :
			ecdsa_verify(key, digest_sha384(), r, s, sizeof(r), ECDSA_BIG_ENDIAN,
				     (struct bytes){ report->signed_part, SNP_SIGNED_LEN });
	if (status == -ENOMEM)
		return status;
	return verdict_check(v, status == 0, VERDICT_NOT_AUTHENTIC, "SIGNATURE", signature,
			     "a signature by the VEK's key over this report",
			     status == 0 ? NULL : "a signature that does not fit");
}

static void release_cert(void *p)
{
	X509_free(p);
}

/*
 * coco-broker judges the same evidence when it comes, and again for each secret that is asked for.
 * Of all that is checked the signature takes longest, and it stays good: for this whole report,
 * with this VEK, whose certificates and dates were looked at just now.
 */
static int check_signature(struct verifier *ctx, struct bytes whole,
			   const struct snp_report *report, const struct snp_chain *chain,
			   int64_t now, struct verdict *v)
{
	const struct bytes both[] = { whole, { chain->key, sizeof(chain->key) } };
	uint8_t key[MEMO_KEY_LEN];
	int r;

	r = memo_key("snp-report", both, ARRAY_SIZE(both), key);
	if (r < 0)
		return r;
	if (verifier_recall(ctx, key, now)) {
		verdict_pass(v, signature, "verified before");
		return 0;
	}
	r = check_new_signature(report, chain->vek, v);
	if (r == 0 && X509_up_ref(chain->vek))
		verifier_remember(ctx, MEMO_DEVICES, key,
				  &(struct memo){ chain->vek, release_cert, INT64_MIN,
						  INT64_MAX });
	return r;
}

/* ---- report and certificate are of the same platform ---- */

static int check_product(const struct snp_report *r, enum snp_product product, struct verdict *v)
{
	static const char name[] = "product of report and certificate";
	enum snp_product said;
	const char *found;

	if (r->version < 3) {
		verdict_skip(v, name, "a report of version 2 does not say its CPU");
		return 0;
	}
	found = cpu_text(v, r);
	if (snp_product_by_cpuid(r->family, r->model, &said) < 0 || said != product)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT", name,
				    snp_product_name(product), found);
	verdict_pass(v, name, found);
	return 0;
}

static int check_tcb(const struct snp_report *r, const struct amd_vek *vek, struct verdict *v)
{
	struct snp_tcb reported = snp_tcb_decode(vek->product, r->reported_tcb);
	bool equal = memcmp(&reported, &vek->tcb, sizeof(reported)) == 0;
	const char *found = snp_tcb_text(v, vek->product, &reported);

	return verdict_check(v, equal, VERDICT_NOT_AUTHENTIC, "TCB_MISMATCH",
			     "certificate is for the reported TCB",
			     equal ? NULL :
				     verdict_text(v, "%s, of the certificate",
						  snp_tcb_text(v, vek->product, &vek->tcb)),
			     found);
}

static int check_chip(const struct snp_report *r, const struct snp_chain *chain, struct verdict *v)
{
	static const char name[] = "certificate is for this chip";
	struct bytes chip = { r->chip_id, SNP_CHIP_ID_LEN };

	if (chain->kind == SNP_KEY_VLEK) {
		verdict_skip(v, name, "a VLEK is for a provider's machines, not for one chip");
		return 0;
	}
	/* The policy decides whether that is acceptable. */
	if (r->mask_chip_key && bytes_all_zero(&chip)) {
		verdict_skip(v, name, "the host hides the chip");
		return 0;
	}
	return verdict_equal(v, VERDICT_NOT_AUTHENTIC, "HWID", name,
			     (struct bytes){ chain->extensions.hwid, SNP_CHIP_ID_LEN }, chip);
}

/* The product is taken from the certificate; without a certificate, from the CPU's numbers. */
static void claims(struct verdict *v, const struct snp_report *r, const struct snp_chain *chain)
{
	enum snp_product product;

	if (chain->vek) {
		snp_report_claims(v, r, &chain->extensions.product);
		snp_chain_claims(v, chain->vek);
	} else {
		snp_report_claims(v, r,
				  snp_product_by_cpuid(r->family, r->model, &product) == 0 ?
					  &product :
					  NULL);
	}
}

int snp_authenticate(struct verifier *ctx, struct bytes report, const struct evidence *e,
		     const struct policy *p, int64_t now, struct verdict *v,
		     struct snp_evidence *ret)
{
	_cleanup_(snp_evidence_done) struct snp_evidence s = { 0 };
	struct bytes table_bytes = e->piece[EVIDENCE_CERT_TABLE];
	struct snp_table table = { 0 };
	int r;

	r = check_format(report, v, &s.report);
	if (r < 0)
		return r;
	if (table_bytes.p && snp_table_parse(table_bytes.p, table_bytes.len, &table) < 0)
		r = verdict_fail(v, VERDICT_MALFORMED, "TABLE", "certificate table is well-formed",
				 "a list with an end, entries inside the table",
				 evidence_found(v, table_bytes,
						verdict_text(v, "not so, in %zu bytes",
							     table_bytes.len)));
	if (r == 0)
		r = snp_chain_verify(ctx, e, &table, p, &s.report, now, v, &s.chain);
	claims(v, &s.report, &s.chain);
	if (r == 0)
		r = check_signature(ctx, report, &s.report, &s.chain, now, v);
	if (r == 0)
		r = check_product(&s.report, s.chain.extensions.product, v);
	if (r == 0)
		r = check_tcb(&s.report, &s.chain.extensions, v);
	if (r == 0)
		r = check_chip(&s.report, &s.chain, v);
	if (r == 0)
		r = check_version(&s.report, v);
	if (r < 0)
		return r;
	*ret = s;
	s.chain.vek = NULL;	/* handed over */
	return 0;
}

/* ---- claims ---- */

static void claim_tcb(struct verdict *v, const enum snp_product *product, const char *name,
		      uint64_t tcb)
{
	struct snp_tcb t;

	if (!product) {
		verdict_claim_text(v, name, verdict_text(v, "%#018llx", (unsigned long long)tcb));
		return;
	}
	t = snp_tcb_decode(*product, tcb);
	verdict_claim_text(v, name, snp_tcb_text(v, *product, &t));
}

static void claim_version(struct verdict *v, const char *name, uint32_t version)
{
	verdict_claim_text(v, name,
			   verdict_text(v, "%u.%u.%u", version >> 16 & 255, version >> 8 & 255,
					version & 255));
}

void snp_report_claims(struct verdict *v, const struct snp_report *r,
		       const enum snp_product *product)
{
	static const struct {
		const char *name;
		uint64_t bit;
	} policy_bits[] = {
		{ "snp.policy.smt", SNP_POLICY_SMT },
		{ "snp.policy.migrate_ma", SNP_POLICY_MIGRATE_MA },
		{ "snp.policy.debug", SNP_POLICY_DEBUG },
		{ "snp.policy.single_socket", SNP_POLICY_SINGLE_SOCKET },
		{ "snp.policy.cxl_allow", 1ull << 21 },
		{ "snp.policy.mem_aes_256_xts", 1ull << 22 },
		{ "snp.policy.rapl_dis", 1ull << 23 },
		{ "snp.policy.ciphertext_hiding", 1ull << 24 },
		{ "snp.policy.page_swap_disable", 1ull << 25 },
	}, platform_bits[] = {
		{ "snp.platform.smt", 1 << 0 },
		{ "snp.platform.tsme", 1 << 1 },
		{ "snp.platform.ecc", 1 << 2 },
		{ "snp.platform.rapl_dis", 1 << 3 },
		{ "snp.platform.ciphertext_hiding", 1 << 4 },
		{ "snp.platform.alias_check_complete", SNP_PLATFORM_ALIAS_CHECK_COMPLETE },
		{ "snp.platform.iommu_write_safe", 1 << 6 },
		{ "snp.platform.sev_tio", 1 << 7 },
	};

	verdict_claim_number(v, "snp.version", r->version);
	if (product)
		verdict_claim_text(v, "snp.product", snp_product_name(*product));
	else if (r->version >= 3)
		verdict_claim_text(v, "snp.product",
				   snp_cpu_name(r->family, r->model) ?
					   snp_cpu_name(r->family, r->model) :
					   "unknown");
	if (r->version >= 3) {
		verdict_claim_number(v, "snp.cpu.family", r->family);
		verdict_claim_number(v, "snp.cpu.model", r->model);
		verdict_claim_number(v, "snp.cpu.stepping", r->stepping);
	}
	verdict_claim_text(v, "snp.signing_key",
			   r->signing_key == SNP_KEY_VCEK ? "VCEK" :
			   r->signing_key == SNP_KEY_VLEK ? "VLEK" :
			   r->signing_key == SNP_KEY_NONE ? "none" :
							    "unknown");
	verdict_claim_bool(v, "snp.author_key_en", r->author_key_en);
	verdict_claim_bool(v, "snp.mask_chip_key", r->mask_chip_key);
	verdict_claim_number(v, "snp.guest_svn", r->guest_svn);
	verdict_claim_number(v, "snp.vmpl", r->vmpl);
	verdict_claim_text(v, "snp.policy",
			   verdict_text(v, "%#llx", (unsigned long long)r->policy));
	verdict_claim_text(v, "snp.policy.abi",
			   verdict_text(v, "%u.%u", (unsigned)(r->policy >> 8 & 255),
					(unsigned)(r->policy & 255)));
	for (size_t i = 0; i < ARRAY_SIZE(policy_bits); i++)
		verdict_claim_bool(v, policy_bits[i].name, r->policy & policy_bits[i].bit);
	verdict_claim_text(v, "snp.platform",
			   verdict_text(v, "%#llx", (unsigned long long)r->platform_info));
	for (size_t i = 0; i < ARRAY_SIZE(platform_bits); i++)
		verdict_claim_bool(v, platform_bits[i].name,
				   r->platform_info & platform_bits[i].bit);
	verdict_claim_hex(v, "snp.measurement", r->measurement, 48);
	verdict_claim_hex(v, "snp.report_data", r->report_data, 64);
	verdict_claim_hex(v, "snp.host_data", r->host_data, 32);
	verdict_claim_hex(v, "snp.family_id", r->family_id, 16);
	verdict_claim_hex(v, "snp.image_id", r->image_id, 16);
	verdict_claim_hex(v, "snp.id_key_digest", r->id_key_digest, 48);
	verdict_claim_hex(v, "snp.author_key_digest", r->author_key_digest, 48);
	verdict_claim_hex(v, "snp.report_id", r->report_id, 32);
	verdict_claim_hex(v, "snp.report_id_ma", r->report_id_ma, 32);
	verdict_claim_hex(v, "snp.chip_id", r->chip_id, SNP_CHIP_ID_LEN);
	claim_tcb(v, product, "snp.reported_tcb", r->reported_tcb);
	claim_tcb(v, product, "snp.committed_tcb", r->committed_tcb);
	claim_tcb(v, product, "snp.current_tcb", r->current_tcb);
	claim_tcb(v, product, "snp.launch_tcb", r->launch_tcb);
	claim_version(v, "snp.committed_version", r->committed_version);
	claim_version(v, "snp.current_version", r->current_version);
	if (r->version >= 5) {
		verdict_claim_text(v, "snp.launch_mit_vector",
				   verdict_text(v, "%#llx",
						(unsigned long long)r->launch_mit_vector));
		verdict_claim_text(v, "snp.current_mit_vector",
				   verdict_text(v, "%#llx",
						(unsigned long long)r->current_mit_vector));
	}
}

/* ---- the rows ---- */

static int verify(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		  int64_t now, struct verdict *v)
{
	_cleanup_(snp_evidence_done) struct snp_evidence s = { 0 };
	int r;

	r = snp_authenticate(ctx, e->piece[EVIDENCE_REPORT], e, p, now, v, &s);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	v->authentic = true;
	policy_check_nonce(v, p, s.report.report_data);
	snp_apply_policy(&s, p, v);
	return 0;
}

static void show_report(struct bytes report, struct verdict *v)
{
	struct snp_report r;
	enum snp_product product;

	if (check_is_report(report, v, &r) < 0)
		return;
	if (check_reserved(report, &r, v) == 0 && r.version > SNP_VERSION_MAX)
		(void) verdict_fail(
			v, VERDICT_MALFORMED, "VERSION", "report version is known",
			known_versions(v),
			verdict_text(v, "%u: shown as if its fields were those of version %d",
				     r.version, SNP_VERSION_MAX));
	snp_report_claims(v, &r,
			  r.version >= 3 && snp_product_by_cpuid(r.family, r.model, &product) == 0 ?
				  &product :
				  NULL);
}

static void show_table(struct bytes bytes, struct verdict *v)
{
	struct snp_table table;

	if (snp_table_parse(bytes.p, bytes.len, &table) < 0) {
		(void) verdict_fail(v, VERDICT_MALFORMED, "TABLE",
				    "certificate table is well-formed",
				    "a list with an end, entries inside the table",
				    evidence_found(v, bytes,
						   verdict_text(v, "not so, in %zu bytes",
								bytes.len)));
		return;
	}
	for (unsigned i = 0; i < _SNP_TABLE_MAX; i++)
		if (table.piece[i].p)
			verdict_claim_number(v,
					     verdict_text(v, "table.%s.bytes",
							  snp_table_kind_name(i)),
					     table.piece[i].len);
	verdict_claim_number(v, "table.unknown_entries", table.n_unknown);
	for (unsigned i = SNP_TABLE_VCEK; i <= SNP_TABLE_VLEK; i++) {
		struct x509_list list = { .n = 0 };

		if (table.piece[i].p && x509_parse(table.piece[i], &list) == 0)
			snp_chain_claims(v, list.cert[0]);
		x509_list_done(&list);
	}
}

static int show(const struct evidence *e, struct verdict *v)
{
	if (e->piece[EVIDENCE_REPORT].p)
		show_report(e->piece[EVIDENCE_REPORT], v);
	if (e->piece[EVIDENCE_CERT_TABLE].p)
		show_table(e->piece[EVIDENCE_CERT_TABLE], v);
	for (unsigned i = 0; i < e->n_certs; i++) {
		struct x509_list list = { .n = 0 };

		if (x509_parse(e->cert[i], &list) < 0)
			(void) verdict_fail(v, VERDICT_MALFORMED, "CERT_FORMAT",
					    "certificates are well-formed",
					    "certificates in DER or PEM and nothing else",
					    verdict_text(v, "certificate file %u is not", i + 1));
		for (unsigned j = 0; j < list.n; j++)
			snp_chain_claims(v, list.cert[j]);
		x509_list_done(&list);
	}
	return 0;
}

/* Whoever signs an ID block vouches for all that its measurement covers. */
static const struct policy_identity identities[] = {
	{ { "id_key_digest" }, true },
	{ { "author_key_digest" }, true },
	{ { "measurement" }, false },
	{ { NULL } },
};

const struct attest_verifier attest_verify_snp = {
	.name = "snp",
	.what = "SEV-SNP attestation report with its certificates",
	.needs = EVIDENCE_BIT(EVIDENCE_REPORT),
	.takes = EVIDENCE_BIT(EVIDENCE_CERT_TABLE),
	.takes_certs = true,
	.takes_crls = true,
	.opens_gate = true,
	.identities = identities,
	.kinds = { &policy_snp },
	.verify = verify,
	.show = show,
	.find_needs = snp_find_needs,
};

const struct attest_verifier attest_verify_snp_table = {
	.name = "snp-table",
	.what = "SEV-SNP extended report: report and certificate table",
	.needs = EVIDENCE_BIT(EVIDENCE_REPORT) | EVIDENCE_BIT(EVIDENCE_CERT_TABLE),
	.takes_certs = true,
	.takes_crls = true,
	.identities = identities,
	.kinds = { &policy_snp },
	.verify = verify,
	.show = show,
};
