/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/snp-chain.h"

#include <stdio.h>

#include "attest/snp/snp-links.h"
#include "attest/snp/snp-pool.h"
#include "attest/x509/crl-set.h"

void snp_chain_done(struct snp_chain *c)
{
	X509_free(c->vek);
	*c = (struct snp_chain){ 0 };
}

/* ---- revocation ---- */

/* Only authorities can be revoked: every VEK has the serial number 0, so no list can name one. */
static int check_crls(struct verifier *ctx, const struct evidence *e, const struct snp_table *table,
		      const struct policy *p, const struct snp_candidate *ark,
		      const struct snp_candidate *inter, const struct snp_candidate *vek,
		      int64_t now, struct verdict *v)
{
	_cleanup_(crl_set_done) struct crl_set s = { .n = 0 };
	struct bytes lists[CRL_SET_MAX];
	bool sent[CRL_SET_MAX], revoked;
	bool required = policy_requires(v, p, REQUIRE_CRL);
	unsigned n = e->n_crls;
	uint8_t spki[PIN_LEN];
	struct crl_issuer by = { ark->cert, X509_SIG_PSS_SHA384,
				 "revocation list is AMD's and current",
				 vek->role == ROLE_VLEK ? "crl-vlek" : "crl-vcek", spki };
	int r;

	memcpy(lists, e->crl, n * sizeof(lists[0]));
	memcpy(sent, e->crl_sent, n * sizeof(sent[0]));
	if (table->piece[SNP_TABLE_CRL].p) {
		lists[n] = table->piece[SNP_TABLE_CRL];
		sent[n++] = true;
	}
	if (n == 0 && required)
		return verdict_fail(v, VERDICT_UNDECIDED, "CRL_MISSING",
				    "intermediate is not revoked", "a revocation list",
				    "not given");
	if (n == 0) {
		verdict_skip(v, "intermediate is not revoked", "no revocation list was given");
		return 0;
	}
	r = x509_spki_sha256(ark->cert, spki);
	if (r == 0)
		r = crl_set_collect(&s, ctx, &by, lists, sent, n, v);
	if (r < 0)
		return r;
	revoked = crl_set_has(&s, inter->cert) || crl_set_has(&s, ark->cert);
	if (revoked)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CRL_REVOKED",
				    "intermediate is not revoked", "not on AMD's revocation list",
				    verdict_text(v, "%s is on it",
						 crl_set_has(&s, inter->cert) ? inter->cn :
										ark->cn));
	r = crl_set_check(&s, ctx, &by, now, v);
	if (r < 0)
		return r;
	verdict_pass(v, "intermediate is not revoked", inter->cn);
	return 0;
}

/* ---- the whole ---- */

static int check_kind(const struct snp_candidate *vek, const struct snp_candidate *inter,
		      unsigned signing_key, struct verdict *v)
{
	bool is_vlek = signing_key == SNP_KEY_VLEK;
	const char *want = is_vlek ? "SEV-VLEK" : "SEV-VCEK";

	if (vek->role != (is_vlek ? ROLE_VLEK : ROLE_VCEK))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "KEYTYPE",
				    "certificate is of the kind that signed the report", want,
				    vek->cn[0] ? vek->cn : "no common name");
	if (inter && inter->role != (is_vlek ? ROLE_ASVK : ROLE_ASK))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "KEYTYPE",
				    "certificate is of the kind that signed the report",
				    is_vlek ? "an ASVK above it" : "an ASK above it", inter->cn);
	if (inter)
		verdict_pass(v, "certificate is of the kind that signed the report", vek->cn);
	return 0;
}

static int read_extensions(const struct snp_candidate *vek, const struct snp_candidate *ark,
			   struct amd_vek *ret, struct verdict *v)
{
	static const char name[] = "VEK certificate has AMD's extensions";
	bool is_vlek = vek->role == ROLE_VLEK;
	const char *what;
	int r;

	r = amd_vek_read(vek->cert, ret, &what);
	if (r == -ENOENT)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT",
				    "product of certificate and root", ark->product,
				    ret->product_name);
	if (r < 0)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "VEK_EXT", name,
				    "each that belongs there, once and well-formed",
				    verdict_text(v, "%s is not", what));
	if (!streq(snp_product_name(ret->product), ark->product))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PRODUCT",
				    "product of certificate and root", ark->product,
				    ret->product_name);
	verdict_pass(v, "product of certificate and root", ret->product_name);
	if (ret->has_csp_id != is_vlek)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "VEK_EXT", name,
				    is_vlek ? "cspID in a VLEK" : "no cspID in a VCEK",
				    ret->has_csp_id ? ret->csp_id : "no cspID");
	/* A VLEK belongs to a provider, not to a chip. */
	if (is_vlek && ret->has_hwid)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "HWID", name, "no hwID in a VLEK",
				    "an hwID");
	if (!is_vlek && !ret->has_hwid)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "VEK_EXT", name, "hwID in a VCEK",
				    "no hwID");
	verdict_pass(v, name, is_vlek ? ret->csp_id : NULL);
	return 0;
}

/*
 * Where a missing VEK can be had.  The report has all that is needed to ask AMD for it; if not,
 * say what the report lacks.
 */
static const char *vek_source(struct verdict *v, const struct snp_report *r)
{
	struct bytes chip = { r->chip_id, SNP_CHIP_ID_LEN };
	enum snp_product product;
	char fmc[24] = "";
	struct snp_tcb t;

	if (r->signing_key == SNP_KEY_VLEK)
		return "not given; AMD gives a VLEK only to the provider, whose host has it in the "
		       "certificate table of the extended report (--cert-table)";
	if (bytes_all_zero(&chip))
		return "not given, and AMD cannot be asked: the report does not name its chip (the "
		       "host masks it)";
	if (snp_product_by_cpuid(r->family, r->model, &product) < 0)
		return "not given; a report of version 2 does not name its product: 'cococtl "
		       "attest fetch' needs --product";
	t = snp_tcb_decode(product, r->reported_tcb);
	if (snp_tcb_has(product, SNP_TCB_FMC))
		(void) snprintf(fmc, sizeof(fmc), "fmcSPL=%02u&", t.svn[SNP_TCB_FMC]);
	return verdict_text(v,
			    "not given; AMD has it at https://kdsintf.amd.com/vcek/v1/%s/%s?%s"
			    "blSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
			    snp_product_name(product),
			    verdict_hex(v, r->chip_id, snp_chip_id_len(product)), fmc,
			    t.svn[SNP_TCB_BOOTLOADER], t.svn[SNP_TCB_TEE], t.svn[SNP_TCB_SNP],
			    t.svn[SNP_TCB_MICROCODE]);
}

static int find(struct verifier *ctx, struct snp_pool *pool, const struct snp_report *report,
		int64_t now, struct verdict *v, struct snp_candidate **ret_ark,
		struct snp_candidate **ret_inter, struct snp_candidate **ret_vek)
{
	struct snp_candidate *vek = snp_pool_vek(ctx, pool, report, now);
	int r;

	if (!vek)
		return verdict_fail(v, VERDICT_UNDECIDED, "NO_VEK", "certificates are there",
				    report->signing_key == SNP_KEY_VLEK ? "a VLEK certificate" :
									  "a VCEK certificate",
				    vek_source(v, report));
	r = check_kind(vek, NULL, report->signing_key, v);
	if (r < 0)
		return r;
	r = snp_pool_issuers(ctx, pool, vek, now, v, ret_inter, ret_ark);
	if (r < 0)
		return r;
	*ret_vek = vek;
	return 0;
}

int snp_chain_verify(struct verifier *ctx, const struct evidence *e, const struct snp_table *table,
		     const struct policy *p, const struct snp_report *report, int64_t now,
		     struct verdict *v, struct snp_chain *ret)
{
	_cleanup_(snp_pool_done) struct snp_pool pool = { .n = 0 };
	struct snp_candidate *ark = NULL, *inter = NULL, *vek = NULL;
	struct amd_vek extensions;
	int r;

	r = snp_pool_add_given(ctx, &pool, e, /* sent= */ false, now, v);
	if (r == 0)
		r = snp_pool_add_given(ctx, &pool, e, /* sent= */ true, now, v);
	if (r == 0)
		r = snp_pool_add_table(ctx, &pool, table, now, v);
	if (r == 0)
		r = find(ctx, &pool, report, now, v, &ark, &inter, &vek);
	if (r == 0)
		r = snp_check_links(ctx, ark, inter, vek, now, v);
	if (r == 0)
		r = check_kind(vek, inter, report->signing_key, v);
	if (r == 0)
		r = snp_check_dates((const struct snp_candidate *const[]){ ark, inter, vek }, 3,
				    now, v);
	if (r == 0)
		r = check_crls(ctx, e, table, p, ark, inter, vek, now, v);
	if (r == 0)
		r = read_extensions(vek, ark, &extensions, v);
	if (r < 0)
		return r;
	if (!X509_up_ref(vek->cert))
		return -ENOMEM;
	*ret = (struct snp_chain){
		.vek = vek->cert,
		.kind = vek->role == ROLE_VLEK ? SNP_KEY_VLEK : SNP_KEY_VCEK,
		.extensions = extensions,
	};
	memcpy(ret->key, vek->key, sizeof(ret->key));
	return 0;
}

/* ---- claims ---- */

const char *snp_tcb_text(struct verdict *v, enum snp_product product, const struct snp_tcb *tcb)
{
	char text[SNP_TCB_TEXT_LEN];

	snp_tcb_format(product, tcb, text);
	return verdict_text(v, "%s", text);
}

void snp_chain_claims(struct verdict *v, X509 *vek)
{
	char cn[X509_CN_MAX + 1];
	struct amd_vek ext;
	int64_t from, to;
	const char *what;

	if (x509_common_name(X509_get_subject_name(vek), cn) == 0)
		verdict_claim_text(v, "vek.name", verdict_text(v, "%s", cn));
	if (x509_common_name(X509_get_issuer_name(vek), cn) == 0)
		verdict_claim_text(v, "vek.issuer", verdict_text(v, "%s", cn));
	if (x509_validity(vek, &from, &to) == 0) {
		verdict_claim_time(v, "vek.not_before", from);
		verdict_claim_time(v, "vek.not_after", to);
	}
	if (amd_vek_read(vek, &ext, &what) < 0)
		return;
	verdict_claim_text(v, "vek.product", verdict_text(v, "%s", ext.product_name));
	verdict_claim_text(v, "vek.tcb", snp_tcb_text(v, ext.product, &ext.tcb));
	if (ext.has_hwid)
		verdict_claim_hex(v, "vek.hwid", ext.hwid, snp_chip_id_len(ext.product));
	if (ext.has_csp_id)
		verdict_claim_text(v, "vek.csp_id", verdict_text(v, "%s", ext.csp_id));
}
