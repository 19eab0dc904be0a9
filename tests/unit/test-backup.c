/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/core/recovery.h"
#include "broker/serve/backup.h"

#include <cmocka.h>

static char folder[64];
static struct store *store;
static struct backup whole;
static struct secret *recovery;
static char *text;
static size_t text_len;
static struct cause why;

static int new_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static struct secret *secret_of(const char *data)
{
	struct secret *s;

	assert_int_equal(secret_new(strlen(data), &s), 0);
	memcpy(secret_bytes(s), data, strlen(data));
	return s;
}

static struct store *open_store(const char *name)
{
	struct store *s;
	char address[128];

	(void) snprintf(address, sizeof(address), "sqlite:%s/%s", folder, name);
	assert_int_equal(store_open(address, NULL, &s, &why), 0);
	return s;
}

static void put(const char *key, const char *value)
{
	struct store_member m = { .n_changes = 1,
				  .changes = { { key, value, strlen(value), 0 } } };

	assert_int_equal(store_commit(store, NULL, &m, 1, &why), 0);
}

static int setup(void **state)
{
	_cleanup_(closep) int fd = new_file();

	strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-backup.XXXXXX" :
						       "/tmp/test-backup.XXXXXX");
	assert_non_null(mkdtemp(folder));
	store = open_store("store");
	put("coco/a", "first");
	put("coco/b", "second");
	whole.master = secret_of("0123456789abcdef0123456789abcdef");
	whole.identity = secret_of("-----the identity-----\n");
	whole.certificate = strdup("-----its certificate-----\n");
	whole.settings = strdup("[Broker]\nName=a\n");
	assert_int_equal(recovery_key_new(&recovery), 0);
	assert_int_equal(recovery_wrap(recovery, whole.master, &whole.recovery), 0);
	assert_int_equal(backup_write(&whole, store, fd, &why), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_file_fd(fd, 1 << 20, &text, &text_len), 0);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	store = store_close(store);
	backup_done(&whole);
	recovery = secret_free(recovery);
	free(text);
	(void) snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static int read_text(const char *data, size_t len, const struct secret *key, struct backup *ret,
		     int copy)
{
	_cleanup_(closep) int fd = new_file();

	assert_int_equal(write_full(fd, data, len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	why.text[0] = '\0';
	return backup_read(fd, key, copy, ret, &why);
}

static void refuses(const char *data, size_t len, const struct secret *key)
{
	_cleanup_(closep) int copy = new_file();
	struct backup none = { NULL };
	int r = read_text(data, len, key, &none, copy);

	assert_true(r == -EBADMSG || r == -EKEYREJECTED);
	assert_true(why.text[0] != '\0');
	assert_null(none.master);
	assert_null(none.identity);
}

static void test_whole(void **state)
{
	_cleanup_(backup_done) struct backup got = { NULL };
	_cleanup_(store_closep) struct store *other = open_store("other");
	_cleanup_(closep) int copy = new_file();
	struct store_value v = { 0 };

	assert_int_equal(read_text(text, text_len, recovery, &got, copy), 0);
	assert_true(secret_equal(got.master, whole.master));
	assert_true(secret_equal(got.identity, whole.identity));
	assert_string_equal(got.certificate, whole.certificate);
	assert_string_equal(got.settings, whole.settings);
	assert_int_equal(recovery_check(got.master, got.recovery), 0);
	assert_int_equal(lseek(copy, 0, SEEK_SET), 0);
	assert_int_equal(store_restore(other, copy, &why), 0);
	assert_int_equal(store_get(other, "coco/b", &v, &why), 0);
	assert_int_equal(v.len, 6);
	assert_memory_equal(v.data, "second", 6);
	store_value_done(&v);
}

/* Of what goes into the file, nothing opens anything. */
static void test_nothing_leaks(void **state)
{
	assert_null(strstr(text, "0123456789abcdef"));
	assert_null(strstr(text, "the identity"));
}

static void test_other_key(void **state)
{
	_cleanup_(secret_freep) struct secret *other = NULL;

	assert_int_equal(recovery_key_new(&other), 0);
	refuses(text, text_len, other);
	assert_string_equal(why.text, "This recovery key does not open the backup");
}

static void test_cut(void **state)
{
	for (size_t len = 0; len < text_len; len++)
		refuses(text, len, recovery);
}

static void test_changed(void **state)
{
	for (size_t i = 0; i < text_len; i++) {
		char was = text[i];

		text[i] = (char)(was ^ 1);
		refuses(text, text_len, recovery);
		text[i] = was;
	}
}

/* Each line is authentic, but not where it stands. */
static void test_lines_moved(void **state)
{
	char *second = strchr(strchr(text, '\n') + 1, '\n') + 1, *third = strchr(second, '\n') + 1;
	size_t first = (size_t)(third - second), len = text_len;
	_cleanup_(freep) char *moved = malloc(2 * text_len);

	memcpy(moved, text, text_len);
	memmove(moved + (second - text), third, text_len - (size_t)(third - text));
	refuses(moved, text_len - first, recovery);
	memcpy(moved, text, text_len);
	memcpy(moved + len, text, text_len);
	refuses(moved, 2 * len, recovery);
}

static void test_writes_nothing_useless(void **state)
{
	_cleanup_(secret_freep) struct secret *master =
		secret_of("another 0123456789abcdef012345ab");
	struct backup other = whole;
	_cleanup_(closep) int fd = new_file(), full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	other.master = master;
	assert_int_equal(backup_write(&other, store, fd, &why), -EKEYREJECTED);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	assert_int_equal(backup_write(&whole, store, full, &why), -EIO);
	assert_non_null(strstr(why.text, "No space left"));
}

static void test_no_room_for_copy(void **state)
{
	_cleanup_(closep) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct backup none = { NULL };

	assert_int_equal(read_text(text, text_len, recovery, &none, full), -EIO);
	assert_null(none.master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	    cmocka_unit_test(test_nothing_leaks),
		cmocka_unit_test(test_other_key),   cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),	    cmocka_unit_test(test_lines_moved),
		cmocka_unit_test(test_writes_nothing_useless),
		cmocka_unit_test(test_no_room_for_copy),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
