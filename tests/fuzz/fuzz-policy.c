/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text as a policy file, and as one option: a refused text changes nothing, and one that is taken
 * has an explanation for each line.
 */
#include <assert.h>
#include <stdlib.h>

#include "attest/policy-explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int explained(void *userdata, const struct policy_line *l)
{
	assert(l->pins[0] && l->changes[0] && l->name[0] && l->open);
	return 0;
}

static void explain(const struct policies *p, const uint8_t *data, size_t len)
{
	struct policy_summary s;

	assert(policy_explain(data, len, explained, NULL) == 0);
	for (unsigned i = 0; policy_summarize(p, i, /* now= */ 0, &s); i++)
		assert(s.kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct policies p, before, fresh;
	char error[POLICY_ERROR_LEN] = "", *line;

	policies_init(&fresh);
	p = before = fresh;
	if (policies_parse(&p, data, len, error) < 0)
		assert(memcmp(&p, &before, sizeof(p)) == 0 && error[0]);
	else
		explain(&p, data, len);
	for (unsigned k = 0; policy_kinds[k]; k++)
		assert(p.of[k].kind == policy_kinds[k] &&
		       (p.of[k].has_option ||
			memcmp(p.of[k].set, fresh.of[k].set, sizeof(p.of[k].set)) == 0));
	line = malloc(len + 1);
	assert(line);
	if (len > 0)
		memcpy(line, data, len);
	line[len] = '\0';
	p = fresh;
	error[0] = '\0';
	if (policies_set(&p, line, error) < 0)
		assert(memcmp(&p, &before, sizeof(p)) == 0 && error[0]);
	else
		for (unsigned k = 0; policy_kinds[k]; k++)
			assert(p.of[k].has_option);
	free(line);
	return 0;
}
