/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "tests/unit/said.h"

static const struct table_column columns[] = {
	{ "NAME" }, { "SIZE", .right = true }, { "CONSUMERS" }
};

/* What the table is at a terminal of so many columns. */
static const char *printed(const struct table *t, unsigned width)
{
	static struct said s;

	said_begin(&s, stdout);
	table_print_at(t, width);
	return said_end(&s);
}

static struct table made(unsigned head)
{
	struct table t = { columns, ARRAY_SIZE(columns), .head = head };

	assert_int_equal(table_add(&t, (const char *const[]){ "luks", "14", "cryptsetup get" }), 0);
	assert_int_equal(table_add(&t, (const char *const[]){ "caf\xc3\xa9", "1024", "" }), 0);
	return t;
}

static void test_lines(void **state)
{
	_cleanup_(table_done) struct table t = made(0);
	const char *lines = "NAME  SIZE  CONSUMERS\n"
			    "luks    14  cryptsetup get\n"
			    "caf\xc3\xa9  1024  \n";

	assert_string_equal(printed(&t, 0), lines);
	assert_string_equal(printed(&t, 80), lines);
	assert_string_equal(printed(&t, 26), lines);
	/* Too narrow for anybody. */
	assert_string_equal(printed(&t, 19), lines);
}

static void test_paragraphs(void **state)
{
	_cleanup_(table_done) struct table t = made(0), u = made(2);

	assert_string_equal(printed(&t, 25), "luks\n"
					     "  SIZE       14\n"
					     "  CONSUMERS\n"
					     "    cryptsetup get\n"
					     "caf\xc3\xa9\n"
					     "  SIZE       1024\n"
					     "  CONSUMERS\n");
	assert_string_equal(printed(&u, 25), "cryptsetup get\n"
					     "  NAME       luks\n"
					     "  SIZE       14\n"
					     "\n"
					     "  NAME       caf\xc3\xa9\n"
					     "  SIZE       1024\n");
}

static void test_wraps(void **state)
{
	_cleanup_(table_done) struct table t = { columns, ARRAY_SIZE(columns) };

	assert_int_equal(table_add(&t, (const char *const[]){
					       "a-name-of-more-than-twenty", "1",
					       "one two three four five six "
					       "a-word-of-over-16-letters" }),
			 0);
	assert_string_equal(printed(&t, 20), "a-name-of-more-than-\n"
					     "twenty\n"
					     "  SIZE       1\n"
					     "  CONSUMERS\n"
					     "    one two three\n"
					     "    four five six\n"
					     "    a-word-of-over-1\n"
					     "    6-letters\n");
}

/* What may be two columns wide counts as that, and what a terminal would obey is shown. */
static void test_foreign_text(void **state)
{
	_cleanup_(table_done) struct table t = { columns, 1 };
	const char *text;

	assert_int_equal(table_add(&t, (const char *const[]){ "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
							      "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
							      "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
							      "\xe6\xbc\xa2\xe6\xbc\xa2" }),
			 0);
	assert_int_equal(table_add(&t, (const char *const[]){ "a\x1b[2J\nb\xff\xe2\x80\xae" }), 0);
	text = printed(&t, 21);
	assert_non_null(strstr(text, "\xe6\xbc\xa2\n\xe6\xbc\xa2\n"));
	assert_non_null(strstr(text, "a?[2J?b??\n"));
	assert_null(strchr(text, '\x1b'));
}

/* A cell of any length is there, to its last letter. */
static void test_long(void **state)
{
	_cleanup_(table_done) struct table t = { columns, 2 };
	static char cell[60001];
	const char *text;
	size_t n = 0, longest = 0;

	for (size_t i = 0; i < sizeof(cell) - 1; i += 2)
		memcpy(cell + i, "\xc3\xa9", 2);
	assert_int_equal(table_add(&t, (const char *const[]){ cell, cell }), 0);
	for (unsigned width = 0; width <= 40; width += 40) {
		text = printed(&t, width);
		n = longest = 0;
		for (const char *p = text; *p; p += strcspn(p, "\n") + 1)
			longest = MAX(longest, strcspn(p, "\n"));
		for (; *text; text++)
			n += *text == '\xc3';
		assert_int_equal(n, sizeof(cell) - 1);
		assert_true(width == 0 || longest == 2 * (size_t)width);
	}
}

static void test_empty(void **state)
{
	_cleanup_(table_done) struct table t = { columns, ARRAY_SIZE(columns) };

	assert_string_equal(printed(&t, 0), "");
	assert_string_equal(printed(&t, 20), "");
}

/* A pipe has no columns, whatever the environment says. */
static void test_no_terminal(void **state)
{
	int saved = dup(STDOUT_FILENO), file = memfd_create("said", MFD_CLOEXEC);

	(void) fflush(stdout);
	assert_int_equal(setenv("COLUMNS", "40", 1), 0);
	assert_int_equal(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(terminal_columns(), 0);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close_fd(saved);
	close_fd(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_paragraphs),
		cmocka_unit_test(test_wraps),
		cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
