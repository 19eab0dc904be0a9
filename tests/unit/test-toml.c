/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/toml.h"
#include "base/io.h"
#include "tests/unit/vectors.h"

#define T3 "'''"
#define Q3 "\"\"\""

/* ---- what is read ---- */

static void assert_value(const char *source, const char *value)
{
	struct toml t = { .n_items = 0 };
	struct cause why = { "" };
	char text[512];

	(void) snprintf(text, sizeof(text), "k = %s", source);
	if (toml_read(text, strlen(text), &t, &why) != 0)
		fail_msg("%s: %s", text, why.text);
	assert_int_equal(t.n_items, 1);
	assert_string_equal(toml_find(&t, "", "k"), value);
	toml_done(&t);
	assert_null(toml_find(&t, "", "k"));
}

static void test_strings(void **state)
{
	assert_value("\"\"", "");
	assert_value("''", "");
	assert_value("\"a'b\\\"\\\\\\b\\t\\n\\f\\r\\u00e9\\u20AC\\U0001f600\"",
		     "a'b\"\\\b\t\n\f\r\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_value("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\\U00010000\\U0010FFFF\"",
		     "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"
		     "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	assert_value("'a\"b\\n#'", "a\"b\\n#");
	assert_value("'\t\xc3\xa9' # a comment", "\t\xc3\xa9");
	assert_value("\"#\"#\"", "#");
}

static void test_long_strings(void **state)
{
	assert_value(Q3 Q3, "");
	assert_value(T3 T3, "");
	assert_value(Q3 "a" Q3, "a");
	assert_value(Q3 "\na\n\nb\n" Q3, "a\n\nb\n");
	assert_value(Q3 "\r\na\r\n" Q3, "a\n");
	assert_value(Q3 "a\\\n  \t\n\r\n  b\\n" Q3, "ab\n");
	assert_value(Q3 "a\\  \r\n" Q3, "a");
	assert_value(Q3 "\"a\" \"\"b" Q3 "\"", "\"a\" \"\"b\"");
	assert_value(Q3 Q3 "\"\"", "\"\"");
	assert_value(Q3 "''\\\"\\\"\\\"" Q3, "''\"\"\"");
	assert_value(T3 "\n\\n\n[x]\nk = 1\n" T3, "\\n\n[x]\nk = 1\n");
	assert_value(T3 "a'" T3 "'", "a''");
	assert_value(T3 "a\"\"\"b" T3 "  ", "a\"\"\"b");
}

static void test_items(void **state)
{
	static const char text[] = "# first\n\r\n a-B_9\t=\t'1' # one\n\"b.c \\u0064\"=\"2\"\n"
				   "[ data ] # table\r\n'x y'=" T3 "3\n3" T3 "\na-B_9='4'\n"
				   "[\"other.one\"]\nk=''\n[9]";
	static const struct toml_item items[] = {
		{ 3, "", "a-B_9", "1" },     { 4, "", "b.c d", "2" },
		{ 5, "data", NULL, NULL },   { 6, "data", "x y", "3\n3" },
		{ 8, "data", "a-B_9", "4" }, { 9, "other.one", NULL, NULL },
		{ 10, "other.one", "k", "" }, { 11, "9", NULL, NULL },
	};
	struct toml t = { .n_items = 0 };
	struct cause why;

	assert_int_equal(toml_read(text, strlen(text), &t, &why), 0);
	assert_int_equal(t.n_items, ARRAY_SIZE(items));
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		assert_int_equal(t.items[i].line, items[i].line);
		assert_string_equal(t.items[i].table, items[i].table);
		if (!items[i].key) {
			assert_null(t.items[i].key);
			assert_true(toml_has_table(&t, items[i].table));
			continue;
		}
		assert_string_equal(t.items[i].key, items[i].key);
		assert_string_equal(t.items[i].value, items[i].value);
		assert_string_equal(toml_find(&t, items[i].table, items[i].key), items[i].value);
	}
	assert_null(toml_find(&t, "data", "b.c d"));
	assert_null(toml_find(&t, "9", "k"));
	assert_false(toml_has_table(&t, ""));
	assert_false(toml_has_table(&t, "k"));
	toml_done(&t);
	assert_int_equal(toml_read("", 0, &t, &why), 0);
	assert_int_equal(t.n_items, 0);
	toml_done(&t);
}

/* ---- what is not ---- */

static const struct {
	const char *text;
	size_t len; /* 0: up to the NUL */
	const char *reason;
} bad[] = {
	{ "k = 5\n", 0, "line 1: a value that is not a string" },
	{ "\n\nk = true", 0, "line 3: a value that is not a string" },
	{ "k = [ 'a' ]", 0, "line 1: a value that is not a string" },
	{ "k = { a = 'b' }", 0, "line 1: a value that is not a string" },
	{ "k = 2026-11-28", 0, "line 1: a value that is not a string" },
	{ "k =", 0, "line 1: a value that is not a string" },
	{ "k =\n'a'", 0, "line 1: a value that is not a string" },
	{ "k", 0, "line 1: a key without '='" },
	{ "k 'a'", 0, "line 1: a key without '='" },
	{ "k\n= 'a'", 0, "line 1: a key without '='" },
	{ "= 'a'", 0, "line 1: neither a comment" },
	{ "'' = 'a'", 0, "line 1: neither a comment" },
	{ Q3 "k" Q3 " = 'a'", 0, "line 1: neither a comment" },
	{ "; a\n", 0, "line 1: neither a comment" },
	{ "\xc3\xa9 = 'a'", 0, "line 1: neither a comment" },
	{ "\xef\xbb\xbfk = 'a'", 0, "line 1: neither a comment" },
	{ "[]", 0, "line 1: neither a comment" },
	{ "a.b = 'c'", 0, "line 1: a key of several words" },
	{ "'a' . b = 'c'", 0, "line 1: a key of several words" },
	{ "[a.b]", 0, "line 1: a key of several words" },
	{ "[[a]]", 0, "line 1: a list of tables" },
	{ "[a", 0, "line 1: a table's name without ']'" },
	{ "[a b]", 0, "line 1: a table's name without ']'" },
	{ "[a]]", 0, "line 1: something stands behind" },
	{ "[a] k = 'b'", 0, "line 1: something stands behind" },
	{ "k = 'a' 'b'", 0, "line 1: something stands behind" },
	{ "k = 'a', b = 'c'", 0, "line 1: something stands behind" },
	{ "k = 'a''", 0, "line 1: something stands behind" },
	{ "k = " T3 "a" T3 "'''", 0, "line 1: something stands behind" },
	{ "k = 'a'\nk = 'a'", 0, "line 2: this key is there already, in line 1" },
	{ "k = 'a'\n'k' = 'b'", 0, "line 2: this key is there already, in line 1" },
	{ "k = 'a'\n\"\\u006b\" = 'b'", 0, "line 2: this key is there already, in line 1" },
	{ "[a]\nk = 'a'\n\nk = 'b'", 0, "line 4: this key is there already, in line 2" },
	{ "[a]\n[b]\n['a']", 0, "line 3: this table is there already, in line 1" },
	{ "a = 'b'\n[a]", 0, "line 2: a table with the name of a key" },
	{ "k = 'a\n'", 0, "line 1: a string without an end" },
	{ "k = \"a\r\n\"", 0, "line 1: a string without an end" },
	{ "k = \"a\\\"", 0, "line 1: a string without an end" },
	{ "k = '", 0, "line 1: a string without an end" },
	{ "'k", 0, "line 1: a string without an end" },
	{ "\nk = " T3 "\n\n''", 0, "line 2: a string without an end" },
	{ "k = " Q3 "\na\\\"\"\"", 0, "line 1: a string without an end" },
	{ "k = " Q3 "\\", 0, "an unknown escape" },
	{ "k = \"\\e\"", 0, "line 1: an unknown escape" },
	{ "k = \"\\x41\"", 0, "line 1: an unknown escape" },
	{ "k = \"\\'\"", 0, "line 1: an unknown escape" },
	{ "k = " Q3 "\na\\ b" Q3, 0, "line 2: an unknown escape" },
	{ "k = \"\\u004\"", 0, "too few hexadecimal digits" },
	{ "k = \"\\U0000004", 0, "too few hexadecimal digits" },
	{ "k = \"\\u+041\"", 0, "too few hexadecimal digits" },
	{ "k = \"\\u0000\"", 0, "no character, or NUL" },
	{ "k = \"\\ud800\"", 0, "no character, or NUL" },
	{ "k = \"\\udfff\"", 0, "no character, or NUL" },
	{ "k = \"\\U00110000\"", 0, "no character, or NUL" },
	{ "k = \"\\Uffffffff\"", 0, "no character, or NUL" },
	{ "k = 'a\0b'", 9, "line 1: a control character" },
	{ "k = 'a'\n\0", 9, "line 2: a control character" },
	{ "# a\x1b", 0, "line 1: a control character" },
	{ "k = 'a\x7f'", 0, "line 1: a control character" },
	{ "k = " T3 "\n\x0b" T3, 0, "line 2: a control character" },
	{ "k = 'a'\r", 0, "line 1: a carriage return without a newline" },
	{ "k = " Q3 "\r \n" Q3, 0, "line 1: a carriage return without a newline" },
	{ "\n# \xff", 0, "line 2: bytes that are not UTF-8" },
	{ "k = '\xc0\x80'", 0, "line 1: bytes that are not UTF-8" },
	{ "k = '\xed\xa0\x80'", 0, "line 1: bytes that are not UTF-8" },
	{ "k = '\xe2\x82", 0, "line 1: bytes that are not UTF-8" },
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t len = bad[i].len ? bad[i].len : strlen(bad[i].text);
		struct toml t = { .n_items = 77 };
		struct cause why = { "" };

		assert_int_equal(toml_read(bad[i].text, len, &t, &why), -EBADMSG);
		if (!strstr(why.text, bad[i].reason))
			fail_msg("case %zu, %s: '%s'", i, bad[i].text, why.text);
		assert_int_equal(t.n_items, 77);
	}
}

static void test_limits(void **state)
{
	static char text[TOML_MAX + 1];
	struct toml t = { .n_items = 0 };
	struct cause why = { "" };
	size_t len = 0;

	memset(text, '\n', sizeof(text));
	assert_int_equal(toml_read(text, TOML_MAX, &t, &why), 0);
	toml_done(&t);
	assert_int_equal(toml_read(text, TOML_MAX + 1, &t, &why), -EMSGSIZE);
	for (int i = 0; i < TOML_ITEMS_MAX; i++)
		len += (size_t)sprintf(text + len, "k%d=''\n", i);
	assert_int_equal(toml_read(text, len, &t, &why), 0);
	assert_int_equal(t.n_items, TOML_ITEMS_MAX);
	toml_done(&t);
	len += (size_t)sprintf(text + len, "[k]\n");
	assert_int_equal(toml_read(text, len, &t, &why), -EMSGSIZE);
	assert_non_null(strstr(why.text, "line 257: more than 256"));
}

/* Another project's file for the same purpose. */
static void test_confdata(void **state)
{
	struct toml t = { .n_items = 0 };
	struct cause why = { "" };
	char path[PATH_MAX], *text;
	size_t len;

	vectors_path(path, "coco/confdata/root.toml");
	assert_int_equal(read_file_at(AT_FDCWD, path, TOML_MAX, &text, &len), 0);
	assert_int_equal(toml_read(text, len, &t, &why), 0);
	assert_string_equal(toml_find(&t, "", "version"), "0.1.0");
	assert_string_equal(toml_find(&t, "data", "io.cryptsetup.key.text.root"),
			    "q7Zb3mX0cT5uV8wYrKpLs2NdFgHjAe1B");
	assert_int_equal(t.n_items, 3);
	toml_done(&t);
	free(text);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings), cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_items),	cmocka_unit_test(test_bad),
		cmocka_unit_test(test_limits),	cmocka_unit_test(test_confdata),
	};

	vectors_or_skip(&tests[5], "coco/confdata/root.toml");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
