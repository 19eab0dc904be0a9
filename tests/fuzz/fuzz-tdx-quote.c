/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a quote says about its sizes: its parts lie inside, in order, and all of them can be
 * read.
 */
#include <assert.h>

#include "wire/tdx-quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static volatile unsigned sum;

static void touch(const uint8_t *data, size_t len, const void *part, size_t part_len)
{
	const uint8_t *p = part;

	assert(p >= data && part_len <= len && (size_t)(p - data) <= len - part_len);
	for (size_t i = 0; i < part_len; i++)
		sum += p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *problem = NULL;
	struct tdx_quote q;

	if (tdx_quote_parse(data, len, &q, &problem) < 0) {
		assert(problem);
		return 0;
	}
	touch(data, len, q.header, sizeof(*q.header));
	touch(data, len, q.body, q.body15 ? sizeof(*q.body15) : sizeof(*q.body));
	touch(data, len, q.signed_part.p, q.signed_part.len);
	touch(data, len, q.signature, 64);
	touch(data, len, q.key, 64);
	touch(data, len, q.qe_report, sizeof(*q.qe_report));
	touch(data, len, q.qe_signature, 64);
	touch(data, len, q.qe_auth.p, q.qe_auth.len);
	touch(data, len, q.pck_chain.p, q.pck_chain.len);
	assert(q.pck_chain.p + q.pck_chain.len + q.n_trailing == data + len);
	return 0;
}
