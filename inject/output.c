/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/output.h"

#include <stdio.h>

#include "base/io.h"

#define HEX_MAX 64

enum status output_file(const struct args *a, const char *path, const void *data, size_t len)
{
	int r;

	r = write_file_atomic(path, data, len, 0600, /* exclusive= */ !a->value[ARG_FORCE]);
	if (r == -EEXIST)
		return give_up(STATUS_IO, "'%s' exists and is left as it is; --force replaces it", path);
	if (r < 0) {
		log_error_errno(r, "Failed to write '%s': %m", path);
		return STATUS_IO;
	}
	return STATUS_GOOD;
}

enum status output_json(struct json_object *o)
{
	const char *text = o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;

	if (!text) {
		log_oom();
		return STATUS_IO;
	}
	printf("%s\n", text);
	return STATUS_GOOD;
}

void output_hex(const uint8_t *data, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[data[i] >> 4];
		ret[2 * i + 1] = digits[data[i] & 15];
	}
	ret[2 * len] = '\0';
}

int output_add_hex(struct json_object *o, const char *key, const uint8_t *data, size_t len)
{
	char hex[2 * HEX_MAX + 1];

	assert(len <= HEX_MAX);
	output_hex(data, len, hex);
	return json_object_object_add(o, key, json_object_new_string(hex));
}
