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
static struct loop *loop;
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
	return loop_new(&loop);
}

static int tear_down(void **state)
{
	close_fd(listener);
	loop_free(loop);
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

static unsigned n_wanted, n_asked;

static unsigned wanted(void *userdata)
{
	assert_ptr_equal(userdata, &n_wanted);
	n_asked++;
	return n_wanted;
}

static struct spare *make(const char *at, unsigned n)
{
	const struct spare_setup setup = {
		.loop = loop,
		.path = at,
		.wanted = wanted,
		.userdata = &n_wanted,
	};
	struct spare *s;

	n_wanted = n;
	n_asked = 0;
	assert_int_equal(spare_new(&setup, &s), 0);
	assert_int_equal(n_asked, 1);
	return s;
}

/* Each is given away once, and is one process's. */
static void test_take(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX], first, second;

	s = make(path, 2);
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

	s = make(path, 1000);
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

	s = make(path, 3);
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

	s = make("/nowhere", 2);
	assert_int_equal(spare_take(s), -ENOENT);
	spare_free(s);

	(void) snprintf(full, sizeof(full), "%s/full", dir);
	fd = listen_at(full, 0);
	s = make(full, SPARE_MAX);
	while ((conn = spare_take(s)) >= 0) {
		close_fd(conn);
		count++;
	}
	assert_true(count < SPARE_MAX);
	spare_free(s);
	close_fd(fd);
	(void) unlink(full);
}

uint64_t __wrap_loop_now(const struct loop *l);
uint64_t __real_loop_now(const struct loop *l);
static uint64_t later;

uint64_t __wrap_loop_now(const struct loop *l)
{
	return __real_loop_now(l) + later;
}

/* After a standstill a question is seen before the deadline, which was before it. */
static void test_too_late(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX];
	char byte;

	s = make(path, 1);
	assert_int_equal(n_started(workers), 1);
	later = SPARE_USEC;
	assert_int_equal(spare_take(s), -ENOENT);
	later = 0;
	assert_int_equal(recv(workers[0], &byte, 1, MSG_DONTWAIT), 0);
	close_fd(workers[0]);
	spare_free(s);
}

/* ---- others in their place ---- */

/* Until nothing is left to do. */
static void run_loop(void)
{
	int r;

	while ((r = loop_turn(loop, 0)) > 0)
		;
	assert_int_equal(r, 0);
}

/* The pause is over at once. */
static void replace_now(struct spare *s)
{
	later = -SPARE_PAUSE_USEC;
	spare_replace(s);
	later = 0;
	run_loop();
}

static void expect_end(int worker)
{
	char byte;

	assert_int_equal(recv(worker, &byte, 1, MSG_DONTWAIT), 0);
	close_fd(worker);
}

/* As many as are wanted then, after the pause, and those that wait are not started again. */
static void test_replace(void **state)
{
	struct spare *s = make(path, 2);
	int first[SPARE_MAX], second[SPARE_MAX], conn;

	assert_int_equal(n_started(first), 2);
	conn = spare_take(s);
	assert_true(conn >= 0 && is_peer(first[0], conn));
	/* Not in the way of the one at work. */
	spare_replace(s);
	run_loop();
	assert_int_equal(n_asked, 1);
	assert_int_equal(n_started(second), 0);
	replace_now(s);
	assert_int_equal(n_asked, 2);
	assert_int_equal(n_started(second), 1);
	close_fd(conn);
	conn = spare_take(s);
	assert_true(conn >= 0 && is_peer(second[0], conn));
	close_fd(conn);
	conn = spare_take(s);
	assert_true(conn >= 0 && is_peer(first[1], conn));
	close_fd(conn);
	close_fd(first[0]);
	close_fd(first[1]);
	close_fd(second[0]);
	/* Nobody may ask any more. */
	n_wanted = 0;
	replace_now(s);
	assert_int_equal(n_started(first), 0);
	assert_int_equal(spare_take(s), -ENOENT);
	spare_replace(NULL);
	spare_replace(s);
	spare_free(s);
	run_loop();
}

/* From none at the start; never more than SPARE_MAX, whatever is wanted, and however often. */
static void test_replace_many(void **state)
{
	struct spare *s = make(path, 0);
	int workers[SPARE_MAX], extra[SPARE_MAX];

	assert_int_equal(n_started(workers), 0);
	n_wanted = 1000;
	replace_now(s);
	assert_int_equal(n_started(workers), SPARE_MAX);
	for (unsigned i = 0; i < 100; i++)
		replace_now(s);
	assert_int_equal(n_started(extra), 0);
	spare_free(s);
	for (unsigned i = 0; i < SPARE_MAX; i++)
		expect_end(workers[i]);
}

/* Workers that die, or lie, are let go; each answer leads to one attempt, not to a circle. */
static void test_replace_bad(void **state)
{
	struct spare *s = make(path, 2);
	int workers[SPARE_MAX], others[SPARE_MAX], conn;
	char byte;

	assert_int_equal(n_started(workers), 2);
	close_fd(workers[0]);
	assert_int_equal(send(workers[1], "a verdict", 9, MSG_NOSIGNAL), 9);
	replace_now(s);
	/* Nobody has read what it said. */
	assert_int_equal(recv(workers[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNRESET);
	close_fd(workers[1]);
	assert_int_equal(n_started(others), 2);
	close_fd(others[0]);
	close_fd(others[1]);
	run_loop();
	assert_int_equal(n_asked, 2);
	assert_int_equal(spare_take(s), -ENOENT);
	/* Without the socket, and when it is there again. */
	close_fd(listener);
	replace_now(s);
	assert_int_equal(spare_take(s), -ENOENT);
	(void) unlink(path);
	listener = listen_at(path, SPARE_MAX * 2);
	replace_now(s);
	conn = spare_take(s);
	assert_true(conn >= 0);
	close_fd(conn);
	spare_free(s);
}

/* Each has its own deadline: one that came later does not make another one wait for too long. */
static void test_deadlines(void **state)
{
	struct spare *s;
	int workers[SPARE_MAX], others[SPARE_MAX], conn;

	later = -SPARE_USEC + 1000000;
	s = make(path, 1);
	later = 0;
	assert_int_equal(n_started(workers), 1);
	n_wanted = 2;
	replace_now(s);
	assert_int_equal(n_started(others), 1);
	/* In a second. */
	later = 1000000;
	conn = spare_take(s);
	assert_true(conn >= 0 && is_peer(others[0], conn));
	expect_end(workers[0]);
	assert_int_equal(spare_take(s), -ENOENT);
	close_fd(conn);
	close_fd(others[0]);
	spare_free(s);
	/* The timer, too, lets them go, and the next ones as well. */
	later = -SPARE_USEC;
	s = make(path, 2);
	later = 0;
	assert_int_equal(n_started(workers), 2);
	run_loop();
	expect_end(workers[0]);
	expect_end(workers[1]);
	later = -SPARE_USEC;
	spare_replace(s);
	assert_true(loop_turn(loop, 0) > 0);
	later = 0;
	assert_int_equal(n_started(workers), 2);
	run_loop();
	expect_end(workers[0]);
	expect_end(workers[1]);
	spare_free(s);
}

/* ---- for how many volumes ---- */

#define KEYS "/run/cryptsetup-keys.d"

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

static bool may_ask(void *userdata, const char *volume)
{
	assert_ptr_equal(userdata, &names);
	return !streq(volume, "open");
}

static unsigned count(int first, unsigned n)
{
	return spare_count_volumes(first, n, may_ask, &names);
}

static void test_count(void **state)
{
	static const char *const rows[] = {
		"/run/cocod/cocod.sock", "/run/cocod/cryptsetup.sock", KEYS "/root.key",
		KEYS "/my-disk.key", KEYS "/open.key", KEYS "/a.key.key", KEYS "/root",
		KEYS "/.key", KEYS "/a/b.key", "", NULL,
	};

	names = rows;
	/* root, my-disk and "a.key"; the one that is open will not ask. */
	assert_int_equal(count(0, ARRAY_SIZE(rows)), 3);
	assert_int_equal(count(2, 1), 1);
	assert_int_equal(count(4, 1), 0);
	assert_int_equal(count(0, 0), 0);
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
		cmocka_unit_test_setup_teardown(test_replace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_replace_bad, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deadlines, set_up, tear_down),
		cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
