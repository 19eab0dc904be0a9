/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/sev/sev-policy.h"

#include <stdio.h>

#include "base/parse.h"

static const struct {
	const char *name;
	uint32_t bit;
} flags[] = {
	{ "nodbg", SEV_POLICY_NODBG },	 { "noks", SEV_POLICY_NOKS },	  { "es", SEV_POLICY_ES },
	{ "nosend", SEV_POLICY_NOSEND }, { "domain", SEV_POLICY_DOMAIN }, { "sev", SEV_POLICY_SEV },
};

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

/* One name, or api=; @seen are the bits that were given before, those of the API at their place. */
static int parse_word(const char *word, uint32_t *policy, uint32_t *seen)
{
	const char *api = startswith(word, "api=");
	uint32_t bits = 0, value = 0;
	uint8_t major, minor;
	int r;

	if (api) {
		r = sev_api_parse(api, &major, &minor);
		if (r < 0)
			return r;
		bits = UINT32_C(0xffff0000);
		value = (uint32_t)major << 16 | (uint32_t)minor << 24;
	}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (streq(word, flags[i].name))
			bits = value = flags[i].bit;
	if (bits == 0 || *seen & bits)
		return -EINVAL;
	*seen |= bits;
	*policy |= value;
	return 0;
}

static int parse_words(const char *text, uint32_t *ret)
{
	uint32_t policy = 0, seen = 0;

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		char word[16];
		int r;

		if (len >= sizeof(word))
			return -EINVAL;
		memcpy(word, p, len);
		word[len] = '\0';
		r = parse_word(word, &policy, &seen);
		if (r < 0)
			return r;
		p += len;
		if (!*p)
			break;
	}
	*ret = policy;
	return 0;
}

int sev_policy_parse(const char *text, uint32_t *ret)
{
	uint32_t policy = 0;
	int r;

	if (text[0] >= '0' && text[0] <= '9')
		r = parse_u32(text, &policy);
	else if (streq(text, "none"))
		r = 0;
	else
		r = parse_words(text, &policy);
	if (r < 0)
		return r;
	if (policy & SEV_POLICY_RESERVED)
		return -EOPNOTSUPP;
	*ret = policy;
	return 0;
}

const char *sev_policy_print(uint32_t policy, char ret[static SEV_POLICY_TEXT_MAX])
{
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (policy & flags[i].bit)
			n += (size_t)snprintf(ret + n, SEV_POLICY_TEXT_MAX - n, ",%s", flags[i].name);
	if (policy >> 16)
		n += (size_t)snprintf(ret + n, SEV_POLICY_TEXT_MAX - n, ",api=%u.%u",
				      sev_policy_api_major(policy), sev_policy_api_minor(policy));
	if (policy & SEV_POLICY_RESERVED)
		n += (size_t)snprintf(ret + n, SEV_POLICY_TEXT_MAX - n, ",reserved=0x%x",
				      policy & SEV_POLICY_RESERVED);
	if (n == 0)
		return strcpy(ret, "none");
	/* The text without its first comma, at the front. */
	memmove(ret, ret + 1, n);
	return ret;
}
