/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/unit-cgroup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "wire/credential-peer.h"

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : NULL;
}

/* The path in the first line that is "NUMBER:@controllers:PATH", or NULL. */
static const char *find_path(const char *text, const char *controllers)
{
	size_t len = strlen(controllers);

	for (const char *line = text; line; line = next_line(line)) {
		const char *c = line + strspn(line, "0123456789");

		if (c > line && c[0] == ':' && strncmp(c + 1, controllers, len) == 0 &&
		    c[len + 1] == ':' && c[len + 2] == '/')
			return c + len + 2;
	}
	return NULL;
}

static bool is_slice(const char *name, size_t len)
{
	static const char suffix[] = ".slice";
	size_t suffix_len = sizeof(suffix) - 1;

	return len > suffix_len && memcmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

int unit_of_cgroup(const char *text, char ret[static UNIT_NAME_MAX + 1])
{
	const char *part = find_path(text, "");
	char name[UNIT_NAME_MAX + 1];
	bool template;
	size_t len;

	if (!part)
		part = find_path(text, "name=systemd");
	if (!part)
		return -ENXIO;
	part++;
	while ((len = strcspn(part, "/\n")), is_slice(part, len) && part[len] == '/')
		part += len + 1;
	if (len > 0 && part[0] == '_') {
		part++;
		len--;
	}
	if (len == 0 || len > UNIT_NAME_MAX)
		return -ENXIO;
	memcpy(name, part, len);
	name[len] = '\0';
	if (!unit_name_is_valid(name, &template) || template)
		return -ENXIO;
	memcpy(ret, name, len + 1);
	return 0;
}
