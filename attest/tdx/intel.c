/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/intel.h"

#include <openssl/evp.h>

#include "crypto/digest.h"

/* ---- collateral ---- */

struct endorsement *endorsement_free(struct endorsement *en)
{
	if (!en)
		return NULL;
	pck_authority_done(&en->authority);
	crl_set_done(&en->pck_crls);
	free(en->texts);
	free(en);
	return NULL;
}

int endorsement_check_ca(const struct pck_chain *chain, const struct trust *trust, int64_t now,
			 struct verdict *v, struct endorsement *ret)
{
	int r = pck_check_authority(chain, trust, now, v, &ret->authority);

	if (r == 0)
		ret->expires = ret->authority.expires;
	return r;
}

static void expire(struct endorsement *en, int64_t t)
{
	en->expires = MIN(en->expires, t);
}

static const enum evidence_piece collateral[] = {
	EVIDENCE_TCB_INFO, EVIDENCE_QE_IDENTITY, EVIDENCE_TCB_CHAIN,
	EVIDENCE_QE_CHAIN, EVIDENCE_ROOT_CRL,	 EVIDENCE_PCK_CRL,
};

static bool hash_part(EVP_MD_CTX *ctx, struct bytes part)
{
	uint64_t len = part.len;

	return EVP_DigestUpdate(ctx, &len, sizeof(len)) == 1 &&
	       EVP_DigestUpdate(ctx, part.p, part.len) == 1;
}

/* The same as hash_part() of all of @text, as nobody finds two parts with the same hash. */
static bool hash_document(EVP_MD_CTX *ctx, struct bytes text, struct intel_document_hash *h)
{
	struct bytes before, after;

	if (intel_document_hash(text, h) < 0)
		return false;
	before = (struct bytes){ text.p, (size_t)(h->part.p - text.p) };
	after = (struct bytes){ h->part.p + h->part.len, text.len - before.len - h->part.len };
	return hash_part(ctx, before) &&
	       hash_part(ctx, (struct bytes){ h->sha256, sizeof(h->sha256) }) &&
	       hash_part(ctx, after);
}

/*
 * All candidates, and for each whether it was sent: the choice may depend on that.  The pieces with
 * a place for their hash, @first, are documents.
 */
static bool hash_candidates(EVP_MD_CTX *ctx, const struct evidence *e, enum evidence_piece piece,
			    struct intel_document_hash *first)
{
	struct intel_document_hash other;
	struct bytes data;
	unsigned n = 0;
	uint8_t sort[2];
	bool sent;

	for (; evidence_candidate(e, piece, n, &data, &sent); n++) {
		sort[0] = (uint8_t)piece;
		sort[1] = sent;
		if (EVP_DigestUpdate(ctx, sort, sizeof(sort)) != 1)
			return false;
		if (!(first ? hash_document(ctx, data, n == 0 ? first : &other) :
			      hash_part(ctx, data)))
			return false;
	}
	return true;
}

static struct intel_document_hash *place_of_hash(struct endorsement_key *key,
						 enum evidence_piece piece)
{
	if (piece == EVIDENCE_TCB_INFO)
		return &key->tcb_info;
	return piece == EVIDENCE_QE_IDENTITY ? &key->qe_identity : NULL;
}

int endorsement_key(const struct pck_chain *chain, const struct evidence *e,
		    struct endorsement_key *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	*ret = (struct endorsement_key){ .tcb_info.part = { NULL } };
	good = ctx && EVP_DigestInit_ex(ctx, digest_sha256(), NULL) == 1 &&
	       EVP_DigestUpdate(ctx, "tdx endorsement", 16) == 1 &&
	       hash_part(ctx, pck_der(chain, PCK_CA)) && hash_part(ctx, pck_der(chain, PCK_ROOT));
	for (size_t i = 0; good && i < ARRAY_SIZE(collateral); i++)
		good = hash_candidates(ctx, e, collateral[i], place_of_hash(ret, collateral[i]));
	good = good && EVP_DigestFinal_ex(ctx, ret->memo, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? 0 : -ENOMEM;
}

#define SERVICE "https://api.trustedservices.intel.com/"

/* Where Intel has a piece that is missing, for people. */
static const char *place_of(enum evidence_piece piece, const struct pck *pck, X509 *ca,
			    struct verdict *v)
{
	switch (piece) {
	case EVIDENCE_TCB_INFO:
		return verdict_text(v,
				    "tcb-info, from " SERVICE "tdx/certification/v4/tcb?fmspc=%s",
				    verdict_hex(v, pck->fmspc, sizeof(pck->fmspc)));
	case EVIDENCE_QE_IDENTITY:
		return "qe-identity, from " SERVICE "tdx/certification/v4/qe/identity";
	case EVIDENCE_TCB_CHAIN:
		return "tcb-chain, which comes as the header TCB-Info-Issuer-Chain of the TCB info";
	case EVIDENCE_QE_CHAIN:
		return "qe-chain, which comes as the header SGX-Enclave-Identity-Issuer-Chain of "
		       "the QE identity";
	case EVIDENCE_ROOT_CRL:
		return "root-crl, from "
		       "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
	case EVIDENCE_PCK_CRL:
		return verdict_text(v,
				    "pck-crl, from " SERVICE
				    "sgx/certification/v4/pckcrl?ca=%s&encoding=der",
				    pck_ca_is_processor(ca) ? "processor" : "platform");
	default:
		return evidence_piece_name(piece);
	}
}

static int check_complete(const struct evidence *e, const struct pck *pck, X509 *ca,
			  struct verdict *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(collateral); i++)
		if (!e->piece[collateral[i]].p)
			return verdict_fail(v, VERDICT_UNDECIDED, "MISSING",
					    VERDICT_COLLATERAL_COMPLETE,
					    place_of(collateral[i], pck, ca, v), "not given");
	return 0;
}

/* ---- revocation lists ---- */

static struct crl_issuer root_issuer(const struct pck_authority *by)
{
	return (struct crl_issuer){
		by->root,   X509_SIG_ECDSA_SHA256, "root's revocation list",
		"root-crl", by->root_spki,
	};
}

static struct crl_issuer pck_issuer(const struct pck_authority *by)
{
	return (struct crl_issuer){
		by->ca, X509_SIG_ECDSA_SHA256, "PCK CA's revocation list",
		pck_ca_is_processor(by->ca) ? "pck-crl-processor" : "pck-crl-platform",
		by->root_spki,
	};
}

static int collect_crls(struct verifier *ctx, const struct evidence *e, enum evidence_piece piece,
			const struct crl_issuer *by, struct verdict *v, struct crl_set *ret)
{
	struct bytes lists[CRL_SET_MAX];
	bool sent[CRL_SET_MAX];
	unsigned n = 0;

	while (n < CRL_SET_MAX && evidence_candidate(e, piece, n, &lists[n], &sent[n]))
		n++;
	return crl_set_collect(ret, ctx, by, lists, sent, n, v);
}

/* ---- the documents ---- */

/*
 * The hash @h of @part, if it was taken of just these bytes: @part is in @copy, a copy of @came.
 * NULL if not.
 */
static const uint8_t *known_hash(const struct intel_document_hash *h, struct bytes came,
				 struct bytes copy, struct bytes part)
{
	return h->part.p == came.p + (part.p - copy.p) && h->part.len == part.len ? h->sha256 :
										    NULL;
}

static int check_tcb_info(struct verifier *ctx, const struct evidence *e, EVP_PKEY *key,
			  const struct pck *pck, int64_t now, struct verdict *v,
			  struct endorsement *en)
{
	struct bytes came = e->piece[EVIDENCE_TCB_INFO], text = { en->texts, came.len };
	struct intel_document d;
	const char *problem;
	int r;

	r = tdx_tcb_info_read(text, &en->tcb_info, &problem);
	if (r < 0)
		return intel_document_unreadable(v, r, "TCB info", problem);
	d = intel_document_tcb_info(&en->tcb_info, en->authority.root_spki, pck);
	if (en->key)
		d.sha256 = known_hash(&en->key->tcb_info, came, text, d.signed_part);
	expire(en, d.next_update);
	return intel_document_check(ctx, v, "TCB info", key, &d, now);
}

static int check_qe_identity(struct verifier *ctx, const struct evidence *e, EVP_PKEY *key,
			     int64_t now, struct verdict *v, struct endorsement *en)
{
	struct bytes came = e->piece[EVIDENCE_QE_IDENTITY];
	struct bytes text = { en->texts + e->piece[EVIDENCE_TCB_INFO].len, came.len };
	struct intel_document d;
	const char *problem;
	int r;

	r = tdx_qe_identity_read(text, &en->qe_identity, &problem);
	if (r < 0)
		return intel_document_unreadable(v, r, "QE identity", problem);
	d = intel_document_qe_identity(&en->qe_identity, en->authority.root_spki);
	if (en->key)
		d.sha256 = known_hash(&en->key->qe_identity, came, text, d.signed_part);
	expire(en, d.next_update);
	return intel_document_check(ctx, v, "QE identity", key, &d, now);
}

/* Read both documents from the copies that @en owns, and check them. */
static int check_documents(struct verifier *ctx, const struct pck_chain *chain,
			   const struct pck *pck, const struct evidence *e,
			   const struct crl_set *root_crls, int64_t now, struct verdict *v,
			   struct endorsement *en, struct signing_chain *tcb_chain,
			   struct signing_chain *qe_chain)
{
	const struct trust *trust = verifier_trust(ctx);
	const struct signing_chain *qe_signer = tcb_chain;
	int r;

	r = signing_chain_parse(e->piece[EVIDENCE_TCB_CHAIN], "chain of the TCB info", chain, v,
				tcb_chain);
	if (r < 0)
		return r;
	r = signing_chain_check(tcb_chain, &en->authority, trust, root_crls, now, v, &en->expires);
	if (r < 0)
		return r;
	r = check_tcb_info(ctx, e, x509_public_key(tcb_chain->signer), pck, now, v, en);
	if (r < 0)
		return r;

	/* As a rule both chains are the same. */
	if (!bytes_equal(e->piece[EVIDENCE_TCB_CHAIN], e->piece[EVIDENCE_QE_CHAIN])) {
		qe_signer = qe_chain;
		r = signing_chain_parse(e->piece[EVIDENCE_QE_CHAIN], "chain of the QE identity",
					chain, v, qe_chain);
		if (r < 0)
			return r;
		r = signing_chain_check(qe_chain, &en->authority, trust, root_crls, now, v,
					&en->expires);
		if (r < 0)
			return r;
	}
	return check_qe_identity(ctx, e, x509_public_key(qe_signer->signer), now, v, en);
}

static int copy_texts(const struct evidence *e, struct endorsement *en)
{
	struct bytes a = e->piece[EVIDENCE_TCB_INFO], b = e->piece[EVIDENCE_QE_IDENTITY];

	en->texts = malloc(a.len + b.len + 1);
	if (!en->texts)
		return -ENOMEM;
	memcpy(en->texts, a.p, a.len);
	memcpy(en->texts + a.len, b.p, b.len);
	return 0;
}

/* ---- all of it ---- */

static int check_collateral(struct verifier *ctx, const struct pck_chain *chain,
			    const struct pck *pck, const struct evidence *e, int64_t now,
			    struct verdict *v, struct endorsement *en, struct crl_set *root_crls)
{
	_cleanup_(signing_chain_done) struct signing_chain tcb_chain = { NULL },
							   qe_chain = { NULL };
	const struct crl_issuer root = root_issuer(&en->authority),
				pck_ca = pck_issuer(&en->authority);
	struct evidence chosen = { .n_certs = 0 };
	int r;

	r = collect_crls(ctx, e, EVIDENCE_ROOT_CRL, &root, v, root_crls);
	if (r == 0)
		r = verdict_check(v, !crl_set_has(root_crls, en->authority.ca),
				  VERDICT_NOT_AUTHENTIC, "CRL_REVOKED", "PCK CA is not revoked",
				  NULL, NULL);
	if (r == 0)
		r = crl_set_check(root_crls, ctx, &root, now, v);
	if (r == 0)
		r = collect_crls(ctx, e, EVIDENCE_PCK_CRL, &pck_ca, v, &en->pck_crls);
	if (r == 0)
		r = crl_set_check(&en->pck_crls, ctx, &pck_ca, now, v);
	if (r < 0)
		return r;
	expire(en, root_crls->next_update);
	expire(en, en->pck_crls.next_update);
	memcpy(chosen.piece, e->piece, sizeof(chosen.piece));
	if (e->n_more > 0) {
		r = intel_documents_choose(ctx, chain, pck, e, &en->authority, root_crls, now,
					   &chosen);
		if (r < 0)
			return r;
	}
	r = copy_texts(&chosen, en);
	if (r < 0)
		return r;
	return check_documents(ctx, chain, pck, &chosen, root_crls, now, v, en, &tcb_chain,
			       &qe_chain);
}

int endorsement_check_collateral(struct verifier *ctx, const struct pck_chain *chain,
				 const struct pck *pck, const struct evidence *e, int64_t now,
				 struct verdict *v, struct endorsement *en)
{
	_cleanup_(crl_set_done) struct crl_set root_crls = { .n = 0 };
	int r;

	r = check_complete(e, pck, en->authority.ca, v);
	if (r < 0)
		return r;
	r = check_collateral(ctx, chain, pck, e, now, v, en, &root_crls);
	X509_free(en->authority.root);
	en->authority.root = NULL;
	en->key = NULL;
	return r;
}

/* ---- one alone ---- */

int endorsement_check_piece(struct verifier *ctx, const struct pck_chain *chain,
			    const struct endorsement *en, enum evidence_piece piece,
			    struct bytes text, struct bytes signing,
			    const struct crl_set *root_crls, int64_t now, struct verdict *v,
			    struct newest_entry *ret)
{
	_cleanup_(freep) union intel_document_buf *buf = NULL;
	const struct crl_issuer root = root_issuer(&en->authority),
				pck_ca = pck_issuer(&en->authority);
	_cleanup_(signing_chain_done) struct signing_chain signers = { NULL };
	int64_t expires = INT64_MAX;
	struct intel_document d;
	int r;

	if (piece == EVIDENCE_ROOT_CRL || piece == EVIDENCE_PCK_CRL)
		return crl_check_alone(ctx, piece == EVIDENCE_ROOT_CRL ? &root : &pck_ca, text, now,
				       v, ret);
	r = signing_chain_parse(signing, "chain", chain, v, &signers);
	if (r == 0)
		r = signing_chain_check(&signers, &en->authority, verifier_trust(ctx), root_crls,
					now, v, &expires);
	if (r < 0)
		return r;
	buf = malloc(sizeof(*buf));
	if (!buf)
		return -ENOMEM;
	if (!intel_document_open(piece, text, en->authority.root_spki, /* pck= */ NULL, buf, &d))
		return intel_document_unreadable(v, -EBADMSG, "document", "it cannot be read");
	r = intel_document_check(ctx, v, piece == EVIDENCE_TCB_INFO ? "TCB info" : "QE identity",
				 x509_public_key(signers.signer), &d, now);
	if (r == 0)
		*ret = d.entry;
	return r;
}
