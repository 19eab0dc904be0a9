/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A question to a worker that answers, lies, does not exist, or has a full queue.  The loop goes
 * on meanwhile.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/worker-call.h"
#include "base/io.h"
#include "ipc/frame.h"

#define REPLY_LEN 8
#define SHORT_USEC (300 * 1000ULL)
#define LONG_USEC (60 * 1000000ULL)

static char dir[] = "/tmp/test-worker-call.XXXXXX";
static struct {
	char path[64];
	struct loop *loop;
	int fd;
	struct worker_call *call;
	struct spare *spare;
	bool done, has_reply;
	uint8_t reply[REPLY_LEN];
	char why[256];
} t;

static int set_up(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memset(&t, 0, sizeof(t));
	snprintf(t.path, sizeof(t.path), "%s/socket", dir);
	strcpy(sa.sun_path, t.path);
	t.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* Room for one connection. */
	return t.fd < 0 || bind(t.fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
			       listen(t.fd, 0) < 0 || loop_new(&t.loop) < 0 ?
		       -1 :
		       0;
}

static int tear_down(void **state)
{
	worker_call_free(t.call);
	spare_free(t.spare);
	close_fd(t.fd);
	(void) unlink(t.path);
	loop_free(t.loop);
	return 0;
}

static void done(void *userdata, const void *reply, const char *why)
{
	assert_false(t.done);
	t.done = true;
	t.has_reply = reply != NULL;
	assert_true(!reply == !!why);
	if (reply)
		memcpy(t.reply, reply, REPLY_LEN);
	else
		snprintf(t.why, sizeof(t.why), "%s", why);
	/* As the users of the call do. */
	t.call = worker_call_free(t.call);
}

static int ask(const char *path, uint64_t timeout_usec, int fd)
{
	static const uint32_t body = 5;
	const struct worker_frame frames[] = { { 20, &body, sizeof(body), -EBADF },
					       { 21, NULL, 0, fd } };
	const struct worker_question q = {
		.loop = t.loop,
		.path = path,
		.spare = t.spare,
		.advice = "see there",
		.frames = frames,
		.n_frames = 2,
		.reply_len = REPLY_LEN,
		.timeout_usec = timeout_usec,
		.done = done,
	};

	return worker_call_new(&q, &t.call);
}

static void run(void)
{
	while (!t.done)
		assert_true(loop_turn(t.loop, UINT64_MAX) >= 0);
}

/* Read the question as the worker gets it; returns the connection. */
static int read_question(int conn, int *ret_fd)
{
	struct msg_header h;
	uint32_t body;

	assert_true(conn >= 0);
	assert_int_equal(frame_recv(conn, &h, &body, sizeof(body), NULL), 1);
	assert_true(h.type == 20 && h.len == 4 && body == 5);
	assert_int_equal(frame_recv(conn, &h, &body, sizeof(body), ret_fd), 1);
	assert_true(h.type == 21 && h.len == 0);
	return conn;
}

static int get_question(int *ret_fd)
{
	return read_question(accept(t.fd, NULL, NULL), ret_fd);
}

/* The worker has the question with the file @passed, and answers; both are closed. */
static void reply(int conn, int passed)
{
	assert_true(passed >= 0);
	assert_int_equal(frame_send(conn, 21, 0, "12345678", REPLY_LEN, -EBADF), 0);
	run();
	assert_true(t.has_reply);
	assert_memory_equal(t.reply, "12345678", REPLY_LEN);
	close_fd(passed);
	close_fd(conn);
}

static void test_answer(void **state)
{
	int file = memfd_create("file", MFD_CLOEXEC), passed = -EBADF, conn;

	assert_int_equal(ask(t.path, LONG_USEC, file), 0);
	close_fd(file);
	conn = get_question(&passed);
	reply(conn, passed);
}

static int accept_at(int fd)
{
	int conn = accept(fd, NULL, NULL);

	assert_true(conn >= 0);
	return conn;
}

static unsigned one(void *userdata)
{
	return 1;
}

static void make_spare(void)
{
	const struct spare_setup setup = { .loop = t.loop, .path = t.path, .wanted = one };

	assert_int_equal(spare_new(&setup, &t.spare), 0);
}

/* A spare worker gets the question, with what belongs to it, and the socket nobody's. */
static void test_spare(void **state)
{
	int file = memfd_create("file", MFD_CLOEXEC), passed = -EBADF, conn;

	make_spare();
	assert_int_equal(ask("/nowhere", LONG_USEC, file), 0);
	close_fd(file);
	conn = read_question(accept_at(t.fd), &passed);
	reply(conn, passed);
	/* It was asked once, and so the next question is not its. */
	assert_int_equal(ask("/nowhere", LONG_USEC, -EBADF), -ENOENT);
}

/* One that takes no question any more is passed over, and no descriptor is lost on the way. */
static void test_spare_has_ended(void **state)
{
	int file = memfd_create("file", MFD_CLOEXEC), passed = -EBADF, ended, conn;

	make_spare();
	ended = accept_at(t.fd);
	/* It does not look dead; sending says so. */
	assert_int_equal(shutdown(ended, SHUT_RD), 0);
	assert_int_equal(ask(t.path, LONG_USEC, file), 0);
	close_fd(file);
	conn = get_question(&passed);
	reply(conn, passed);
	close_fd(ended);
}

static void test_lies(void **state)
{
	static const struct {
		uint16_t type;
		int error;
		size_t len;
		const char *why;
	} rows[] = {
		{ 0, 0, 0, "cocod-worker ended without a verdict (connection closed); see there" },
		{ 20, 0, REPLY_LEN, "cocod-worker's answer is not a verdict" },
		{ 21, 0, REPLY_LEN - 1, "cocod-worker's answer is not a verdict" },
		{ 21, 0, 0, "cocod-worker's answer is not a verdict" },
		{ 21, 0, REPLY_LEN + 1,
		  "cocod-worker ended without a verdict (Protocol error); see there" },
		{ 21, -EOPNOTSUPP, 0, "cocod-worker could not judge it: Operation not supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int conn;

		t.done = false;
		assert_int_equal(ask(t.path, LONG_USEC, -EBADF), 0);
		conn = get_question(NULL);
		if (rows[i].type)
			assert_int_equal(frame_send(conn, rows[i].type, rows[i].error, "123456789",
						    rows[i].len, -EBADF),
					 0);
		close_fd(conn);
		run();
		assert_false(t.has_reply);
		assert_string_equal(t.why, rows[i].why);
	}
}

static void test_silence(void **state)
{
	int conn;

	assert_int_equal(ask(t.path, SHORT_USEC, -EBADF), 0);
	conn = get_question(NULL);
	run();
	assert_string_equal(t.why, "cocod-worker did not answer in time; see there");
	close_fd(conn);
}

static void test_nobody(void **state)
{
	char longest[200];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(ask("/nowhere/at/all", LONG_USEC, -EBADF), -ENOENT);
	assert_int_equal(ask(longest, LONG_USEC, -EBADF), -ENAMETOOLONG);
	close_fd(t.fd);
	t.fd = -EBADF;
	assert_int_equal(ask(t.path, LONG_USEC, -EBADF), -ECONNREFUSED);
	assert_false(t.done);
}

static struct watch *tick;

static int count_tick(void *userdata)
{
	unsigned *n = userdata;

	(*n)++;
	return watch_again_after(tick, 10000);
}

/* A connect() that waits would stop the clock for everybody. */
static void test_full_queue(void **state)
{
	int file = memfd_create("file", MFD_CLOEXEC), passed = -EBADF, fds[4], n = 0, conn;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct pollfd p = { .events = POLLIN };
	unsigned ticks = 0;
	uint64_t woke;

	strcpy(sa.sun_path, t.path);
	for (;; n++) {
		assert_true(n < (int)ARRAY_SIZE(fds));
		fds[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(fds[n] >= 0);
		if (connect(fds[n], (struct sockaddr *)&sa, sizeof(sa)) < 0) {
			assert_int_equal(errno, EAGAIN);
			close_fd(fds[n]);
			break;
		}
	}
	assert_true(watch_after(t.loop, 10000, count_tick, &ticks, &tick) >= 0);
	assert_int_equal(ask(t.path, SHORT_USEC, file), 0);
	run();
	assert_non_null(strstr(t.why, "has a full queue; see there"));
	assert_true(ticks >= 3);
	woke = loop_n_turns(t.loop);
	assert_true(woke <= ticks + SHORT_USEC / 50000 + 4);
	tick = watch_free(tick);

	/* When there is room again the worker is asked, with the descriptor that was given. */
	t.done = false;
	assert_int_equal(ask(t.path, LONG_USEC, file), 0);
	close_fd(file);
	while (n > 0) {
		close_fd(accept(t.fd, NULL, NULL));
		close_fd(fds[--n]);
	}
	for (p.fd = t.fd; poll(&p, 1, 0) == 0;)
		assert_true(loop_turn(t.loop, 100000) >= 0);
	conn = get_question(&passed);
	assert_true(passed >= 0);
	close_fd(passed);
	close_fd(conn);
	run();
	assert_string_equal(t.why,
			    "cocod-worker ended without a verdict (connection closed); see there");
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spare, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spare_has_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_silence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_queue, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
