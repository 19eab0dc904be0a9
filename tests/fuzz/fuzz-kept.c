/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an initrd has kept, of any bytes: it is refused, or writing it again gives exactly the
 * same.
 */
#include <assert.h>
#include <stdlib.h>

#include "agent/keeper/kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(kept_freep) struct kept *k = NULL;
	uint8_t *again = NULL;
	size_t again_len = 0;

	if (kept_parse(data, len, &k) < 0) {
		assert(!k);
		return 0;
	}
	assert(k->require < _REQUIRE_MAX && k->result < _ATTEST_RESULT_MAX);
	assert(memchr(k->error, 0, sizeof(k->error)));
	assert(!k->policy == !k->policy_len && !k->trust == !k->trust_len);
	assert(!k->policy || strlen(k->policy) == k->policy_len);
	assert(!k->trust || strlen(k->trust) == k->trust_len);
	if (kept_build(k, &again, &again_len) < 0)
		return 0;
	assert(again_len == len && memcmp(again, data, len) == 0);
	free(again);
	return 0;
}
