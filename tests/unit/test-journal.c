/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/journal.h"

#include <cmocka.h>

static char dir[64], path[96];

static int setup(void **state)
{
	strcpy(dir, "/tmp/test-journal.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal", dir);
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd);
}

/* ---- records ---- */

static struct journal_record secret(uint16_t id, enum secret_state state)
{
	struct journal_record r = { .kind = JOURNAL_SECRET, .state = (uint8_t)state, .size = 7 };

	memcpy(r.guid.b, &id, sizeof(id));
	r.guid.b[15] = 1;
	strcpy(r.source, "coco");
	strcpy(r.consumer, "cryptsetup:data");
	return r;
}

static struct journal_record delivery(uint16_t id, const char *to, enum delivery_outcome outcome)
{
	struct journal_record r = secret(id, 0);

	r.kind = JOURNAL_DELIVERY;
	r.state = (uint8_t)outcome;
	memset(r.source, 0, sizeof(r.source));
	memset(r.consumer, 0, sizeof(r.consumer));
	strcpy(r.consumer, to);
	r.peer_pid = 12;
	return r;
}

static struct journal_record_1 old(uint16_t id, enum secret_state state, const char *to,
				   bool rejected)
{
	struct journal_record_1 r = {
		.magic = JOURNAL_MAGIC_1, .state = (uint8_t)state, .rejected = rejected, .size = 7
	};

	memcpy(r.guid.b, &id, sizeof(id));
	r.guid.b[15] = 1;
	strcpy(r.source, "coco");
	strcpy(r.delivered_to, to);
	return r;
}

/* Returns the bytes of the file that journal_write() makes.  They are yours. */
static uint8_t *bytes(struct journal_record *list, size_t n, size_t *ret_len)
{
	char *data;

	assert_int_equal(journal_write(path, list, n), 0);
	assert_int_equal(read_file_at(AT_FDCWD, path, 16u << 20, &data, ret_len), 0);
	assert_int_equal(*ret_len, n * sizeof(*list));
	return (uint8_t *)data;
}

static const struct journal_record *find(const struct journal *j, uint16_t id, const char *to)
{
	const struct journal_record *found = NULL;

	for (size_t i = 0; i < j->n; i++) {
		const struct journal_record *r = &j->records[i];

		if (memcmp(r->guid.b, &id, sizeof(id)) != 0 ||
		    r->kind != (to ? JOURNAL_DELIVERY : JOURNAL_SECRET) ||
		    (to && strcmp(r->consumer, to) != 0))
			continue;
		assert_null(found);
		found = r;
	}
	return found;
}

static void test_parse(void **state)
{
	struct journal_record in[] = {
		secret(1, SECRET_PRESENT),
		secret(2, SECRET_DELIVERED),
		delivery(2, "cryptsetup:data", DELIVERY_OPENED),
		delivery(2, "cryptsetup:home", DELIVERY_REJECTED),
		secret(1, SECRET_WIPED),
		secret(1, SECRET_DELIVERED),
		{ .kind = JOURNAL_GAP, .since_usec = { 5 } },
	};
	_cleanup_(journal_done) struct journal j = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	data = bytes(in, ARRAY_SIZE(in), &len);
	assert_int_equal(journal_parse(data, len, &j), 0);
	assert_false(j.lossy);
	assert_int_equal(j.n, 5);
	/* A record of this version never takes a state back. */
	assert_int_equal(find(&j, 1, NULL)->state, SECRET_WIPED);
	assert_int_equal(find(&j, 2, NULL)->state, SECRET_DELIVERED);
	assert_int_equal(find(&j, 2, "cryptsetup:data")->state, DELIVERY_OPENED);
	assert_int_equal(find(&j, 2, "cryptsetup:home")->state, DELIVERY_REJECTED);
	assert_int_equal(find(&j, 2, "cryptsetup:home")->peer_pid, 12);
}

/* The file is cut anywhere, or any byte is changed: all other records are still there. */
static void test_damage(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_CONFIRMED), secret(2, SECRET_DELIVERED),
				       secret(3, SECRET_WIPED) };
	_cleanup_(freep) uint8_t *data = NULL;
	struct journal j;
	size_t len;

	data = bytes(in, ARRAY_SIZE(in), &len);
	for (size_t cut = 0; cut <= len; cut++) {
		assert_int_equal(journal_parse(data, cut, &j), 0);
		assert_int_equal(j.lossy, cut % sizeof(in[0]) != 0);
		assert_int_equal(j.n, cut / sizeof(in[0]));
		journal_done(&j);
	}
	for (size_t at = 0; at < len; at++) {
		data[at] ^= 0x40;
		assert_int_equal(journal_parse(data, len, &j), 0);
		assert_true(j.lossy);
		assert_int_equal(j.n, 2);
		for (uint16_t id = 1; id <= 3; id++)
			assert_int_equal(find(&j, id, NULL) != NULL,
					 (size_t)id != 1 + at / sizeof(in[0]));
		journal_done(&j);
		data[at] ^= 0x40;
	}
}

/* Bytes that are not a record, of any length, between two records: both records are found. */
static void test_garbage_between(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED), secret(2, SECRET_WIPED) };
	_cleanup_(freep) uint8_t *data = NULL;
	uint8_t with[4 * sizeof(in[0])];
	struct journal j;
	size_t len;

	data = bytes(in, ARRAY_SIZE(in), &len);
	for (size_t n = 1; n < 300; n++) {
		static const char *const words[] = { "ccj2", "ccj1", "\0\0\0\0", "xyzc" };

		memcpy(with, data, sizeof(in[0]));
		for (size_t i = 0; i < n; i++)
			with[sizeof(in[0]) + i] = (uint8_t)words[n % ARRAY_SIZE(words)][i % 4];
		memcpy(with + sizeof(in[0]) + n, data + sizeof(in[0]), sizeof(in[0]));
		assert_int_equal(journal_parse(with, 2 * sizeof(in[0]) + n, &j), 0);
		assert_true(j.lossy);
		assert_int_equal(j.n, 2);
		assert_int_equal(find(&j, 2, NULL)->state, SECRET_WIPED);
		journal_done(&j);
	}
}

static void test_bad_fields(void **state)
{
	for (unsigned i = 0; i < 9; i++) {
		struct journal_record r = i < 4 ? secret(1, SECRET_PRESENT) :
						  delivery(1, "get", DELIVERY_TAKEN);
		struct journal j;
		uint8_t *data;
		size_t len;

		switch (i) {
		case 0: r.kind = _JOURNAL_KIND_MAX; break;
		case 1: r.state = _SECRET_STATE_MAX; break;
		case 2: memset(&r.guid, 0, sizeof(r.guid)); break;
		case 3: memset(r.source, 'x', sizeof(r.source)); break;
		case 4: memset(r.consumer, 'x', sizeof(r.consumer)); break;
		case 5: r.state = _DELIVERY_OUTCOME_MAX; break;
		case 6: r.state = DELIVERY_NONE; break;
		case 7: r.before = _DELIVERY_OUTCOME_MAX; break;
		case 8: r.consumer[0] = '\0'; break;
		}
		data = bytes(&r, 1, &len);
		assert_int_equal(journal_parse(data, len, &j), 0);
		assert_true(j.lossy);
		assert_int_equal(j.n, 0);
		journal_done(&j);
		free(data);
	}
}

/* The record of the secret is damaged, but it is still known that the secret was given away. */
static void test_only_delivery(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED),
				       delivery(1, "cryptsetup:data", DELIVERY_REJECTED),
				       delivery(2, "cryptsetup:data", DELIVERY_OFFERED) };
	_cleanup_(journal_done) struct journal j = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	data = bytes(in, ARRAY_SIZE(in), &len);
	data[5]++;
	assert_int_equal(journal_parse(data, len, &j), 0);
	assert_true(j.lossy);
	assert_int_equal(find(&j, 1, NULL)->state, SECRET_DELIVERED);
	assert_int_equal(find(&j, 1, "cryptsetup:data")->state, DELIVERY_REJECTED);
	assert_int_equal(find(&j, 2, NULL)->state, SECRET_PRESENT);
}

/* ---- version 1 ---- */

static void test_version_1(void **state)
{
	struct {
		struct journal_record_1 a[3];
		char torn[100];
		struct journal_record_1 b[6];
	} in = {
		.a = { old(1, SECRET_PRESENT, "", false),
		       old(1, SECRET_DELIVERED, "cryptsetup:data", false),
		       old(1, SECRET_DELIVERED, "cryptsetup:data", true) },
		.torn = "ccj1",
		.b = { old(1, SECRET_DELIVERED, "cryptsetup:home", false),
		       old(2, SECRET_WIPED, "cryptsetup:x", false),
		       old(2, SECRET_PRESENT, "", false), old(3, SECRET_DELIVERED, "get", false),
		       old(4, SECRET_PRESENT, "", false), old(4, SECRET_WIPED, "", false) },
	};
	_cleanup_(journal_done) struct journal j = { 0 };

	assert_int_equal(journal_parse((const uint8_t *)&in, sizeof(in), &j), 0);
	assert_true(j.lossy);
	assert_int_equal(find(&j, 1, NULL)->state, SECRET_DELIVERED);
	assert_int_equal(find(&j, 1, "cryptsetup:data")->state, DELIVERY_REJECTED);
	assert_int_equal(find(&j, 1, "cryptsetup:home")->state, DELIVERY_READ);
	assert_int_equal(find(&j, 1, "cryptsetup:home")->peer_pid, 0);
	/* Version 1 let a secret come back. */
	assert_int_equal(find(&j, 2, NULL)->state, SECRET_PRESENT);
	assert_null(find(&j, 2, "cryptsetup:x"));
	assert_int_equal(find(&j, 3, "get")->state, DELIVERY_TAKEN);
	assert_int_equal(find(&j, 4, NULL)->state, SECRET_WIPED);
}

/* A full file system has cut the file anywhere.  Everything that was appended later counts. */
static void test_version_1_torn(void **state)
{
	struct journal_record_1 a = old(1, SECRET_DELIVERED, "cryptsetup:data", false),
				b = old(1, SECRET_WIPED, "cryptsetup:data", false);
	uint8_t with[3 * sizeof(a)];

	for (size_t n = 1; n < sizeof(a); n++) {
		struct journal j;

		memcpy(with, &a, sizeof(a));
		memcpy(with + sizeof(a), &a, n);
		memcpy(with + sizeof(a) + n, &b, sizeof(b));
		assert_int_equal(journal_parse(with, sizeof(a) + n + sizeof(b), &j), 0);
		assert_true(j.lossy);
		assert_int_equal(find(&j, 1, NULL)->state, SECRET_WIPED);
		journal_done(&j);
	}
}

/* 12 MiB of records.  Version 1 wrote that much, and then could not start. */
static void test_version_1_huge(void **state)
{
	size_t n = (12u << 20) / sizeof(struct journal_record_1);
	struct journal_record_1 *list = calloc(n, sizeof(*list));
	struct journal j;

	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		list[i] = old((uint16_t)(1 + i % 3), SECRET_DELIVERED, "get", false);
	list[n - 1] = old(2, SECRET_WIPED, "get", false);
	assert_int_equal(write_file_atomic(path, list, n * sizeof(*list), 0600, false), 0);
	assert_int_equal(journal_read(path, &j), 0);
	assert_int_equal(j.n, 6);
	assert_int_equal(find(&j, 2, NULL)->state, SECRET_WIPED);
	journal_done(&j);
	free(list);
	/* The file is longer than what is read: the end counts. */
	assert_int_equal(truncate(path, (48 << 20) + 1), 0);
	assert_int_equal(journal_read(path, &j), 1);
	assert_int_equal(j.n, 0);
	journal_done(&j);
}

/* More secrets than fit: the rest is reported as lost. */
static void test_too_many(void **state)
{
	size_t n = JOURNAL_MAX_RECORDS + 5;
	struct journal_record *list = calloc(n, sizeof(*list));
	struct journal j;

	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		list[i] = secret((uint16_t)i, SECRET_DELIVERED);
	assert_int_equal(journal_write(path, list, n), 0);
	free(list);
	assert_int_equal(journal_read(path, &j), 1);
	assert_int_equal(j.n, JOURNAL_MAX_RECORDS);
	journal_done(&j);
}

/* ---- the file ---- */

static void test_file(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED) };
	char left[128], other[128];
	struct journal j;
	struct stat st;

	assert_int_equal(journal_read(path, &j), 0);
	assert_int_equal(j.n, 0);
	assert_false(j.lossy);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(journal_write(path, in, 1), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof(in));
	assert_int_equal(st.st_mode & 07777, 0600);
	/* A keeper that is killed while writing leaves a file with such a name. */
	snprintf(left, sizeof(left), "%s.Ab12xY", path);
	snprintf(other, sizeof(other), "%s/cocod.sock", dir);
	assert_int_equal(write_file_atomic(left, "x", 1, 0600, false), 0);
	assert_int_equal(write_file_atomic(other, "x", 1, 0600, false), 0);
	assert_int_equal(journal_read(path, &j), 0);
	assert_int_equal(j.n, 1);
	journal_done(&j);
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(other, F_OK), 0);
}

/* A path that is not a journal stops nothing: it is renamed, and a new journal can be written. */
static void test_no_file(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED) };
	char bad[128], target[128];
	struct journal j;
	struct stat st;

	snprintf(bad, sizeof(bad), "%s.bad", path);
	snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(journal_write(target, in, 1), 0);
	for (unsigned i = 0; i < 3; i++) {
		if (i == 0)
			assert_int_equal(mkdir(path, 0700), 0);
		if (i == 1)
			assert_int_equal(symlink(target, path), 0);
		if (i == 2)
			assert_int_equal(mkfifo(path, 0600), 0);
		assert_true(journal_read(path, &j) < 0);
		assert_true(j.lossy);
		assert_int_equal(j.n, 0);
		assert_int_equal(lstat(bad, &st), 0);
		assert_int_equal(lstat(path, &st), -1);
		assert_int_equal(journal_write(path, in, 1), 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(unlink(path), 0);
		assert_int_equal(i == 0 ? rmdir(bad) : unlink(bad), 0);
	}
}

/* A file of another user that cannot be read; cocod has no capability to read it either. */
static void test_unreadable(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED) };
	pid_t pid;
	int status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(journal_write(path, in, 1), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct journal j;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(9);
		if (journal_read(path, &j) != -EACCES || !j.lossy)
			_exit(1);
		_exit(journal_write(path, in, 1) == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * What every failed write must leave: the last states, and no half of the new states.  Once there
 * is room again, the new states are written.
 */
static void fails_and_recovers(int (*make_room)(void), int error)
{
	size_t n = 400;
	struct journal_record *list = calloc(n, sizeof(*list));
	struct journal j;

	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		list[i] = secret((uint16_t)i, SECRET_WIPED);
	assert_int_equal(journal_write(path, list, n), error);
	assert_int_equal(journal_read(path, &j), 0);
	assert_int_equal(j.n, 1);
	assert_int_equal(j.records[0].state, SECRET_DELIVERED);
	journal_done(&j);
	assert_int_equal(make_room(), 0);
	assert_int_equal(journal_write(path, list, n), 0);
	assert_int_equal(journal_read(path, &j), 0);
	assert_int_equal(j.n, n);
	journal_done(&j);
	free(list);
}

static int unlimit(void)
{
	struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_FSIZE, &l);
}

static void test_file_limit(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED) };
	struct rlimit l = { 1000, RLIM_INFINITY };

	(void) signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(journal_write(path, in, 1), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
	fails_and_recovers(unlimit, -EFBIG);
}

static int empty(void)
{
	char fill[128];

	snprintf(fill, sizeof(fill), "%s/fill", dir);
	return unlink(fill);
}

static void test_full(void **state)
{
	struct journal_record in[] = { secret(1, SECRET_DELIVERED) };
	static char zeros[4096];
	char fill[128];
	int fd;

	if (geteuid() != 0 || mount("none", dir, "tmpfs", 0, "size=256k") < 0) {
		print_message("# a tmpfs cannot be mounted here: a full "
			      "file system is not tested\n");
		skip();
	}
	assert_int_equal(journal_write(path, in, 1), 0);
	snprintf(fill, sizeof(fill), "%s/fill", dir);
	fd = open(fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close_fd(fd);
	fails_and_recovers(empty, -ENOSPC);
	assert_int_equal(umount(dir), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_parse),	   TEST(test_damage),	      TEST(test_garbage_between),
		TEST(test_bad_fields),	   TEST(test_only_delivery),  TEST(test_version_1),
		TEST(test_version_1_torn), TEST(test_version_1_huge), TEST(test_too_many),
		TEST(test_file),	   TEST(test_no_file),	      TEST(test_unreadable),
		TEST(test_file_limit),	   TEST(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
