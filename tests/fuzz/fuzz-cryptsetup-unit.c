/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input: a unit.  What is found has a volume and a device, and nothing that systemd expands. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/cryptsetup-unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct crypttab_line line;
	char *text = malloc(len + 1);

	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (cryptsetup_unit_read(text, &line) == 0) {
		const char *const fields[] = { line.volume, line.device, line.key, line.options };

		assert(line.volume[0] && line.device[0]);
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			assert(fields[i] >= text && fields[i] + strlen(fields[i]) <= text + len &&
			       !strpbrk(fields[i], "\\'\"$\n"));
	}
	free(text);
	return 0;
}
