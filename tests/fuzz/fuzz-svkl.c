/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever the table says: accepted keys are in range, and no two of them share a byte. */
#include <assert.h>

#include "wire/svkl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct svkl_key a, b;
	struct svkl t;

	if (svkl_open(data, len, &t) < 0)
		return 0;
	assert(t.n_keys <= SVKL_KEYS_MAX && SVKL_HEADER_LEN + t.n_keys * SVKL_ENTRY_LEN <= len);
	for (unsigned i = 0; i < t.n_keys; i++) {
		if (svkl_key(&t, i, &a) < 0)
			continue;
		assert(a.address && a.len && a.len <= SVKL_KEY_LEN_MAX &&
		       a.address + (a.len - 1) >= a.address);
		for (unsigned k = 0; k < i; k++)
			if (svkl_key(&t, k, &b) == 0)
				assert(a.address > b.address + (b.len - 1) ||
				       b.address > a.address + (a.len - 1));
	}
	return 0;
}
