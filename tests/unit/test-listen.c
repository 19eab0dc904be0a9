/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A listening socket when descriptors run out.  The test counts how often the loop wakes, not how
 * long it takes.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/listen.h"
#include "base/io.h"

#define PAUSE_USEC (20 * 1000ULL)
#define PAUSES 10

static struct {
	struct loop *loop;
	int fd;
	struct sockaddr_un sa;
	socklen_t sa_len;
	int conn[8], n_conns;
	int spare;	/* closed to make room */
	unsigned n_asked_for_room;
} t;

static int set_up(void **state)
{
	t.sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	t.sa_len = sizeof(t.sa);
	t.n_conns = 0;
	t.spare = -EBADF;
	t.n_asked_for_room = 0;
	t.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return t.fd < 0 || bind(t.fd, (struct sockaddr *)&t.sa, sizeof(sa_family_t)) < 0 ||
			       listen(t.fd, 8) < 0 ||
			       getsockname(t.fd, (struct sockaddr *)&t.sa, &t.sa_len) < 0 ||
			       loop_new(&t.loop) < 0 ?
		       -1 :
		       0;
}

static int tear_down(void **state)
{
	for (int i = 0; i < t.n_conns; i++)
		close_fd(t.conn[i]);
	close_fd(t.spare);
	close_fd(t.fd);
	loop_free(t.loop);
	return 0;
}

static int connected(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&t.sa, t.sa_len), 0);
	return fd;
}

static void take(void *userdata, int conn)
{
	assert_true(fcntl(conn, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(conn, F_GETFD) & FD_CLOEXEC);
	t.conn[t.n_conns++] = conn;
}

static bool has_room(void *userdata)
{
	return t.n_conns < 2;
}

/* Who finds no room waits in the queue, and nothing spins. */
static void test_full(void **state)
{
	const struct listener_setup setup = {
		.loop = t.loop,
		.fd = t.fd,
		.name = "test",
		.accept = take,
		.has_room = has_room,
		.pause_usec = PAUSE_USEC,
	};
	struct listener *l = NULL;
	int peers[3];

	for (unsigned i = 0; i < 3; i++)
		peers[i] = connected();
	assert_int_equal(listener_new(&setup, &l), 0);
	for (unsigned i = 0; i < 3 + 2 * PAUSES; i++)
		assert_true(loop_turn(t.loop, 10 * PAUSE_USEC) >= 0);
	assert_int_equal(t.n_conns, 2);
	close_fd(t.conn[--t.n_conns]);
	while (t.n_conns < 2)
		assert_true(loop_turn(t.loop, UINT64_MAX) > 0);
	listener_free(l);
	for (unsigned i = 0; i < 3; i++)
		close_fd(peers[i]);
}

static bool make_room(void *userdata)
{
	bool can = t.spare >= 0;

	t.n_asked_for_room++;
	t.spare = close_fd(t.spare);
	return can;
}

static struct listener *start(bool (*room)(void *))
{
	const struct listener_setup setup = {
		.loop = t.loop,
		.fd = t.fd,
		.name = "test",
		.accept = take,
		.make_room = room,
		.pause_usec = PAUSE_USEC,
	};
	struct listener *l;

	assert_int_equal(listener_new(&setup, &l), 0);
	return l;
}

static int on_end(void *userdata)
{
	*(bool *)userdata = true;
	return 0;
}

/* Returns how often the loop woke during a few pauses. */
static uint64_t run(void)
{
	struct watch *timer = NULL;
	uint64_t before, after;
	bool over = false;

	assert_true(watch_after(t.loop, PAUSES * PAUSE_USEC, on_end, &over, &timer) >= 0);
	before = loop_n_turns(t.loop);
	while (!over)
		assert_true(loop_turn(t.loop, UINT64_MAX) >= 0);
	after = loop_n_turns(t.loop);
	watch_free(timer);
	return after - before;
}

static void run_until(int n)
{
	while (t.n_conns < n)
		assert_true(loop_turn(t.loop, UINT64_MAX) >= 0);
	assert_int_equal(t.n_conns, n);
}

/* Allow no more descriptors; @ret is for allow(). */
static void forbid(struct rlimit *ret)
{
	struct rlimit none;
	int fd = dup(t.fd);

	assert_true(fd >= 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, ret), 0);
	none = (struct rlimit){ (rlim_t)fd, ret->rlim_max };
	close_fd(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void allow(const struct rlimit *r)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, r), 0);
}

static void test_accepts(void **state)
{
	struct listener *l = start(NULL);
	int a = connected(), b = connected();

	run_until(2);
	assert_true(run() <= 4);
	close_fd(a);
	close_fd(b);
	listener_free(l);
}

/* One try per pause, with two wakes at most; afterwards everybody who waited is served. */
static void test_no_descriptor(void **state)
{
	struct listener *l = start(NULL);
	struct rlimit saved;
	uint64_t n;
	int a = connected(), b = connected();

	run_until(2);
	for (; t.n_conns > 0; t.n_conns--)
		close_fd(t.conn[t.n_conns - 1]);
	close_fd(a);
	close_fd(b);
	a = connected();
	b = connected();
	/* The loop's timers have their descriptors by now. */
	forbid(&saved);
	n = run();
	assert_int_equal(t.n_conns, 0);
	assert_true(n <= 2 * PAUSES + 4);
	allow(&saved);
	run_until(2);
	close_fd(a);
	close_fd(b);
	listener_free(l);
}

/* The owner may have a connection to close. */
static void test_make_room(void **state)
{
	struct listener *l = start(make_room);
	struct rlimit saved;
	int a, b;

	(void) run();
	t.spare = dup(t.fd);
	a = connected();
	b = connected();
	forbid(&saved);
	run_until(1);
	assert_true(run() <= 2 * PAUSES + 4);
	assert_int_equal(t.n_conns, 1);
	assert_true(t.n_asked_for_room >= 1);
	allow(&saved);
	run_until(2);
	close_fd(a);
	close_fd(b);
	listener_free(l);
}

/* A client that is gone when the loop has woken: nobody waits for the next one. */
static void test_gone(void **state)
{
	struct listener *l = start(NULL);

	close_fd(connected());
	assert_true(run() <= 4 + 2);
	assert_true(fcntl(t.fd, F_GETFL) & O_NONBLOCK);
	listener_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_accepts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_make_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
