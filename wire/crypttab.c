/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/crypttab.h"

#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"

#define BLANKS " \t\r"
#define TAG_MAX 128

/* The next field of a line, which ends at a newline or NUL. */
static const char *next_field(const char **at, size_t *ret_len)
{
	const char *field = *at + strspn(*at, BLANKS);

	*ret_len = strcspn(field, BLANKS "\n");
	*at = field + *ret_len;
	return field;
}

static int copy_field(const char **line, char *ret, size_t size)
{
	size_t len;
	const char *field = next_field(line, &len);

	if (len >= size)
		return -EINVAL;
	memcpy(ret, field, len);
	ret[len] = '\0';
	return 0;
}

static int read_line(const char *rest, struct crypttab_line *ret)
{
	size_t len;

	if (copy_field(&rest, ret->device, sizeof(ret->device)) < 0 || !ret->device[0])
		return -EINVAL;
	(void) next_field(&rest, &len);
	return copy_field(&rest, ret->options, sizeof(ret->options));
}

int crypttab_find(const char *text, const char *volume, struct crypttab_line *ret)
{
	int r = -ENOENT;

	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		size_t len;
		const char *rest = line, *name = next_field(&rest, &len);

		end = rest + strcspn(rest, "\n");
		if (len == 0 || *name == '#' || len != strlen(volume) ||
		    memcmp(name, volume, len) != 0)
			continue;
		if (r != -ENOENT)
			return -EEXIST;
		r = read_line(rest, ret);
	}
	return r;
}

int crypttab_option(const char *options, const char *name, char *ret, size_t size)
{
	size_t name_len = strlen(name), len;
	int r = -ENOENT;

	for (const char *o = options; *o; o += len + (o[len] == ',')) {
		len = strcspn(o, ",");
		if (len <= name_len || memcmp(o, name, name_len) != 0 || o[name_len] != '=')
			continue;
		if (r != -ENOENT)
			return -EEXIST;
		if (len - name_len - 1 >= size)
			return -EINVAL;
		memcpy(ret, o + name_len + 1, len - name_len - 1);
		ret[len - name_len - 1] = '\0';
		r = 0;
	}
	return r;
}

int crypttab_device(const char *field, char *ret, size_t size)
{
	static const struct {
		const char *tag, *folder;
	} tags[] = {
		{ "UUID=", "uuid" },
		{ "PARTUUID=", "partuuid" },
		{ "LABEL=", "label" },
		{ "PARTLABEL=", "partlabel" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		const char *value = startswith(field, tags[i].tag);
		int n;

		if (!value)
			continue;
		if (!name_is_valid(value, TAG_MAX))
			return -EINVAL;
		n = snprintf(ret, size, "/dev/disk/by-%s/%s", tags[i].folder, value);
		return n < 0 || (size_t)n >= size ? -EINVAL : 0;
	}
	if (*field != '/' || strlen(field) >= size)
		return -EINVAL;
	memcpy(ret, field, strlen(field) + 1);
	return 0;
}
