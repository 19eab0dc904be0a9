/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A policy file, and each of its bytes as one option: what is refused changes nothing. */
#include <assert.h>
#include <stdlib.h>

#include "attest/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct policy p, before;
	char error[POLICY_ERROR_LEN] = "", *line;

	policy_init(&p);
	before = p;
	if (policy_parse(&p, data, len, error) < 0)
		assert(memcmp(&p, &before, sizeof(p)) == 0 && error[0]);
	line = malloc(len + 1);
	assert(line);
	if (len > 0)
		memcpy(line, data, len);
	line[len] = '\0';
	policy_init(&p);
	error[0] = '\0';
	if (policy_set(&p, line, error) < 0)
		assert(memcmp(&p, &before, sizeof(p)) == 0 && error[0]);
	else
		assert(policy_is_about(line, ~0u));
	free(line);
	return 0;
}
