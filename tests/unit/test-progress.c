/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/progress.h"

#include <cmocka.h>

#define NEVER UINT64_C(3600000000)

static int terminal, before;	/* the terminal's other side, and what standard error was */

/* Standard error is a terminal until leave(). */
static void enter(void)
{
	int fd;

	terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	before = dup(STDERR_FILENO);
	assert_true(before >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void leave(void)
{
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	close(before);
	close(terminal);
}

/* What is on the terminal within @msec; @ret ends with a NUL. */
static void read_terminal(int msec, char ret[static 256])
{
	struct pollfd p = { .fd = terminal, .events = POLLIN };
	ssize_t n = 0;

	if (poll(&p, 1, msec) > 0)
		n = read(terminal, ret, 255);
	ret[MAX(n, 0)] = '\0';
}

static void test_said(void **state)
{
	struct progress p;
	char text[256];

	enter();
	progress_begin_after(&p, "something is done", 1000);
	read_terminal(60000, text);
	assert_string_equal(text, "\r\033[K... something is done, 0 s");
	progress_end(&p);
	read_terminal(60000, text);
	/* The last thing takes the line away; another second may have been told before. */
	assert_true(strlen(text) >= 4);
	assert_string_equal(text + strlen(text) - 4, "\r\033[K");
	progress_end(&p);	/* once more does nothing */
	leave();
	(void) state;
}

static void test_not_yet(void **state)
{
	struct progress p;
	char text[256];

	enter();
	progress_begin_after(&p, "something is done", NEVER);
	progress_end(&p);
	progress_begin(&p, "something is done");
	progress_end(&p);
	read_terminal(0, text);
	assert_string_equal(text, "");
	leave();
	(void) state;
}

static void test_no_terminal(void **state)
{
	struct progress p;

	enter();
	assert_int_equal(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO),
			 STDERR_FILENO);
	progress_begin_after(&p, "something is done", 1);
	assert_false(p.runs);
	progress_end(&p);
	leave();
	(void) state;
}

/* A line that would be longer than a terminal is cut, and stays within its buffer. */
static void test_long(void **state)
{
	char what[1000], text[256];
	struct progress p;

	memset(what, 'x', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	enter();
	progress_begin_after(&p, what, 1000);
	read_terminal(60000, text);
	assert_in_range(strlen(text), 100, 127);
	progress_end(&p);
	leave();
	(void) state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_not_yet),
		cmocka_unit_test(test_no_terminal),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
