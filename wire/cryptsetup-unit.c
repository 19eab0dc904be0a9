/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/cryptsetup-unit.h"

/*
 * The text of @arg, which ends at @end, as systemd takes it: the generator has doubled each '%'.
 * The rest of what systemd has a meaning for is not among what it writes.
 */
static int unquote(char *arg, const char *end)
{
	char *to = arg;

	for (const char *p = arg; p < end; p++) {
		if (*p == '\\' || *p == '"' || *p == '$')
			return -EINVAL;
		if (*p == '%' && (++p == end || *p != '%'))
			return -EINVAL;
		*to++ = *p;
	}
	*to = '\0';
	return 0;
}

/* Take " 'ARG'" from @p.  The terminating NUL is written over a quote or what is before it. */
static int next_arg(char **p, const char **ret)
{
	char *arg, *end;
	int r;

	if (!startswith(*p, " '"))
		return -EINVAL;
	arg = *p + 2;
	end = strchr(arg, '\'');
	if (!end)
		return -EINVAL;
	r = unquote(arg, end);
	if (r < 0)
		return r;
	*p = end + 1;
	*ret = arg;
	return 0;
}

static int read_command(char *command, struct crypttab_line *ret)
{
	static const char verb[] = " attach";
	size_t program = strcspn(command, " ");
	struct crypttab_line line = { 0 };
	const char **const args[] = { &line.volume, &line.device, &line.key, &line.options };
	char *p = command + program;
	int r;

	if (program == 0 || !startswith(p, verb))
		return -EINVAL;
	p += sizeof(verb) - 1;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		r = next_arg(&p, args[i]);
		if (r < 0)
			return r;
	}
	if (*p || !line.volume[0] || !line.device[0])
		return -EINVAL;
	*ret = line;
	return 0;
}

int cryptsetup_unit_read(char *text, struct crypttab_line *ret)
{
	static const char start[] = "ExecStart=";
	char *found = NULL;

	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!startswith(line, start))
			continue;
		if (found)
			return -EEXIST;
		found = line + sizeof(start) - 1;
	}
	return found ? read_command(found, ret) : -ENOENT;
}
