/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a firmware image says about the guest's first pages: the walk ends, its results lie
 * inside, and the pages can be counted.
 */
#include <assert.h>

#include "wire/ovmf-metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint64_t pages = 0;
	struct bytes all;

	if (ovmf_sev_sections(data, len, &all) == 0) {
		struct ovmf_sev_section s;

		while (ovmf_sev_next(&all, &s)) {
			assert(s.gpa % OVMF_PAGE_LEN == 0 && s.size > 0 &&
			       s.size % OVMF_PAGE_LEN == 0);
			assert((uint64_t)s.gpa + s.size <= UINT64_C(1) << 32);
			pages += s.size / OVMF_PAGE_LEN;
		}
		assert(pages <= OVMF_PAGES_MAX && all.len == 0);
	}
	pages = 0;
	if (ovmf_tdx_sections(data, len, &all) == 0) {
		struct ovmf_tdx_section s;

		while (ovmf_tdx_next(data, &all, &s)) {
			assert(s.data.p >= data && s.data.len <= len &&
			       (size_t)(s.data.p - data) <= len - s.data.len &&
			       (s.data.len <= s.size || s.type == OVMF_TDX_TD_INFO ||
				s.type == OVMF_TDX_TD_PARAMS));
			assert(s.gpa % OVMF_PAGE_LEN == 0 && s.size % OVMF_PAGE_LEN == 0 &&
			       (s.size == 0 || s.size - 1 <= UINT64_MAX - s.gpa));
			assert(!(s.attributes & OVMF_TDX_AUG) || !(s.attributes & OVMF_TDX_EXTEND));
			if (!(s.attributes & OVMF_TDX_AUG))
				pages += s.size / OVMF_PAGE_LEN;
		}
		assert(pages <= OVMF_PAGES_MAX && all.len == 0);
	}
	return 0;
}
