/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text as a policy file, and as one option: a refused text changes nothing. */
#include <assert.h>
#include <stdlib.h>

#include "attest/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct policies p, before, fresh;
	char error[POLICY_ERROR_LEN] = "", *line;

	policies_init(&fresh);
	p = before = fresh;
	if (policies_parse(&p, data, len, error) < 0)
		assert(memcmp(&p, &before, sizeof(p)) == 0 && error[0]);
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
