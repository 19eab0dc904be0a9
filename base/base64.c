/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"

#include "base/blank.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const uint8_t *data, size_t len, char **ret)
{
	char *text, *p;

	if (len > SIZE_MAX / 2)
		return -ENOMEM;
	p = text = malloc((len + 2) / 3 * 4 + 1);
	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN(len - i, (size_t)3);
		uint32_t v = (uint32_t)data[i] << 16;

		if (n > 1)
			v |= (uint32_t)data[i + 1] << 8;
		if (n > 2)
			v |= data[i + 2];
		*p++ = digits[v >> 18];
		*p++ = digits[v >> 12 & 63];
		*p++ = n > 1 ? digits[v >> 6 & 63] : '=';
		*p++ = n > 2 ? digits[v & 63] : '=';
	}
	*p = '\0';
	*ret = text;
	return 0;
}

/* The next character that is not a blank; '\0' at the end. */
static char next_char(const char **text)
{
	while (is_space(**text))
		(*text)++;
	return **text ? *(*text)++ : '\0';
}

/* One more than the value of each digit; 0 for other characters.  '0' to '9' follow '/'. */
static const uint8_t values[256] = {
	['+'] = 63,
	['/'] = 64, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
		14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
		40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
};

/* Negative for a character that is no digit. */
static inline int digit_value(char c)
{
	return values[(uint8_t)c] - 1;
}

/* Take four digits without blanks between them: most of any text. */
static inline bool take_four(const char **text, uint32_t *ret)
{
	const char *t = *text;
	int a, b, c, d;

	/* In this order, so that nothing is read behind the NUL. */
	if ((a = digit_value(t[0])) < 0 || (b = digit_value(t[1])) < 0 ||
	    (c = digit_value(t[2])) < 0 || (d = digit_value(t[3])) < 0)
		return false;
	*ret = (uint32_t)(a << 18 | b << 12 | c << 6 | d);
	*text = t + 4;
	return true;
}

ssize_t base64_decode(const char *text, uint8_t *ret, size_t size)
{
	size_t len = 0;
	uint32_t v;
	char c;

	for (;;) {
		size_t n = 0;	/* digits before the padding */

		while (size - len >= 3 && take_four(&text, &v)) {
			ret[len++] = (uint8_t)(v >> 16);
			ret[len++] = (uint8_t)(v >> 8);
			ret[len++] = (uint8_t)v;
		}
		c = next_char(&text);
		if (c == '\0')
			return (ssize_t)len;
		v = 0;
		for (size_t i = 0; i < 4; i++) {
			int d = digit_value(c);

			if (c == '=' && i >= 2)
				d = 0;
			else if (d < 0 || n < i)
				return -EBADMSG;
			else
				n++;
			v = v << 6 | (uint32_t)d;
			if (i < 3)
				c = next_char(&text);
		}
		if (n < 4 && ((v & (n == 2 ? 0xffff : 0xff)) != 0 || next_char(&text) != '\0'))
			return -EBADMSG;
		if (n - 1 > size - len)
			return -EMSGSIZE;
		for (size_t i = 0; i < n - 1; i++)
			ret[len++] = (uint8_t)(v >> (16 - 8 * i));
	}
}

bool base64_decode_32(const char *text, uint8_t ret[static 32])
{
	return strlen(text) == 44 && base64_decode(text, ret, 32) == 32;
}

int base64url_encode(const uint8_t *data, size_t len, char **ret)
{
	char *text;
	int r;

	r = base64_encode(data, len, &text);
	if (r < 0)
		return r;
	text[strcspn(text, "=")] = '\0';
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	*ret = text;
	return 0;
}

ssize_t base64url_decode(const char *text, size_t len, uint8_t *ret, size_t size)
{
	_cleanup_(freep) char *plain = NULL;
	size_t i;

	if (len % 4 == 1 || len > SIZE_MAX - 4)
		return -EBADMSG;
	plain = malloc(len + 4);
	if (!plain)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		char c = text[i];

		if (c != '-' && c != '_' && (c == '+' || c == '/' || digit_value(c) < 0))
			return -EBADMSG;
		plain[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	while (i % 4)
		plain[i++] = '=';
	plain[i] = '\0';
	return base64_decode(plain, ret, size);
}
