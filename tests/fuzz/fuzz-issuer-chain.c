/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a server sends as the header with a chain, or as a list in hexadecimal digits: the
 * result is not longer, is printable, and can be read.
 */
#include <assert.h>

#include "attest/needs.h"
#include "attest/tdx/tdx-needs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *header = strndup((const char *)data, len), *chain;
	uint8_t *copy = malloc(len + 1);
	const struct needs n_intel = { .vendor = &need_intel };
	struct need_finding f;
	size_t n = len;

	if (!header || !copy)
		abort();
	memcpy(copy, data, len);
	need_unhex(copy, &n);
	assert(n == len || (n <= len / 2 && n > 0));
	chain = malloc(strlen(header) + 1);
	if (chain && need_decode_chain(header, chain) == 0) {
		assert(strlen(chain) <= strlen(header) && strlen(chain) > 0);
		for (const char *p = chain; *p; p++)
			assert(*p == '\n' || *p == '\r' || (*p >= ' ' && *p <= '~'));
		if (need_check_chain(&n_intel,
				     (struct bytes){ (const uint8_t *)chain, strlen(chain) }, 0,
				     &f) < 0)
			assert(f.problem[0]);
	}
	free(chain);
	free(copy);
	free(header);
	return 0;
}
