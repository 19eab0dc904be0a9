/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot-log.h"
#include "cli/boot-step.h"

#include <cmocka.h>

static struct msg_stamp s;

static void test_line(void **state)
{
	assert_true(boot_step_read("61000000 read cryptsetup:root luks", &s));
	assert_int_equal(s.usec, 61000000);
	assert_int_equal(s.what, STAMP_READ);
	assert_string_equal(s.consumer, "cryptsetup:root");
	assert_string_equal(s.secret, "luks");
	assert_true(boot_step_read("0  wiped   - -  ", &s));
	assert_string_equal(s.consumer, "");
	assert_string_equal(s.secret, "");
	assert_true(boot_step_read("8 read - \033[31md", &s));
	assert_null(strchr(s.secret, 27));
}

static void test_no_step(void **state)
{
	static const char *const lines[] = {
		"", " ", "5", "5 read", "5 read -", "5 read - a b", "x read - a", "-1 read - a",
		"99999999999999999999 read - a", "1000000000000000 read - a", "5 stolen - a",
		"5 readreadreadreadread - a", "5  - a", "5\tread\t-\ta",
	};

	memset(&s, 7, sizeof(s));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		if (boot_step_read(lines[i], &s))
			fail_msg("'%s' is taken for a step", lines[i]);
	assert_int_equal(s.usec, 0x0707070707070707u);
}

/* A name that is too long is no name, and not two. */
static void test_long_names(void **state)
{
	char line[400], name[200];

	memset(name, 'a', sizeof(name));
	snprintf(line, sizeof(line), "5 read %.127s %.71s", name, name);
	assert_true(boot_step_read(line, &s));
	snprintf(line, sizeof(line), "5 read %.128s a", name);
	assert_false(boot_step_read(line, &s));
	snprintf(line, sizeof(line), "5 read a %.72s", name);
	assert_false(boot_step_read(line, &s));
	snprintf(line, sizeof(line), "5 read %.150s", name);
	assert_false(boot_step_read(line, &s));
}

static void test_answer(void **state)
{
	memset(&s, 'a', sizeof(s));
	s.usec = BOOT_USEC_END - 1;
	s.what = STAMP_WIPED;
	assert_true(boot_step_take(&s));
	assert_int_equal(strlen(s.secret), sizeof(s.secret) - 1);
	assert_int_equal(strlen(s.consumer), sizeof(s.consumer) - 1);
	s.usec++;
	assert_false(boot_step_take(&s));
	s.usec = 0;
	s.what = _STAMP_MAX;
	assert_false(boot_step_take(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_no_step),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
