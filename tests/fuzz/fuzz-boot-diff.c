/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file for boot-time --diff, of any bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot-time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct json_object *o = NULL, *rows;

	if (!text || len > BOOT_DIFF_MAX) {
		free(text);
		return 0;
	}
	memcpy(text, data, len);
	text[len] = '\0';
	if (boot_json_read(text, len, &o) == 0) {
		assert(json_object_object_get_ex(o, "rows", &rows));
		assert(json_object_array_length(rows) <= BOOT_ROWS_MAX);
		json_object_put(o);
	} else {
		assert(!o);
	}
	free(text);
	return 0;
}
