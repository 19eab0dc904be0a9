/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a firmware image ends with: the walk ends, its results lie inside, and an area that it
 * gives is valid.
 */
#include <assert.h>

#include "wire/ovmf-table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct guid *const guids[] = { &ovmf_secret_area_guid, &ovmf_hash_area_guid,
						    &ovmf_es_reset_guid };
	struct ovmf_area area;
	struct bytes found;

	for (size_t i = 0; i < sizeof(guids) / sizeof(guids[0]); i++)
		if (ovmf_table_find(data, len, guids[i], &found) == 0)
			assert(found.p >= data && found.len <= len &&
			       (size_t)(found.p - data) <= len - found.len - 50);
	if (ovmf_secret_area(data, len, &area) == 0)
		assert(area.base > 0 && area.size > 0 &&
		       (uint64_t)area.base + area.size <= UINT64_C(1) << 32);
	return 0;
}
