/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/verify.h"

#include <errno.h>

#include "attest/newest.h"
#include "attest/policy.h"
#include "attest/trust.h"

const struct attest_verifier *attest_verifier_find(const char *name)
{
	for (const struct attest_verifier *const *t = attest_verifiers; *t; t++)
		if (streq((*t)->name, name))
			return *t;
	return NULL;
}

static const char *missing_piece(const struct attest_verifier *type, const struct evidence *e)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if ((type->needs & EVIDENCE_BIT(i)) && !e->piece[i].p)
			return evidence_piece_name(i);
	return NULL;
}

int attest_verify(struct verifier *ctx, const struct attest_verifier *type,
		  const struct evidence *e, const struct policies *ps, int64_t now,
		  struct verdict *v)
{
	const struct policy *p = policies_find(ps, type->find_kind ? type->find_kind(e) :
								     type->kinds[0]);
	const struct trust *trust = verifier_trust(ctx);
	const char *missing = missing_piece(type, e);
	int r = 0;

	errno = 0;
	verifier_begin(ctx);
	verdict_reset(v);
	v->trust = trust->source;
	v->trust_replaced = trust->replaced;
	v->now = now;
	v->policy = p;
	if (e->n_left_out > 0)
		verdict_skip(v, "what was sent beside the evidence",
			     verdict_text(v,
					  "%u pieces are not looked at: at most %d of a sort are",
					  e->n_left_out, EVIDENCE_SENT_MAX));
	if (missing)
		(void) verdict_fail(v, VERDICT_UNDECIDED, "MISSING", "evidence is complete",
				    missing, "not given");
	else
		r = type->verify(ctx, e, p, now, v);
	if (r == 0 && v->no_memory)
		r = -ENOMEM;
	if (r < 0) {
		verdict_reset(v);
		v->code = "ERROR";
		return r;
	}
	assert(!(v->authentic && type->is_part));
	if (v->authentic || v->consistent)
		policy_conclude(v, type->identities);
	verdict_conclude(v);
	return 0;
}

int64_t attest_clock(int64_t clock, const struct newest *n, const struct trust *trust)
{
	clock = MAX(clock, (int64_t)ATTEST_CLOCK_FLOOR);
	return n ? MAX(clock, newest_issued(n, trust)) : clock;
}

/* Each step gets further than the one before; there are not more sorts of documents. */
#define CLOCK_STEPS_MAX 8

int attest_verify_by_clock(struct verifier *ctx, const struct attest_verifier *type,
			   const struct evidence *e, const struct policies *ps, int64_t clock,
			   struct verdict *v)
{
	int64_t now = attest_clock(clock, verifier_newest(ctx), verifier_trust(ctx));
	int r;

	for (unsigned i = 0;; i++) {
		r = attest_verify(ctx, type, e, ps, now, v);
		if (r < 0 || verifier_latest(ctx) <= now || i == CLOCK_STEPS_MAX)
			break;
		now = verifier_latest(ctx);
	}
	/* The time is later than the evidence is judged as of, and it is not known by how much. */
	if (r == 0 && verifier_latest(ctx) > now)
		(void) verdict_fail(v, VERDICT_UNDECIDED, "CLOCK", "clock",
				    verdict_time(v, verifier_latest(ctx)), verdict_time(v, now));
	if (now > clock)
		verdict_skip(v, "clock",
			     verdict_text(v, "it says %s, which is in the past: judged as of %s",
					  verdict_time(v, clock), verdict_time(v, now)));
	return r;
}
