/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/luks-token.h"

#include "wire/jspan.h"
#include "wire/luks.h"

_Static_assert(LUKS_TOKEN_BEGIN == LUKS2_BINARY_LEN, "the binary part says how long all of it is");

int64_t luks_token_header_len(const uint8_t *data, size_t len)
{
	int version = luks_version(data, len);
	struct luks2_header h;
	int r;

	if (version < 0)
		return version;
	if (version == 1)
		return 0;
	r = luks2_header_parse(data, len, 0, &h);
	return r < 0 ? r : (int64_t)h.hdr_size;
}

/* The area behind the binary header: a text, and NUL bytes to its end. */
static int find_token(struct bytes area, const char *type)
{
	struct bytes text = { area.p, strnlen((const char *)area.p, area.len) }, json, tokens, name,
		     token, value;
	int r = jspan_check(text, &json);

	if (r == 0)
		r = jspan_member(json, "tokens", &tokens);
	if (r < 0)
		return r == -ENOENT ? 0 : -EBADMSG;
	while ((r = jspan_next_member(&tokens, &name, &token)) > 0) {
		r = jspan_member(token, "type", &value);
		if (r < 0)
			return -EBADMSG;
		if (jspan_text_is(value, type))
			return 1;
	}
	return r;
}

int luks_has_token(const uint8_t *data, size_t len, const char *type)
{
	int64_t n = luks_token_header_len(data, len);

	if (n <= 0)
		return (int)n;
	if ((size_t)n > len)
		return -EBADMSG;
	return find_token((struct bytes){ data + LUKS2_BINARY_LEN, (size_t)n - LUKS2_BINARY_LEN },
			  type);
}
