/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/need-verify.h"

#include <stdio.h>

#include "attest/need-vendor.h"
#include "attest/verify.h"

struct need_verifier {
	const struct need_vendor *vendor;
	struct need_judge j;
	char problem[NEEDS_PROBLEM_LEN]; /* with the evidence: nothing can be verified by it */
};

struct need_verifier *need_verifier_free(struct need_verifier *nv)
{
	if (!nv)
		return NULL;
	nv->vendor->end(&nv->j);
	(void) verdict_free(nv->j.v);
	(void) verifier_free(nv->j.ctx);
	free(nv);
	return NULL;
}

int need_verifier_new(const struct evidence *e, const struct needs *n, const struct trust *trust,
		      const struct newest *newest, int64_t clock, struct need_verifier **ret)
{
	_cleanup_(need_verifier_freep) struct need_verifier *nv = calloc(1, sizeof(*nv));
	int r;

	if (!nv)
		return -ENOMEM;
	nv->j.needs = n;
	nv->vendor = n->vendor;
	nv->j.v = verdict_new();
	if (!nv->j.v || verifier_new(trust, &nv->j.ctx) < 0)
		return -ENOMEM;
	verifier_set_newest(nv->j.ctx, newest);
	nv->j.now = attest_clock(clock, newest, trust);
	r = nv->vendor->begin(&nv->j, e, nv->problem);
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
	const char *code = nv->j.v->code;

	ret->older = streq(code, "OLDER");
	if (is_about_time(code)) {
		need_explain(nv->j.v, "it is not valid now", ret->problem);
		return -EKEYEXPIRED;
	}
	need_explain(nv->j.v, ret->older ? "it is older than what was verified here before" :
			streq(code, "CRL_REVOKED") ? "who signed it is revoked" :
			"it is not signed by whom it must be", ret->problem);
	return -EKEYREJECTED;
}

static int verify(struct need_verifier *nv, const struct need *need, struct bytes data,
		  struct bytes chain, struct newest_entry *ret)
{
	verdict_reset(nv->j.v);
	*ret = (struct newest_entry){ .issued = 0 };
	return nv->vendor->verify(&nv->j, need, data, chain, ret);
}

int need_verify(struct need_verifier *nv, const struct need *need, struct bytes data,
		struct bytes chain, struct newest *seen, struct need_result *ret)
{
	struct need_finding f = { "", 0 };
	struct newest_entry entry;
	int64_t until;
	int r;

	*ret = (struct need_result){ .older = false };
	r = need_check(nv->j.needs, need, data, /* now= */ 0, &f);
	until = f.until;
	if (r == 0 && need->chain[0]) {
		r = need_check_chain(nv->j.needs, chain, /* now= */ 0, &f);
		until = MIN(until, f.until);
	}
	if (r < 0) {
		(void) snprintf(ret->problem, sizeof(ret->problem), "%s", f.problem);
		return r;
	}
	if (nv->problem[0]) {
		(void) snprintf(ret->problem, sizeof(ret->problem), "%s", nv->problem);
		return -EKEYREJECTED;
	}
	r = verify(nv, need, data, chain, &entry);
	/* It is later than the clock says: somebody has signed that. */
	if (verifier_latest(nv->j.ctx) > nv->j.now) {
		nv->j.now = verifier_latest(nv->j.ctx);
		r = verify(nv, need, data, chain, &entry);
	}
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return explain(nv, ret);
	ret->until = until;
	return entry.what[0] ? MIN(newest_note(seen, &entry), 0) : 0;
}
