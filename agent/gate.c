/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/gate.h"

#include <stdio.h>

/* What a TEE can show by itself; without an entry it shows nothing and the gate stays closed. */
static const struct {
	bool open;
	const char *text;
} by_tee[_TEE_MAX] = {
	[TEE_NONE] = { false, "set Require=none in cocod.conf to release secrets on it all the same" },
	[TEE_SEV] = { true, "the owner attested this guest before injecting" },
	[TEE_SEV_ES] = { true, "the owner attested this guest before injecting" },
	[TEE_SEV_SNP] = { false, "its signed report would have to be verified, which this version cannot do" },
	[TEE_TDX] = { false, "its signed report would have to be verified, which this version cannot do" },
	[TEE_UNKNOWN] = { false, "what cannot be told apart from a lie opens nothing" },
};

void gate_judge(const struct config *config, enum tee tee, const char *tee_reason, struct gate *ret)
{
	*ret = (struct gate){ .tee = tee, .state = "closed" };

	if (config->n_errors > 0) {
		/* A setting that was misread could be the one that mattered. */
		(void) !snprintf(ret->reason, sizeof(ret->reason), "the configuration has errors, the first: %.200s", config->first_error);
		return;
	}
	if (config->require == REQUIRE_NONE) {
		ret->open = true;
		ret->state = "not-required";
		(void) !snprintf(ret->reason, sizeof(ret->reason), "Require=none: nothing is proven (%.180s)", tee_reason);
		return;
	}
	ret->open = by_tee[tee].open;
	if (ret->open)
		ret->state = "owner-attested";
	(void) !snprintf(ret->reason, sizeof(ret->reason), "%.150s; %s", tee_reason, by_tee[tee].text);
}
