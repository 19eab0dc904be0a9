/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a file begins with: it is recognised as an IGVM file or not, and only such a file has
 * platforms.  A longer part of the same file has at least as many platforms.
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
