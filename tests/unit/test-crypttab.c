/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/crypttab.h"

#include <cmocka.h>

static void test_lines(void **state)
{
	char text[] = "# a b\n\n  \t\ndata\t /dev/a  none luks,x\nalone\nv /dev/b\n"
		      "five a b c d\n#v /dev/c\nlast /dev/d -";
	struct crypttab_line line = { 0 };
	char *p = text;

	assert_int_equal(crypttab_next(&p, &line), 1);
	assert_int_equal(line.number, 4);
	assert_string_equal(line.volume, "data");
	assert_string_equal(line.device, "/dev/a");
	assert_string_equal(line.key, "none");
	assert_string_equal(line.options, "luks,x");
	assert_int_equal(crypttab_next(&p, &line), 1);
	assert_int_equal(line.number, 6);
	assert_string_equal(line.key, "");
	assert_string_equal(line.options, "");
	assert_int_equal(crypttab_next(&p, &line), 1);
	assert_int_equal(line.number, 9);
	assert_string_equal(line.volume, "last");
	assert_string_equal(line.key, "-");
	assert_int_equal(crypttab_next(&p, &line), 0);
	assert_int_equal(crypttab_next(&p, &line), 0);
}

static int find(const char *volume, struct crypttab_line *ret)
{
	static char text[200];

	strcpy(text, "# data /dev/a none x\n\n  data \t UUID=4b2e0a6d none luks,header=/run/h\n"
		     "data2 /dev/b\nbare\ntwice /dev/c\ntwice /dev/d\nlast /dev/e - x");
	return crypttab_find(text, volume, ret);
}

static void test_find(void **state)
{
	struct crypttab_line l;

	assert_int_equal(find("data", &l), 0);
	assert_string_equal(l.device, "UUID=4b2e0a6d");
	assert_string_equal(l.options, "luks,header=/run/h");
	assert_int_equal(find("data2", &l), 0);
	assert_string_equal(l.device, "/dev/b");
	assert_string_equal(l.options, "");
	assert_int_equal(find("last", &l), 0);
	assert_string_equal(l.options, "x");
	assert_int_equal(find("dat", &l), -ENOENT);
	assert_int_equal(find("#", &l), -ENOENT);
	assert_int_equal(find("", &l), -ENOENT);
	assert_int_equal(find("bare", &l), -ENOENT);
	assert_int_equal(find("twice", &l), -EEXIST);
}

static void test_option(void **state)
{
	char v[8];

	assert_int_equal(crypttab_option("luks,header=/h,x", "header", v, sizeof(v)), 0);
	assert_string_equal(v, "/h");
	assert_int_equal(crypttab_option("header=", "header", v, sizeof(v)), 0);
	assert_string_equal(v, "");
	assert_int_equal(crypttab_option("luks,xheader=/h,header", "header", v, sizeof(v)),
			 -ENOENT);
	assert_int_equal(crypttab_option("", "header", v, sizeof(v)), -ENOENT);
	assert_int_equal(crypttab_option("header=a,header=a", "header", v, sizeof(v)), -EEXIST);
	assert_int_equal(crypttab_option("header=12345678", "header", v, sizeof(v)), -EINVAL);
	assert_int_equal(crypttab_option("header=1234567", "header", v, sizeof(v)), 0);
}

static void test_device(void **state)
{
	static const struct {
		const char *field, *path;
	} rows[] = {
		{ "/dev/vda", "/dev/vda" },
		{ "UUID=4b2e-0A", "/dev/disk/by-uuid/4b2e-0A" },
		{ "PARTUUID=1", "/dev/disk/by-partuuid/1" },
		{ "LABEL=my.disk", "/dev/disk/by-label/my.disk" },
		{ "PARTLABEL=x", "/dev/disk/by-partlabel/x" },
		{ "UUID=", NULL },
		{ "UUID=../../vda", NULL },
		{ "LABEL=a/b", NULL },
		{ "LABEL=\"a\"", NULL },
		{ "LABEL=a\\x20b", NULL },
		{ "ID=x", NULL },
		{ "vda", NULL },
		{ "", NULL },
	};
	char path[40];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = crypttab_device(rows[i].field, path, sizeof(path));

		assert_int_equal(r, rows[i].path ? 0 : -EINVAL);
		if (rows[i].path)
			assert_string_equal(path, rows[i].path);
	}
	assert_int_equal(crypttab_device("/dev/vda", path, 8), -EINVAL);
	assert_int_equal(crypttab_device("/dev/vda", path, 9), 0);
	assert_int_equal(crypttab_device("UUID=1", path, 10), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_option),
		cmocka_unit_test(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
