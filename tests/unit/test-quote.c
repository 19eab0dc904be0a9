/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>

#include "inject/plan/quote.h"

#include <cmocka.h>

static void expect(void (*quote)(FILE *f, const char *text), const char *text, const char *want)
{
	char *got = NULL;
	size_t len;
	FILE *f = open_memstream(&got, &len);

	assert_non_null(f);
	quote(f, text);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(got, want);
	free(got);
}

static void test_shell(void **state)
{
	(void) state;
	expect(quote_shell, "plain-1.2_3/x=y,z:%+@", "plain-1.2_3/x=y,z:%+@");
	expect(quote_shell, "", "''");
	expect(quote_shell, "a b", "'a b'");
	expect(quote_shell, "~", "'~'");
	expect(quote_shell, "=ls", "'=ls'");
	expect(quote_shell, "$(id)`x`\"!", "'$(id)`x`\"!'");
	expect(quote_shell, "a'b", "'a'\\''b'");
	expect(quote_shell, "\\", "'\\'");
	expect(quote_shell, "caf\xc3\xa9", "'caf\xc3\xa9'");
	expect(quote_shell, "a\nb'c\\d", "$'a\\012b\\'c\\\\d'");
	expect(quote_shell, "\xff", "$'\\377'");
	/* Three digits: what follows is no part of the number. */
	expect(quote_shell, "\x01" "7", "$'\\0017'");
	/* Right-to-left override. */
	expect(quote_shell, "\xe2\x80\xae", "$'\\342\\200\\256'");
}

static void test_qemu(void **state)
{
	(void) state;
	expect(quote_qemu, "a,b,,c", "a,,b,,,,c");
	expect(quote_qemu, "a=b c", "a=b c");
	assert_string_equal(quote_qemu_path("/a:b"), "");
	assert_string_equal(quote_qemu_path("a/b:c"), "");
	assert_string_equal(quote_qemu_path("nbd:x"), "./");
	assert_string_equal(quote_qemu_path("json:{}"), "./");
	assert_string_equal(quote_qemu_path("-x"), "./");
	assert_string_equal(quote_qemu_path("x"), "");
}

static void test_xml(void **state)
{
	(void) state;
	expect(quote_xml, "<a b='c' d=\"e\">&",
	       "&#x3c;a b=&#x27;c&#x27; d=&#x22;e&#x22;&#x3e;&#x26;");
	expect(quote_xml, "a\n\r\tb", "a&#xa;&#xd;&#x9;b");
	expect(quote_xml, "\xe2\x80\xae", "&#x202e;");
	expect(quote_xml, "\xc3\xa9\xff", "\xc3\xa9&#xfffd;");
}

static void test_xl(void **state)
{
	(void) state;
	expect(quote_xl, "", "\"\"");
	expect(quote_xl, "a \"b\" \\c 'd' #", "\"a \\\"b\\\" \\\\c 'd' #\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_qemu),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_xl),
	};

	return cmocka_run_group_tests_name("quote", tests, NULL, NULL);
}
