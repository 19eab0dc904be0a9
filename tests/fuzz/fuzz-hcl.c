/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever an HCL report says about its sizes: the two parts lie inside, one after the other. */
#include <assert.h>

#include "wire/hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *problem = NULL;
	struct hcl_report h;

	if (hcl_parse(data, len, &h, &problem) < 0) {
		assert(problem);
		return 0;
	}
	assert(h.hw_report.p == data + 0x20 && h.hw_report.len == HCL_HW_REPORT_LEN);
	assert(h.runtime_json.p == data + 0x4d4 && h.runtime_json.len <= len - 0x4d4);
	return 0;
}
