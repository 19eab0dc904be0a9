/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Launch secrets are files in a folder: which count, what they hold, and how unlinking works. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/source.h"

#include <cmocka.h>

#define A "736869e5-84f0-4973-92ec-06879ce3da0b"
#define B "00000000-0000-0000-0000-000000000000"

static char dir[64];
static struct secret_source source, numbered;
static bool stays;	/* unlinkat() says that it worked, and did nothing */

int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags)
{
	return stays ? 0 : __real_unlinkat(fd, name, flags);
}

/* What fstatat() fails with for every file; 0 for not at all. */
static int stat_error;

int __real_fstatat(int fd, const char *name, struct stat *ret, int flags);
int __wrap_fstatat(int fd, const char *name, struct stat *ret, int flags);
int __wrap_fstatat(int fd, const char *name, struct stat *ret, int flags)
{
	if (!stat_error)
		return __real_fstatat(fd, name, ret, flags);
	errno = stat_error;
	return -1;
}

static int setup(void **state)
{
	stat_error = 0;
	strcpy(dir, "/tmp/test-source.XXXXXX");
	source = (struct secret_source){ .name = "directory", .path = dir };
	numbered = (struct secret_source){ .name = "svkl", .path = dir, .numbered = true };
	stays = false;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const void *data, size_t len)
{
	assert_int_equal(write_file_atomic(in_dir(name), data, len, 0600, false), 0);
}

static struct guid guid_of(const char *text)
{
	struct guid g;

	assert_int_equal(guid_parse(text, strlen(text), &g), 0);
	return g;
}

/* The GUID of an SVKL key. */
static struct guid guid_of_key(uint32_t n)
{
	char text[64];

	snprintf(text, sizeof(text), "53564b4c-0000-8000-8000-%012x", n);
	return guid_of(text);
}

/* How many entries source_list() gives; the last one is @ret. */
static int count_listed(const struct secret_source *s, struct source_entry *ret)
{
	_cleanup_(source_listing_done) struct source_listing l = { NULL };
	size_t pos = 0;
	int n = 0;

	assert_int_equal(source_list(s, 0, &l), 0);
	while (source_listing_next(s, &l, &pos, ret))
		n++;
	return n;
}

/* What source_list() gives, with one entry: its GUID as text. */
static void assert_lists(const struct secret_source *s, int n, const char *guid, size_t size)
{
	char text[GUID_TEXT_LEN + 1];
	struct source_entry e;
	size_t found;

	assert_int_equal(count_listed(s, &e), n);
	if (!guid)
		return;
	guid_format(&e.guid, text);
	assert_string_equal(text, guid);
	assert_true(e.sure);
	assert_int_equal(source_stat(s, &e.guid, &found), 0);
	assert_int_equal(found, size);
}

/* ---- which sources there are ---- */

static void test_table(void **state)
{
	unsigned n = 0;

	for (const struct secret_source *s; (s = source_get(n)) && !s->remote; n++) {
		/* To unlink a secret there wipes memory; only the host's table is not measured. */
		assert_true(s->zeroes);
		assert_int_equal(s->host_table, streq(s->name, "svkl"));
		assert_int_equal(s->numbered, streq(s->name, "svkl"));
		assert_int_equal(s->same, streq(s->name, "coco-legacy"));
		assert_non_null(startswith(s->path, "/sys/kernel/security/"));
	}
	assert_int_equal(n, 3);
	assert_string_equal(source_get(0)->name, "coco");
	/* The broker is the last, and nothing can be read from it here. */
	assert_ptr_equal(source_get(n), source_broker());
	assert_null(source_get(n + 1));
	assert_null(source_get(UINT32_MAX));
}

static void test_broker(void **state)
{
	const struct secret_source *s = source_broker();
	_cleanup_(secret_freep) struct secret *secret = NULL;
	struct source_listing l = { NULL };
	struct guid guid = { { 1 } };
	size_t size;

	assert_string_equal(s->name, "kbs");
	assert_true(s->remote && !s->zeroes && !s->host_table);
	assert_int_equal(source_list(s, 0, &l), -EREMOTE);
	assert_int_equal(source_stat(s, &guid, &size), -EREMOTE);
	assert_int_equal(source_read(s, &guid, &secret), -EREMOTE);
	assert_int_equal(source_size(s, &guid, &size), -EREMOTE);
	assert_int_equal(source_unlink(s, &guid), -EREMOTE);
}

/* ---- what is listed ---- */

static void test_list(void **state)
{
	assert_lists(&source, 0, NULL, 0);
	put(A, "12345", 5);
	assert_lists(&source, 1, A, 5);
	put("README", "x", 1);
	put("736869E5-84f0-4973-92ec-06879ce3da0", "x", 1);
	put(A "0", "x", 1);
	put(A ".tmp", "x", 1);
	put("." A, "x", 1);
	put("0", "x", 1);
	assert_lists(&source, 1, A, 5);
	assert_int_equal(unlink(in_dir(A)), 0);
	/* An empty file says no size. */
	put(B, "", 0);
	assert_lists(&source, 1, B, 0);
}

/*
 * Whoever takes a secret that cannot be looked at for one that is not there takes it for wiped.
 * Only one that was unlinked meanwhile is not there.
 */
static void test_list_fails(void **state)
{
	struct guid a = guid_of(A);
	size_t size = 99;

	put(A, "12345", 5);
	stat_error = EACCES;
	assert_int_equal(source_stat(&source, &a, &size), -EACCES);
	stat_error = ENOENT;
	assert_int_equal(source_stat(&source, &a, &size), -ENOKEY);
	assert_int_equal(size, 99);
	stat_error = 0;
	assert_lists(&source, 1, A, 5);
}

/* Nothing but a file is one: no folder, link or pipe of that name, to whatever it leads. */
static void test_no_file(void **state)
{
	struct guid a = guid_of(A);
	struct secret *s = NULL;
	char to[200];
	size_t size;

	assert_int_equal(mkdir(in_dir(A), 0700), 0);
	assert_lists(&source, 0, NULL, 0);
	assert_int_equal(source_stat(&source, &a, &size), -EINVAL);
	assert_int_equal(source_read(&source, &a, &s), -EISDIR);
	assert_int_equal(rmdir(in_dir(A)), 0);
	put("there", "secret", 6);
	strcpy(to, in_dir("there"));
	assert_int_equal(symlink(to, in_dir(A)), 0);
	assert_lists(&source, 0, NULL, 0);
	assert_int_equal(source_read(&source, &a, &s), -ELOOP);
	assert_int_equal(source_size(&source, &a, &size), -ELOOP);
	assert_int_equal(source_stat(&source, &a, &size), -EINVAL);
	assert_int_equal(unlink(in_dir(A)), 0);
	assert_int_equal(mkfifo(in_dir(A), 0600), 0);
	assert_lists(&source, 0, NULL, 0);
	assert_null(s);
}

/* More than is read at once. */
static void test_many(void **state)
{
	_cleanup_(source_listing_done) struct source_listing l = { NULL };
	bool seen[3000] = { false };
	struct source_entry e;
	size_t pos = 0, size;
	unsigned n = 0;
	char name[64];

	for (unsigned i = 0; i < ARRAY_SIZE(seen); i++) {
		snprintf(name, sizeof(name), "736869e5-84f0-4973-92ec-%012x", i);
		put(name, name, i % 7 + 1);
	}
	assert_int_equal(source_list(&source, 0, &l), 0);
	for (; source_listing_next(&source, &l, &pos, &e); n++) {
		unsigned i = e.guid.b[14] << 8 | e.guid.b[15];

		assert_int_equal(source_stat(&source, &e.guid, &size), 0);
		assert_int_equal(size, i % 7 + 1);
		assert_false(seen[i]);
		seen[i] = true;
	}
	assert_int_equal(n, ARRAY_SIZE(seen));
}

/* Without a change a listing equals the one from before; any change of names or files shows. */
static void test_listing_equal(void **state)
{
	struct source_listing before = { NULL }, now = { NULL };
	char name[64];

	assert_false(source_listing_equal(&before, &now));
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "736869e5-84f0-4973-92ec-%012x", i);
		put(name, "x", 1);
	}
	assert_int_equal(source_list(&source, 0, &before), 0);
	assert_int_equal(source_list(&source, before.len, &now), 0);
	assert_true(source_listing_equal(&before, &now));
	for (unsigned i = 0; i < 4; i++) {
		source_listing_done(&now);
		if (i == 0)
			put("736869e5-84f0-4973-92ec-000000000007", "y", 1);
		else if (i == 1)
			put(A, "x", 1);
		else if (i == 2)
			assert_int_equal(unlink(in_dir(A)), 0);
		else
			assert_int_equal(unlink(in_dir("736869e5-84f0-4973-92ec-00000000000a")), 0);
		assert_int_equal(source_list(&source, 0, &now), 0);
		assert_false(source_listing_equal(&before, &now));
		source_listing_done(&before);
		assert_int_equal(source_list(&source, 0, &before), 0);
		assert_true(source_listing_equal(&before, &now));
	}
	source_listing_done(&before);
	source_listing_done(&now);
}

/* ---- keys with numbers ---- */

static void test_numbers(void **state)
{
	static const char *const bad[] = {
		"00", "01", "-1", "+1", " 1", "1 ", "0x1", "4294967296", "18446744073709551616",
		"1a", A
	};
	struct guid g = guid_of_key(0);
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		put(bad[i], "x", 1);
	assert_lists(&numbered, 0, NULL, 0);
	put("0", "12", 2);
	assert_lists(&numbered, 1, "53564b4c-0000-8000-8000-000000000000", 2);
	assert_int_equal(source_size(&numbered, &g, &size), 0);
	assert_int_equal(size, 2);
	assert_int_equal(unlink(in_dir("0")), 0);
	put("4294967295", "123", 3);
	assert_lists(&numbered, 1, "53564b4c-0000-8000-8000-0000ffffffff", 3);
	g = guid_of_key(UINT32_MAX);
	assert_int_equal(source_size(&numbered, &g, &size), 0);
	assert_int_equal(size, 3);
	assert_int_equal(unlink(in_dir("4294967295")), 0);
	/* Each of the four bytes has its place. */
	put("16909060", "1", 1);
	assert_lists(&numbered, 1, "53564b4c-0000-8000-8000-000001020304", 1);
}

/* A secret of another source does not pass for an SVKL key. */
static void test_no_impostor(void **state)
{
	put("53564b4c-0000-8000-8000-000000000000", "x", 1);
	put("53564b4c-0000-8000-8000-0000ffffffff", "x", 1);
	assert_lists(&source, 0, NULL, 0);
	put("53564b4c-0000-8000-8000-000100000000", "12", 2);
	assert_lists(&source, 1, "53564b4c-0000-8000-8000-000100000000", 2);
}

/* ---- what they hold ---- */

static void test_read(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct guid a = guid_of(A);
	size_t size = 99;

	assert_int_equal(source_read(&source, &a, &s), -ENOKEY);
	assert_int_equal(source_size(&source, &a, &size), -ENOKEY);
	put(A, "a\0b", 3);
	assert_int_equal(source_read(&source, &a, &s), 0);
	assert_int_equal(secret_len(s), 3);
	assert_memory_equal(secret_data(s), "a\0b", 3);
	assert_int_equal(source_size(&source, &a, &size), 0);
	assert_int_equal(size, 3);
}

/* A descriptor may have any number, also 0. */
static void test_read_by_first_descriptor(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), left, r;
	struct guid a = guid_of(A);

	put(A, "123", 3);
	(void) close(STDIN_FILENO);
	r = source_read(&source, &a, &s);
	left = fcntl(STDIN_FILENO, F_GETFD);
	if (saved >= 0) {
		assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
		assert_int_equal(close(saved), 0);
	}
	assert_int_equal(r, 0);
	assert_non_null(s);
	assert_int_equal(secret_len(s), 3);
	assert_int_equal(left, -1);
}

static void test_read_limit(void **state)
{
	uint8_t *text = calloc(1, SECRET_MAX + 1);
	struct guid a = guid_of(A);
	size_t size = 99;
	int r;

	assert_non_null(text);
	put(A, text, SECRET_MAX + 1);
	r = source_size(&source, &a, &size);
	/* No such memory may be locked here. */
	if (r == -EPERM || r == -EAGAIN || r == -ENOMEM) {
		free(text);
		skip();
	}
	assert_int_equal(r, -EMSGSIZE);
	assert_int_equal(size, 99);
	put(A, text, SECRET_MAX);
	assert_int_equal(source_size(&source, &a, &size), 0);
	assert_int_equal(size, SECRET_MAX);
	free(text);
}

static void test_unlink(void **state)
{
	struct guid a = guid_of(A), b = guid_of(B);

	put(A, "1", 1);
	put(B, "2", 1);
	assert_int_equal(source_unlink(&source, &a), 0);
	assert_lists(&source, 1, B, 1);
	assert_int_equal(source_unlink(&source, &a), -ENOKEY);
	/* A folder is not a secret, and stays. */
	assert_int_equal(mkdir(in_dir(A), 0700), 0);
	assert_int_equal(source_unlink(&source, &a), -EISDIR);
	/* Unlinked, as the kernel says, and still there: it was not wiped. */
	stays = true;
	assert_int_equal(source_unlink(&source, &b), -EIO);
	stays = false;
	assert_int_equal(source_unlink(&source, &b), 0);
	assert_lists(&source, 0, NULL, 0);
}

/* A source that is not there has no secrets, which is not the same as an empty one. */
static void test_away(void **state)
{
	struct source_listing l = { NULL };
	struct guid a = guid_of(A);
	struct secret *s = NULL;
	size_t size;

	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(source_list(&source, 0, &l), -ENOENT);
	assert_int_equal(source_stat(&source, &a, &size), -ENOKEY);
	assert_int_equal(source_read(&source, &a, &s), -ENOKEY);
	assert_int_equal(source_unlink(&source, &a), -ENOKEY);
	assert_int_equal(write_file_atomic(dir, "x", 1, 0600, false), 0);
	assert_int_equal(source_list(&source, 0, &l), -ENOTDIR);
	assert_int_equal(source_read(&source, &a, &s), -ENOTDIR);
	assert_int_equal(source_unlink(&source, &a), -ENOTDIR);
	assert_null(l.bytes);
	assert_null(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_broker),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listing_equal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_impostor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_by_first_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
