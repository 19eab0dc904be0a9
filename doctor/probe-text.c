/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/probe-text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"

#define LINE_MAX_LEN 512
#define FIELDS_MAX 8

/*
 * The next line of @p, without blanks at its ends, in @line.  Returns false at the end.  A line
 * that is too long is none of ours, and becomes "?".
 */
static bool next_line(const char **p, char line[static LINE_MAX_LEN])
{
	const char *s = *p, *end = strchrnul(s, '\n');

	if (!*s)
		return false;
	*p = *end ? end + 1 : end;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	if (end - s >= LINE_MAX_LEN) {
		strcpy(line, "?");
		return true;
	}
	memcpy(line, s, (size_t)(end - s));
	line[end - s] = '\0';
	return true;
}

static bool is_comment(const char *line)
{
	return !*line || *line == '#';
}

/* Cut @line at blanks.  Returns the number of fields, or 0 when there are too many. */
static unsigned split(char *line, char *fields[static FIELDS_MAX])
{
	unsigned n = 0;

	for (char *save = NULL, *f = strtok_r(line, " \t", &save); f;
	     f = strtok_r(NULL, " \t", &save)) {
		if (n == FIELDS_MAX)
			return 0;
		fields[n++] = f;
	}
	return n;
}

/* "NAME=0x..." of CPUID's lines. */
static bool read_register(const char *field, const char *name, uint32_t *ret)
{
	const char *value = startswith(field, name);

	return value && parse_u32(value, ret) == 0;
}

static bool read_cpuid_line(char *line, uint32_t *leaf, uint32_t *subleaf, struct cpuid_regs *regs)
{
	char *f[FIELDS_MAX];
	size_t n;

	if (split(line, f) != 6)
		return false;
	n = strlen(f[1]);
	if (n < 2 || f[1][n - 1] != ':')
		return false;
	f[1][n - 1] = '\0';
	return parse_u32(f[0], leaf) == 0 && parse_u32(f[1], subleaf) == 0 &&
	       read_register(f[2], "eax=", &regs->eax) && read_register(f[3], "ebx=", &regs->ebx) &&
	       read_register(f[4], "ecx=", &regs->ecx) && read_register(f[5], "edx=", &regs->edx);
}

enum probe_said probe_cpuid(const char *text, uint32_t leaf, uint32_t subleaf,
			    struct cpuid_regs *ret)
{
	enum probe_said otherwise = PROBE_SILENT;
	uint32_t found_leaf, found_subleaf;
	struct cpuid_regs regs;
	char line[LINE_MAX_LEN];

	while (next_line(&text, line)) {
		if (is_comment(line) || startswith(line, "CPU"))
			continue;
		if (!read_cpuid_line(line, &found_leaf, &found_subleaf, &regs)) {
			otherwise = PROBE_MALFORMED;
		} else if (found_leaf == leaf && found_subleaf == subleaf) {
			*ret = regs;
			return PROBE_SAYS;
		}
	}
	return otherwise;
}

/* The last three words of @line; the rest is a path, and may have blanks. */
static bool read_rights(char *line, struct file_rights *ret)
{
	uint32_t *const numbers[] = { &ret->gid, &ret->uid };
	char *word, *end;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		word = strrchr(line, ' ');
		if (!word || parse_u32(word + 1, numbers[i]) < 0)
			return false;
		*word = '\0';
	}
	word = strrchr(line, ' ');
	if (!word || !word[1] || strspn(word + 1, "01234567") != strlen(word + 1) ||
	    strlen(word + 1) > 7)
		return false;
	ret->mode = (uint32_t)strtoul(word + 1, &end, 8);
	*word = '\0';
	return true;
}

enum probe_said probe_rights(const char *text, const char *path, struct file_rights *ret)
{
	enum probe_said otherwise = PROBE_SILENT;
	struct file_rights found;
	char line[LINE_MAX_LEN];

	while (next_line(&text, line)) {
		if (is_comment(line))
			continue;
		if (!read_rights(line, &found)) {
			otherwise = PROBE_MALFORMED;
		} else if (streq(line, path)) {
			*ret = found;
			return PROBE_SAYS;
		}
	}
	return otherwise;
}

enum probe_said probe_token(const char *text, const char *type, const char *path, bool *ret)
{
	enum probe_said otherwise = PROBE_SILENT;
	char line[LINE_MAX_LEN];

	while (next_line(&text, line)) {
		char *answer, *name;

		if (is_comment(line))
			continue;
		answer = strchr(line, ' ');
		name = answer ? strchr(answer + 1, ' ') : NULL;
		if (!name) {
			otherwise = PROBE_MALFORMED;
			continue;
		}
		*answer++ = *name++ = '\0';
		if (!streq(line, type) || !streq(name, path))
			continue;
		*ret = streq(answer, "yes");
		return *ret || streq(answer, "no") ? PROBE_SAYS : PROBE_MALFORMED;
	}
	return otherwise;
}

enum probe_said probe_msr(const char *text, uint32_t index, uint64_t *ret)
{
	enum probe_said otherwise = PROBE_SILENT;
	char line[LINE_MAX_LEN], *f[FIELDS_MAX];
	uint32_t cpu, found;

	while (next_line(&text, line)) {
		if (is_comment(line))
			continue;
		if (split(line, f) != 3 || parse_u32(f[0], &cpu) < 0 ||
		    parse_u32(f[1], &found) < 0) {
			otherwise = PROBE_MALFORMED;
			continue;
		}
		if (cpu != 0 || found != index)
			continue;
		if (streq(f[2], "EIO"))
			return PROBE_FAILED;
		if (streq(f[2], "EACCES"))
			return PROBE_DENIED;
		return parse_u64(f[2], ret) == 0 ? PROBE_SAYS : PROBE_MALFORMED;
	}
	return otherwise;
}

/* A number of at most 32 bits, which may have a sign; a sign alone is none. */
static bool read_answer(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	uint32_t value;

	if (streq(s, "-")) {
		*ret = -1;
		return true;
	}
	if (parse_u32(s + negative, &value) < 0)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

enum probe_said probe_kvm_cap(const char *text, unsigned cap, bool vm, int64_t *ret)
{
	enum probe_said otherwise = PROBE_SILENT;
	char line[LINE_MAX_LEN], *f[FIELDS_MAX];
	int64_t answers[2];
	uint32_t found;

	while (next_line(&text, line)) {
		if (is_comment(line) || startswith(line, "probe "))
			continue;
		if (split(line, f) != 3 || parse_u32(f[0], &found) < 0 ||
		    !read_answer(f[1], &answers[0]) || !read_answer(f[2], &answers[1])) {
			otherwise = PROBE_MALFORMED;
			continue;
		}
		if (found != cap)
			continue;
		if (answers[vm] < 0)
			return PROBE_FAILED;
		*ret = answers[vm];
		return PROBE_SAYS;
	}
	return otherwise;
}

enum probe_said probe_kvm_value(const char *text, const char *name, char *ret, size_t size)
{
	char line[LINE_MAX_LEN];

	while (next_line(&text, line)) {
		const char *rest = startswith(line, "probe ");
		const char *value = rest ? startswith(rest, name) : NULL;

		if (value && *value == '=') {
			snprintf(ret, size, "%s", value + 1);
			return PROBE_SAYS;
		}
	}
	return PROBE_SILENT;
}

/*
 * Behind "<6>" and "[    1.234567] ", where there are such.  Returns NULL for a line of another
 * facility than the kernel's, which any process can write.
 */
static const char *behind_stamp(const char *s, const char *end)
{
	const char *p = s;

	if (p < end && *p == '<') {
		p = memchr(p, '>', (size_t)(end - p));
		if (p && p != s + 2)
			return NULL;
		s = p = p ? p + 1 : s;
	}
	if (p < end && *p == '[') {
		p = memchr(p, ']', (size_t)(end - p));
		s = p ? p + 1 : s;
	}
	while (s < end && *s == ' ')
		s++;
	return s;
}

static void copy_line(const char *s, size_t len, char *ret, size_t size)
{
	len = MIN(len, size - 1);
	for (size_t i = 0; i < len; i++)
		ret[i] = s[i] ? s[i] : '?';
	ret[len] = '\0';
}

size_t probe_kmsg(const char *text, size_t len, size_t from, const char *needle, char *ret,
		  size_t size)
{
	const char *end = text + len;

	while (from < len) {
		const char *line = text + from;
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		stop = stop ? stop : end;
		from = (size_t)(stop - text) + 1;
		line = behind_stamp(line, stop);
		/* What is cut off cannot be found: whoever looks at @ret finds @needle in it. */
		if (line && memmem(line, MIN((size_t)(stop - line), size - 1), needle,
				   strlen(needle))) {
			copy_line(line, (size_t)(stop - line), ret, size);
			return from;
		}
	}
	return 0;
}
