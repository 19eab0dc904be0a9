/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/ini.h"

#include <cmocka.h>

static const struct {
	const char *text;
	size_t len;	/* 0: up to the NUL */
	unsigned line;
	const char *error;
} bad[] = {
	{ "[A]\na=1\nb=2\na=3\n", 0, 4, "the option 'a' is given twice, first in line 2" },
	{ "[A]\na=1\n[B]\na=1\n[A]\n", 0, 5, "the section [A] is there twice, first in line 1" },
	{ "[a]\na=1\n[b]\na=1\nb=2\n\n# a\na=3\n", 0, 8,
	  "the option 'a' is given twice, first in line 4" },
	{ "[B]\n[A]\nB=1\n  [B]", 0, 4, "the section [B] is there twice, first in line 1" },
	{ "a=1\n[A]\n", 0, 1, "the option 'a' stands before any section" },
	{ "[A]\na=1\0b=2\n", 12, 2, "control character 0x00" },
	{ "[A]\n# \0\na=1\n", 12, 2, "control character 0x00" },
	{ "[A]\n# \x1b[2K\n", 0, 2, "control character 0x1b" },
	{ "[A]\na=1\x7f\n", 0, 2, "control character 0x7f" },
	{ "[A]\r\na=1\r\n", 0, 1, "carriage return" },
	{ "[A]\n# \xc2\x9b\n", 0, 2, "invisible character U+009B" },
	{ "[A]\n# \xe2\x80\xae\n", 0, 2, "invisible character U+202E" },
	{ "[A]\na=x\xe2\x81\xa6\n", 0, 2, "invisible character U+2066" },
	{ "\xef\xbb\xbf[A]\n", 0, 1, "invisible character U+FEFF" },
	{ "[A]\n# \xff\n", 0, 2, "0xff is not UTF-8" },
	{ "[A]\n# \xc0\xaf\n", 0, 2, "0xc0 is not UTF-8" },
	{ "[A]\n# \xed\xa0\x80\n", 0, 2, "0xed is not UTF-8" },
	{ "[A]\n# \xf4\x90\x80\x80\n", 0, 2, "0xf4 is not UTF-8" },
	{ "[A]\n# \xe2\x82", 0, 2, "0xe2 is not UTF-8" },
	{ "[A]\na=1\n  2\n", 0, 3, "neither Name=value" },
	{ "[A]\na\n", 0, 2, "neither Name=value" },
	{ "[A]\n=1\n", 0, 2, "neither Name=value" },
	{ "[A]\na b=1\n", 0, 2, "neither Name=value" },
	{ "[A]\n\xc3\xa9=1\n", 0, 2, "neither Name=value" },
	{ "[]\n", 0, 1, "neither Name=value" },
	{ "[A\n", 0, 1, "neither Name=value" },
	{ "[A] x\n", 0, 1, "neither Name=value" },
	{ "[A]]\n", 0, 1, "neither Name=value" },
	{ "[ A ]\n", 0, 1, "neither Name=value" },
	{ "[_none_]\n", 0, 1, "neither Name=value" },
	{ "[A] # x\n", 0, 1, "neither Name=value" },
	{ "[A]\na=\"1\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\"\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\" 1\"\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\"1\" \"2\"\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\"1\"2\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\"'1\"\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\"1\" # x\n", 0, 2, "begins with a quote" },
	{ "[A]\na=\"#1\"\n", 0, 2, "a comment stands behind a value" },
	{ "[A]\na=\"1\\\"\n", 0, 2, "ends with a backslash" },
	{ "[A]\na= '1\n", 0, 2, "begins with a quote" },
	{ "[A]\na=1\\\nb=2\n", 0, 2, "ends with a backslash" },
	{ "[A]\na=1 # x\n", 0, 2, "a comment stands behind a value" },
	{ "[A]\na=1\t;x\n", 0, 2, "a comment stands behind a value" },
	{ "[A]\na=#x\n", 0, 2, "a comment stands behind a value" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t len = bad[i].len ? bad[i].len : strlen(bad[i].text);
		struct ini_error e = { 0 };

		assert_int_equal(ini_check(bad[i].text, len, &e), -EBADMSG);
		if (!strstr(e.text, bad[i].error) || e.line != bad[i].line)
			fail_msg("case %zu: line %u: '%s'", i, e.line, e.text);
	}
}

static void test_items(void **state)
{
	static const char text[] = "; one\n\n # two = [x] \" \xc3\xa9\n [A] \t\na = 1 "
				   "2\n\tb=\nc==#;\"\\n\n"
				   "[B]\na=x'y\\z#\n\n[C-1.x_]\nd= \"\xc3\xa9 1\" \ne=\"\"";
	static const struct {
		unsigned line;
		const char *section, *name, *value;
	} want[] = {
		{ 4, "A", NULL, "" }, { 5, "A", "a", "1 2" }, { 6, "A", "b", "" },
		{ 7, "A", "c", "=#;\"\\n" }, { 8, "B", NULL, "" }, { 9, "B", "a", "x'y\\z#" },
		{ 11, "C-1.x_", NULL, "" }, { 12, "C-1.x_", "d", "\xc3\xa9 1" },
		{ 13, "C-1.x_", "e", "" },
	};
	static const char plain[] =
		"\n\n\n[A]\na=1 2\nb=\nc==#;\"\\n\n[B]\na=x'y\\z#\n\n[C-1.x_]\nd=\xc3\xa9 1\ne=";
	char copy[sizeof(text)];
	struct ini_error e;
	struct ini_item i;
	struct ini ini;

	assert_int_equal(ini_check(text, strlen(text), &e), 0);
	ini_init(&ini, text, strlen(text));
	for (size_t n = 0; n < ARRAY_SIZE(want); n++) {
		assert_int_equal(ini_next(&ini, &i), 1);
		assert_int_equal(i.line, want[n].line);
		assert_true(ini_is(i.section, i.section_len, want[n].section));
		assert_true(want[n].name ? ini_is(i.name, i.name_len, want[n].name) : !i.name);
		assert_true(ini_is(i.value, i.value_len, want[n].value));
	}
	assert_int_equal(ini_next(&ini, &i), 0);

	memcpy(copy, text, sizeof(text));
	assert_int_equal(ini_plain(copy, strlen(text)), strlen(plain));
	assert_memory_equal(copy, plain, strlen(plain));
	/* A text without options is not an error. */
	assert_int_equal(ini_check("", 0, &e), 0);
	assert_int_equal(ini_check("\n# x", 4, &e), 0);
	/* An option may have the name of a section, or of another section's option. */
	assert_int_equal(ini_check("[a]\na=1\nb=1\n[b]\na=1\nb=1\nab=1\n", 29, &e), 0);
}

static void test_limits(void **state)
{
	static char text[4 + 16 * (INI_ITEMS_MAX + 2)];
	struct ini_error e;
	size_t n;

	/* A comment counts too: if a reader cuts it, its rest is read as a setting. */
	memset(text, '#', INI_LINE_MAX + 1);
	assert_int_equal(ini_check(text, INI_LINE_MAX, &e), 0);
	assert_int_equal(ini_check(text, INI_LINE_MAX + 1, &e), -EMSGSIZE);
	assert_int_equal(e.line, 1);
	memset(text, ' ', INI_LINE_MAX + 1);
	assert_int_equal(ini_check(text, INI_LINE_MAX + 1, &e), -EMSGSIZE);

	n = (size_t)sprintf(text, "[A]\n");
	for (unsigned i = 1; i < INI_ITEMS_MAX; i++)
		n += (size_t)sprintf(text + n, "a%u=1\n", i);
	assert_int_equal(ini_check(text, n, &e), 0);
	n += (size_t)sprintf(text + n, "b=1\n");
	assert_int_equal(ini_check(text, n, &e), -EMSGSIZE);
	assert_int_equal(e.line, INI_ITEMS_MAX + 1);

	/* The last one is compared with all. */
	n = (size_t)sprintf(text, "[A]\n");
	for (unsigned i = 1; i < INI_ITEMS_MAX; i++)
		n += (size_t)sprintf(text + n, "a%u=1\n", i % (INI_ITEMS_MAX - 1));
	assert_int_equal(ini_check(text, n, &e), 0);
	n -= (size_t)sprintf(text + n - strlen("a0=1\n"), "a1=1\n") - strlen("a0=1\n");
	assert_int_equal(ini_check(text, n, &e), -EBADMSG);
	assert_string_equal(e.text, "the option 'a1' is given twice, first in line 2");
	if (SIZE_MAX > UINT32_MAX)
		assert_int_equal(ini_check(text, (size_t)UINT32_MAX + 1, &e), -EMSGSIZE);
}

static void test_blank_sections(void **state)
{
	static const char *const names[] = { "b", "d", NULL };
	char text[] = "# c\n[a]\nx=1\n  [b]  \ny=2\n# in b\n\n[bb]\nb=[b]\n[d]\nz=3";

	ini_blank_sections(text, names);
	assert_string_equal(text, "# c\n[a]\nx=1\n       \n   \n      \n\n[bb]\nb=[b]\n   \n   ");
	text[0] = '\0';
	ini_blank_sections(text, names);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blank_sections),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
