/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/gate.h"

#include <stdio.h>

/*
 * What the witnesses of a TEE can do.  For SEV and SEV-ES there is no evidence inside: the
 * owner measured the guest before injecting, and Require=attested takes that for enough.
 * Everywhere else, and with Require=evidence on every machine, only evidence opens, whatever
 * CPUID and the kernel say: a host can have them say anything.  It is what people read when
 * there is none.
 */
#define NONE_INSIDE \
	"there is no signed evidence inside SEV and SEV-ES, and Require=evidence wants it: set " \
	"Require=attested in cocod.conf to take the owner's attestation before the injection for enough"

static const struct {
	bool owner_attests;
	const char *text;		/* with Require=attested */
	const char *evidence_text;	/* with Require=evidence */
} by_tee[_TEE_MAX] = {
	[TEE_NONE] = { false, "set Require=none in cocod.conf to release secrets on it all the same",
		       "set Require=none in cocod.conf to release secrets on it all the same" },
	[TEE_SEV] = { true, "the owner attested this guest before injecting", NONE_INSIDE },
	[TEE_SEV_ES] = { true, "the owner attested this guest before injecting", NONE_INSIDE },
	[TEE_SEV_SNP] = { false, "its signed report has to be verified",
			  "its signed report has to be verified" },
	[TEE_TDX] = { false, "its signed report has to be verified",
		      "its signed report has to be verified" },
	[TEE_UNKNOWN] = { false, "what cannot be told apart from a lie opens nothing",
			  "what cannot be told apart from a lie opens nothing" },
};

static const char *require_reason(const struct config *c)
{
	if (c->require_given)
		return "set in cocod.conf";
	return c->require == REQUIRE_EVIDENCE ? "the default, because there is an " ATTEST_POLICY_FILE :
						"the default, without an " ATTEST_POLICY_FILE;
}

void gate_judge(const struct config *config, enum tee tee, const char *tee_reason, struct gate *ret)
{
	bool evidence = config->require == REQUIRE_EVIDENCE;

	*ret = (struct gate){ .tee = tee, .state = "closed", .require = config->require, .require_reason = require_reason(config) };

	if (config->n_errors > 0) {
		/* A setting that was misread could be the one that mattered. */
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"the configuration has errors, the first: %.200s",
				config->first_error);
		return;
	}
	if (ret->require == REQUIRE_NONE) {
		ret->open = true;
		ret->state = "not-required";
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"Require=none: nothing is proven (%.180s)", tee_reason);
		return;
	}
	ret->open = !evidence && by_tee[tee].owner_attests;
	ret->wants_evidence = !ret->open;
	if (ret->open)
		ret->state = "owner-attested";
	(void)!snprintf(ret->tee_reason, sizeof(ret->tee_reason), "%.120s; %s", tee_reason,
			evidence ? by_tee[tee].evidence_text : by_tee[tee].text);
	(void)!snprintf(ret->reason, sizeof(ret->reason), "%s", ret->tee_reason);
}

void gate_take_verdict(struct gate *g, const struct attest_verdict *v, const char *why, bool nobody,
		       uint64_t now_usec)
{
	/*
	 * What was open for another reason, or is closed for good, is none of this one's
	 * business.
	 */
	if (!g->wants_evidence)
		return;
	g->open = false;
	g->state = "closed";
	g->verdict = (struct attest_verdict){ 0 };
	g->verdict_usec = 0;
	if (!v) {
		(void) !snprintf(g->reason, sizeof(g->reason), "%.180s%s%.320s%s", why, nobody ? " (" : "", nobody ? g->tee_reason : "",
				 nobody ? ")" : "");
		return;
	}
	g->verdict = *v;
	g->verdict_usec = now_usec;
	if (v->result == ATTEST_ACCEPTED) {
		g->open = true;
		g->state = "attested";
		(void)!snprintf(g->reason, sizeof(g->reason),
				"the evidence of %s is accepted: %s%s", v->provider, v->reason,
				v->trust_replaced ? ", UNDER OTHER ROOTS THAN THE BUILT-IN ONES" :
						    "");
	} else {
		(void)!snprintf(g->reason, sizeof(g->reason), "the evidence of %s is %s: %s, %s",
				v->provider[0] ? v->provider : "this machine",
				attest_result_name(v->result), v->code, v->reason);
	}
}
