/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever the files: they are read and verified to the end.  No chain is good under AMD's roots,
 * because the fuzzer cannot sign; under another root a chain is good only if it is complete.  The
 * first byte chooses where a lone certificate goes.  A second file, which may be the anchor,
 * begins after the two bytes 0xff 0xfe.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "inject/sev/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t *find_second(const uint8_t *data, size_t len)
{
	static const uint8_t mark[] = { 0xff, 0xfe };

	return memmem(data, len, mark, sizeof(mark));
}

static void check_report(const struct chain *c, const struct chain_report *report)
{
	if (report->verdict == CHAIN_GOOD) {
		assert(c->anchor_len > 0 && report->anchored && !report->product);
		for (size_t i = CHAIN_ASK; i < _CHAIN_MAX; i++)
			assert(c->certs[i].len > 0);
		for (size_t i = 0; i < chain_n_checks(); i++)
			assert(report->states[i] == CHAIN_GOOD ||
			       report->states[i] == CHAIN_SKIPPED);
		return;
	}
	assert(report->verdict == CHAIN_UNDECIDED || report->verdict == CHAIN_FAILED ||
	       report->verdict == CHAIN_MALFORMED);
	assert(report->first < chain_n_checks() &&
	       report->states[report->first] == report->verdict);
	for (size_t i = 0; i < report->first; i++)
		assert(report->states[i] != CHAIN_FAILED && report->states[i] != CHAIN_MALFORMED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct chain *c = calloc(1, sizeof(*c));
	struct chain_report report;
	const uint8_t *second;
	size_t first_len;
	int r;

	assert(c);
	if (len > 0) {
		second = find_second(data + 1, len - 1);
		first_len = second ? (size_t)(second - data) - 1 : len - 1;
		r = chain_add(c, data + 1, first_len, (enum chain_cert)(data[0] % (_CHAIN_MAX + 1)),
			      NULL);
		assert(r == 0 || r == -EBADMSG || r == -EEXIST);
		if (second && data[0] & 0x80)
			(void) chain_set_anchor(c, second + 2, len - first_len - 3);
		else if (second)
			(void) chain_add(c, second + 2, len - first_len - 3, _CHAIN_MAX, NULL);
	}
	assert(chain_verify(c, &report) == 0);
	check_report(c, &report);
	free(c);
	return 0;
}
