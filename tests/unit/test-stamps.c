/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/keeper/stamps.h"
#include "base/io.h"

#include <cmocka.h>

static char folder[64], path[80];

static int setup(void **state)
{
	strcpy(folder, "/tmp/test-stamps.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/stamps", folder);
	return 0;
}

static int teardown(void **state)
{
	(void) unlink(path);
	return rmdir(folder);
}

static void test_first_time_counts(void **state)
{
	_cleanup_(stamps_freep) struct stamps *s = NULL;
	struct msg_stamp first, m;

	assert_int_equal(stamps_new(folder, &s), 0);
	assert_false(stamps_get(s, 0, &m));
	stamps_note(s, STAMP_ASKED, "", "cryptsetup:data");
	stamps_note(s, STAMP_DELIVERED, "luks", "cryptsetup:data");
	assert_true(stamps_get(s, 0, &first));
	usleep(2000);
	stamps_note(s, STAMP_ASKED, NULL, "cryptsetup:data");
	stamps_note(s, STAMP_DELIVERED, "luks", "cryptsetup:other");
	assert_true(stamps_get(s, 0, &m));
	assert_memory_equal(&first, &m, sizeof(m));
	assert_true(stamps_get(s, 1, &m));
	assert_string_equal(m.secret, "luks");
	assert_string_equal(m.consumer, "cryptsetup:data");
	assert_true(m.usec >= first.usec);
	assert_false(stamps_get(s, 2, &m));
	/* Two volumes whose secret is not known yet are two. */
	stamps_note(s, STAMP_ASKED, "", "cryptsetup:other");
	assert_true(stamps_get(s, 2, &m));
	assert_string_equal(m.consumer, "cryptsetup:other");
}

static void test_restart(void **state)
{
	struct stamps *s;
	struct msg_stamp before, after;

	assert_int_equal(stamps_new(folder, &s), 0);
	stamps_note(s, STAMP_READ, "luks", "get");
	assert_true(stamps_get(s, 0, &before));
	stamps_free(s);
	assert_int_equal(stamps_new(folder, &s), 0);
	stamps_note(s, STAMP_READ, "luks", "get");
	assert_true(stamps_get(s, 0, &after));
	assert_memory_equal(&before, &after, sizeof(after));
	assert_false(stamps_get(s, 1, &after));
	stamps_free(s);
}

static bool is_written(unsigned n)
{
	_cleanup_(freep) char *bytes = NULL;
	struct msg_stamp list[STAMPS_MAX];
	uint32_t dropped;
	size_t len;

	return read_file_at(-100, path, STAMPS_FILE_MAX, &bytes, &len) == 0 &&
	       stamps_parse((uint8_t *)bytes, len, UINT64_MAX, list, &dropped) == (int)n;
}

/* With a loop the file waits for more; nothing is lost when cocod ends before. */
static void test_loop(void **state)
{
	struct loop *loop;
	struct stamps *s;

	assert_int_equal(stamps_attach(NULL, NULL), 0);
	assert_true(loop_new(&loop) >= 0);
	assert_int_equal(stamps_new(folder, &s), 0);
	assert_int_equal(stamps_attach(s, loop), 0);
	assert_int_equal(loop_turn(loop, 2 * STAMPS_WAIT_USEC), 0);
	stamps_note(s, STAMP_READ, "a", "get");
	stamps_note(s, STAMP_READ, "b", "get");
	assert_int_equal(access(path, F_OK), -1);
	assert_true(loop_turn(loop, UINT64_MAX) > 0);
	assert_true(is_written(2));

	/* And once more, since the timer is for one time. */
	stamps_note(s, STAMP_READ, "c", "get");
	assert_true(is_written(2));
	assert_true(loop_turn(loop, UINT64_MAX) > 0);
	assert_true(is_written(3));

	stamps_note(s, STAMP_READ, "d", "get");
	assert_true(is_written(3));
	stamps_free(s);
	assert_true(is_written(4));
	loop_free(loop);
}

static void test_damage(void **state)
{
	_cleanup_(freep) char *bytes = NULL;
	struct stamps *s;
	struct msg_stamp m;
	size_t len;

	assert_int_equal(stamps_new(folder, &s), 0);
	stamps_note(s, STAMP_READ, "luks", "get");
	stamps_free(s);
	assert_int_equal(read_file_at(-100, path, STAMPS_FILE_MAX, &bytes, &len), 0);
	for (size_t i = 0; i < len; i++) {
		bytes[i] ^= 1;
		assert_int_equal(write_file_atomic(path, bytes, len, 0600, false), 0);
		bytes[i] ^= 1;
		assert_int_equal(stamps_new(folder, &s), -EBADMSG);
		assert_false(stamps_get(s, 0, &m));
		stamps_free(s);
	}
	/* It goes on, and says that something is missing. */
	assert_int_equal(stamps_new(folder, &s), -EBADMSG);
	stamps_note(s, STAMP_WIPED, "luks", NULL);
	assert_true(stamps_get(s, 0, &m));
	assert_int_equal(m.what, STAMP_WIPED);
	assert_int_equal(m.dropped, 1);
	stamps_free(s);
	assert_int_equal(stamps_new(folder, &s), 0);
	assert_true(stamps_get(s, 0, &m));
	assert_int_equal(m.dropped, 1);
	stamps_free(s);
}

static void test_times_to_come(void **state)
{
	_cleanup_(freep) char *bytes = NULL;
	struct msg_stamp list[STAMPS_MAX];
	_cleanup_(stamps_freep) struct stamps *s = NULL;
	uint32_t dropped;
	size_t len;

	assert_int_equal(stamps_new(folder, &s), 0);
	stamps_note(s, STAMP_READ, "luks", "get");
	assert_int_equal(read_file_at(-100, path, STAMPS_FILE_MAX, &bytes, &len), 0);
	assert_int_equal(stamps_parse((uint8_t *)bytes, len, UINT64_MAX, list, &dropped), 1);
	assert_int_equal(stamps_parse((uint8_t *)bytes, len, list[0].usec - 1, list, &dropped),
			 -EBADMSG);
}

/* Whoever asks for many names does not push out what was delivered. */
static void test_full(void **state)
{
	_cleanup_(stamps_freep) struct stamps *s = NULL;
	struct msg_stamp m;
	unsigned n = 0;
	char name[32];

	assert_int_equal(stamps_new(folder, &s), 0);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name-%u", i);
		stamps_note(s, STAMP_ASKED, name, "credential:a.service");
	}
	stamps_note(s, STAMP_DELIVERED, "luks", "get");
	while (stamps_get(s, n, &m))
		n++;
	assert_int_equal(n, STAMPS_ASKED_MAX + 1);
	assert_int_equal(m.what, STAMP_DELIVERED);
	assert_true(stamps_get(s, 0, &m));
	assert_int_equal(m.dropped, 1000 - STAMPS_ASKED_MAX);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name-%u", i);
		stamps_note(s, STAMP_WIPED, name, NULL);
	}
	assert_true(stamps_get(s, STAMPS_MAX - 1, &m));
	assert_false(stamps_get(s, STAMPS_MAX, &m));
	stamps_note(NULL, STAMP_WIPED, "luks", NULL);
	assert_false(stamps_get(NULL, 0, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first_time_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times_to_come, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests_name("stamps", tests, NULL, NULL);
}
