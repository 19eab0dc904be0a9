/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/store/store.h"

#include <cmocka.h>

static char dir[64], path[96], address[128];
static struct store *store;
static struct cause why;

/* ---- what the system answers ---- */

static uint32_t file_system;	/* 0: as it is */
static int write_error, flush_error;

int __real_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret);
int __wrap_fstatfs(int fd, struct statfs *ret)
{
	int r = __real_fstatfs(fd, ret);

	if (file_system)
		ret->f_type = (__typeof__(ret->f_type))file_system;
	return r;
}

/* SQLite finds this one before the C library's. */
int fdatasync(int fd)
{
	if (flush_error) {
		errno = flush_error;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static ssize_t write_at(int fd, const void *buf, size_t len, off_t at)
{
	if (write_error) {
		errno = write_error;
		return -1;
	}
	return pwrite(fd, buf, len, at);
}

static void watch_writes(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	sqlite3_syscall_ptr f = (sqlite3_syscall_ptr)write_at;

	/* Whichever of them it was built to call. */
	assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", f) == SQLITE_OK ||
				 vfs->xSetSystemCall(vfs, "pwrite64", f) == SQLITE_OK,
			 true);
	(void) vfs->xSetSystemCall(vfs, "pwrite64", f);
}

/* ---- before and after each test ---- */

static void shell(const char *format, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(cmd, sizeof(cmd), format, ap);
	va_end(ap);
	assert_int_equal(system(cmd), 0);
}

static int new_dir(void **state)
{
	/* A container's /tmp may be an overlay, which the store refuses. */
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-store.XXXXXX" :
						    "/tmp/test-store.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/store", dir);
	snprintf(address, sizeof(address), "sqlite:%s", path);
	file_system = 0;
	write_error = flush_error = 0;
	return 0;
}

static int remove_dir(void **state)
{
	store = store_close(store);
	shell("chmod -R u+rwx '%s' && rm -rf '%s'", dir, dir);
	return 0;
}

static int open_at(const char *where)
{
	int r;

	store = store_close(store);
	r = store_open(where, NULL, &store, &why);
	if (r == 0)
		assert_non_null(store);
	return r;
}

static void must_open(void)
{
	int r = open_at(address);

	if (r < 0)
		fail_msg("%s (%d)", why.text, r);
}

static int put(const char *key, const char *text, uint64_t revision)
{
	struct store_member m = {
		.n_compares = 1, .compares = { { key, revision } },
		.n_changes = 1, .changes = { { key, text, strlen(text), 0 } },
	};
	int r = store_commit(store, NULL, &m, 1, &why);

	return r < 0 ? r : m.done;
}

static bool has(const char *key)
{
	struct store_value v;
	bool there;

	assert_int_equal(store_get(store, key, &v, &why), 0);
	there = v.data != NULL;
	store_value_done(&v);
	return there;
}

/* Do something to the file that nobody has open. */
static void with_sqlite(const char *sql)
{
	sqlite3 *db;

	store = store_close(store);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(chmod(path, 0600), 0);
}

/* ---- where it may lie ---- */

static void test_addresses(void **state)
{
	static const char *const bad[] = {
		"", "sqlite", "sqlite:", "sqlite:store", "sqlite:/dev/shm/", "postgres:/x", ":/x",
		"SQLITE:/x", "sqlit:/x", "sqlite/x:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(open_at(bad[i]), -EINVAL);
	assert_int_equal(open_at("sqlite:/nowhere/at/all/store"), -EIO);
}

static void test_modes(void **state)
{
	struct stat st;

	must_open();
	assert_int_equal(put("coco/a", "x", 0), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	shell("[ $(stat -c %%a '%s-wal') = 600 ]", path);
	shell("[ $(stat -c %%a '%s.lock') = 600 ]", path);
	store = store_close(store);
	for (mode_t m = 1; m <= 040; m <<= 1) {
		assert_int_equal(chmod(path, 0600 | m), 0);
		assert_int_equal(open_at(address), -EPERM);
	}
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(dir, 0720), 0);
	assert_int_equal(open_at(address), -EPERM);
	assert_int_equal(chmod(dir, 01702), 0);
	assert_int_equal(open_at(address), -EPERM);
	assert_int_equal(chmod(dir, 0755), 0);
	must_open();
}

static void test_links(void **state)
{
	must_open();
	store = store_close(store);
	shell("ln '%s' '%s/second'", path, dir);
	assert_int_equal(open_at(address), -EPERM);
	shell("rm '%s/second' && mv '%s' '%s/real' && ln -s real '%s'", dir, path, dir, path);
	assert_true(open_at(address) < 0);
	shell("rm '%s' && mkfifo -m 600 '%s'", path, path);
	assert_int_equal(open_at(address), -EPERM);
	shell("rm '%s' && mkdir '%s'", path, path);
	assert_true(open_at(address) < 0);
	/* Through a link to its folder: systemd makes such links. */
	shell("rmdir '%s' && mkdir -m 700 '%s/d' && ln -s d '%s/l'", path, dir, dir);
	snprintf(address, sizeof(address), "sqlite:%s/l/store", dir);
	must_open();
}

static void test_owner(void **state)
{
	if (geteuid() != 0)
		skip();
	must_open();
	store = store_close(store);
	assert_int_equal(chown(path, 12345, 0), 0);
	assert_int_equal(open_at(address), -EPERM);
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chown(dir, 12345, 0), 0);
	assert_int_equal(open_at(address), -EPERM);
	assert_int_equal(chown(dir, 0, 0), 0);
	must_open();
}

static void test_file_systems(void **state)
{
	static const uint32_t bad[] = {
		0x6969, 0x01021997, 0x794c7630, 0x65735546, 0xff534d42, 0xfe534d42, 0x517b,
		0x00c36400, 0x7461636f, 0x01161970, 0x5346414f,
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		file_system = bad[i];
		assert_int_equal(open_at(address), -EPERM);
		assert_non_null(strstr(why.text, "etcd"));
	}
	file_system = EXT4_SUPER_MAGIC;
	must_open();
}

/* ---- one broker alone ---- */

static void test_two_processes(void **state)
{
	int ready[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (open_at(address) == 0 && put("coco/a", "x", 0) == 1)
			(void) !write(ready[1], "+", 1);
		(void) pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(open_at(address), -EBUSY);
	/* The file under another name is still the same file. */
	shell("mv '%s' '%s/moved'", path, dir);
	snprintf(address, sizeof(address), "sqlite:%s/moved", dir);
	assert_int_equal(open_at(address), -EBUSY);
	shell("mv '%s/moved' '%s'", dir, path);
	snprintf(address, sizeof(address), "sqlite:%s", path);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	must_open();
	assert_true(has("coco/a"));
	close(ready[0]);
	close(ready[1]);
}

/* A second try in this process leaves the first store's locks alone: sqlite3(1) stays shut out. */
static void test_second_try(void **state)
{
	struct store *first, *second;
	sqlite3 *db;

	must_open();
	first = TAKE_PTR(store);
	assert_int_equal(store_open(address, NULL, &second, &why), -EBUSY);
	store = first;
	assert_int_equal(put("coco/a", "x", 0), 1);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	/* Somebody who looks disturbs nobody. */
	assert_int_equal(sqlite3_exec(db, "SELECT * FROM entries", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(put("coco/b", "x", 0), 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Somebody who writes by sqlite3(1) makes us wait, and then nobody knows. */
static void test_busy(void **state)
{
	sqlite3 *db;

	must_open();
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(put("coco/a", "x", 0), -EAGAIN);
	assert_false(has("coco/a"));
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(put("coco/a", "x", 0), 1);
}

/* ---- other files ---- */

static void write_file(const void *data, size_t len)
{
	assert_int_equal(write_file_atomic(path, data, len, 0600, false), 0);
}

static void test_not_ours(void **state)
{
	_cleanup_(freep) char *before = NULL, *after = NULL;
	size_t len, len_after;

	write_file("This is a letter to my aunt, and it is no database at all.", 58);
	assert_int_equal(open_at(address), -EBADMSG);
	with_sqlite("SELECT 1");
	shell("rm -f '%s'*", path);
	with_sqlite("CREATE TABLE letters(text); INSERT INTO letters VALUES ('x')");
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &before, &len), 0);
	assert_int_equal(open_at(address), -EBADMSG);
	assert_non_null(strstr(why.text, "not a store"));
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &after, &len_after), 0);
	assert_int_equal(len, len_after);
	assert_memory_equal(before, after, len);
}

static void test_versions(void **state)
{
	must_open();
	with_sqlite("PRAGMA user_version = 2");
	assert_int_equal(open_at(address), -EOPNOTSUPP);
	assert_non_null(strstr(why.text, "newer"));
	with_sqlite("PRAGMA user_version = 0");
	assert_int_equal(open_at(address), -EBADMSG);
	with_sqlite("PRAGMA user_version = 1; PRAGMA application_id = 1");
	assert_int_equal(open_at(address), -EBADMSG);
	with_sqlite("PRAGMA application_id = 0");
	assert_int_equal(open_at(address), -EBADMSG);
}

/* Somebody else's programs and tables in our file. */
static void test_schema(void **state)
{
	static const char *const more[] = {
		"CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END",
		"CREATE VIEW v AS SELECT * FROM entries",
		"CREATE TABLE zzz(x)",
		"CREATE INDEX i ON entries(revision)",
		"DROP INDEX entries_expires",
		"DROP TABLE entries",
		"DROP TABLE state",
		"DELETE FROM state",
		"UPDATE state SET store = x'01'",
		"UPDATE state SET revision = -1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		shell("rm -f '%s'*", path);
		must_open();
		with_sqlite(more[i]);
		assert_int_equal(open_at(address), -EBADMSG);
	}
}

static int count(void *userdata, const char *key, const struct store_value *v)
{
	++*(unsigned *)userdata;
	return 0;
}

/* Rows that we never write. */
static void test_rows(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO entries VALUES ('coco/bad', zeroblob(262145), 1, NULL)",
		"INSERT INTO entries VALUES ('coco/bad', x'00', 0, NULL)",
		"INSERT INTO entries VALUES ('coco/bad', x'00', -5, NULL)",
	};
	struct store_value v;
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		shell("rm -f '%s'*", path);
		must_open();
		with_sqlite(rows[i]);
		must_open();
		assert_int_equal(store_get(store, "coco/bad", &v, &why), -EIO);
		assert_int_equal(store_walk(store, "", NULL, 0, count, &n, &why), -EIO);
		assert_int_equal(put("coco/good", "x", 0), 1);
	}
	shell("rm -f '%s'*", path);
	must_open();
	with_sqlite("INSERT INTO entries VALUES ('coco/b' || char(10) || 'd', x'00', 1, NULL);"
		    "INSERT INTO entries VALUES ('', x'00', 1, NULL)");
	must_open();
	n = 0;
	assert_int_equal(store_walk(store, "", NULL, 0, count, &n, &why), -EIO);
	assert_int_equal(n, 0);
}

/* Bytes that changed by themselves, at any place: errors at most. */
static void test_damaged(void **state)
{
	_cleanup_(freep) char *good = NULL, *bad = NULL;
	unsigned worked = 0, failed = 0;
	char key[32];
	size_t len;

	must_open();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "coco/%u/%u", i % 7, i);
		assert_int_equal(put(key, key, 0), 1);
	}
	store = store_close(store);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &good, &len), 0);
	bad = malloc(len);
	for (size_t i = 0; i < len; i += 1 + i % 61) {
		unsigned n = 0;
		int r;

		memcpy(bad, good, len);
		bad[i] ^= (char)(1 + i % 255);
		shell("rm -f '%s-wal' '%s-shm'", path, path);
		write_file(bad, len);
		r = open_at(address);
		assert_true(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP || r == -EIO);
		if (r == 0)
			r = store_walk(store, "", NULL, 0, count, &n, &why);
		if (r == 0)
			r = put("coco/3/new", "x", 0) < 0 ? -EIO : 0;
		worked += r == 0;
		failed += r < 0;
		store = store_close(store);
	}
	assert_true(worked > 0 && failed > 0);
	/* Cut at any page, and between pages.  A file without a beginning is a new store. */
	for (size_t n = 2; n < len; n += 1000) {
		int r;

		shell("rm -f '%s-wal' '%s-shm'", path, path);
		write_file(good, n);
		r = open_at(address);
		if (r == 0)
			r = store_walk(store, "", NULL, 0, count, &(unsigned){ 0 }, &why);
		assert_true(r < 0);
	}
}

/* ---- disks ---- */

static void test_full(void **state)
{
	struct store_state before, after;

	must_open();
	assert_int_equal(put("coco/a", "x", 0), 1);
	assert_int_equal(store_look(store, &before, &why), 0);
	assert_true(before.bytes > 0 && before.max_bytes > before.bytes);
	write_error = ENOSPC;
	assert_int_equal(put("coco/b", "x", 0), -ENOSPC);
	assert_int_equal(store_look(store, &after, &why), 0);
	assert_int_equal(before.revision, after.revision);
	/* What is there can be read, and it goes on when there is room again. */
	assert_true(has("coco/a") && !has("coco/b"));
	write_error = 0;
	assert_int_equal(put("coco/b", "x", 0), 1);
	assert_true(has("coco/b"));
}

static void test_bad_disk(void **state)
{
	must_open();
	write_error = EIO;
	assert_int_equal(put("coco/a", "x", 0), -EIO);
	write_error = 0;
	assert_int_equal(put("coco/a", "x", 0), 1);
	/* What was written, but not flushed, may be there after a crash: nobody knows. */
	flush_error = EIO;
	assert_int_equal(put("coco/b", "x", 0), -EAGAIN);
	assert_false(has("coco/b"));
	flush_error = 0;
	assert_int_equal(put("coco/b", "x", 0), 1);
	must_open();
	assert_true(has("coco/a") && has("coco/b"));
}

/* A full disk while a new store is made: the next start makes it. */
static void test_full_at_first(void **state)
{
	write_error = ENOSPC;
	assert_int_equal(open_at(address), -ENOSPC);
	write_error = 0;
	must_open();
	assert_int_equal(put("coco/a", "x", 0), 1);
}

/* What has no life left is deleted by later commits. */
static void test_swept(void **state)
{
	struct store_member m = { .n_changes = 1, .changes = { { "coco/life", "x", 1, 1 } } };

	must_open();
	assert_int_equal(store_commit(store, NULL, &m, 1, &why), 0);
	while (has("coco/life"))
		(void) usleep(50000);
	assert_int_equal(put("coco/a", "x", 0), 1);
	with_sqlite("CREATE TEMP TABLE t(n CHECK (n = 1)); "
		    "INSERT INTO t SELECT count(*) FROM entries");
}

/* Also when more is over than one commit deletes. */
static void test_swept_in_parts(void **state)
{
	enum { N = 600 };
	struct store_member members[STORE_MEMBERS_MAX];
	static char keys[N][32];

	must_open();
	for (unsigned i = 0; i < N; i += STORE_MEMBERS_MAX) {
		unsigned n = MIN(N - i, (unsigned)STORE_MEMBERS_MAX);

		memset(members, 0, sizeof(members));
		for (unsigned k = 0; k < n; k++) {
			snprintf(keys[i + k], sizeof(keys[i + k]), "coco/life/%u", i + k);
			members[k].n_changes = 1;
			members[k].changes[0] = (struct store_change){ keys[i + k], "x", 1, 2 };
		}
		assert_int_equal(store_commit(store, NULL, members, n, &why), 0);
	}
	while (has(keys[N - 1]))
		(void) usleep(50000);
	for (unsigned i = 0; i < N / 256 + 1; i++)
		assert_int_equal(put("coco/a", "x", i ? 1 : 0) < 0, 0);
	with_sqlite("CREATE TEMP TABLE t(n CHECK (n <= 1)); "
		    "INSERT INTO t SELECT count(*) FROM entries");
}

/* ---- all of it ---- */

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_addresses), TEST(test_modes),	     TEST(test_links),
		TEST(test_owner),     TEST(test_file_systems), TEST(test_two_processes),
		TEST(test_second_try), TEST(test_busy),	     TEST(test_not_ours),
		TEST(test_versions),  TEST(test_schema),     TEST(test_rows),
		TEST(test_damaged),   TEST(test_full),	     TEST(test_bad_disk),
		TEST(test_full_at_first), TEST(test_swept), TEST(test_swept_in_parts),
	};

	watch_writes();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
