/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a host passes as a certificate table: the pieces lie inside, and after the list. */
#include <assert.h>

#include "wire/snp-report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct snp_table t;
	unsigned n;

	if (snp_table_parse(data, len, &t) < 0)
		return 0;
	n = t.n_unknown;
	for (unsigned i = 0; i < _SNP_TABLE_MAX; i++) {
		if (!t.piece[i].p)
			continue;
		n++;
		assert(t.piece[i].len > 0 && t.piece[i].len <= len);
		assert(t.piece[i].p >= data &&
		       (size_t)(t.piece[i].p - data) <= len - t.piece[i].len);
	}
	assert(n <= SNP_TABLE_ENTRIES_MAX && len >= 24 * (n + 1));
	for (unsigned i = 0; i < _SNP_TABLE_MAX; i++)
		assert(!t.piece[i].p || (size_t)(t.piece[i].p - data) >= 24 * (n + 1));
	return 0;
}
