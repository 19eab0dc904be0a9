/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attest.conf: whether it can accept the evidence of this machine, and whether it asks enough. */
#include <stdio.h>

#include "attest/policy.h"
#include "attest/verify.h"
#include "doctor/guest-config.h"

/* True if @kind is what this machine's evidence is of. */
static bool is_kind(struct exam *x, const struct policy_kind *kind)
{
	unsigned wanted = x->offers & FOR(REQUIRE_TDX) ? ABOUT_TDX : ABOUT_SNP;

	return (kind->subjects & wanted) &&
	       !(kind->subjects & ABOUT_HCL) == !guest_has_paravisor(x);
}

static const struct policy_kind *kind_here(struct exam *x, const struct policy_identity **ret)
{
	for (const struct attest_verifier *const *v = attest_verifiers; *v; v++)
		for (size_t k = 0; k < ARRAY_SIZE((*v)->kinds) && (*v)->kinds[k]; k++)
			if ((*v)->opens_gate && is_kind(x, (*v)->kinds[k])) {
				*ret = (*v)->identities;
				return (*v)->kinds[k];
			}
	return NULL;
}

static void refuses(const struct policy *p, const struct policy_identity *identities,
		    struct result *r)
{
	bool none = policy_identity_asked(p, identities) == IDENTITY_NONE;

	result_set(r, OUTCOME_FAIL,
		   "attest.conf refuses all evidence of %s, for it names %s of what runs: that "
		   "would be anybody's VM", p->kind->name,
		   none ? "no identity" : "an identity that may not cover kernel, initrd and "
					  "command line");
	result_fix(r, FIX_CONFIG, "/etc/cocod/attest.conf, in [%s]: %s%s", p->kind->sections[0],
		   p->kind->identity, none ? "" : "; or allow=partial-identity");
}

static void judge_kind(const struct policy *p, const struct policy_identity *identities,
		       struct result *r)
{
	enum verdict_identity identity = policy_identity_asked(p, identities);
	const char *foreign = policy_foreign_option(p);

	if (foreign) {
		result_set(r, OUTCOME_FAIL,
			   "attest.conf refuses all evidence of %s, which nobody can judge by '%s'",
			   p->kind->name, foreign);
		result_fix(r, FIX_CONFIG, "Give %s= in a section of its kind", foreign);
	} else if (!p->has_own || identity == IDENTITY_NONE ||
		   (identity == IDENTITY_PARTIAL && !(p->allow & ALLOW_PARTIAL_IDENTITY))) {
		refuses(p, identities, r);
	} else if (p->allow & ALLOW_DEBUG) {
		result_set(r, OUTCOME_WARN,
			   "attest.conf allows debug: it accepts a VM whose memory the host reads");
		result_fix(r, FIX_CONFIG, "/etc/cocod/attest.conf: remove 'debug' from allow=");
	} else if (identity == IDENTITY_PARTIAL) {
		result_set(r, OUTCOME_WARN,
			   "attest.conf allows an identity that may not cover kernel, initrd and "
			   "command line: it accepts a VM in which the host runs others");
		result_fix(r, FIX_CONFIG,
			   "/etc/cocod/attest.conf: covers=, with what is measured, and no "
			   "partial-identity in allow=");
	} else {
		result_set(r, OUTCOME_PASS, "attest.conf says what may run, in evidence of %s",
			   p->kind->name);
	}
}

/* Values with an end of their own: until= in attest.conf. */
static bool have_ended(struct exam *x, const struct policy *p, struct result *r)
{
	const char *option;
	int64_t now;

	if (provider_now(x->p, &now) != GOT_IT)
		return false;
	option = policy_ended_option(p, now);
	if (!option)
		return false;
	result_set(r, OUTCOME_FAIL,
		   "Every value of %s= in attest.conf has ended, by this machine's clock, which "
		   "the host sets: no evidence is accepted", option);
	result_fix(r, FIX_CONFIG, "/etc/cocod/attest.conf: give %s= a value without until=, or "
		   "with a later one", option);
	return true;
}

static void judge_text(struct exam *x, const struct guest_config *g, struct result *r)
{
	_cleanup_(freep) struct policies *ps = malloc(sizeof(*ps));
	const struct policy_identity *identities = NULL;
	const struct policy_kind *kind = kind_here(x, &identities);
	char error[POLICY_ERROR_LEN];

	if (!ps) {
		result_set(r, OUTCOME_UNKNOWN, "Out of memory");
		return;
	}
	policies_init(ps);
	if (policies_parse(ps, g->policy, g->policy_len, error) < 0) {
		result_set(r, OUTCOME_FAIL, "attest.conf is wrong, and accepts nothing: %s", error);
		result_fix(r, FIX_CONFIG, "Mend what 'cocod --check-config' says");
	} else if (!kind) {
		result_set(r, OUTCOME_NA, "This machine gives no evidence that attest.conf is for");
	} else if (!have_ended(x, policies_find(ps, kind), r)) {
		judge_kind(policies_find(ps, kind), identities, r);
	}
}

/* Secrets that come only from a broker: it judges the evidence, and has a policy for that. */
static bool broker_judges(const struct config *c)
{
	for (size_t i = 0; i < c->n_policies; i++)
		if (!c->policies[i].no_launch)
			return false;
	return c->broker.present;
}

static void without(const struct exam *x, const struct guest_config *g, struct result *r)
{
	if (g->config->require == REQUIRE_NONE) {
		result_set(r, OUTCOME_NA, "Require=none: nothing is judged");
	} else if (!(x->offers & (FOR(REQUIRE_SNP) | FOR(REQUIRE_TDX)))) {
		result_set(r, OUTCOME_NA, "This machine gives no evidence that a policy would be "
			   "for");
	} else if (broker_judges(g->config)) {
		result_set(r, OUTCOME_NA, "All secrets are the broker's, which judges the "
			   "evidence");
	} else {
		result_set(r, OUTCOME_FAIL,
			   "There is no attest.conf, by which launch secrets would be released, "
			   "and %s", g->config->broker.present ?
			   "not all secrets are the broker's" : "no broker to ask");
		result_fix(r, FIX_CONFIG,
			   "Write /etc/cocod/attest.conf, cocod.conf(5); 'cococtl attest show' "
			   "prints what evidence has");
	}
}

void guest_policy(struct exam *x, struct result *r)
{
	struct guest_config g;

	guest_config_load(x, &g);
	if (guest_config_refused(&g, CONFIG_OF_COCOD, r)) {
		/* said already */
	} else if (g.policy_got == GOT_ABSENT) {
		without(x, &g, r);
	} else if (g.policy_got != GOT_IT) {
		result_unknown(r, g.policy_path, g.policy_got);
	} else {
		result_saw(r, g.policy_path, "%zu bytes", g.policy_len);
		judge_text(x, &g, r);
	}
	guest_config_done(&g);
}
