/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any command line that a process may show: the result is an absolute path and a name, both
 * within their limits.
 */
#include <assert.h>

#include "agent/keeper/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct volume_request r;

	if (volume_request_parse((const char *)data, len, &r) < 0)
		return 0;
	assert(memchr(r.volume, 0, sizeof(r.volume)));
	assert(memchr(r.device, 0, sizeof(r.device)));
	assert(r.device[0] == '/');
	return 0;
}
