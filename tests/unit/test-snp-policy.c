/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "inject/sev/snp-policy.h"

#include <cmocka.h>

#define ALL \
	"smt,migrate-ma,debug,single-socket,cxl-allow,mem-aes-256-xts,rapl-dis," \
	"ciphertext-hiding,page-swap-disable,abi=255.255"

static void test_good(void **state)
{
	static const struct {
		const char *text, *printed;
		uint64_t policy;
	} cases[] = {
		{ "0x30000", "smt", 0x30000 },
		{ "196608", "smt", 0x30000 },
		{ "smt", "smt", 0x30000 },
		{ "none", "none", 0x20000 },
		{ "0x20000", "none", 0x20000 },
		{ "debug,smt", "smt,debug", 0xb0000 },
		{ "single-socket", "single-socket", 0x120000 },
		/* Here the minor number is the lower byte. */
		{ "abi=1.51,smt", "smt,abi=1.51", 0x30133 },
		{ "0x3001f", "smt,abi=0.31", 0x3001f },
		{ "abi=0.0", "none", 0x20000 },
		{ "0x3ffffff", ALL, 0x3ffffff },
		{ ALL, ALL, 0x3ffffff },
	};
	char text[SNP_POLICY_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t policy = 0xdeadbeef, again;

		assert_int_equal(snp_policy_parse(cases[i].text, &policy), 0);
		assert_int_equal(policy, cases[i].policy);
		assert_string_equal(snp_policy_print(policy, text), cases[i].printed);
		assert_int_equal(snp_policy_parse(text, &again), 0);
		assert_int_equal(again, policy);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "", -EINVAL },
		{ ",", -EINVAL },
		{ "smt,", -EINVAL },
		{ ",smt", -EINVAL },
		{ "SMT", -EINVAL },
		{ "smt,smt", -EINVAL },
		{ "nodbg", -EINVAL },
		{ "none,smt", -EINVAL },
		{ "smt,0x20000", -EINVAL },
		{ "api=1.51", -EINVAL },
		{ "abi", -EINVAL },
		{ "abi=1", -EINVAL },
		{ "abi=1.1,abi=1.1", -EINVAL },
		{ "abi=256.0", -ERANGE },
		{ "abi=0.256", -ERANGE },
		{ "-1", -EINVAL },
		{ "0x", -EINVAL },
		{ "0x30000 ", -EINVAL },
		{ "smt debug", -EINVAL },
		{ "reserved=0x20000", -EINVAL },
		{ "a-name-that-is-longer-than-any-name-may-be", -EINVAL },
		/* No firmware accepts these. */
		{ "0", -EOPNOTSUPP },
		{ "0x10000", -EOPNOTSUPP },
		{ "0x4020000", -EOPNOTSUPP },
		{ "0x8000000000020000", -EOPNOTSUPP },
		{ "0xffffffffffffffff", -EOPNOTSUPP },
		{ "0x10000000000020000", -ERANGE },
		{ "18446744073709551616", -ERANGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t policy = 0xdeadbeef;
		int r = snp_policy_parse(cases[i].text, &policy);

		if (r != cases[i].r)
			print_message("# %s\n", cases[i].text);
		assert_int_equal(r, cases[i].r);
		assert_int_equal(policy, 0xdeadbeef);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
