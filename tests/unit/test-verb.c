/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each errno ends coco-inject with the status that inject/verb.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "inject/verb.h"

#include <cmocka.h>

static unsigned n_logged;
static char last_line[256];

int __wrap_log_full(int level, int error, const char *format, ...) _printf_(3, 4);
int __wrap_log_full(int level, int error, const char *format, ...)
{
	va_list ap;

	n_logged++;
	va_start(ap, format);
	(void) vsnprintf(last_line, sizeof(last_line), format, ap);
	va_end(ap);
	return -abs(error);
}

static void test_give_up(void **state)
{
	static const struct {
		int error;
		enum status status;
	} rows[] = {
		{ EINVAL, STATUS_USAGE },	{ EBADMSG, STATUS_MALFORMED },
		{ EMSGSIZE, STATUS_MALFORMED }, { EKEYREJECTED, STATUS_CHECK },
		{ ENOSPC, STATUS_CHECK },	{ EOPNOTSUPP, STATUS_CHECK },
		{ EPERM, STATUS_CHECK },	{ ENODATA, STATUS_UNDECIDED },
	};
	const struct cause why = { "100% of 'it' is wrong" };

	for (int r = 0; r < 3; r++)
		assert_int_equal(give_up_if(r, &why), STATUS_GOOD);
	assert_int_equal(n_logged, 0);
	/* Every other one is of a file, a library or the memory. */
	for (int error = 1; error < 200; error++) {
		enum status want = STATUS_IO;

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (rows[i].error == error)
				want = rows[i].status;
		assert_int_equal(give_up_if(-error, &why), want);
		assert_int_equal(n_logged, error);
		assert_string_equal(last_line, why.text);
	}
	assert_int_equal(STATUS_GOOD, 0);
}

/* Without an object there was no memory for one, and nothing is printed. */
static void test_output(void **state)
{
	n_logged = 0;
	assert_int_equal(output_json(NULL), STATUS_IO);
	assert_int_equal(n_logged, 1);
	assert_string_equal(last_line, "Out of memory");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
