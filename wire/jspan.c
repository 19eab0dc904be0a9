/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/jspan.h"

#include <string.h>

#include "base/blank.h"
#include "base/hex.h"
#include "base/macro.h"
#include "base/text.h"

static void skip_blanks(struct bytes *b)
{
	while (b->len > 0 && is_space(b->p[0]))
		(void) bytes_skip(b, 1);
}

/* The next byte after blanks, without taking it; -1 at the end. */
static inline int peek(struct bytes *b)
{
	/* Signed text has hardly any blanks. */
	if (b->len == 0 || b->p[0] <= ' ')
		skip_blanks(b);
	return b->len > 0 ? b->p[0] : -1;
}

static inline int take_char(struct bytes *b, char c)
{
	if (peek(b) != c)
		return -EBADMSG;
	return bytes_skip(b, 1);
}

/* ---- strings ---- */

/* The characters of a string that stand for themselves: ASCII, no quote, no escape. */
static inline bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define EACH(c) ((uint64_t)(c) * 0x0101010101010101)

/*
 * How many of the eight characters of @v, the first in the lowest byte, are plain before one that
 * is not: for each byte its highest bit is computed.  A byte that borrows from the next one may
 * spoil that, but it is itself one that is not plain.
 */
static inline size_t count_plain(uint64_t v)
{
	uint64_t quote = v ^ EACH('"'), escape = v ^ EACH('\\');
	uint64_t other = v | ((v - EACH(0x20)) & ~v);

	other |= ((quote - EACH(1)) & ~quote) | ((escape - EACH(1)) & ~escape);
	other &= EACH(0x80);
	return other ? (size_t)__builtin_ctzll(other) / 8 : 8;
}

/* Most strings are so short that a loop over their characters costs most at its end. */
static inline void skip_plain(struct bytes *b)
{
	const uint8_t *p = b->p, *end = b->p + b->len;
	size_t n = 8;

	while (n == 8 && end - p >= 8) {
		n = count_plain(get_u64le(p));
		p += n;
	}
	while (n == 8 && p < end && is_plain(*p))
		p++;
	b->len = (size_t)(end - p);
	b->p = p;
}

/* ---- checking ---- */

static int check_value(struct bytes *b, unsigned depth);

static int check_utf8(struct bytes *b)
{
	uint32_t c;
	size_t n = utf8_next((const char *)b->p, b->len, &c);

	return n > 0 ? bytes_skip(b, n) : -EBADMSG;
}

/* \" \\ \/ \b \f \n \r \t \uXXXX */
static int check_escape(struct bytes *b)
{
	if (b->len < 2)
		return -EBADMSG;
	if (b->p[1] != 'u')
		return b->p[1] && strchr("\"\\/bfnrt", b->p[1]) ? bytes_skip(b, 2) : -EBADMSG;
	if (b->len < 6)
		return -EBADMSG;
	for (size_t i = 2; i < 6; i++)
		if (hex_value(b->p[i]) < 0)
			return -EBADMSG;
	return bytes_skip(b, 6);
}

static int check_string(struct bytes *b)
{
	int r = take_char(b, '"');

	while (r == 0) {
		skip_plain(b);
		if (b->len == 0)
			return -EBADMSG;
		if (b->p[0] == '"')
			return bytes_skip(b, 1);
		if (b->p[0] < 0x20)
			return -EBADMSG;
		r = b->p[0] == '\\' ? check_escape(b) : check_utf8(b);
	}
	return -EBADMSG;
}

static size_t skip_digits(struct bytes *b)
{
	size_t n = 0;

	for (; b->len > 0 && b->p[0] >= '0' && b->p[0] <= '9'; n++)
		(void) bytes_skip(b, 1);
	return n;
}

static bool skip_if(struct bytes *b, char one, char other)
{
	if (b->len == 0 || (b->p[0] != one && b->p[0] != other))
		return false;
	return bytes_skip(b, 1) == 0;
}

static int check_number(struct bytes *b)
{
	const uint8_t *first;
	size_t n;

	(void) skip_if(b, '-', '-');
	first = b->p;
	n = skip_digits(b);
	if (n == 0 || (n > 1 && first[0] == '0'))
		return -EBADMSG;
	if (skip_if(b, '.', '.') && skip_digits(b) == 0)
		return -EBADMSG;
	if (skip_if(b, 'e', 'E')) {
		(void) skip_if(b, '+', '-');
		if (skip_digits(b) == 0)
			return -EBADMSG;
	}
	return 0;
}

static int check_word(struct bytes *b, const char *word)
{
	size_t n = strlen(word);

	if (b->len < n || memcmp(b->p, word, n) != 0)
		return -EBADMSG;
	return bytes_skip(b, n);
}

/* Take a string if all of it is plain: @ret is the text between its quotes. */
static inline bool take_plain_string(struct bytes *b, struct bytes *ret)
{
	struct bytes t = *b;

	if (t.len < 2 || t.p[0] != '"')
		return false;
	(void) bytes_skip(&t, 1);
	*ret = t;
	skip_plain(&t);
	if (t.len == 0 || t.p[0] != '"')
		return false;
	ret->len -= t.len;
	(void) bytes_skip(&t, 1);
	*b = t;
	return true;
}

static inline int check_name(struct bytes *b, struct bytes *ret)
{
	int r;

	if (peek(b) != '"')
		return -EBADMSG;
	if (take_plain_string(b, ret))
		return 0;
	*ret = *b;
	r = check_string(b);
	if (r < 0)
		return r;
	ret->len -= b->len;
	return memchr(ret->p, '\\', ret->len) ? -EBADMSG : jspan_text(*ret, ret);
}

static bool has_name(const struct bytes *names, unsigned n, struct bytes name)
{
	for (unsigned i = 0; i < n; i++)
		if (names[i].len == name.len && memcmp(names[i].p, name.p, name.len) == 0)
			return true;
	return false;
}

/* Where the members of the outermost object go, if that is asked. */
struct found {
	struct jspan_member *list;
	unsigned n, max;
};

static void found_add(struct found *f, struct bytes name, struct bytes value)
{
	if (f->n < f->max)
		f->list[f->n] = (struct jspan_member){ name, value };
	f->n++;
}

/* The @n th member, whose name must be none of those before it in @names. */
static inline int check_member(struct bytes *b, unsigned depth, struct bytes *names, unsigned n,
			struct found *found)
{
	struct bytes value;
	int r;

	if (n == JSPAN_MEMBERS_MAX)
		return -EMSGSIZE;
	r = check_name(b, &names[n]);
	if (r < 0)
		return r;
	if (has_name(names, n, names[n]))
		return -EBADMSG;
	r = take_char(b, ':');
	if (r < 0)
		return r;
	(void) peek(b);
	value = *b;
	r = check_value(b, depth);
	if (r < 0)
		return r;
	value.len -= b->len;
	if (found)
		found_add(found, names[n], value);
	return 0;
}

/* @found may be NULL. */
static int check_object(struct bytes *b, unsigned depth, struct found *found)
{
	/* Each is written before it is read; clearing all takes longer than most objects do. */
	_uninitialized_ struct bytes names[JSPAN_MEMBERS_MAX];
	unsigned n = 0;
	int r;

	(void) bytes_skip(b, 1);
	if (peek(b) == '}')
		return bytes_skip(b, 1);
	do {
		r = check_member(b, depth, names, n++, found);
		if (r < 0)
			return r;
	} while (take_char(b, ',') == 0);
	return take_char(b, '}');
}

static int check_array(struct bytes *b, unsigned depth)
{
	int r;

	(void) bytes_skip(b, 1);
	if (peek(b) == ']')
		return bytes_skip(b, 1);
	do {
		r = check_value(b, depth);
		if (r < 0)
			return r;
	} while (take_char(b, ',') == 0);
	return take_char(b, ']');
}

static int check_value(struct bytes *b, unsigned depth)
{
	if (depth == JSPAN_DEPTH_MAX)
		return -EMSGSIZE;
	switch (peek(b)) {
	case '{':
		return check_object(b, depth + 1, NULL);
	case '[':
		return check_array(b, depth + 1);
	case '"':
		return check_string(b);
	case 't':
		return check_word(b, "true");
	case 'f':
		return check_word(b, "false");
	case 'n':
		return check_word(b, "null");
	default:
		return check_number(b);
	}
}

static int check_text(struct bytes text, struct bytes *ret, struct found *found)
{
	struct bytes b = text, value;
	int r;

	skip_blanks(&b);
	value = b;
	r = found && peek(&b) == '{' ? check_object(&b, 1, found) : check_value(&b, 0);
	if (r < 0)
		return r;
	value.len -= b.len;
	if (peek(&b) >= 0)
		return -EBADMSG;
	*ret = value;
	return 0;
}

int jspan_check(struct bytes text, struct bytes *ret)
{
	return check_text(text, ret, NULL);
}

int jspan_check_members(struct bytes text, struct jspan_member *ret, unsigned max, unsigned *ret_n)
{
	struct found found = { ret, 0, max };
	struct bytes value;
	int r;

	r = check_text(text, &value, &found);
	if (r == 0)
		*ret_n = found.n;
	return r;
}

/* ---- reading a checked text ---- */

/* Skip to behind the closing quote: the first that no backslash escapes. */
static void skip_string(struct bytes *b)
{
	(void) bytes_skip(b, 1);
	for (;;) {
		skip_plain(b);
		if (b->len == 0)
			return;
		if (b->p[0] == '"') {
			(void) bytes_skip(b, 1);
			return;
		}
		(void) bytes_skip(b, b->p[0] == '\\' && b->len > 1 ? 2 : 1);
	}
}

/*
 * Skip to behind the bracket that closes the outermost one; @depth of them are open already.  All
 * other brackets in between come in pairs.
 */
static void skip_nested(struct bytes *b, unsigned depth)
{
	while (b->len > 0) {
		uint8_t c = b->p[0];

		if (c == '"') {
			skip_string(b);
			continue;
		}
		(void) bytes_skip(b, 1);
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return;
	}
}

/* Numbers and the three words. */
static inline void skip_bare(struct bytes *b)
{
	while (b->len > 0 && !is_space(b->p[0]) && b->p[0] != ',' && b->p[0] != ']' &&
	       b->p[0] != '}')
		(void) bytes_skip(b, 1);
}

static inline struct bytes take_value(struct bytes *b)
{
	struct bytes value;
	int c = peek(b);

	value = *b;
	if (c == '"')
		skip_string(b);
	else if (c == '{' || c == '[')
		skip_nested(b, 0);
	else
		skip_bare(b);
	value.len -= b->len;
	return value;
}

enum jspan_type jspan_type(struct bytes value)
{
	switch (value.len > 0 ? value.p[0] : 0) {
	case '{':
		return JSPAN_OBJECT;
	case '[':
		return JSPAN_ARRAY;
	case '"':
		return JSPAN_STRING;
	case 't':
		return JSPAN_TRUE;
	case 'f':
		return JSPAN_FALSE;
	case 'n':
		return JSPAN_NULL;
	default:
		return JSPAN_NUMBER;
	}
}

/*
 * @it is at the opening bracket, or behind a value.  Returns 1 when another value comes, and then
 * @it is there; 0 at the closing bracket, and then @it is behind that.
 */
static inline int next(struct bytes *it, char open, char close)
{
	int c = peek(it);

	if (c < 0)
		return 0;
	if (c != open && c != ',' && c != close)
		return -EBADMSG;
	(void) bytes_skip(it, 1);
	if (c == close)
		return 0;
	if (peek(it) != close)
		return 1;
	(void) bytes_skip(it, 1);
	return 0;
}

/* The name of a member, and the colon behind it. */
static inline int take_name(struct bytes *it, struct bytes *ret)
{
	if (!take_plain_string(it, ret) && jspan_text(take_value(it), ret) < 0)
		return -EBADMSG;
	return take_char(it, ':');
}

int jspan_next_member(struct bytes *it, struct bytes *ret_name, struct bytes *ret_value)
{
	int r = next(it, '{', '}');

	if (r <= 0)
		return r;
	r = take_name(it, ret_name);
	if (r < 0)
		return r;
	*ret_value = take_value(it);
	return 1;
}

int jspan_next_element(struct bytes *it, struct bytes *ret_value)
{
	int r = next(it, '[', ']');

	if (r > 0)
		*ret_value = take_value(it);
	return r;
}

int jspan_at_element(struct bytes *b)
{
	return next(b, '[', ']');
}

static bool text_is(struct bytes text, const char *s)
{
	size_t n = strlen(s);

	return text.len == n && memcmp(text.p, s, n) == 0;
}

int jspan_member(struct bytes object, const char *name, struct bytes *ret_value)
{
	struct bytes found, value;
	int r;

	while ((r = jspan_next_member(&object, &found, &value)) > 0)
		if (text_is(found, name)) {
			*ret_value = value;
			return 0;
		}
	return r < 0 ? r : -ENOENT;
}

int jspan_text(struct bytes value, struct bytes *ret)
{
	if (value.len < 2 || value.p[0] != '"' || value.p[value.len - 1] != '"' ||
	    memchr(value.p, '\\', value.len))
		return -EBADMSG;
	ret->p = value.p + 1;
	ret->len = value.len - 2;
	return 0;
}

bool jspan_text_is(struct bytes value, const char *s)
{
	struct bytes text;

	return jspan_text(value, &text) == 0 && text_is(text, s);
}

int jspan_uint(struct bytes value, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (value.len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			return -EBADMSG;
	for (size_t i = 0; i < value.len; i++) {
		uint64_t digit = (uint64_t)(value.p[i] - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int jspan_hex(struct bytes value, uint8_t *ret, size_t len)
{
	struct bytes text;

	if (jspan_text(value, &text) < 0 || text.len / 2 != len || text.len % 2)
		return -EBADMSG;
	return hex_decode(text.p, len, ret) == 0 ? 0 : -EBADMSG;
}

/* ---- times ---- */

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of(unsigned year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (unsigned)(month == 2 && is_leap(year));
}

static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - 1, days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;

	for (unsigned m = 1; m < month; m++)
		days += days_of(year, m);
	return days + day - 1;
}

/* "dddd-dd-ddTdd:dd:ddZ", where each run of d is a number. */
static int parse_time_fields(struct bytes text, unsigned field[static 6])
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
	unsigned n = 0;

	if (text.len != sizeof(shape) - 1)
		return -EBADMSG;
	memset(field, 0, 6 * sizeof(field[0]));
	for (size_t i = 0; i < text.len; i++) {
		if (shape[i] != 'd') {
			if (text.p[i] != shape[i])
				return -EBADMSG;
			n++;
			continue;
		}
		if (text.p[i] < '0' || text.p[i] > '9')
			return -EBADMSG;
		field[n] = field[n] * 10 + (unsigned)(text.p[i] - '0');
	}
	return 0;
}

int jspan_time(struct bytes value, int64_t *ret)
{
	struct bytes text;
	unsigned f[6];

	if (jspan_text(value, &text) < 0 || parse_time_fields(text, f) < 0)
		return -EBADMSG;
	if (f[0] < 1 || f[1] < 1 || f[1] > 12 || f[2] < 1 || f[2] > days_of(f[0], f[1]) ||
	    f[3] > 23 || f[4] > 59 || f[5] > 59)
		return -EBADMSG;
	*ret = days_since_1970(f[0], f[1], f[2]) * 86400 + f[3] * 3600 + f[4] * 60 + f[5];
	return 0;
}

/* ---- objects by table ---- */

static const struct jspan_field *field_find(const struct jspan_field *fields, struct bytes name,
					    unsigned *ret_i)
{
	for (unsigned i = 0; fields[i].name; i++)
		/* Most differ in their first character. */
		if (name.len > 0 && name.p[0] == (uint8_t)fields[i].name[0] &&
		    text_is(name, fields[i].name)) {
			*ret_i = i;
			return &fields[i];
		}
	return NULL;
}

static inline int field_read(const struct jspan_field *f, struct bytes *b, void *ret)
{
	void *place = (uint8_t *)ret + f->offset;

	if (!f->take)
		return f->read(take_value(b), place);
	skip_blanks(b);
	return f->take(b, place);
}

/*
 * Read the member at @b, if it has a row, and move past it.  @seen has a bit for each row; @ret_f
 * is the row, or NULL.
 */
static inline int take_member(struct bytes *b, const struct jspan_field *fields, bool closed,
			      void *ret, uint64_t *seen, const struct jspan_field **ret_f)
{
	struct bytes name;
	unsigned i = 0;
	int r;

	*ret_f = NULL;
	r = take_name(b, &name);
	if (r < 0)
		return r;
	*ret_f = field_find(fields, name, &i);
	if (*ret_f) {
		*seen |= UINT64_C(1) << i;
		return field_read(*ret_f, b, ret);
	}
	if (closed)
		return -EBADMSG;
	(void) take_value(b);
	return 0;
}

/* The first row of a member that must be there and is not, or NULL. */
static const struct jspan_field *field_missing(const struct jspan_field *fields, uint64_t seen)
{
	for (unsigned i = 0; fields[i].name; i++)
		if (!(seen & UINT64_C(1) << i) && !fields[i].optional)
			return &fields[i];
	return NULL;
}

static uint64_t all_of(const struct jspan_field *fields)
{
	unsigned n = 0;

	while (fields[n].name)
		n++;
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

/* With @until_found the rest is not looked at once each row has its member. */
static int object_walk(struct bytes *b, const struct jspan_field *fields, bool closed,
		       bool until_found, void *ret, const struct jspan_field **ret_field)
{
	uint64_t seen = 0, all = until_found ? all_of(fields) : UINT64_MAX;
	const struct jspan_field *f = NULL;
	int c = peek(b), r = c == '{' || c < 0 ? next(b, '{', '}') : -EBADMSG;

	while (r > 0) {
		r = take_member(b, fields, closed, ret, &seen, &f);
		if (r < 0 || seen == all)
			break;
		/* No bracket opens behind a value, whatever a reader has left there. */
		f = NULL;
		r = next(b, ',', '}');
	}
	if (r >= 0) {
		f = field_missing(fields, seen);
		r = f ? -ENOENT : 0;
	}
	if (ret_field)
		*ret_field = r < 0 ? f : NULL;
	return r;
}

int jspan_object_take(struct bytes *b, const struct jspan_field *fields, bool closed, void *ret,
		      const struct jspan_field **ret_field)
{
	return object_walk(b, fields, closed, /* until_found= */ false, ret, ret_field);
}

int jspan_object_read(struct bytes object, const struct jspan_field *fields, bool closed, void *ret,
		      const struct jspan_field **ret_field)
{
	/* Checked text has no name twice: what comes behind the last row's member has no row. */
	return object_walk(&object, fields, closed, /* until_found= */ !closed, ret, ret_field);
}

int jspan_read_value(struct bytes value, void *ret)
{
	*(struct bytes *)ret = value;
	return 0;
}

int jspan_read_text(struct bytes value, void *ret)
{
	return jspan_text(value, ret);
}
