/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text-form.h"

#include "base/base64.h"
#include "base/blank.h"
#include "base/hex.h"

#define BYTES_MIN 8	/* no evidence is shorter; fewer bytes may be a word */

/* A copy of the text without blanks and with a NUL at the end; NULL without memory. */
static char *squeeze(struct bytes text, size_t *ret_len)
{
	char *s = malloc(text.len + 1);
	size_t n = 0;

	if (!s)
		return NULL;
	for (size_t i = 0; i < text.len; i++)
		if (!is_space(text.p[i]))
			s[n++] = (char)text.p[i];
	s[n] = '\0';
	*ret_len = n;
	return s;
}

static bool is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (hex_value((uint8_t)s[i]) < 0)
			return false;
	return true;
}

/* Returns the number of bytes, or -EBADMSG. */
static ssize_t decode_hex(const char *s, size_t len, uint8_t *ret, size_t size)
{
	if (startswith(s, "0x")) {
		s += 2;
		len -= 2;
	}
	if (len % 2 || len / 2 > size || hex_decode(s, len / 2, ret) < 0)
		return -EBADMSG;
	return (ssize_t)(len / 2);
}

/*
 * Hexadecimal digits are letters of base64 too.  A text of such digits alone is hexadecimal text
 * that has lost a digit.
 */
static ssize_t decode_base64(const char *s, size_t len, uint8_t *ret, size_t size)
{
	/* base64_decode() stops at a NUL. */
	return strlen(s) == len && !is_hex(s, len) ? base64_decode(s, ret, size) : -EBADMSG;
}

static ssize_t decode_base64url(const char *s, size_t len, uint8_t *ret, size_t size)
{
	return is_hex(s, len) ? -EBADMSG : base64url_decode(s, len, ret, size);
}

int text_form_decode(struct bytes text, uint8_t **ret, size_t *ret_len, const char **ret_form)
{
	static const struct {
		const char *name;
		ssize_t (*decode)(const char *s, size_t len, uint8_t *ret, size_t size);
	} forms[] = {
		{ "hexadecimal text", decode_hex },
		{ "base64", decode_base64 },
		{ "base64url", decode_base64url },
	};
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *s = NULL;
	size_t len;

	/* PEM is base64 between two lines; its readers decode it themselves. */
	if (text.len < BYTES_MIN || memcmp(text.p, "-----", 5) == 0)
		return 0;
	s = squeeze(text, &len);
	data = malloc(text.len);
	if (!s || !data)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		ssize_t n = forms[i].decode(s, len, data, text.len);

		if (n == -ENOMEM)
			return -ENOMEM;
		if (n < BYTES_MIN)
			continue;
		*ret = TAKE_PTR(data);
		*ret_len = (size_t)n;
		*ret_form = forms[i].name;
		return 1;
	}
	return 0;
}
