/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a log says: each event takes bytes, so that the walk ends, and its pointers lie
 * inside.
 */
#include <assert.h>

#include "wire/tcg-log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static volatile unsigned sum;

static void touch(const uint8_t *data, size_t len, const uint8_t *p, size_t part_len)
{
	assert(p >= data && part_len <= len && (size_t)(p - data) <= len - part_len);
	for (size_t i = 0; i < part_len; i++)
		sum += p[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tcg_event event;
	struct tcg_log log;
	size_t left;

	if (tcg_log_open(data, len, &log) < 0)
		return 0;
	assert(log.n_algs > 0 && log.n_algs <= TCG_LOG_ALGS);
	left = log.rest.len;
	while (tcg_log_next(&log, &event) > 0) {
		assert(log.rest.len + 16 < left);
		left = log.rest.len;
		touch(data, len, event.data.p, event.data.len);
		for (unsigned i = 0; i < log.n_algs; i++) {
			const uint8_t *digest = tcg_event_digest(&log, &event, log.algs[i].id);

			if (digest)
				touch(data, len, digest, log.algs[i].len);
		}
		(void) tcg_event_type(event.type);
	}
	return 0;
}
