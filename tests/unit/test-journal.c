/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/journal.h"

#include <cmocka.h>

static struct journal_record record(uint8_t id, enum secret_state state)
{
	struct journal_record r = { .magic = JOURNAL_MAGIC, .state = (uint8_t)state, .size = 7 };

	r.guid.b[0] = id;
	strcpy(r.source, "coco");
	strcpy(r.delivered_to, "cryptsetup:data");
	return r;
}

static void test_last_wins(void **state)
{
	struct journal_record in[] = { record(1, SECRET_PRESENT), record(2, SECRET_PRESENT), record(1, SECRET_WIPED) };
	_cleanup_(freep) struct journal_record *out = NULL;
	size_t n;

	assert_int_equal(journal_parse((const uint8_t *)in, sizeof(in), &out, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(out[0].guid.b[0], 1);
	assert_int_equal(out[0].state, SECRET_WIPED);
	assert_int_equal(out[1].state, SECRET_PRESENT);
}

static void test_damage(void **state)
{
	struct journal_record good[] = { record(1, SECRET_PRESENT), record(2, SECRET_DELIVERED) }, bad[2];
	struct journal_record *out;
	size_t n;

	/* Cut anywhere: the whole records before the cut stay. */
	for (size_t len = 0; len <= sizeof(good); len++) {
		assert_int_equal(journal_parse((const uint8_t *)good, len, &out, &n),
				 len % sizeof(good[0]) ? -EBADMSG : 0);
		assert_int_equal(n, len / sizeof(good[0]));
		free(out);
	}
	for (unsigned i = 0; i < 6; i++) {
		memcpy(bad, good, sizeof(bad));
		switch (i) {
		case 0: bad[1].magic++; break;
		case 1: bad[1].state = _SECRET_STATE_MAX; break;
		case 2: bad[1].rejected = 2; break;
		case 3: memset(&bad[1].guid, 0, GUID_LEN); break;
		case 4: memset(bad[1].source, 'x', sizeof(bad[1].source)); break;
		case 5: memset(bad[1].delivered_to, 'x', sizeof(bad[1].delivered_to)); break;
		}
		assert_int_equal(journal_parse((const uint8_t *)bad, sizeof(bad), &out, &n), -EBADMSG);
		assert_int_equal(n, 1);
		free(out);
	}
}

static void test_file(void **state)
{
	char dir[] = "/tmp/test-journal.XXXXXX", path[64];
	struct journal_record a = record(1, SECRET_PRESENT), b = record(1, SECRET_DELIVERED), *out;
	struct stat st;
	size_t n;
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal", dir);
	assert_int_equal(journal_open(path, &fd, &out, &n), 0);
	assert_int_equal(n, 0);
	free(out);
	assert_int_equal(journal_append(fd, &a), 0);
	assert_int_equal(journal_append(fd, &b), 0);
	assert_int_equal(write_full(fd, "torn", 4), 0);
	close_fd(fd);

	assert_int_equal(journal_open(path, &fd, &out, &n), 1);
	assert_int_equal(n, 1);
	assert_int_equal(out[0].state, SECRET_DELIVERED);
	free(out);
	/* Written anew: one record, readable by root alone. */
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, sizeof(a));
	assert_int_equal(st.st_mode & 07777, 0600);
	close_fd(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_wins),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
