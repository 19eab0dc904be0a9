/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Strings with escapes: the only values of JSON that mean something other than their bytes. */
#include "wire/jspan.h"

#include <string.h>

#include "base/hex.h"

#define SURROGATE_FIRST 0xd800u		/* the first half of a pair */
#define SURROGATE_SECOND 0xdc00u
#define SURROGATE_END 0xe000u

/* Four hexadecimal digits. */
static int take_unit(struct bytes *b, uint32_t *ret)
{
	uint32_t v = 0;

	if (b->len < 4)
		return -EBADMSG;
	for (size_t i = 0; i < 4; i++) {
		int digit = hex_value(b->p[i]);

		if (digit < 0)
			return -EBADMSG;
		v = v << 4 | (uint32_t)digit;
	}
	*ret = v;
	return bytes_skip(b, 4);
}

/*
 * Read what follows "\u": one unit, or the two of a pair.  Half a pair is not a character, and a
 * C string cannot hold a NUL.
 */
static int take_code_point(struct bytes *b, uint32_t *ret)
{
	uint32_t first, second;

	if (take_unit(b, &first) < 0 || first == 0)
		return -EBADMSG;
	if (first >= SURROGATE_SECOND && first < SURROGATE_END)
		return -EBADMSG;
	*ret = first;
	if (first < SURROGATE_FIRST || first >= SURROGATE_END)
		return 0;
	if (b->len < 2 || b->p[0] != '\\' || b->p[1] != 'u')
		return -EBADMSG;
	(void) bytes_skip(b, 2);
	if (take_unit(b, &second) < 0 || second < SURROGATE_SECOND || second >= SURROGATE_END)
		return -EBADMSG;
	*ret = 0x10000 + ((first - SURROGATE_FIRST) << 10) + (second - SURROGATE_SECOND);
	return 0;
}

/* Write at most 4 bytes, and never more than the escape had. */
static size_t put_utf8(char *ret, uint32_t c)
{
	static const uint32_t limits[] = { 0x80, 0x800, 0x10000 };
	static const uint8_t marks[] = { 0x00, 0xc0, 0xe0, 0xf0 };
	size_t n = 0;

	while (n < sizeof(limits) / sizeof(limits[0]) && c >= limits[n])
		n++;
	for (size_t i = n; i > 0; i--, c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3f));
	ret[0] = (char)(marks[n] | c);
	return n + 1;
}

/* @b starts behind the backslash. */
static int take_escape(struct bytes *b, uint32_t *ret)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *p;

	if (b->len == 0 || !b->p[0])
		return -EBADMSG;
	p = strchr(names, b->p[0]);
	if (!p && b->p[0] != 'u')
		return -EBADMSG;
	(void) bytes_skip(b, 1);
	if (!p)
		return take_code_point(b, ret);
	*ret = (uint32_t)meanings[p - names];
	return 0;
}

int jspan_string(struct bytes value, char *ret, size_t size, size_t *ret_len)
{
	struct bytes b = value;
	uint32_t c;
	size_t n = 0;

	if (b.len < 2 || b.p[0] != '"' || b.p[b.len - 1] != '"')
		return -EBADMSG;
	if (size < b.len - 1)
		return -EMSGSIZE;
	b.p++;
	b.len -= 2;
	while (b.len > 0) {
		if (b.p[0] != '\\') {
			ret[n++] = (char)b.p[0];
			(void) bytes_skip(&b, 1);
			continue;
		}
		(void) bytes_skip(&b, 1);
		if (take_escape(&b, &c) < 0)
			return -EBADMSG;
		n += put_utf8(ret + n, c);
	}
	ret[n] = '\0';
	*ret_len = n;
	return 0;
}

int jspan_member_string(struct bytes object, const char *name, char *ret, size_t size)
{
	struct bytes value;
	size_t len;
	int r;

	r = jspan_member(object, name, &value);
	if (r < 0)
		return r;
	return jspan_string(value, ret, size, &len) < 0 ? -EBADMSG : 0;
}
