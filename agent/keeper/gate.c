/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/gate.h"

#include <stdio.h>

/*
 * What each TEE allows.  SEV and SEV-ES give no evidence inside the guest: the owner measured the
 * guest before injecting, and Require=attested accepts that.  On all other machines, and with
 * Require=evidence on every machine, only evidence opens the gate, whatever CPUID and the kernel
 * say: a host can make them say anything.  These texts are for people whose machine gave no
 * evidence.
 */
#define NONE_INSIDE \
	"there is no signed evidence inside SEV and SEV-ES, and Require=evidence wants it: set " \
	"Require=attested in cocod.conf to take the owner's attestation before the injection " \
	"for enough"

static const struct {
	bool owner_attests;
	const char *text;		/* with Require=attested */
	const char *evidence_text;	/* with Require=evidence */
} by_tee[_TEE_MAX] = {
	[TEE_NONE] = { false,
		       "set Require=none in cocod.conf to release secrets on it all the same",
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

static const unsigned strictness[_REQUIRE_MAX] = {
	[REQUIRE_NONE] = 0,
	[REQUIRE_ATTESTED] = 1,
	[REQUIRE_EVIDENCE] = 2,
};

static bool is_stricter(const struct kept *kept, const struct config *c)
{
	return kept && strictness[kept->require] > strictness[c->require];
}

static const char *require_reason(const struct config *c, const struct kept *kept)
{
	if (is_stricter(kept, c))
		return "decided in the initrd";
	if (c->require_given)
		return "set in cocod.conf";
	return c->require == REQUIRE_EVIDENCE ?
		       "the default, because there is an " ATTEST_POLICY_FILE :
		       "the default, without an " ATTEST_POLICY_FILE;
}

/*
 * An initrd that wanted evidence and had no policy accepts nothing.  The policy of the root file
 * system must not stand in for the missing one.
 */
static bool initrd_accepts_nothing(const struct carried *c)
{
	return c->kept && !c->own && c->kept->require != REQUIRE_NONE && !c->kept->policy;
}

void gate_judge(const struct config *config, const struct carried *carried, enum tee tee,
		const char *tee_reason, struct gate *ret)
{
	bool by_initrd = is_stricter(carried->kept, config), evidence;

	*ret = (struct gate){ .tee = tee,
			      .state = "closed",
			      .require = by_initrd ? carried->kept->require : config->require,
			      .require_reason = require_reason(config, carried->kept) };

	if (config->errors.n > 0) {
		/* A setting that was misread could be the one that mattered. */
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"the configuration has errors, the first: %.200s",
				config->errors.first);
		return;
	}
	if (carried->error[0]) {
		(void)!snprintf(ret->reason, sizeof(ret->reason), "%s", carried->error);
		return;
	}
	if (ret->require == REQUIRE_NONE) {
		ret->open = true;
		ret->state = "not-required";
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"Require=none: nothing is proven (%.180s)", tee_reason);
		return;
	}
	evidence = ret->require == REQUIRE_EVIDENCE;
	if (!evidence && by_tee[tee].owner_attests) {
		ret->open = true;
		ret->state = "owner-attested";
	} else if (initrd_accepts_nothing(carried)) {
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"the initrd wanted evidence (Require=%s) and had "
				"no " ATTEST_POLICY_FILE ", so that it accepts none: put the file "
							 "into the initrd and reboot",
				require_name(carried->kept->require));
		return;
	}
	ret->wants_evidence = !ret->open;
	(void)!snprintf(ret->tee_reason, sizeof(ret->tee_reason), "%.120s; %s%s", tee_reason,
			evidence ? by_tee[tee].evidence_text : by_tee[tee].text,
			by_initrd && !ret->open ? ", in the initrd, whose decision it is" : "");
	(void)!snprintf(ret->reason, sizeof(ret->reason), "%s", ret->tee_reason);
}

void gate_judge_broker(const struct config *config, struct broker_gate *ret)
{
	const struct broker_settings *b = &config->broker;

	*ret = (struct broker_gate){ .state = "closed" };
	if (config->errors.n > 0) {
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"the configuration has errors, the first: %.200s",
				config->errors.first);
		return;
	}
	if (!b->present) {
		ret->state = "none";
		(void)!snprintf(ret->reason, sizeof(ret->reason), "there is no broker.conf");
		return;
	}
	switch (b->trust) {
	case BROKER_TRUST_IDENTITY:
		ret->state = "configured";
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"the broker signs what it releases, with a key of '%s'",
				b->pem_path);
		break;
	case BROKER_TRUST_PUBLIC_KEY:
	case BROKER_TRUST_AUTHORITY:
		ret->state = "tls-only";
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"what the broker releases is not signed; TLS alone says that it "
				"comes from there, by %s",
				b->trust == BROKER_TRUST_AUTHORITY ? "Authority=" : "PublicKey=");
		break;
	default:
		(void)!snprintf(ret->reason, sizeof(ret->reason),
				"nothing says how the broker is recognised");
		return;
	}
	ret->open = true;
}

void gate_take_verdict(struct gate *g, const struct attest_verdict *v, const char *why, bool nobody,
		       uint64_t now_usec)
{
	/* A verdict does not touch a gate that is open for another reason, or closed for good. */
	if (!g->wants_evidence)
		return;
	g->open = false;
	g->state = "closed";
	g->verdict = (struct attest_verdict){ 0 };
	g->verdict_usec = 0;
	if (!v) {
		(void)!snprintf(g->reason, sizeof(g->reason), "%.180s%s%.320s%s", why,
				nobody ? " (" : "", nobody ? g->tee_reason : "", nobody ? ")" : "");
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

enum gate_belief gate_believes(const struct gate *g, const struct secret_source *src,
			       const char **ret_why)
{
	*ret_why = "";
	if (!src->host_table)
		return GATE_BELIEVES;
	if (g->tee == TEE_SEV || g->tee == TEE_SEV_ES || g->tee == TEE_SEV_SNP) {
		*ret_why = "on SEV the host writes the ACPI table SVKL and nothing measures it: "
			   "its keys are ignored";
		return GATE_IGNORES;
	}
	if (streq(g->state, "not-required")) {
		if (g->tee != TEE_NONE) {
			*ret_why = "Require=none proves no TD: the keys of the ACPI table SVKL are "
				   "ignored; Require=evidence with a "
				   "policy for TDX would have them";
			return GATE_IGNORES;
		}
		*ret_why = "Require=none on a plain machine: the host knows the keys of the ACPI "
			   "table SVKL, they are for tests";
		return GATE_BELIEVES_HOST;
	}
	if (!g->open || !streq(g->state, "attested")) {
		*ret_why = "no TDX quote is accepted: the keys of the ACPI table SVKL "
			   "are ignored until one is";
		return GATE_IGNORES;
	}
	if (!streq(g->verdict.type, "tdx")) {
		*ret_why = "the accepted evidence is not a TDX quote: the keys of the ACPI table "
			   "SVKL are the host's and are ignored";
		return GATE_IGNORES;
	}
	if (!g->verdict.rtmr0) {
		*ret_why = "the policy does not name rtmr0, which measures the ACPI tables: the "
			   "host may have written SVKL and know its keys; "
			   "add rtmr0= to attest.conf";
		return GATE_BELIEVES_HOST;
	}
	return GATE_BELIEVES;
}
