/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Workers that are there before the question: for whom, how many, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/spare.h"
#include "base/io.h"

static char dir[] = "/tmp/test-spare.XXXXXX";
static char path[64];
static sd_event *event;
static int listener;

static int listen_at(const char *at, int backlog)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && strlen(at) < sizeof(sa.sun_path));
	strcpy(sa.sun_path, at);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static int set_up(void **state)
{
	(void) unlink(path);
	listener = listen_at(path, SPARE_MAX * 2);
	return sd_event_new(&event);
}

static int tear_down(void **state)
{
	close_fd(listener);
	sd_event_unref(event);
	return 0;
}

static unsigned n_started(int conns[static SPARE_MAX])
{
	unsigned n = 0;

	while (n < SPARE_MAX && (conns[n] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		n++;
	return n;
}

static bool is_peer(int worker, int conn)
{
	char byte = 0;

	return send(conn, "x", 1, MSG_NOSIGNAL) == 1 && recv(worker, &byte, 1, MSG_DONTWAIT) == 1 &&
	       byte == 'x';
}

/* Each is given away once, and is one process's. */
static void test_take(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX], first, second;

	assert_int_equal(spare_new(event, path, 2, &s), 0);
	assert_int_equal(n_started(workers), 2);
	first = spare_take(s);
	second = spare_take(s);
	assert_true(first >= 0 && second >= 0 && first != second);
	assert_int_equal(spare_take(s), -ENOENT);
	assert_true(is_peer(workers[0], first) && is_peer(workers[1], second));
	/* What was given away stays when the rest goes. */
	spare_free(s);
	assert_true(is_peer(workers[0], first));
	close_fd(first);
	close_fd(second);
	close_fd(workers[0]);
	close_fd(workers[1]);
	assert_int_equal(spare_take(NULL), -ENOENT);
}

static void test_many(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX], extra;

	assert_int_equal(spare_new(event, path, 1000, &s), 0);
	assert_int_equal(n_started(workers), SPARE_MAX);
	extra = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(extra < 0);
	spare_free(s);
	for (unsigned i = 0; i < SPARE_MAX; i++) {
		char byte;

		/* A worker that nobody needs sees the end, and not an error. */
		assert_int_equal(recv(workers[i], &byte, 1, 0), 0);
		close_fd(workers[i]);
	}
}

/* One that has ended, or that talks before it is asked, is not asked. */
static void test_not_waiting(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX], conn;

	assert_int_equal(spare_new(event, path, 3, &s), 0);
	assert_int_equal(n_started(workers), 3);
	close_fd(workers[0]);
	assert_int_equal(send(workers[1], "a verdict", 9, MSG_NOSIGNAL), 9);
	conn = spare_take(s);
	assert_true(conn >= 0 && is_peer(workers[2], conn));
	assert_int_equal(spare_take(s), -ENOENT);
	close_fd(conn);
	close_fd(workers[1]);
	close_fd(workers[2]);
	spare_free(s);
}

/* Without a worker's socket, and with a full queue, there is none, and nobody waits. */
static void test_none(void **state)
{
	struct spare *s;
	char full[80];
	int fd, conn, count = 0;

	assert_int_equal(spare_new(event, "/nowhere", 2, &s), 0);
	assert_int_equal(spare_take(s), -ENOENT);
	spare_free(s);

	(void) snprintf(full, sizeof(full), "%s/full", dir);
	fd = listen_at(full, 0);
	assert_int_equal(spare_new(event, full, SPARE_MAX, &s), 0);
	while ((conn = spare_take(s)) >= 0) {
		close_fd(conn);
		count++;
	}
	assert_true(count < SPARE_MAX);
	spare_free(s);
	close_fd(fd);
	(void) unlink(full);
}

int __wrap_sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret);
int __real_sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret);
static uint64_t later;

int __wrap_sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret)
{
	int r = __real_sd_event_now(e, clock, ret);

	*ret += later;
	return r;
}

/* After a standstill a question is seen before the deadline, which was before it. */
static void test_too_late(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX];
	char byte;

	assert_int_equal(spare_new(event, path, 1, &s), 0);
	assert_int_equal(n_started(workers), 1);
	later = SPARE_USEC;
	assert_int_equal(spare_take(s), -ENOENT);
	later = 0;
	assert_int_equal(recv(workers[0], &byte, 1, MSG_DONTWAIT), 0);
	close_fd(workers[0]);
	spare_free(s);
}

/* ---- for how many volumes ---- */

#define KEYS "/run/cryptsetup-keys.d"

static void open_volume(const char *sys, const char *name)
{
	char folder[192], file[224];

	const struct {
		const char *file, *text;
	} rows[] = { { "dm/name", name },
		     { "dm/uuid", "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-open" },
		     { "size", "8" } };

	(void) snprintf(folder, sizeof(folder), "mkdir -p %s/class/block/dm-0/dm", sys);
	assert_int_equal(system(folder), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void) snprintf(file, sizeof(file), "%s/class/block/dm-0/%s", sys, rows[i].file);
		assert_int_equal(write_file_atomic(file, rows[i].text, strlen(rows[i].text), 0644,
						   /* exclusive= */ false),
				 0);
	}
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
static const char *const *names;

/* The test has its sockets elsewhere than in /run. */
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_un *un = (struct sockaddr_un *)sa;

	if (!names[fd]) {
		errno = ENOTSOCK;
		return -1;
	}
	un->sun_family = AF_UNIX;
	assert_true(strlen(names[fd]) < sizeof(un->sun_path));
	strcpy(un->sun_path, names[fd]);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(names[fd]) + 1);
	return 0;
}

static void test_count(void **state)
{
	static const char *const rows[] = {
		"/run/cocod/cocod.sock", "/run/cocod/cryptsetup.sock", KEYS "/root.key",
		KEYS "/my-disk.key", KEYS "/open.key", KEYS "/a.key.key", KEYS "/root",
		KEYS "/.key", KEYS "/a/b.key", "", NULL,
	};
	char sys[64];

	names = rows;
	(void) snprintf(sys, sizeof(sys), "%s/sys", dir);
	open_volume(sys, "open");
	/* root, my-disk and "a.key"; the one that is open will not ask. */
	assert_int_equal(spare_count_volumes(sys, 0, ARRAY_SIZE(rows)), 3);
	assert_int_equal(spare_count_volumes(sys, 2, 1), 1);
	assert_int_equal(spare_count_volumes(sys, 4, 1), 0);
	assert_int_equal(spare_count_volumes(sys, 0, 0), 0);
}

static int begin(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	(void) snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int finish(void **state)
{
	char command[128];

	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_take, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_late, set_up, tear_down),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
