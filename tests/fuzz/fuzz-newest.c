/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A memory that is read is the same, to the byte, as it would be written. */
#include <assert.h>

#include "attest/newest.h"
#include "attest/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct newest n;
	char error[NEWEST_ERROR_LEN] = "";
	struct trust trust;
	char *text = NULL;
	size_t text_len;

	if (newest_parse(data, len, &n, error) < 0) {
		assert(error[0]);
		for (const char *c = error; *c; c++)
			assert(*c >= ' ' && *c <= '~');
		return 0;
	}
	assert(newest_format(&n, &text, &text_len) == 0);
	assert(text_len == len && memcmp(text, data, len) == 0);
	free(text);
	for (unsigned i = 0; i < n.n; i++) {
		assert(newest_find(&n, &n.list[i]) == &n.list[i]);
		assert(!newest_is_older(&n.list[i], &n.list[i]));
		assert(newest_note(&n, &n.list[i]) == 0);
	}
	trust_init(&trust);
	(void) newest_issued(&n, &trust);
	return 0;
}
