/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text as the policy of a secret: it says how often, and evidence is judged by the rest. */
#include <assert.h>
#include <stdlib.h>

#include "attest/policy.h"
#include "broker/core/secret-policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct policies ps;
	struct secret_mode m = { 0 };
	struct cause why = { "" };
	char error[POLICY_ERROR_LEN], *evidence = NULL;

	if (secret_policy_read((const char *)data, len, &m, &evidence, &why) < 0) {
		assert(why.text[0] && !evidence && m.release == 0);
		return 0;
	}
	assert(m.release != 0 && (m.release == RELEASE_ONCE) == (m.per != PER_NONE));
	assert(!m.sev.given || (m.sev.digests.n > 0 && m.per != PER_VM && !m.first_only));
	assert(!m.sev.given || sev_rules_are_whole(&m.sev) ||
	       (m.sev.allow_partial && m.release == RELEASE_APPROVE));
	assert(strlen(evidence) == len && !strstr(evidence, "[Release]\n"));
	policies_init(&ps);
	assert(policies_parse(&ps, evidence, len, error) == 0);
	free(evidence);
	return 0;
}
