/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input: a crypttab.  What is found of the volume "data" is in the text, and a device is a path. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/crypttab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct crypttab_line line;
	char value[512], path[512];
	char *text = malloc(len + 1);

	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (crypttab_find(text, "data", &line) == 0) {
		assert(line.device[0] && !strpbrk(line.device, " \t\r\n"));
		assert(!strpbrk(line.options, " \t\r\n"));
		if (crypttab_option(line.options, "header", value, sizeof(value)) == 0)
			assert(strstr(line.options, value) && !strchr(value, ','));
		if (crypttab_device(line.device, path, sizeof(path)) == 0)
			assert(path[0] == '/');
	}
	free(text);
	return 0;
}
