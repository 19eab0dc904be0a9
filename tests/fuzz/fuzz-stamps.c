/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of stamps, of any bytes. */
#include <assert.h>

#include "agent/keeper/stamps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct msg_stamp list[STAMPS_MAX];
	uint32_t dropped;
	int n = stamps_parse(data, len, 1000000, list, &dropped);

	assert(n <= STAMPS_MAX);
	for (int i = 0; i < n; i++) {
		assert(stamp_name(list[i].what) && list[i].usec <= 1000000);
		assert(memchr(list[i].secret, 0, sizeof(list[i].secret)));
		assert(memchr(list[i].consumer, 0, sizeof(list[i].consumer)));
	}
	return 0;
}
