/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/verify-tdx.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "attest/evidence-look.h"
#include "attest/tdx/ccel.h"
#include "attest/tdx/intel.h"
#include "attest/tdx/p256.h"
#include "attest/tdx/tdx-needs.h"
#include "attest/tdx/tdx-status.h"
#include "attest/tdx/tdx-tcb.h"
#include "crypto/cleanup.h"
#include "crypto/digest.h"

/* ---- what the quote says ---- */

int tdx_parse(struct verdict *v, struct bytes quote, struct tdx_quote *ret)
{
	const char *problem = NULL;
	int r;

	r = tdx_quote_parse(quote.p, quote.len, ret, &problem);
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED,
				    r == -EOPNOTSUPP ? "UNSUPPORTED" : "FORMAT",
				    "quote can be read", "a TDX quote",
				    evidence_found(v, quote, problem));
	verdict_pass(v, "quote can be read",
		     verdict_text(v, "version %u, TD 1.%u", ret->version, ret->body15 ? 5 : 0));
	return 0;
}

static void body_claims(struct verdict *v, const struct td_body *b)
{
	static const struct {
		const char *name;
		size_t offset, len;
	} rows[] = {
#define ROW(name, member)                                                                  \
	{                                                                                  \
		name, offsetof(struct td_body, member),                                    \
			sizeof(((struct td_body *)NULL)->member)                           \
	}
		ROW("tdx.tee_tcb_svn", tee_tcb_svn),
		ROW("tdx.mrseam", mrseam),
		ROW("tdx.mrsignerseam", mrsignerseam),
		ROW("tdx.seam_attributes", seam_attributes),
		ROW("tdx.td_attributes", td_attributes),
		ROW("tdx.xfam", xfam),
		ROW("tdx.mrtd", mrtd),
		ROW("tdx.mrconfigid", mrconfigid),
		ROW("tdx.mrowner", mrowner),
		ROW("tdx.mrownerconfig", mrownerconfig),
		ROW("tdx.rtmr0", rtmr[0]),
		ROW("tdx.rtmr1", rtmr[1]),
		ROW("tdx.rtmr2", rtmr[2]),
		ROW("tdx.rtmr3", rtmr[3]),
		ROW("tdx.report_data", report_data),
#undef ROW
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		verdict_claim_hex(v, rows[i].name, (const uint8_t *)b + rows[i].offset,
				  rows[i].len);
}

void tdx_claims(struct verdict *v, const struct tdx_quote *q)
{
	verdict_claim_number(v, "tdx.quote_version", q->version);
	verdict_claim_text(v, "tdx.body",
			   q->has_more ? "TD 1.5 with more (type 4)" :
			   q->body15   ? "TD 1.5" :
					 "TD 1.0");
	body_claims(v, q->body);
	if (q->body15) {
		verdict_claim_hex(v, "tdx.tee_tcb_svn2", q->body15->tee_tcb_svn2,
				  sizeof(q->body15->tee_tcb_svn2));
		verdict_claim_hex(v, "tdx.mrservicetd", q->body15->mrservicetd,
				  sizeof(q->body15->mrservicetd));
	}
	verdict_claim_bool(v, "tdx.debug", q->body->td_attributes[0] & 1);
	verdict_claim_hex(v, "tdx.user_data", q->header->user_data, sizeof(q->header->user_data));
	verdict_claim_hex(v, "tdx.qe_mrsigner", q->qe_report->mrsigner,
			  sizeof(q->qe_report->mrsigner));
	verdict_claim_hex(v, "tdx.qe_mrenclave", q->qe_report->mrenclave,
			  sizeof(q->qe_report->mrenclave));
	verdict_claim_number(v, "tdx.qe_isvsvn", get_u16le(q->qe_report->isvsvn));
}

static void pck_claims(struct verdict *v, const struct pck *pck)
{
	verdict_claim_hex(v, "tdx.fmspc", pck->fmspc, sizeof(pck->fmspc));
	verdict_claim_hex(v, "tdx.pceid", pck->pceid, sizeof(pck->pceid));
	verdict_claim_number(v, "tdx.pcesvn", pck->pcesvn);
	verdict_claim_hex(v, "tdx.cpusvn", pck->cpusvn, sizeof(pck->cpusvn));
	verdict_claim_hex(v, "tdx.ppid", pck->ppid, sizeof(pck->ppid));
	if (pck->has_instance)
		verdict_claim_hex(v, "tdx.platform_instance_id", pck->instance,
				  sizeof(pck->instance));
}

/* ---- the quote's own signatures ---- */

/*
 * The quoting enclave names its attestation key by a hash in the first half of its report data.
 * The second half must be zero.
 */
static int check_binding(struct verdict *v, const struct tdx_quote *q)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t want[64] = { 0 };
	bool good;

	good = ctx && EVP_DigestInit_ex(ctx, digest_sha256(), NULL) == 1 &&
	       EVP_DigestUpdate(ctx, q->key, 64) == 1 &&
	       EVP_DigestUpdate(ctx, q->qe_auth.p, q->qe_auth.len) == 1 &&
	       EVP_DigestFinal_ex(ctx, want, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!good)
		return -ENOMEM;
	return verdict_equal(v, VERDICT_NOT_AUTHENTIC, "QE_BIND",
			     "attestation key is the quoting enclave's",
			     (struct bytes){ want, sizeof(want) },
			     (struct bytes){ q->qe_report->report_data, sizeof(want) });
}

static int check_quote_signature(struct verdict *v, const struct tdx_quote *q)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = p256_key(q->key);

	if (!key)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "SIGNATURE", "quote signature",
				    "a key that is a point of P-256", "another key");
	return verdict_check(v, p256_verify(key, q->signature, q->signed_part),
			     VERDICT_NOT_AUTHENTIC, "SIGNATURE", "quote signature",
			     "by the attestation key", NULL);
}

static int check_signatures(struct verdict *v, const struct tdx_quote *q, X509 *pck)
{
	struct bytes report = { (const uint8_t *)q->qe_report, sizeof(*q->qe_report) };
	int r;

	r = verdict_check(v, p256_verify(x509_public_key(pck), q->qe_signature, report),
			  VERDICT_NOT_AUTHENTIC, "QE_SIG", "quoting enclave's report signature",
			  "by the PCK", NULL);
	if (r < 0)
		return r;
	r = check_binding(v, q);
	if (r < 0)
		return r;
	return check_quote_signature(v, q);
}

static int check_pck_extension(struct verdict *v, X509 *leaf, struct pck *ret)
{
	struct bytes der;

	if (x509_extension(leaf, PCK_EXTENSION_OID, &der) < 0 || pck_parse(der, ret) < 0)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "PCK_EXT",
				    "PCK certificate describes a platform",
				    "one complete SGX extension", "no extension that can be read");
	verdict_pass(v, "PCK certificate describes a platform",
		     verdict_text(v, "FMSPC %s", verdict_hex(v, ret->fmspc, sizeof(ret->fmspc))));
	pck_claims(v, ret);
	return 0;
}

/* ---- the platform ---- */

static int check_platform(struct verdict *v, const struct tdx_quote *q,
			  const struct endorsement *en, X509 *leaf, const struct pck *pck)
{
	const struct tdx_tcb_info *t = &en->tcb_info;
	const struct tdx_module *module;
	int r;

	r = verdict_check(v, !crl_set_has(&en->pck_crls, leaf), VERDICT_NOT_AUTHENTIC,
			  "CRL_REVOKED", "PCK certificate is not revoked", NULL, NULL);
	if (r < 0)
		return r;
	r = verdict_equal(v, VERDICT_NOT_AUTHENTIC, "FMSPC",
			  "TCB info is for this kind of platform (FMSPC)",
			  (struct bytes){ pck->fmspc, sizeof(pck->fmspc) },
			  (struct bytes){ t->fmspc, sizeof(t->fmspc) });
	if (r < 0)
		return r;
	r = verdict_equal(v, VERDICT_NOT_AUTHENTIC, "FMSPC", "TCB info is for this PCE (PCEID)",
			  (struct bytes){ pck->pceid, sizeof(pck->pceid) },
			  (struct bytes){ t->pceid, sizeof(t->pceid) });
	if (r < 0)
		return r;
	r = verdict_check(v, tdx_qe_fits(&en->qe_identity, q->qe_report), VERDICT_NOT_AUTHENTIC,
			  "QE_IDENTITY", "quoting enclave is Intel's",
			  verdict_text(v, "MRSIGNER %s, product %u",
				       verdict_hex(v, en->qe_identity.mrsigner, 32),
				       en->qe_identity.isvprodid),
			  verdict_text(v, "MRSIGNER %s, product %u, attributes %s",
				       verdict_hex(v, q->qe_report->mrsigner, 32),
				       get_u16le(q->qe_report->isvprodid),
				       verdict_hex(v, q->qe_report->attributes, 16)));
	if (r < 0)
		return r;
	module = tdx_tcb_module(t, q->body->tee_tcb_svn);
	if (!module)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "MODULE", "TDX module is Intel's",
				    "a module of the TCB info",
				    verdict_text(v, "no module for version %u",
						 q->body->tee_tcb_svn[1]));
	return verdict_check(v, tdx_module_fits(module, q->body), VERDICT_NOT_AUTHENTIC, "MODULE",
			     "TDX module is Intel's",
			     verdict_text(v, "signer %s", verdict_hex(v, module->mrsigner, 48)),
			     verdict_text(v, "signer %s, attributes %s",
					  verdict_hex(v, q->body->mrsignerseam, 48),
					  verdict_hex(v, q->body->seam_attributes, 8)));
}

/* ---- the whole ---- */

/*
 * Find the endorsement of the CA: remembered, or a new one that lacks its collateral yet.
 * A new endorsement is also put into @ret_fresh, and is the caller's.
 */
static int find_endorsement(struct verifier *ctx, const struct endorsement_key *key,
			    const struct pck_chain *chain, int64_t now, struct verdict *v,
			    struct endorsement **ret, struct endorsement **ret_fresh)
{
	_cleanup_(endorsement_freep) struct endorsement *fresh = NULL;
	int r;

	*ret = verifier_recall(ctx, key->memo, now);
	if (*ret) {
		verdict_pass(v, "PCK CA and collateral",
			     verdict_text(v, "verified before, good to %s",
					  verdict_time(v, (*ret)->expires)));
		return 0;
	}
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	r = endorsement_check_ca(chain, verifier_trust(ctx), now, v, fresh);
	if (r < 0)
		return r;
	fresh->key = key;
	*ret = *ret_fresh = TAKE_PTR(fresh);
	return 0;
}

static void endorsement_release(void *object)
{
	(void) endorsement_free(object);
}

static int authenticate_quote(struct verifier *ctx, const struct pck_chain *chain,
			      const struct evidence *e, int64_t now, struct verdict *v,
			      struct tdx_evidence *t)
{
	_cleanup_(endorsement_freep) struct endorsement *fresh = NULL;
	const struct tdx_quote *q = &t->quote;
	_cleanup_(x509_freep) X509 *leaf = NULL;
	struct endorsement_key key;
	struct endorsement *en;
	struct tdx_tcb tcb;
	int r;

	r = endorsement_key(chain, e, &key);
	if (r < 0)
		return r;
	r = find_endorsement(ctx, &key, chain, now, v, &en, &fresh);
	if (r < 0)
		return r;
	r = pck_check_leaf(chain, en->authority.ca, now, v, &leaf);
	if (r < 0)
		return r;
	r = check_pck_extension(v, leaf, &t->pck);
	if (r < 0)
		return r;
	r = check_signatures(v, q, leaf);
	if (r < 0)
		return r;
	if (fresh) {
		r = endorsement_check_collateral(ctx, chain, &t->pck, e, now, v, fresh);
		if (r < 0)
			return r;
		/*
		 * Remembered as good from @now on, as its documents may have been issued just
		 * before.  Nothing is remembered if a document at hand will be issued only later,
		 * since that document may then be chosen.
		 */
		if (verifier_latest(ctx) <= now)
			verifier_remember(ctx, MEMO_AUTHORITIES, key.memo,
					  &(struct memo){ TAKE_PTR(fresh), endorsement_release,
							  now, en->expires });
	}
	r = check_platform(v, q, en, leaf, &t->pck);
	if (r < 0)
		return r;
	tdx_tcb_evaluate(&en->tcb_info, &en->qe_identity, &t->pck, q, &tcb);
	tdx_status_claims(v, &tcb, &en->tcb_info, &en->qe_identity, en->expires);
	if (v->policy && !(v->policy->accept & 1u << tcb.status))
		tdx_status_shortfall(v, &en->tcb_info, &en->qe_identity, &t->pck, q);
	t->status = v->tcb_status = tcb.status;
	t->evaluation = MIN(en->tcb_info.evaluation, en->qe_identity.evaluation);
	return 0;
}

int tdx_authenticate(struct verifier *ctx, struct bytes quote, const struct evidence *e,
		     int64_t now, struct verdict *v, struct tdx_evidence *ret)
{
	_cleanup_(freep) struct pck_chain *chain = malloc(sizeof(*chain));
	struct tdx_evidence t = { 0 };
	int r;

	if (!chain)
		return -ENOMEM;
	r = tdx_parse(v, quote, &t.quote);
	if (r < 0)
		return r;
	tdx_claims(v, &t.quote);
	r = pck_chain_split(t.quote.pck_chain, chain);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CHAIN", "certificates in the quote",
				    "PCK certificate, its CA and the root, in PEM",
				    r == -EMSGSIZE ? "one is too long" : "not just these three");
	r = authenticate_quote(ctx, chain, e, now, v, &t);
	if (r < 0)
		return r;
	/* Such a body may say that the TD came from elsewhere; no policy can ask about that yet. */
	if (t.quote.has_more)
		return verdict_fail(
			v, VERDICT_UNDECIDED, "BODY", "all that the quote says is known",
			"a body of TD 1.0 or TD 1.5 (type 2 or 3)",
			"one of type 4: its signatures are right; what it says of service "
			"TDs and migration beyond TD 1.5 is not judged");
	*ret = t;
	return 0;
}

static int check_event_log(const struct evidence *e, const struct policy *p,
			   const struct tdx_evidence *t, struct verdict *v)
{
	struct ccel c;
	int r;

	if (!e->piece[EVIDENCE_EVENT_LOG].p) {
		if (p->events.set || p->regs.set)
			return verdict_fail(v, VERDICT_UNDECIDED, "MISSING", "evidence is complete",
					    "the event log that the policy speaks of", "not given");
		if (e->piece[EVIDENCE_RUNTIME_LOG].p)
			verdict_skip(v, "event log can be read",
				     "there is only a runtime log, and no event log before it");
		return 0;
	}
	r = ccel_replay(e->piece[EVIDENCE_EVENT_LOG], e->piece[EVIDENCE_RUNTIME_LOG], v, &c);
	if (r < 0)
		return r;
	r = ccel_compare(&c, t->quote.body, p, v);
	if (r < 0)
		return r;
	ccel_apply_policy(&c, p, v);
	return 0;
}

static int verify(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		  int64_t now, struct verdict *v)
{
	struct tdx_evidence t;
	int r;

	r = tdx_authenticate(ctx, e->piece[EVIDENCE_QUOTE], e, now, v, &t);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = check_event_log(e, p, &t, v);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (e->n_certs > 0)
		verdict_skip(
			v, "certificates beside the quote",
			"not needed: the quote brings its own, and the root is known by its key");
	v->authentic = true;
	tdx_apply_policy(&t, p, v);
	policy_check_nonce(v, p, t.quote.body->report_data);
	return 0;
}

static void show_period(struct verdict *v, const char *what, int64_t issue, int64_t next_update,
			uint32_t evaluation)
{
	verdict_claim_time(v, verdict_text(v, "%s.issued", what), issue);
	verdict_claim_time(v, verdict_text(v, "%s.next_update", what), next_update);
	verdict_claim_number(v, verdict_text(v, "%s.tcb_evaluation", what), evaluation);
}

static int show_tcb_info(struct bytes bytes, struct verdict *v)
{
	_cleanup_(freep) struct tdx_tcb_info *t = malloc(sizeof(*t));
	const char *problem;

	if (!t)
		return -ENOMEM;
	if (tdx_tcb_info_read(bytes, t, &problem) < 0) {
		(void) verdict_fail(v, VERDICT_MALFORMED, "COLL_FORMAT", "TCB info can be read",
				    "Intel's TCB info for TDX", evidence_found(v, bytes, problem));
		return 0;
	}
	show_period(v, "tcb_info", t->issue, t->next_update, t->evaluation);
	verdict_claim_hex(v, "tcb_info.fmspc", t->fmspc, sizeof(t->fmspc));
	verdict_claim_hex(v, "tcb_info.pceid", t->pceid, sizeof(t->pceid));
	verdict_claim_number(v, "tcb_info.levels", t->n_levels);
	verdict_claim_number(v, "tcb_info.modules", t->n_modules);
	return 0;
}

static int show_qe_identity(struct bytes bytes, struct verdict *v)
{
	_cleanup_(freep) struct tdx_qe_identity *q = malloc(sizeof(*q));
	const char *problem;

	if (!q)
		return -ENOMEM;
	if (tdx_qe_identity_read(bytes, q, &problem) < 0) {
		(void) verdict_fail(v, VERDICT_MALFORMED, "COLL_FORMAT", "QE identity can be read",
				    "Intel's identity of the quoting enclave for TDX",
				    evidence_found(v, bytes, problem));
		return 0;
	}
	show_period(v, "qe_identity", q->issue, q->next_update, q->evaluation);
	verdict_claim_hex(v, "qe_identity.mrsigner", q->mrsigner, sizeof(q->mrsigner));
	verdict_claim_number(v, "qe_identity.levels", q->levels.n);
	return 0;
}

static int show(const struct evidence *e, struct verdict *v)
{
	struct tdx_quote q;
	int r = 0;

	if (e->piece[EVIDENCE_QUOTE].p && tdx_parse(v, e->piece[EVIDENCE_QUOTE], &q) == 0)
		tdx_claims(v, &q);
	if (e->piece[EVIDENCE_TCB_INFO].p)
		r = show_tcb_info(e->piece[EVIDENCE_TCB_INFO], v);
	if (r == 0 && e->piece[EVIDENCE_QE_IDENTITY].p)
		r = show_qe_identity(e->piece[EVIDENCE_QE_IDENTITY], v);
	return r;
}

#define COLLATERAL                                                                                 \
	(EVIDENCE_BIT(EVIDENCE_TCB_INFO) | EVIDENCE_BIT(EVIDENCE_QE_IDENTITY) |                    \
	 EVIDENCE_BIT(EVIDENCE_TCB_CHAIN) | EVIDENCE_BIT(EVIDENCE_QE_CHAIN) |                      \
	 EVIDENCE_BIT(EVIDENCE_ROOT_CRL) | EVIDENCE_BIT(EVIDENCE_PCK_CRL))

/* RTMR1 and RTMR2 are extended by the code that MRTD measured: they prove nothing without MRTD. */
static const struct policy_identity identities[] = {
	{ { "mrtd", "rtmr1", "rtmr2" }, true },
	{ { "mrtd" }, false },
	{ { NULL } },
};

const struct attest_verifier attest_verify_tdx = {
	.name = "tdx",
	.what = "Intel TDX quote, version 4 or 5, with Intel's collateral",
	.needs = EVIDENCE_BIT(EVIDENCE_QUOTE),
	.takes = COLLATERAL | EVIDENCE_BIT(EVIDENCE_EVENT_LOG) |
		 EVIDENCE_BIT(EVIDENCE_RUNTIME_LOG),
	.takes_certs = true,
	.opens_gate = true,
	.identities = identities,
	.kinds = { &policy_tdx },
	.verify = verify,
	.show = show,
	.find_needs = tdx_find_needs,
};
