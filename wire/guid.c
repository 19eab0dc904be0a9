/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#include "wire/guid.h"

#include "base/hex.h"

/* The byte for each pair of digits in the text.  A '-' stands before the pairs 4, 6, 8 and 10. */
static const uint8_t text_order[GUID_LEN] = {
	3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15
};

static bool dash_before(size_t pair)
{
	return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

struct guid guid_at(const uint8_t *p)
{
	struct guid g;

	for (size_t i = 0; i < GUID_LEN; i++)
		g.b[i] = p[i];
	return g;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
	for (size_t i = 0; i < GUID_LEN; i++)
		if (a->b[i] != b->b[i])
			return false;
	return true;
}

bool guid_is_zero(const struct guid *g)
{
	static const struct guid zero;

	return guid_equal(g, &zero);
}

void guid_format(const struct guid *g, char ret[static GUID_TEXT_LEN + 1])
{
	for (size_t i = 0; i < GUID_LEN; i++, ret += 2) {
		if (dash_before(i))
			*ret++ = '-';
		hex_encode_byte(g->b[text_order[i]], ret);
	}
	*ret = '\0';
}

int guid_parse(const char *text, size_t len, struct guid *ret)
{
	struct guid g;

	if (len != GUID_TEXT_LEN)
		return -EINVAL;
	for (size_t i = 0; i < GUID_LEN; i++, text += 2) {
		if (dash_before(i) && *text++ != '-')
			return -EINVAL;
		if (hex_decode(text, 1, &g.b[text_order[i]]) < 0)
			return -EINVAL;
	}
	*ret = g;
	return 0;
}
