/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/toml.h"

#include "base/hex.h"
#include "base/text.h"

/* The quotes that may stand before the three that end a long string, and belong to it. */
#define QUOTES_INSIDE 2

struct reader {
	const char *p, *end;
	unsigned line;
	char *out;		/* where the next text goes: no text is longer than its source */
	const char *table;
	struct toml *toml;
	struct cause *why;
};

void toml_done(struct toml *t)
{
	free(t->store);
	t->store = NULL;
	t->n_items = 0;
}

const char *toml_find(const struct toml *t, const char *table, const char *key)
{
	for (size_t i = 0; i < t->n_items; i++)
		if (t->items[i].key && streq(t->items[i].table, table) &&
		    streq(t->items[i].key, key))
			return t->items[i].value;
	return NULL;
}

bool toml_has_table(const struct toml *t, const char *table)
{
	for (size_t i = 0; i < t->n_items; i++)
		if (!t->items[i].key && streq(t->items[i].table, table))
			return true;
	return false;
}

static int refuse(const struct reader *r, const char *reason)
{
	return cause_set(r->why, -EBADMSG, "line %u: %s", r->line, reason);
}

/* ---- characters ---- */

/* After this, characters need no more checks.  Newlines count the lines. */
static int check_characters(struct reader *r)
{
	uint32_t c;
	size_t n;

	for (const char *p = r->p; p < r->end; p += n) {
		n = utf8_next(p, (size_t)(r->end - p), &c);
		if (n == 0)
			return refuse(r, "bytes that are not UTF-8");
		if (c == '\r' && (r->end - p < 2 || p[1] != '\n'))
			return refuse(r, "a carriage return without a newline");
		if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return refuse(r, "a control character");
		if (c == '\n')
			r->line++;
	}
	r->line = 1;
	return 0;
}

static bool is_next(const struct reader *r, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(r->end - r->p) >= n && memcmp(r->p, word, n) == 0;
}

static bool skip(struct reader *r, const char *word)
{
	if (!is_next(r, word))
		return false;
	r->p += strlen(word);
	return true;
}

static void skip_blanks(struct reader *r)
{
	while (skip(r, " ") || skip(r, "\t"))
		;
}

static bool skip_newline(struct reader *r)
{
	if (!skip(r, "\n") && !skip(r, "\r\n"))
		return false;
	r->line++;
	return true;
}

static void skip_comment(struct reader *r)
{
	if (is_next(r, "#"))
		while (r->p < r->end && !is_next(r, "\n") && !is_next(r, "\r\n"))
			r->p++;
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static void put_utf8(struct reader *r, uint32_t c)
{
	if (c < 0x80)
		*r->out++ = (char)c;
	else if (c < 0x800) {
		*r->out++ = (char)(0xc0 | c >> 6);
		*r->out++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*r->out++ = (char)(0xe0 | c >> 12);
		*r->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (c & 0x3f));
	} else {
		*r->out++ = (char)(0xf0 | c >> 18);
		*r->out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*r->out++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->out++ = (char)(0x80 | (c & 0x3f));
	}
}

/* ---- strings ---- */

static int read_code(struct reader *r, unsigned digits)
{
	uint32_t c = 0;

	for (unsigned i = 0; i < digits; i++) {
		int digit = r->p < r->end ? hex_value(*r->p) : -1;

		if (digit < 0)
			return refuse(r, "an escape with too few hexadecimal digits");
		c = c << 4 | (uint32_t)digit;
		r->p++;
	}
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return refuse(r, "an escape that is no character, or NUL");
	put_utf8(r, c);
	return 0;
}

/* What follows a backslash. */
static int read_escape(struct reader *r)
{
	static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	const char *letter;

	if (skip(r, "u"))
		return read_code(r, 4);
	if (skip(r, "U"))
		return read_code(r, 8);
	letter = r->p < r->end && *r->p ? strchr(letters, *r->p) : NULL;
	if (!letter)
		return refuse(r, "an unknown escape");
	r->p++;
	*r->out++ = values[letter - letters];
	return 0;
}

/* A string on one line, behind its first quote. */
static int read_short(struct reader *r, char quote)
{
	int e;

	while (r->p < r->end && !is_next(r, "\n") && !is_next(r, "\r\n")) {
		char c = *r->p++;

		if (c == quote) {
			*r->out++ = '\0';
			return 0;
		}
		if (c == '\\' && quote == '"') {
			e = read_escape(r);
			if (e < 0)
				return e;
		} else
			*r->out++ = c;
	}
	return refuse(r, "a string without an end");
}

/* A backslash at the end of a line: all blanks and newlines up to the next text are left out. */
static bool skip_folded(struct reader *r)
{
	const struct reader before = *r;

	skip_blanks(r);
	if (!skip_newline(r)) {
		*r = before;
		return false;
	}
	do
		skip_blanks(r);
	while (skip_newline(r));
	return true;
}

/* True at the three quotes that end the string.  Two more before them belong to the string. */
static bool read_end(struct reader *r, char quote)
{
	size_t n = 0;

	while (n < 3 + QUOTES_INSIDE && r->p + n < r->end && r->p[n] == quote)
		n++;
	if (n < 3)
		return false;
	r->p += n;
	for (; n > 3; n--)
		*r->out++ = quote;
	*r->out++ = '\0';
	return true;
}

/* A string on several lines, behind its first three quotes. */
static int read_long(struct reader *r, char quote)
{
	const struct reader beginning = *r;
	int e;

	(void) skip_newline(r);
	while (r->p < r->end) {
		if (read_end(r, quote))
			return 0;
		if (skip_newline(r)) {
			*r->out++ = '\n';
			continue;
		}
		if (quote == '"' && skip(r, "\\")) {
			if (skip_folded(r))
				continue;
			e = read_escape(r);
			if (e < 0)
				return e;
		} else
			*r->out++ = *r->p++;
	}
	return refuse(&beginning, "a string without an end");
}

static int read_value(struct reader *r, const char **ret)
{
	char *begin = r->out;
	int e;

	if (skip(r, "\"\"\""))
		e = read_long(r, '"');
	else if (skip(r, "'''"))
		e = read_long(r, '\'');
	else if (skip(r, "\""))
		e = read_short(r, '"');
	else if (skip(r, "'"))
		e = read_short(r, '\'');
	else
		e = refuse(r, "a value that is not a string");
	if (e < 0)
		return e;
	*ret = begin;
	return 0;
}

/* ---- lines ---- */

static int read_key(struct reader *r, const char **ret)
{
	char *begin = r->out;
	int e;

	if (skip(r, "\""))
		e = read_short(r, '"');
	else if (skip(r, "'"))
		e = read_short(r, '\'');
	else {
		while (r->p < r->end && is_bare(*r->p))
			*r->out++ = *r->p++;
		*r->out++ = '\0';
		e = 0;
	}
	if (e < 0)
		return e;
	if (!*begin)
		return refuse(r, "neither a comment, nor [TABLE], nor KEY = \"VALUE\"");
	skip_blanks(r);
	if (is_next(r, "."))
		return refuse(r, "a key of several words; one with dots in it stands in quotes");
	*ret = begin;
	return 0;
}

static int add(struct reader *r, unsigned line, const char *key, const char *value)
{
	struct toml *t = r->toml;

	for (size_t i = 0; i < t->n_items; i++) {
		const struct toml_item *other = &t->items[i];

		if (!streq(other->table, r->table) || !key != !other->key ||
		    (key && !streq(other->key, key)))
			continue;
		return cause_set(r->why, -EBADMSG, "line %u: %s is there already, in line %u", line,
				 key ? "this key" : "this table", other->line);
	}
	if (!key && toml_find(t, "", r->table))
		return refuse(r, "a table with the name of a key");
	if (t->n_items >= TOML_ITEMS_MAX)
		return cause_set(r->why, -EMSGSIZE, "line %u: more than %d tables and keys", line,
				 TOML_ITEMS_MAX);
	t->items[t->n_items++] = (struct toml_item){ line, r->table, key, value };
	return 0;
}

static int read_table(struct reader *r)
{
	int e;

	if (is_next(r, "["))
		return refuse(r, "a list of tables");
	skip_blanks(r);
	e = read_key(r, &r->table);
	if (e < 0)
		return e;
	if (!skip(r, "]"))
		return refuse(r, "a table's name without ']' behind it");
	return add(r, r->line, NULL, NULL);
}

static int read_pair(struct reader *r)
{
	unsigned line = r->line;
	const char *key, *value;
	int e;

	e = read_key(r, &key);
	if (e < 0)
		return e;
	if (!skip(r, "="))
		return refuse(r, "a key without '=' behind it");
	skip_blanks(r);
	e = read_value(r, &value);
	return e < 0 ? e : add(r, line, key, value);
}

static int read_lines(struct reader *r)
{
	int e;

	while (r->p < r->end) {
		skip_blanks(r);
		e = 0;
		if (skip(r, "["))
			e = read_table(r);
		else if (r->p < r->end && !is_next(r, "#") && !is_next(r, "\n") &&
			 !is_next(r, "\r\n"))
			e = read_pair(r);
		if (e < 0)
			return e;
		skip_blanks(r);
		skip_comment(r);
		if (r->p < r->end && !skip_newline(r))
			return refuse(r, "something stands behind the end of a value or a table");
	}
	return 0;
}

int toml_read(const char *text, size_t len, struct toml *ret, struct cause *why)
{
	_cleanup_(toml_done) struct toml t = { .n_items = 0 };
	struct reader r = { .p = text, .end = text + len, .line = 1, .table = "", .toml = &t,
			    .why = why };
	int e;

	if (len > TOML_MAX)
		return cause_set(why, -EMSGSIZE, "it has more than %d bytes", TOML_MAX);
	e = check_characters(&r);
	if (e < 0)
		return e;
	/* A bare key at the very end has no byte behind it that makes room for its NUL. */
	t.store = r.out = malloc(len + 1);
	if (!t.store)
		return cause_set_oom(why);
	e = read_lines(&r);
	if (e < 0)
		return e;
	*ret = t;
	t = (struct toml){ .n_items = 0 };
	return 0;
}
