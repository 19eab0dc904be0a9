/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ini.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/blank.h"
#include "base/text.h"

static int complain(struct ini_error *e, int r, unsigned line, const char *format, ...)
	_printf_(4, 5);
static int complain(struct ini_error *e, int r, unsigned line, const char *format, ...)
{
	va_list ap;

	e->line = line;
	va_start(ap, format);
	(void) vsnprintf(e->text, sizeof(e->text), format, ap);
	va_end(ap);
	return r;
}

/* ---- one line ---- */

struct span {
	const char *p;
	size_t len;
};

static struct span trim(struct span s)
{
	while (s.len > 0 && is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_letter(s.p[i]) &&
		    (i == 0 || !s.p[i] || !strchr("0123456789_-.", s.p[i])))
			return false;
	return s.len > 0;
}

static bool is_comment(struct span s)
{
	return s.len == 0 || s.p[0] == '#' || s.p[0] == ';';
}

/* The text between double quotes, if it reads the same with and without them. */
static struct span unquote(struct span s)
{
	struct span in = { s.p + 1, s.len - 2 };

	if (s.len < 2 || s.p[0] != '"' || s.p[s.len - 1] != '"' || memchr(in.p, '"', in.len) ||
	    trim(in).len != in.len)
		return s;
	return in;
}

/* Split the trimmed line @s, "[Section]" or "Name=value"; false when it is neither. */
static bool split(struct span s, struct span *ret_section, struct span *ret_name,
		  struct span *ret_value)
{
	const char *eq;

	*ret_section = *ret_name = *ret_value = (struct span){ NULL, 0 };
	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']') {
		*ret_section = (struct span){ s.p + 1, s.len - 2 };
		return is_name(*ret_section);
	}
	eq = memchr(s.p, '=', s.len);
	if (!eq)
		return false;
	*ret_name = trim((struct span){ s.p, (size_t)(eq - s.p) });
	*ret_value = unquote(trim((struct span){ eq + 1, s.len - (size_t)(eq + 1 - s.p) }));
	return is_name(*ret_name);
}

/* ---- the cursor ---- */

void ini_init(struct ini *ini, const void *text, size_t len)
{
	*ini = (struct ini){ .p = text, .len = len };
}

static bool next_line(struct ini *ini, struct span *ret)
{
	const char *end;

	if (ini->len == 0)
		return false;
	end = memchr(ini->p, '\n', ini->len);
	*ret = (struct span){ ini->p, end ? (size_t)(end - ini->p) : ini->len };
	ini->p += ret->len + (end ? 1 : 0);
	ini->len -= ret->len + (end ? 1 : 0);
	ini->line++;
	return true;
}

/* Take the item in the trimmed line @s.  False when the line has no item. */
static bool take_line(struct ini *ini, struct span s, struct ini_item *ret)
{
	struct span section, name, value;

	if (!split(s, &section, &name, &value))
		return false;
	if (section.p) {
		ini->section = section.p;
		ini->section_len = section.len;
	}
	*ret = (struct ini_item){
		.line = ini->line,
		.section = ini->section,
		.section_len = ini->section_len,
		.name = name.p,
		.name_len = name.len,
		.value = value.p,
		.value_len = value.len,
	};
	return true;
}

int ini_next(struct ini *ini, struct ini_item *ret)
{
	struct span s;

	while (next_line(ini, &s)) {
		s = trim(s);
		if (is_comment(s))
			continue;
		if (take_line(ini, s, ret))
			return 1;
	}
	return 0;
}

bool ini_is(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && (len == 0 || memcmp(text, word, len) == 0);
}

size_t ini_plain(char *text, size_t len)
{
	struct ini ini;
	size_t n = 0;
	struct span s;

	ini_init(&ini, text, len);
	while (next_line(&ini, &s)) {
		bool ended = s.p + s.len < text + len;
		struct span section, name, value;

		s = trim(s);
		if (!is_comment(s) && split(s, &section, &name, &value)) {
			/* The output never gets ahead of the input. */
			if (section.p) {
				memmove(text + n, s.p, s.len);
				n += s.len;
			} else {
				memmove(text + n, name.p, name.len);
				n += name.len;
				text[n++] = '=';
				memmove(text + n, value.p, value.len);
				n += value.len;
			}
		}
		if (ended)
			text[n++] = '\n';
	}
	return n;
}

/* ---- the check ---- */

static int check_characters(struct span s, unsigned line, struct ini_error *e)
{
	size_t n;

	for (; s.len > 0; s.p += n, s.len -= n) {
		uint32_t c;

		n = utf8_next(s.p, s.len, &c);
		if (n == 0)
			return complain(e, -EBADMSG, line, "the byte 0x%02x is not UTF-8 text",
					(uint8_t)s.p[0]);
		if (c == '\r')
			return complain(e, -EBADMSG, line,
					"it has a carriage return; lines end with a newline alone");
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return complain(e, -EBADMSG, line, "it has the control character 0x%02x",
					(unsigned)c);
		if (character_is_hidden(c) && c != '\t')
			return complain(e, -EBADMSG, line, "it has the invisible character U+%04X",
					(unsigned)c);
	}
	return 0;
}

static int check_value(struct span v, unsigned line, struct ini_error *e)
{
	if (v.len == 0)
		return 0;
	if (v.p[0] == '"' || v.p[0] == '\'')
		return complain(e, -EBADMSG, line,
				"the value begins with a quote; only \"text\" without blanks at "
				"its ends may be in quotes");
	if (v.p[v.len - 1] == '\\')
		return complain(e, -EBADMSG, line,
				"it ends with a backslash; a value does "
				"not go on in the next line");
	for (size_t i = 0; i < v.len; i++)
		if ((v.p[i] == '#' || v.p[i] == ';') && (i == 0 || is_blank(v.p[i - 1])))
			return complain(e, -EBADMSG, line,
					"a comment stands behind a value; "
					"give it a line of its own");
	return 0;
}

/*
 * A section or an option that was there before, as small as it can be: a program that starts
 * touches all of the memory that is on the stack.
 */
struct seen {
	uint32_t at;		/* in the text */
	uint16_t len;
	uint16_t section;	/* the item that the option's section begins with, or IS_SECTION */
};

#define IS_SECTION UINT16_MAX
static_assert(INI_ITEMS_MAX <= IS_SECTION && INI_LINE_MAX <= UINT16_MAX, "they have room");

struct check {
	const char *text;
	struct ini ini;
	struct seen seen[INI_ITEMS_MAX];
	uint16_t n;
	uint16_t section;	/* the item that the section begins with */
	struct ini_error *error;
};

static unsigned line_of(const struct check *c, uint32_t at)
{
	unsigned line = 1;

	for (uint32_t i = 0; i < at; i++)
		line += c->text[i] == '\n';
	return line;
}

/* Note @item, and refuse it when it was there before. */
static int note(struct check *c, const struct ini_item *item)
{
	const char *p = item->name ?: item->section;
	const struct seen new = {
		.at = (uint32_t)(p - c->text),
		.len = (uint16_t)(item->name ? item->name_len : item->section_len),
		.section = item->name ? c->section : IS_SECTION,
	};

	for (const struct seen *old = c->seen; old < c->seen + c->n; old++)
		if (old->section == new.section && old->len == new.len &&
		    memcmp(c->text + old->at, p, new.len) == 0)
			return complain(c->error, -EBADMSG, item->line,
					item->name ?
						"the option '%.*s' is given twice, "
						"first in line %u" :
						"the section [%.*s] is there twice, "
						"first in line %u",
					(int)MIN(new.len, 60u), p, line_of(c, old->at));
	if (!item->name)
		c->section = c->n;
	c->seen[c->n++] = new;
	return 0;
}

static int check_line(struct check *c, struct span s)
{
	unsigned line = c->ini.line;
	struct ini_item item;
	int r;

	if (s.len > INI_LINE_MAX)
		return complain(c->error, -EMSGSIZE, line,
				"it has %zu bytes; a line has at most %d", s.len, INI_LINE_MAX);
	r = check_characters(s, line, c->error);
	s = trim(s);
	if (r < 0 || is_comment(s))
		return r;
	if (c->n == INI_ITEMS_MAX)
		return complain(c->error, -EMSGSIZE, line,
				"there are more than %d sections and options", INI_ITEMS_MAX);
	if (!take_line(&c->ini, s, &item))
		return complain(c->error, -EBADMSG, line,
				"it is neither Name=value nor [Section] nor a comment");
	if (!item.section)
		return complain(c->error, -EBADMSG, line,
				"the option '%.*s' stands before any section",
				(int)MIN(item.name_len, 60u), item.name);
	r = check_value((struct span){ item.value, item.value_len }, line, c->error);
	return r < 0 ? r : note(c, &item);
}

int ini_check(const void *text, size_t len, struct ini_error *ret_error)
{
	struct check c = { .text = text, .error = ret_error };
	struct span s;

	if (len > UINT32_MAX)
		return complain(ret_error, -EMSGSIZE, 0, "it has more than 4 GiB");
	ini_init(&c.ini, text, len);
	while (next_line(&c.ini, &s)) {
		int r = check_line(&c, s);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool begins_section(const char *line, const char *name)
{
	const char *rest = line[0] == '[' ? startswith(line + 1, name) : NULL;

	return rest && rest[0] == ']';
}

void ini_blank_sections(char *text, const char *const *names)
{
	bool inside = false;

	for (char *line = text; *line;) {
		size_t n = strcspn(line, "\n"), blank = strspn(line, " \t");

		/* Only the beginning of a section begins with a bracket. */
		if (line[blank] == '[') {
			inside = false;
			for (const char *const *name = names; *name; name++)
				inside = inside || begins_section(line + blank, *name);
		}
		if (inside)
			memset(line, ' ', n);
		line += n + (line[n] == '\n');
	}
}
