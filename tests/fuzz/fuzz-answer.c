/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever header an answer has, line by line as libcurl hands it on: a value that is kept is
 * text on one line, and what came after the header is not in it.
 */
#include <assert.h>

#include "net/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const char *value)
{
	if (!value)
		return;
	assert(strlen(value) <= ANSWER_HEADER_MAX && !strchr(value, '\n'));
	assert(!*value || (*value != ' ' && value[strlen(value) - 1] != ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct answer_header h = { NULL };
	const char *p = (const char *)data, *end = p + len;
	int r = 0;

	while (p < end && r == 0) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t n = line_end ? (size_t)(line_end + 1 - p) : (size_t)(end - p);
		/* Nothing behind a line may be read. */
		char *line = malloc(n);

		assert(line);
		memcpy(line, p, n);
		r = answer_header_take(&h, line, n);
		assert(r == 0 || r == -EMSGSIZE || r == -EPROTO || r == -ENOMEM);
		free(line);
		p += n;
	}
	assert(h.len <= ANSWER_HEADER_MAX);
	check(h.release);
	check(h.set_cookie);
	answer_header_done(&h);
	assert(!h.release && !h.set_cookie);
	return 0;
}
