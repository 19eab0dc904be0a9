/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever an SGX extension is: it is read or refused, and when refused the result is unchanged. */
#include <assert.h>
#include <string.h>

#include "attest/tdx/pck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pck pck, before;

	memset(&pck, 0x5a, sizeof(pck));
	before = pck;
	if (pck_parse((struct bytes){ data, len }, &pck) < 0)
		assert(memcmp(&pck, &before, sizeof(pck)) == 0);
	return 0;
}
