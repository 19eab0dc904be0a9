/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any record of the kernel's log is read within bounds, and sets no bits but ours. */
#include <assert.h>

#include "attest/gather/tee.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tee_witnesses w = { 0 };
	char *line = malloc(len + 1), reason[64];

	assert(line);
	if (len)
		memcpy(line, data, len);
	line[len] = '\0';
	tee_hear_kmsg(&w, line);
	assert(w.kernel_sev <= 7);
	assert(tee_judge(&w, reason, sizeof(reason)) ==
	       (w.kernel_sev || w.kernel_tdx ? TEE_UNKNOWN : TEE_NONE));
	free(line);
	return 0;
}
