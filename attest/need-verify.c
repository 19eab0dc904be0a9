/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/need-verify.h"

#include <stdio.h>

#include "attest/tdx/intel.h"
#include "attest/verify.h"
#include "attest/snp/snp-chain.h"
#include "wire/tdx-quote.h"

struct need_verifier {
	const struct needs *needs;
	struct verifier *ctx;
	struct verdict *v;
	int64_t now;
	/* SNP: the certificates at hand. */
	struct evidence certs;
	/* TDX: those of the quote, and what they prove; NULL when they prove nothing, and why. */
	struct pck_chain *chain;
	struct endorsement *en;
	char problem[NEEDS_PROBLEM_LEN];
	struct crl_set root_crls;
};

struct need_verifier *need_verifier_free(struct need_verifier *nv)
{
	if (!nv)
		return NULL;
	crl_set_done(&nv->root_crls);
	(void) endorsement_free(nv->en);
	free(nv->chain);
	(void) verdict_free(nv->v);
	(void) verifier_free(nv->ctx);
	free(nv);
	return NULL;
}

/* In the words of the check that failed. */
static void set_problem(const struct need_verifier *nv, const char *what, char ret[static NEEDS_PROBLEM_LEN])
{
	const struct verdict_check *c = nv->v->first_failed < 0 ? NULL : &nv->v->checks[nv->v->first_failed];

	if (c)
		(void) snprintf(ret, NEEDS_PROBLEM_LEN, "%s: %s: expected %.80s, found %.80s", what, c->name,
				c->expected[0] ? c->expected : "it to hold", c->found[0] ? c->found : "otherwise");
	else
		(void) snprintf(ret, NEEDS_PROBLEM_LEN, "%s", what);
}

/* ---- Intel ---- */

static struct bytes find_quote(const struct evidence *e)
{
	if (!e->piece[EVIDENCE_HCL].p && e->piece[EVIDENCE_QUOTE].p)
		return e->piece[EVIDENCE_QUOTE];
	return e->piece[EVIDENCE_TD_QUOTE];
}

/* The CA and the root of the quote: all collateral hangs on them. */
static int begin_tdx(struct need_verifier *nv, const struct evidence *e)
{
	struct bytes quote = find_quote(e);
	struct tdx_quote q;
	const char *what;
	int r;

	nv->chain = malloc(sizeof(*nv->chain));
	nv->en = calloc(1, sizeof(*nv->en));
	if (!nv->chain || !nv->en)
		return -ENOMEM;
	if (tdx_quote_parse(quote.p, quote.len, &q, &what) < 0 || pck_chain_split(q.pck_chain, nv->chain) < 0)
		r = -EBADMSG;
	else
		r = endorsement_check_ca(nv->chain, verifier_trust(nv->ctx), nv->now, nv->v, nv->en);
	if (r < 0 && r != -ENOMEM) {
		set_problem(nv, "the certificates of the evidence lead to no trusted root", nv->problem);
		nv->en = endorsement_free(nv->en);
	}
	return r == -ENOMEM ? r : 0;
}

static int verify_intel(struct need_verifier *nv, const struct need *need, struct bytes data,
			struct bytes chain, struct newest_entry *ret)
{
	static const struct {
		enum bundle_kind kind;
		enum evidence_piece piece;
	} pieces[] = {
		{ BUNDLE_TCB_INFO, EVIDENCE_TCB_INFO },
		{ BUNDLE_QE_IDENTITY, EVIDENCE_QE_IDENTITY },
		{ BUNDLE_ROOT_CRL, EVIDENCE_ROOT_CRL },
		{ BUNDLE_PCK_CRL, EVIDENCE_PCK_CRL },
	};
	size_t i = 0;
	int r;

	while (pieces[i].kind != need_bundle_kind(need))
		i++;
	r = endorsement_check_piece(nv->ctx, nv->chain, nv->en, pieces[i].piece, data, chain,
				    &nv->root_crls, nv->now, nv->v, ret);
	if (r == 0 && pieces[i].piece == EVIDENCE_ROOT_CRL && nv->root_crls.n == 0)
		r = x509_crl_parse(data, &nv->root_crls.list[nv->root_crls.n]) == 0 ? 0 : -ENOMEM;
	if (r == 0 && pieces[i].piece == EVIDENCE_ROOT_CRL)
		nv->root_crls.n = 1;
	return r;
}

/* ---- AMD ---- */

static int verify_amd(struct need_verifier *nv, const struct need *need, struct bytes data,
		      struct newest_entry *ret)
{
	enum snp_file file = need_is_vcek(need)			    ? SNP_FILE_VEK :
			     need_bundle_kind(need) == BUNDLE_CERT ? SNP_FILE_CHAIN :
								     SNP_FILE_CRL;
	int r;

	r = snp_check_file(nv->ctx, nv->needs->product, nv->needs->vlek, file, data, &nv->certs, nv->now, nv->v, ret);
	if (r == 0 && file == SNP_FILE_CHAIN)
		r = evidence_add_cert(&nv->certs, data, /* sent= */ false);
	return r;
}

/* ---- both ---- */

int need_verifier_new(const struct evidence *e, const struct needs *n, const struct trust *trust,
		      const struct newest *newest, int64_t clock, struct need_verifier **ret)
{
	_cleanup_(need_verifier_freep) struct need_verifier *nv = calloc(1, sizeof(*nv));
	int r = 0;

	if (!nv)
		return -ENOMEM;
	nv->needs = n;
	nv->v = verdict_new();
	if (!nv->v || verifier_new(trust, &nv->ctx) < 0)
		return -ENOMEM;
	verifier_set_newest(nv->ctx, newest);
	nv->now = attest_clock(clock, newest, trust);
	if (n->snp)
		for (unsigned i = 0; i < e->n_certs; i++)
			(void) evidence_add_cert(&nv->certs, e->cert[i], /* sent= */ true);
	else
		r = begin_tdx(nv, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(nv);
	return 0;
}

static bool is_about_time(const char *code)
{
	return streq(code, "DATE") || streq(code, "CRL_STALE") || streq(code, "COLL_STALE");
}

static int explain(const struct need_verifier *nv, struct need_result *ret)
{
	const char *code = nv->v->code;

	ret->older = streq(code, "OLDER");
	if (is_about_time(code)) {
		set_problem(nv, "it is not valid now", ret->problem);
		return -EKEYEXPIRED;
	}
	set_problem(nv, ret->older ? "it is older than what was verified here before" :
			streq(code, "CRL_REVOKED") ? "who signed it is revoked" :
			"it is not signed by whom it must be", ret->problem);
	return -EKEYREJECTED;
}

static int verify(struct need_verifier *nv, const struct need *need, struct bytes data,
		  struct bytes chain, struct newest_entry *ret)
{
	verdict_reset(nv->v);
	*ret = (struct newest_entry){ .issued = 0 };
	return nv->needs->snp ? verify_amd(nv, need, data, ret) : verify_intel(nv, need, data, chain, ret);
}

int need_verify(struct need_verifier *nv, const struct need *need, struct bytes data,
		struct bytes chain, struct newest *seen, struct need_result *ret)
{
	struct need_finding f = { "", 0 };
	struct newest_entry entry;
	int64_t until;
	int r;

	*ret = (struct need_result){ .older = false };
	r = need_check(nv->needs, need, data, /* now= */ 0, &f);
	until = f.until;
	if (r == 0 && need->chain[0]) {
		r = need_check_chain(chain, /* now= */ 0, &f);
		until = MIN(until, f.until);
	}
	if (r < 0) {
		(void) snprintf(ret->problem, sizeof(ret->problem), "%s", f.problem);
		return r;
	}
	if (!nv->needs->snp && !nv->en) {
		(void) snprintf(ret->problem, sizeof(ret->problem), "%s", nv->problem);
		return -EKEYREJECTED;
	}
	r = verify(nv, need, data, chain, &entry);
	/* It is later than the clock says: somebody has signed that. */
	if (verifier_latest(nv->ctx) > nv->now) {
		nv->now = verifier_latest(nv->ctx);
		r = verify(nv, need, data, chain, &entry);
	}
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return explain(nv, ret);
	ret->until = until;
	return entry.what[0] ? MIN(newest_note(seen, &entry), 0) : 0;
}
