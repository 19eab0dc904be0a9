/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <stdlib.h>

#include "broker/serve/asked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is read is written as the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct asked a;
	uint8_t *text;
	size_t n;

	if (asked_parse(data, len, &a) < 0)
		return 0;
	assert(a.evidence_len <= len);
	assert(asked_format(&a, &text, &n) == 0);
	assert(n == len && memcmp(text, data, len) == 0);
	free(text);
	return 0;
}
