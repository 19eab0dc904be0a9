/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#include "wire/guid.h"

#include "base/hex.h"

/* Where each pair of digits of the text goes; '-' stands before the pairs 4, 6, 8 and 10. */
static const uint8_t text_order[GUID_LEN] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

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
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < GUID_LEN; i++) {
		if (dash_before(i))
			*ret++ = '-';
		*ret++ = digits[g->b[text_order[i]] >> 4];
		*ret++ = digits[g->b[text_order[i]] & 15];
	}
	*ret = '\0';
}

int guid_parse(const char *text, size_t len, struct guid *ret)
{
	struct guid g;

	if (len != GUID_TEXT_LEN)
		return -EINVAL;
	for (size_t i = 0; i < GUID_LEN; i++) {
		int hi, lo;

		if (dash_before(i) && *text++ != '-')
			return -EINVAL;
		hi = hex_value(*text++);
		lo = hex_value(*text++);
		if (hi < 0 || lo < 0)
			return -EINVAL;
		g.b[text_order[i]] = (uint8_t)(hi << 4 | lo);
	}
	*ret = g;
	return 0;
}
