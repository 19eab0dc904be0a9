/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever the runtime data is: the result is one key of a possible length, or none, and borrowed
 * bytes lie inside.
 */
#include <assert.h>

#include "attest/azure/azure-runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *problem = NULL;
	struct azure_runtime rt;
	int flag;

	if (azure_runtime_read((struct bytes){ data, len }, &rt, &problem) < 0) {
		assert(problem);
		return 0;
	}
	assert(rt.ak_n_len > 0 && rt.ak_n_len <= AZURE_MODULUS_MAX);
	assert(rt.configuration.len == 0 ||
	       (rt.configuration.p >= data &&
		rt.configuration.p + rt.configuration.len <= data + len));
	flag = azure_runtime_flag(&rt, "secure-boot");
	assert(flag == 0 || flag == 1 || flag == -ENOENT || flag == -EBADMSG);
	return 0;
}
