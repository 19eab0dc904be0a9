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

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -EBADMSG;
}

ssize_t base64_decode(const char *text, uint8_t *ret, size_t size)
{
	size_t len = 0;
	char c;

	while ((c = next_char(&text)) != '\0') {
		uint32_t v = 0;
		size_t n = 0;	/* digits before the padding */

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
	return (ssize_t)len;
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
