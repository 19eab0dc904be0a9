/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/sev/snp-policy.h"

#include "base/parse.h"

#define BIT(n) (UINT64_C(1) << (n))

static const struct policy_words words = {
	.version = "abi",
	.major_shift = 8,
	.minor_shift = 0,
	.bits = (const struct policy_bit[]){
		{ "smt", SNP_POLICY_SMT },
		{ "migrate-ma", SNP_POLICY_MIGRATE_MA },
		{ "debug", SNP_POLICY_DEBUG },
		{ "single-socket", SNP_POLICY_SINGLE_SOCKET },
		{ "cxl-allow", BIT(21) },
		{ "mem-aes-256-xts", BIT(22) },
		{ "rapl-dis", BIT(23) },
		{ "ciphertext-hiding", BIT(24) },
		{ "page-swap-disable", BIT(25) },
		{ NULL },
	},
};

int snp_policy_parse(const char *text, uint64_t *ret)
{
	uint64_t policy;
	int r;

	if (text[0] >= '0' && text[0] <= '9')
		r = parse_u64(text, &policy);
	else {
		r = policy_words_parse(&words, text, &policy);
		policy |= r == 0 ? SNP_POLICY_ONE : 0;
	}
	if (r < 0)
		return r;
	if (policy & SNP_POLICY_RESERVED_ZERO || !(policy & SNP_POLICY_ONE))
		return -EOPNOTSUPP;
	*ret = policy;
	return 0;
}

const char *snp_policy_print(uint64_t policy, char ret[static SNP_POLICY_TEXT_MAX])
{
	policy_words_print(&words, policy, ret, SNP_POLICY_TEXT_MAX);
	return ret;
}
