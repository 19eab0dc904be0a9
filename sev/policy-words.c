/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/policy-words.h"

#include <stdio.h>

#include "base/parse.h"

#define WORD_MAX 32

static int parse_byte(const char *text, size_t len, uint8_t *ret)
{
	char digits[4];
	uint64_t v;

	/* Decimal only: "0x" has no place in a version. */
	if (len == 0 || len != strspn(text, "0123456789"))
		return -EINVAL;
	if (len >= sizeof(digits))
		return -ERANGE;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (parse_u64(digits, &v) < 0)
		return -EINVAL;
	if (v > UINT8_MAX)
		return -ERANGE;
	*ret = (uint8_t)v;
	return 0;
}

int sev_api_parse(const char *text, uint8_t *ret_major, uint8_t *ret_minor)
{
	const char *dot = strchr(text, '.');
	uint8_t major, minor;
	int r;

	if (!dot)
		return -EINVAL;
	r = parse_byte(text, (size_t)(dot - text), &major);
	if (r == 0)
		r = parse_byte(dot + 1, strlen(dot + 1), &minor);
	if (r < 0)
		return r;
	*ret_major = major;
	*ret_minor = minor;
	return 0;
}

/* @word is VERSION=MAJOR.MINOR.  Returns 1, 0 when it is something else, or an error. */
static int parse_version(const struct policy_words *w, const char *word, uint64_t *ret_bits,
			 uint64_t *ret_value)
{
	const char *equals = startswith(word, w->version);
	uint8_t major, minor;
	int r;

	if (!equals || *equals != '=')
		return 0;
	r = sev_api_parse(equals + 1, &major, &minor);
	if (r < 0)
		return r;
	*ret_bits = UINT64_C(0xff) << w->major_shift | UINT64_C(0xff) << w->minor_shift;
	*ret_value = (uint64_t)major << w->major_shift | (uint64_t)minor << w->minor_shift;
	return 1;
}

/* @seen are the bits that were given before, those of the version at their place. */
static int parse_word(const struct policy_words *w, const char *word, uint64_t *policy,
		      uint64_t *seen)
{
	uint64_t bits = 0, value = 0;
	int r;

	r = parse_version(w, word, &bits, &value);
	if (r < 0)
		return r;
	for (const struct policy_bit *b = w->bits; r == 0 && b->name; b++)
		if (streq(word, b->name))
			bits = value = b->bit;
	if (bits == 0 || *seen & bits)
		return -EINVAL;
	*seen |= bits;
	*policy |= value;
	return 0;
}

int policy_words_parse(const struct policy_words *w, const char *text, uint64_t *ret)
{
	uint64_t policy = 0, seen = 0;

	for (const char *p = streq(text, "none") ? NULL : text; p;) {
		size_t len = strcspn(p, ",");
		char word[WORD_MAX];
		int r;

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, p, len);
		word[len] = '\0';
		r = parse_word(w, word, &policy, &seen);
		if (r < 0)
			return r;
		p = p[len] ? p + len + 1 : NULL;
	}
	*ret = policy;
	return 0;
}

void policy_words_print(const struct policy_words *w, uint64_t policy, char *ret, size_t size)
{
	unsigned major = policy >> w->major_shift & 0xff, minor = policy >> w->minor_shift & 0xff;
	size_t n = 0;

	ret[0] = '\0';
	for (const struct policy_bit *b = w->bits; b->name; b++)
		if (policy & b->bit)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n > 0 ? "," : "", b->name);
	if (major || minor)
		n += (size_t)snprintf(ret + n, size - n, "%s%s=%u.%u", n > 0 ? "," : "", w->version,
				      major, minor);
	if (n == 0)
		n = (size_t)snprintf(ret, size, "none");
	assert(n < size);
}
