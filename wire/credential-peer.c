/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/credential-peer.h"

#include <errno.h>
#include <string.h>

bool unit_name_is_valid(const char *unit, bool *ret_template)
{
	/* The kinds of units that have LoadCredential=. */
	static const char *const suffixes[] = { ".service", ".socket", ".mount", ".swap" };
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    ":-_.\\";
	const char *dot = strrchr(unit, '.'), *at = strchr(unit, '@');
	bool known = false;

	*ret_template = at && at + 1 == dot;
	if (!dot || dot == unit || at == unit || (at && at > dot))
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		known = known || strcmp(dot, suffixes[i]) == 0;
	for (const char *p = unit; *p; p++)
		if (p != at && !strchr(plain, *p))
			return false;
	return known;
}

bool unit_name_is_for(const char *unit, const char *pattern)
{
	const char *at = strchr(pattern, '@'), *dot = strrchr(unit, '.');
	size_t head;

	if (strcmp(unit, pattern) == 0)
		return true;
	if (!at || at[1] != '.' || !dot)
		return false;
	head = (size_t)(at + 1 - pattern);
	return strncmp(unit, pattern, head) == 0 && dot > unit + head && strcmp(dot, at + 1) == 0;
}

/* As systemd has it: the name of a file and of a file descriptor. */
static bool is_name(const char *name)
{
	return name[0] && !strpbrk(name, "/:") && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int credential_peer_parse(const char *name, size_t len, struct credential_peer *ret)
{
	const char *unit = peer_name_rest(name, len, "/unit/", &len), *slash;
	struct credential_peer p = { "" };
	size_t unit_len, name_len;
	bool template;

	slash = unit ? memchr(unit, '/', len) : NULL;
	if (!slash)
		return -EINVAL;
	unit_len = (size_t)(slash - unit);
	name_len = len - unit_len - 1;
	if (unit_len > CREDENTIAL_UNIT_MAX || name_len > CREDENTIAL_NAME_MAX)
		return -EINVAL;
	memcpy(p.unit, unit, unit_len);
	memcpy(p.name, slash + 1, name_len);
	if (!unit_name_is_valid(p.unit, &template) || template || !is_name(p.name))
		return -EINVAL;
	*ret = p;
	return 0;
}
