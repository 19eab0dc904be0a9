/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/xl-text.h"

#include <stdio.h>

#include "base/text.h"

#define INFO "xl info"
#define BUILD "xenhypfs cat /buildinfo/config"

/* The length of the line at @s, without its newline. */
static size_t line_len(const char *s)
{
	return strcspn(s, "\n");
}

static const char *next_line(const char *s)
{
	s += line_len(s);
	return *s ? s + 1 : s;
}

static bool is_command(const char *line)
{
	return line[0] == '$' && line[1] == ' ';
}

/* The first line of what @command printed, or NULL. */
static const char *output_of(const char *text, const char *command)
{
	size_t len = strlen(command);

	for (const char *s = text; *s; s = next_line(s))
		if (is_command(s) && line_len(s) == len + 2 && memcmp(s + 2, command, len) == 0)
			return next_line(s);
	return NULL;
}

static enum probe_said say(const char *value, size_t len, char *ret, size_t size)
{
	(void) snprintf(ret, size, "%.*s", (int)MIN(len, size - 1), value);
	return PROBE_SAYS;
}

enum probe_said xl_info(const char *text, const char *name, char *ret, size_t size)
{
	size_t len = strlen(name);
	const char *s = output_of(text, INFO);

	for (; s && *s && !is_command(s); s = next_line(s)) {
		const char *value = s + len, *end = s + line_len(s);

		if (strncmp(s, name, len) != 0)
			continue;
		value += strspn(value, " \t");
		if (*value != ':')
			continue;
		value++;
		value += strspn(value, " \t");
		return say(value, value < end ? (size_t)(end - value) : 0, ret, size);
	}
	return PROBE_SILENT;
}

enum probe_said xl_build(const char *text, const char *option, char *ret, size_t size)
{
	size_t len = strlen(option);
	const char *s = output_of(text, BUILD);
	bool any = false;

	for (; s && *s && !is_command(s); s = next_line(s)) {
		any = any || startswith(s, "CONFIG_");
		if (strncmp(s, option, len) == 0 && s[len] == '=')
			return say(s + len + 1, line_len(s) - len - 1, ret, size);
	}
	return any ? say("n", 1, ret, size) : PROBE_SILENT;
}
