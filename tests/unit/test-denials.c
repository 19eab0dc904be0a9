/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/serve/denials.h"

static int count(void *userdata, const struct denial *d)
{
	unsigned *n = userdata;

	/* The newest is first. */
	assert_int_equal(strtoul(d->code, NULL, 10), 4999 - *n);
	(*n)++;
	return *n == 4000;
}

static void test_ring(void **state)
{
	struct denial what = { .step = "resource", .path = "a/b/c" }, found;
	char first[DENIAL_ID_LEN], id[DENIAL_ID_LEN];
	_cleanup_(denials_freep) struct denials *d = NULL;
	unsigned n = 0;

	assert_int_equal(denials_new(&d), 0);
	assert_int_equal(denials_find(d, "", &found), -ENOENT);
	for (unsigned i = 0; i < 5000; i++) {
		(void) snprintf(what.code, sizeof(what.code), "%u", i);
		denials_note(d, &what, i == 0 ? first : id);
		assert_int_equal(denials_find(d, i == 0 ? first : id, &found), 0);
		assert_string_equal(found.code, what.code);
		assert_true(found.at > 1700000000);
	}
	assert_int_equal(strlen(id), 9);
	assert_int_equal(id[4], '-');
	/* The oldest are gone, and strangers have filled nothing else. */
	assert_int_equal(denials_find(d, first, &found), -ENOENT);
	denials_walk(d, 100000, count, &n);
	assert_int_equal(n, 4000);
	n = 0;
	denials_walk(d, 10, count, &n);
	assert_int_equal(n, 10);
}

static void test_printable(void **state)
{
	struct denial what = { .path = "a\033[2J", .reason = "\xff\n", .peer = "x\u202e" }, found;
	_cleanup_(denials_freep) struct denials *d = NULL;
	char id[DENIAL_ID_LEN];

	assert_int_equal(denials_new(&d), 0);
	denials_note(d, &what, id);
	assert_int_equal(denials_find(d, id, &found), 0);
	assert_string_equal(found.path, "a?[2J");
	assert_string_equal(found.reason, "??");
	assert_string_equal(found.peer, "x?");
}

static int nothing(void *userdata, const struct denial *d)
{
	return 0;
}

static void *note_many(void *userdata)
{
	struct denial what = { .step = "auth" }, found;
	char id[DENIAL_ID_LEN];

	for (unsigned i = 0; i < 300; i++) {
		denials_note(userdata, &what, id);
		if (denials_find(userdata, id, &found) < 0)
			return userdata;
		denials_walk(userdata, 3, nothing, NULL);
	}
	return NULL;
}

static void test_threads(void **state)
{
	_cleanup_(denials_freep) struct denials *d = NULL;
	pthread_t threads[8];

	assert_int_equal(denials_new(&d), 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, note_many, d), 0);
	for (size_t i = 0; i < 8; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
