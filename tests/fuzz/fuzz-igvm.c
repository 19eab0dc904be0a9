/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever begins a file: it is told to be an IGVM file or not, and only such a file has
 * platforms; more of the same file has no fewer of them.
 */
#include <assert.h>

#include "wire/igvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned all = igvm_platforms(data, len), half = igvm_platforms(data, len / 2);

	assert(all < 1u << _IGVM_PLATFORM_MAX);
	assert(all == 0 || igvm_is(data, len));
	assert((half & ~all) == 0);
	return 0;
}
