/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "inject/plan/parse-tree.h"

#include <cmocka.h>

static void test_cpulist(void **state)
{
	static const struct {
		const char *text, *printed;
		size_t n;
	} good[] = {
		{ "", "", 0 },		  { "\n", "", 0 },
		{ "0\n", "0", 1 },	  { "0-3,8", "0-3,8", 5 },
		{ "0,1,2", "0-2", 3 },	  { "8191\n", "8191", 1 },
		{ "63-64", "63-64", 2 },  { "0-8191", "0-8191", 8192 },
		{ "0-0,2-2", "0,2", 2 },
	};
	static const char *const bad[] = {
		"3-0",	"0,0", "0-3,3", "1,0", "0-", "-1", "-", ",", "0,", "0,,1", "0-1-2", "8192",
		"0-8192", "0-18446744073709551615", "18446744073709551616", " 0", "0 ", "0\n\n",
		"+1", "0x1", "a",
	};
	struct cpu_set set;
	char text[64];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(tree_parse_cpulist(good[i].text, &set), 0);
		assert_int_equal(set.n, good[i].n);
		assert_true(cpu_set_print(&set, text, sizeof(text)));
		assert_string_equal(text, good[i].printed);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		set.n = 77;
		assert_int_equal(tree_parse_cpulist(bad[i], &set), -EBADMSG);
		assert_int_equal(set.n, 77);
	}
}

static void test_cpu_sets(void **state)
{
	struct cpu_set a, b;
	char text[8];

	(void) state;
	assert_int_equal(tree_parse_cpulist("0-3", &a), 0);
	assert_int_equal(tree_parse_cpulist("100-103", &b), 0);
	assert_true(cpu_set_add(&a, &b));
	assert_int_equal(a.n, 8);
	assert_false(cpu_set_add(&a, &b));
	assert_int_equal(a.n, 8);
	/* "0-3,100-103" */
	assert_false(cpu_set_print(&a, text, sizeof(text)));
	assert_true(strlen(text) < sizeof(text));
	/* Exactly enough, and one less. */
	assert_true(cpu_set_print(&b, text, sizeof("100-103")));
	assert_false(cpu_set_print(&b, text, sizeof("100-103") - 1));
}

static void test_meminfo(void **state)
{
	static const char *const bad[] = {
		"",
		"Node 0 MemTotal: 8 kB\n",
		"Node 0 MemFree: 8 kB\n",
		"Node 0 MemTotal: 8 kB\nNode 0 MemFree: 9 kB\n",
		"Node 0 MemTotal: 8 kB\nNode 0 MemFree: 8 kB\nNode 0 MemFree: 7 kB\n",
		"Node 0 MemTotal: 8 kB\nNode 0 MemFree: 8 kB",
		"Node 0 MemTotal: -8 kB\nNode 0 MemFree: 8 kB\n",
		"Node 0 MemTotal: 8\nNode 0 MemFree: 8 kB\n",
		"Node 0 MemTotal: 18014398509481984 kB\nNode 0 MemFree: 8 kB\n",
		"MemTotal: 8 kB\nMemFree: 8 kB\n",
	};
	struct node_memory m = { 0 };

	(void) state;
	assert_int_equal(tree_parse_meminfo("Node 12 MemTotal:       65536 kB\n"
					    "Node 12 MemFree:        4096 kB\n"
					    "Node 12 MemUsed:        x kB\n",
					    &m),
			 0);
	assert_int_equal(m.total, 65536 * 1024);
	assert_int_equal(m.free, 4096 * 1024);
	assert_int_equal(tree_parse_meminfo("Node 0 MemTotal: 18014398509481983 kB\n"
					    "Node 0 MemFree: 0 kB\n",
					    &m),
			 0);
	assert_true(m.total == UINT64_MAX - 1023);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tree_parse_meminfo(bad[i], &m), -EBADMSG);
}

static void test_numbers(void **state)
{
	uint8_t d[2];
	uint64_t n;
	bool b;

	(void) state;
	assert_int_equal(tree_parse_number("18446744073709551615\n", &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(tree_parse_number("18446744073709551616", &n), -EBADMSG);
	assert_int_equal(tree_parse_number("", &n), -EBADMSG);
	assert_int_equal(tree_parse_number("1 ", &n), -EBADMSG);
	assert_int_equal(tree_parse_bool("Y\n", &b), 0);
	assert_true(b);
	assert_int_equal(tree_parse_bool("0", &b), 0);
	assert_false(b);
	assert_int_equal(tree_parse_bool("", &b), -EBADMSG);
	assert_int_equal(tree_parse_bool("y\n", &b), -EBADMSG);
	assert_int_equal(tree_parse_bool("10\n", &b), -EBADMSG);
	assert_int_equal(tree_parse_distance("10 20\n", 2, d), 0);
	assert_int_equal(d[1], 20);
	assert_int_equal(tree_parse_distance("10\n", 2, d), -EBADMSG);
	assert_int_equal(tree_parse_distance("10 20 30\n", 2, d), -EBADMSG);
	assert_int_equal(tree_parse_distance("10 256\n", 2, d), -EBADMSG);
	assert_int_equal(tree_parse_distance("10 0\n", 2, d), -EBADMSG);
}

static void test_misc(void **state)
{
	uint64_t n = 7;

	(void) state;
	assert_int_equal(tree_parse_misc("sev 410\nsev_es 99\n", "sev", &n), 0);
	assert_int_equal(n, 410);
	assert_int_equal(tree_parse_misc("sev 410\nsev_es 99\n", "sev_es", &n), 0);
	assert_int_equal(n, 99);
	assert_int_equal(tree_parse_misc("sev_es 99", "sev", &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(tree_parse_misc("sev max\n", "sev", &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(tree_parse_misc("sev 1\nsev 1\n", "sev", &n), -EBADMSG);
	assert_int_equal(tree_parse_misc("sev -1\n", "sev", &n), -EBADMSG);
	assert_int_equal(tree_parse_misc("sev 1x\n", "sev", &n), -EBADMSG);
	assert_int_equal(tree_parse_misc("sev maximum\n", "sev", &n), -EBADMSG);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t bytes;
	} cases[] = {
		{ "1K", 0, 1024 },
		{ "64G", 0, UINT64_C(64) << 30 },
		{ "16777215T", 0, UINT64_C(16777215) << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551615G", -ERANGE, 0 },
		{ "18446744073709551616K", -ERANGE, 0 },
		{ "0G", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "G", -EINVAL, 0 },
		{ "1", -EINVAL, 0 },
		{ "1g", -EINVAL, 0 },
		{ "1GB", -EINVAL, 0 },
		{ "-1G", -EINVAL, 0 },
		{ "1 G", -EINVAL, 0 },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t bytes = 0;

		assert_int_equal(plan_parse_size(cases[i].text, &bytes), cases[i].r);
		assert_true(bytes == cases[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpulist), cmocka_unit_test(test_cpu_sets),
		cmocka_unit_test(test_meminfo), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_misc),	cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("parse-tree", tests, NULL, NULL);
}
