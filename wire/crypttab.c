/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/crypttab.h"

#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"

#define BLANKS " \t\r"
#define TAG_MAX 128

static char *next_word(char **p)
{
	char *word;

	*p += strspn(*p, BLANKS);
	word = *p;
	*p += strcspn(*p, BLANKS);
	if (**p)
		*(*p)++ = '\0';
	return word;
}

int crypttab_next(char **text, struct crypttab_line *ret)
{
	while (**text) {
		char *line = *text, *words[5];
		size_t len = strcspn(line, "\n");

		*text += len + (line[len] == '\n');
		line[len] = '\0';
		ret->number++;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			words[i] = next_word(&line);
		if (words[0][0] == '#' || !words[1][0] || words[4][0])
			continue;
		ret->volume = words[0];
		ret->device = words[1];
		ret->key = words[2];
		ret->options = words[3];
		return 1;
	}
	return 0;
}

int crypttab_find(char *text, const char *volume, struct crypttab_line *ret)
{
	struct crypttab_line line = { 0 };
	int r = -ENOENT;

	while (crypttab_next(&text, &line) > 0) {
		if (!streq(line.volume, volume))
			continue;
		if (r != -ENOENT)
			return -EEXIST;
		*ret = line;
		r = 0;
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
