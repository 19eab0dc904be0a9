/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "sev/sev-policy.h"

#include <cmocka.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *printed;
		uint32_t policy;
	} cases[] = {
		{ "none", "none", 0 },
		{ "0", "none", 0 },
		{ "0x0", "none", 0 },
		{ "nodbg", "nodbg", 1 },
		{ "3", "nodbg,noks", 3 },
		{ "0x0003", "nodbg,noks", 3 },
		{ "noks,nodbg", "nodbg,noks", 3 },
		{ "nodbg,noks,es", "nodbg,noks,es", 7 },
		{ "sev,domain,nosend,es,noks,nodbg", "nodbg,noks,es,nosend,domain,sev", 0x3f },
		{ "63", "nodbg,noks,es,nosend,domain,sev", 0x3f },
		/* The major number is the lower byte. */
		{ "nodbg,api=1.51", "nodbg,api=1.51", 0x33010001 },
		{ "api=1.51", "api=1.51", 0x33010000 },
		{ "api=0.0,nodbg", "nodbg", 1 },
		{ "api=255.255", "api=255.255", 0xffff0000 },
		{ "0x37010007", "nodbg,noks,es,api=1.55", 0x37010007 },
		{ "20381703", "nodbg,noks,es,api=55.1", 0x01370007 },
		{ "0xffff003f", "nodbg,noks,es,nosend,domain,sev,api=255.255", 0xffff003f },
	};
	char text[SEV_POLICY_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t policy = 0xdeadbeef, again;

		assert_int_equal(sev_policy_parse(cases[i].text, &policy), 0);
		assert_int_equal(policy, cases[i].policy);
		assert_string_equal(sev_policy_print(policy, text), cases[i].printed);
		assert_int_equal(sev_policy_parse(text, &again), 0);
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
		{ "nodbg,", -EINVAL },
		{ ",nodbg", -EINVAL },
		{ "nodbg,,es", -EINVAL },
		{ "NODBG", -EINVAL },
		{ "nodebug", -EINVAL },
		{ "nodbg noks", -EINVAL },
		{ "nodbg, noks", -EINVAL },
		{ "nodbg,nodbg", -EINVAL },
		{ "none,es", -EINVAL },
		{ "nodbg,3", -EINVAL },
		{ "3,nodbg", -EINVAL },
		{ "0x", -EINVAL },
		{ "-1", -EINVAL },
		{ "0xg", -EINVAL },
		{ "api=", -EINVAL },
		{ "api=1", -EINVAL },
		{ "api=.1", -EINVAL },
		{ "api=1.", -EINVAL },
		{ "api=1.51.", -EINVAL },
		{ "api=0x1.51", -EINVAL },
		{ "api=-1.0", -EINVAL },
		{ "api=1.51,api=1.51", -EINVAL },
		{ "api=0.0,api=1.0", -EINVAL },
		{ "api=256.0", -ERANGE },
		{ "api=1.256", -ERANGE },
		{ "api=1.0000", -ERANGE },
		{ "4294967296", -ERANGE },
		{ "0x100000000", -ERANGE },
		{ "64", -EOPNOTSUPP },
		{ "0x8001", -EOPNOTSUPP },
		{ "nosenddomainsevnodbgnoks", -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t policy = 0xdeadbeef;

		assert_int_equal(sev_policy_parse(cases[i].text, &policy), cases[i].r);
		assert_int_equal(policy, 0xdeadbeef);
	}
}

static void test_print_longest(void **state)
{
	char text[SEV_POLICY_TEXT_MAX];

	assert_string_equal(sev_policy_print(0xffffffff, text),
			    "nodbg,noks,es,nosend,domain,sev,api=255.255,reserved=0xffc0");
	assert_string_equal(sev_policy_print(0x40, text), "reserved=0x40");
}

static void test_api(void **state)
{
	uint8_t major, minor;

	assert_int_equal(sev_api_parse("1.55", &major, &minor), 0);
	assert_int_equal(major, 1);
	assert_int_equal(minor, 55);
	assert_int_equal(sev_api_parse("1,55", &major, &minor), -EINVAL);
	assert_int_equal(sev_api_parse("", &major, &minor), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_print_longest),
		cmocka_unit_test(test_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
