/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/intel-document.h"

#include <stdio.h>

#include "attest/tdx/p256.h"
#include "base/parse.h"
#include "crypto/digest.h"

/*
 * {"tcbInfo":{...},"signature":"..."}: what is from the second opening brace to the last comma.
 * Whatever the text is, the same text is always taken apart in the same way.
 */
int intel_document_hash(struct bytes text, struct intel_document_hash *ret)
{
	const uint8_t *first = text.len > 1 ? memchr(text.p + 1, '{', text.len - 1) : NULL;
	const uint8_t *end = first ? memrchr(text.p, ',', text.len) : NULL;

	ret->part = (struct bytes){ text.p, 0 };
	if (end && end > first)
		ret->part = (struct bytes){ first, (size_t)(end - first) };
	return digest_sha256_of(ret->part, ret->sha256);
}

static void set_entry(struct intel_document *d, const uint8_t root_spki[static 32],
		      const char *what)
{
	d->entry = (struct newest_entry){ .issued = d->issue };
	(void) snprintf(d->entry.what, sizeof(d->entry.what), "%s", what);
	memcpy(d->entry.root, root_spki, sizeof(d->entry.root));
	newest_set_number(&d->entry, d->evaluation);
}

struct intel_document intel_document_tcb_info(const struct tdx_tcb_info *t,
					      const uint8_t root_spki[static 32],
					      const struct pck *pck)
{
	struct intel_document d = {
		t->signed_part, t->signature, t->issue, t->next_update, t->evaluation,
		.fits = !pck || memcmp(pck->fmspc, t->fmspc, sizeof(t->fmspc)) == 0,
	};
	char what[NEWEST_WHAT_LEN] = "tcb-info-";

	format_hex(t->fmspc, sizeof(t->fmspc), what + strlen(what));
	set_entry(&d, root_spki, what);
	return d;
}

struct intel_document intel_document_qe_identity(const struct tdx_qe_identity *q,
						 const uint8_t root_spki[static 32])
{
	struct intel_document d = {
		q->signed_part, q->signature, q->issue, q->next_update, q->evaluation,
		.fits = true,
	};

	set_entry(&d, root_spki, "qe-identity");
	return d;
}

int intel_document_check(struct verifier *ctx, struct verdict *v, const char *what, EVP_PKEY *key,
			 const struct intel_document *d, int64_t now)
{
	bool good = d->sha256 ? p256_verify_hash(key, d->signature, d->sha256) :
				p256_verify(key, d->signature, d->signed_part);
	const char *found;

	if (!good)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "COLL_SIG", what,
				    "signed by Intel's TCB signing key, to the byte",
				    "another signature");
	verifier_saw(ctx, d->issue);
	found = verdict_text(v, "good from %s to %s", verdict_time(v, d->issue),
			     verdict_time(v, d->next_update));
	if (now < d->issue || now > d->next_update)
		return verdict_fail(v, VERDICT_UNDECIDED, "COLL_STALE", what,
				    verdict_text(v, "good on %s", verdict_time(v, now)), found);
	verdict_pass(v, what, found);
	return verifier_check_newest(ctx, &d->entry, what, v);
}

int intel_document_unreadable(struct verdict *v, int error, const char *what, const char *problem)
{
	return verdict_fail(v, VERDICT_MALFORMED,
			    error == -EOPNOTSUPP ? "COLL_TYPE" : "COLL_FORMAT", what, NULL,
			    problem);
}

bool intel_document_open(enum evidence_piece piece, struct bytes text,
			 const uint8_t root_spki[static 32], const struct pck *pck,
			 union intel_document_buf *buf, struct intel_document *ret)
{
	const char *problem;

	if (piece == EVIDENCE_TCB_INFO) {
		if (tdx_tcb_info_read(text, &buf->tcb_info, &problem) < 0)
			return false;
		*ret = intel_document_tcb_info(&buf->tcb_info, root_spki, pck);
	} else {
		if (tdx_qe_identity_read(text, &buf->qe_identity, &problem) < 0)
			return false;
		*ret = intel_document_qe_identity(&buf->qe_identity, root_spki);
	}
	return true;
}

/* ---- one of several ---- */

#define SIGNERS_MAX 16	/* Intel has one at a time */

/*
 * The choice among candidates.  It uses a verdict of its own: a candidate that fails is passed
 * over and does not count against the evidence.  What was chosen is checked again like any other
 * collateral.
 */
struct choice {
	struct verifier *ctx;
	const struct pck_chain *chain;
	const struct pck *pck;
	const struct pck_authority *by;
	const struct crl_set *root_crls;
	int64_t now;
	struct verdict *scratch;
	struct {
		struct bytes text;
		struct signing_chain chain;
	} signer[SIGNERS_MAX];
	unsigned n_signers;
	union intel_document_buf buf;
};

static struct choice *choice_free(struct choice *c)
{
	if (!c)
		return NULL;
	while (c->n_signers > 0)
		signing_chain_done(&c->signer[--c->n_signers].chain);
	(void) verdict_free(c->scratch);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct choice *, choice_free)

/* Keep the chain in @text if it is good and its signer is new. */
static int add_signer(struct choice *c, struct bytes text)
{
	_cleanup_(signing_chain_done) struct signing_chain chain = { NULL };
	int64_t expires = INT64_MAX;
	int r;

	verdict_reset(c->scratch);
	r = signing_chain_parse(text, "chain", c->chain, c->scratch, &chain);
	if (r == 0)
		r = signing_chain_check(&chain, c->by, verifier_trust(c->ctx), c->root_crls, c->now,
					c->scratch, &expires);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (unsigned i = 0; i < c->n_signers; i++)
		if (X509_cmp(c->signer[i].chain.signer, chain.signer) == 0)
			return 0;
	if (c->n_signers == SIGNERS_MAX)
		return 0;
	c->signer[c->n_signers].text = text;
	c->signer[c->n_signers++].chain = chain;
	chain = (struct signing_chain){ NULL };
	return 0;
}

/* The verifier's own chains come first, so that sent chains cannot take their room. */
static int add_signers(struct choice *c, const struct evidence *e)
{
	static const enum evidence_piece pieces[] = { EVIDENCE_TCB_CHAIN, EVIDENCE_QE_CHAIN };
	struct bytes text;
	bool sent;
	int r = 0;

	for (int want = 0; want <= 1; want++)
		for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
			for (unsigned n = 0;
			     r == 0 && evidence_candidate(e, pieces[i], n, &text, &sent); n++)
				if (sent == want)
					r = add_signer(c, text);
	return r;
}

/* The index of the signer that signed @d, or -1. */
static int find_signer(const struct choice *c, const struct intel_document *d)
{
	for (unsigned i = 0; i < c->n_signers; i++)
		if (p256_verify(x509_public_key(c->signer[i].chain.signer), d->signature,
				d->signed_part))
			return (int)i;
	return -1;
}

/*
 * How good a verified document is, the most important first.  The verifier's own document counts
 * once it was issued, even if it has expired: it shows that every document with a lower number is
 * old.  A sender's document counts only while it is current; with an expired one, a sender could
 * do no more than keep the gate closed.
 */
struct rank {
	bool fits, counts;
	uint32_t evaluation;
	bool current;
	int64_t issue;
};

static struct rank rank_of(const struct intel_document *d, bool sent, int64_t now)
{
	bool issued = d->issue <= now, current = issued && now <= d->next_update;

	return (struct rank){ d->fits, sent ? current : issued, d->evaluation, current, d->issue };
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	if (a->fits != b->fits)
		return a->fits;
	if (a->counts != b->counts)
		return a->counts;
	if (a->evaluation != b->evaluation)
		return a->evaluation > b->evaluation;
	if (a->current != b->current)
		return a->current;
	return a->issue > b->issue;
}

/* If no candidate verifies, take the verifier's own first candidate, or the first of all. */
static void choose_any(const struct evidence *e, enum evidence_piece piece, struct evidence *ret)
{
	struct bytes text;
	bool sent;

	for (unsigned n = 0; evidence_candidate(e, piece, n, &text, &sent); n++)
		if (n == 0 || !sent) {
			ret->piece[piece] = text;
			if (!sent)
				return;
		}
}

static void choose_document(struct choice *c, const struct evidence *e, enum evidence_piece piece,
			    enum evidence_piece signing, struct evidence *ret)
{
	struct rank best = { false };
	struct bytes text;
	bool found = false, sent;

	choose_any(e, piece, ret);
	if (c->n_signers > 0)
		ret->piece[signing] = c->signer[0].text;
	else
		choose_any(e, signing, ret);
	for (unsigned n = 0; evidence_candidate(e, piece, n, &text, &sent); n++) {
		struct intel_document d;
		struct rank rank;
		int signer;

		if (!intel_document_open(piece, text, c->by->root_spki, c->pck, &c->buf, &d))
			continue;
		signer = find_signer(c, &d);
		if (signer < 0)
			continue;
		verifier_saw(c->ctx, d.issue);
		rank = rank_of(&d, sent, c->now);
		if (found && !is_better(&rank, &best))
			continue;
		found = true;
		best = rank;
		ret->piece[piece] = text;
		ret->piece[signing] = c->signer[signer].text;
	}
}

int intel_documents_choose(struct verifier *ctx, const struct pck_chain *chain,
			   const struct pck *pck, const struct evidence *e,
			   const struct pck_authority *by, const struct crl_set *root_crls,
			   int64_t now, struct evidence *ret)
{
	_cleanup_(choice_freep) struct choice *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	c->chain = chain;
	c->pck = pck;
	c->by = by;
	c->root_crls = root_crls;
	c->now = now;
	c->scratch = verdict_new();
	if (!c->scratch)
		return -ENOMEM;
	r = add_signers(c, e);
	if (r < 0)
		return r;
	choose_document(c, e, EVIDENCE_TCB_INFO, EVIDENCE_TCB_CHAIN, ret);
	choose_document(c, e, EVIDENCE_QE_IDENTITY, EVIDENCE_QE_CHAIN, ret);
	return 0;
}
