/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/parse.h"

#include "base/hex.h"

int parse_u64(const char *s, uint64_t *ret)
{
	const char *digits = startswith(s, "0x");
	uint64_t base = digits ? 16 : 10, v = 0;

	if (!digits)
		digits = s;
	if (!*digits)
		return -EINVAL;
	for (const char *p = digits; *p; p++) {
		int d = hex_value(*p);

		if (d < 0 || (uint64_t)d >= base)
			return -EINVAL;
		if (v > (UINT64_MAX - (uint64_t)d) / base)
			return -ERANGE;
		v = v * base + (uint64_t)d;
	}
	*ret = v;
	return 0;
}

int parse_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r;

	r = parse_u64(s, &v);
	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int parse_bool(const char *s, bool *ret)
{
	static const char *const words[][2] = {
		{ "no", "yes" }, { "false", "true" }, { "off", "on" }, { "0", "1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int v = 0; v < 2; v++)
			if (streq(s, words[i][v])) {
				*ret = v;
				return 0;
			}
	return -EINVAL;
}

int parse_usec(const char *s, uint64_t *ret_usec)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} units[] = {
		{ "", 1000000 },    { "s", 1000000 },	     { "sec", 1000000 }, { "ms", 1000 },
		{ "us", 1 },	    { "min", 60 * 1000000ULL }, { "m", 60 * 1000000ULL },
		{ "h", 3600 * 1000000ULL }, { "d", 86400 * 1000000ULL },
	};
	size_t n = strspn(s, "0123456789");
	char number[24];
	uint64_t v;
	int r;

	if (n == 0 || n >= sizeof(number))
		return -EINVAL;
	memcpy(number, s, n);
	number[n] = '\0';
	r = parse_u64(number, &v);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (streq(s + n, units[i].name)) {
			if (v > UINT64_MAX / units[i].usec)
				return -ERANGE;
			*ret_usec = v * units[i].usec;
			return 0;
		}
	return -EINVAL;
}

int parse_hex(const char *s, uint8_t *ret, size_t len)
{
	return strlen(s) == 2 * len && hex_decode(s, len, ret) == 0 ? 0 : -EINVAL;
}

void format_hex(const uint8_t *data, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i++)
		hex_encode_byte(data[i], ret + 2 * i);
	ret[2 * len] = '\0';
}

bool name_is_valid(const char *s, size_t max)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strspn(s, good);

	return n > 0 && n <= max && s[n] == '\0' && s[0] != '.' && s[0] != '-';
}

bool name_is_listed(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (streq(name, *list))
			return true;
	return false;
}
