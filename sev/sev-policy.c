/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sev/sev-policy.h"

#include <stdio.h>

#include "base/parse.h"

static const struct policy_words words = {
	.version = "api",
	.major_shift = 16,
	.minor_shift = 24,
	.bits = (const struct policy_bit[]){
		{ "nodbg", SEV_POLICY_NODBG },
		{ "noks", SEV_POLICY_NOKS },
		{ "es", SEV_POLICY_ES },
		{ "nosend", SEV_POLICY_NOSEND },
		{ "domain", SEV_POLICY_DOMAIN },
		{ "sev", SEV_POLICY_SEV },
		{ NULL },
	},
};

int sev_policy_parse(const char *text, uint32_t *ret)
{
	uint32_t number = 0;
	uint64_t policy;
	int r;

	if (text[0] >= '0' && text[0] <= '9') {
		r = parse_u32(text, &number);
		policy = number;
	} else
		r = policy_words_parse(&words, text, &policy);
	if (r < 0)
		return r;
	if (policy & SEV_POLICY_RESERVED)
		return -EOPNOTSUPP;
	*ret = (uint32_t)policy;
	return 0;
}

const char *sev_policy_print(uint32_t policy, char ret[static SEV_POLICY_TEXT_MAX])
{
	uint32_t reserved = policy & SEV_POLICY_RESERVED;
	size_t n = 0;

	if (reserved != policy) {
		policy_words_print(&words, policy, ret, SEV_POLICY_TEXT_MAX);
		n = strlen(ret);
	}
	if (reserved)
		snprintf(ret + n, SEV_POLICY_TEXT_MAX - n, "%sreserved=0x%x", n > 0 ? "," : "",
			 reserved);
	return policy == 0 ? strcpy(ret, "none") : ret;
}
