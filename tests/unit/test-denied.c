/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who was refused is said once, and at times again, however often and under however many names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "agent/keeper/denied.h"
#include "base/text.h"

#include <cmocka.h>

#define DATE (UINT64_C(1800000000) * 1000000)

static bool note(struct denied *d, const char *who, const char *secret, uint64_t now)
{
	bool say;

	(void) denied_note(d, who, secret, "because", now, DATE + now, &say);
	return say;
}

static void test_once(void **state)
{
	struct denied d = { .n_burst = 0 };
	char text[MSG_WARNING_LEN];
	bool say;

	assert_int_equal(denied_warning(&d, 0, text), 0);
	assert_true(note(&d, "credential:a.service", "tok", 5));
	for (unsigned i = 0; i < 1000; i++)
		assert_false(note(&d, "credential:a.service", "tok", 5 + i));
	/* Another one, and another secret, is something else. */
	assert_true(note(&d, "credential:a.service", "other", 7));
	assert_true(note(&d, "credential:b.service", "tok", 7));
	assert_false(note(&d, "credential:a.service", "tok", 4 + DENIED_QUIET_USEC));
	assert_true(note(&d, "credential:a.service", "tok", 5 + DENIED_QUIET_USEC));
	assert_false(note(&d, "credential:a.service", "tok", 6 + DENIED_QUIET_USEC));

	/* Nor is another reason the same. */
	(void) denied_note(&d, "credential:b.service", "tok", "of this", 8, DATE, &say);
	assert_true(say);
	(void) denied_note(&d, "credential:b.service", "tok", "of this", 9, DATE, &say);
	assert_false(say);

	assert_int_equal(denied_warning(&d, 0, text), 1);
	assert_string_equal(text, "'credential:a.service' was refused secret 'tok': because "
				  "(1004 times, last at 2027-01-15T08:10:00Z)");
	assert_int_equal(denied_warning(&d, 2, text), 1);
	assert_non_null(strstr(text, "'credential:b.service' was refused secret 'tok': of this (3 "
				     "times, "));
	assert_int_equal(denied_warning(&d, 3, text), 0);
}

static void test_many(void **state)
{
	struct denied d = { .n_burst = 0 };
	char who[64], text[MSG_WARNING_LEN];
	unsigned said = 0;

	for (unsigned i = 0; i < 10000; i++) {
		snprintf(who, sizeof(who), "credential:%u.service", i);
		said += note(&d, who, "tok", i);
	}
	assert_int_equal(said, DENIED_BURST);
	/* The latest are shown. */
	for (unsigned i = 0; i < DENIED_MAX; i++) {
		unsigned number;

		assert_int_equal(denied_warning(&d, i, text), 1);
		assert_int_equal(sscanf(text, "'credential:%u.service'", &number), 1);
		assert_true(number >= 10000 - DENIED_MAX);
	}
	assert_int_equal(denied_warning(&d, DENIED_MAX, text), 0);
	assert_true(note(&d, "credential:a.service", "tok", DENIED_QUIET_USEC));
}

/* What a peer sent reaches terminals as text, and fits whatever its length. */
static void test_text(void **state)
{
	struct denied d = { .n_burst = 0 };
	char long_text[1000], text[MSG_WARNING_LEN];

	assert_true(note(&d, "a\x1b[2Jb", "c\nd", 1));
	assert_int_equal(denied_warning(&d, 0, text), 1);
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\n'));
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_true(note(&d, long_text, long_text, 2));
	assert_false(note(&d, long_text, long_text, 2));
	assert_int_equal(denied_warning(&d, 1, text), 1);
	assert_true(note(&d, "", "", 3));
	assert_int_equal(denied_warning(&d, 2, text), 1);
	assert_ptr_equal(strstr(text, "Somebody was refused a secret: because"), text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
