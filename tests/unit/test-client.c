/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connecting to a socket: nobody listens, nobody answers, or too many ask.  test-frame tests the
 * answers.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "ipc/client.h"

#include <cmocka.h>

static char dir[64];
static struct sockaddr_un sa;
static int listener = -EBADF;

static int setup(void **state)
{
	strcpy(dir, "/tmp/test-client.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	sa.sun_family = AF_UNIX;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/socket", dir);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return bind(listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(listener, 0) < 0 ?
		       -1 :
		       0;
}

static int teardown(void **state)
{
	char command[100];

	listener = close_fd(listener);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int connect_either(bool now, const char *path, int *ret)
{
	return now ? client_connect_now(path, ret) : client_connect(path, 0, ret);
}

static void test_connect(void **state)
{
	for (int now = 0; now < 2; now++) {
		int fd = -EBADF, peer;

		assert_int_equal(connect_either(now, sa.sun_path, &fd), 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_int_equal(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), now);
		peer = accept(listener, NULL, NULL);
		assert_true(peer >= 0);
		close_fd(peer);
		close_fd(fd);
	}
}

static void test_nobody(void **state)
{
	for (int now = 0; now < 2; now++) {
		char path[200];
		int fd = -77;

		snprintf(path, sizeof(path), "%s/other", dir);
		assert_int_equal(connect_either(now, path, &fd), -ENOENT);
		/* A file, and no socket; then a socket at which nobody listens. */
		assert_int_equal(write_file_atomic(path, "x", 1, 0600, false), 0);
		assert_int_equal(connect_either(now, path, &fd), -ECONNREFUSED);
		listener = close_fd(listener);
		assert_int_equal(connect_either(now, sa.sun_path, &fd), -ECONNREFUSED);
		assert_int_equal(fd, -77);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

/* One byte less than there is room for is the longest: a NUL ends it. */
static void test_long_path(void **state)
{
	char path[sizeof(sa.sun_path) + 1];
	int fd = -77;

	memset(path, 'x', sizeof(path));
	for (int now = 0; now < 2; now++) {
		path[sizeof(sa.sun_path)] = '\0';
		assert_int_equal(connect_either(now, path, &fd), -ENAMETOOLONG);
		path[sizeof(sa.sun_path) - 1] = '\0';
		assert_int_equal(connect_either(now, path, &fd), -ENOENT);
		path[sizeof(sa.sun_path) - 1] = 'x';
	}
	assert_int_equal(fd, -77);
}

/* A listener's queue that is full: who must not wait does not. */
static void test_full_queue(void **state)
{
	int fds[64], n = 0, r = 0;

	while (n < 64) {
		r = client_connect_now(sa.sun_path, &fds[n]);
		if (r < 0)
			break;
		n++;
	}
	assert_int_equal(r, -EAGAIN);
	assert_true(n > 0);
	while (n > 0)
		close_fd(fds[--n]);
}

/* Who asks waits as long as he said, for each answer. */
static void test_timeout(void **state)
{
	socklen_t len = sizeof(struct timeval);
	struct timeval tv;
	uint8_t reply[16];
	int fd, peer;

	assert_int_equal(client_connect(sa.sun_path, 30000, &fd), 0);
	peer = accept(listener, NULL, NULL);
	assert_int_equal(client_call(fd, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), NULL),
			 -ETIMEDOUT);
	close_fd(peer);
	close_fd(fd);
	/* Whole seconds count too. */
	assert_int_equal(client_connect(sa.sun_path, 2030000, &fd), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
	assert_true(tv.tv_sec == 2 && tv.tv_usec >= 30000 && tv.tv_usec < 40000);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len), 0);
	assert_true(tv.tv_sec == 2 && tv.tv_usec >= 30000 && tv.tv_usec < 40000);
	close_fd(fd);
}

/* The body and the descriptor go along; the length of the answer is as told. */
static void test_call(void **state)
{
	int pair[2], got = -EBADF, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	uint8_t reply[16];
	struct msg_header h;
	size_t len = 99;
	char body[8];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
				    pair),
			 0);
	assert_int_equal(frame_send(pair[1], MSG_STATUS, 0, NULL, 0, -EBADF), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, "abc", 3, null, reply, sizeof(reply),
				     &len),
			 0);
	assert_int_equal(len, 0);
	assert_int_equal(frame_recv(pair[1], &h, body, sizeof(body), &got), 1);
	assert_int_equal(h.type, MSG_STATUS);
	assert_int_equal(h.len, 3);
	assert_memory_equal(body, "abc", 3);
	assert_true(got >= 0);
	/* All of the answer is used, and no more than there is room for. */
	assert_int_equal(frame_send(pair[1], MSG_STATUS, 0, "0123456789abcdef", 16, -EBADF), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, NULL, 0, -EBADF, reply, 16, NULL), 0);
	assert_memory_equal(reply, "0123456789abcdef", 16);
	assert_int_equal(frame_send(pair[1], MSG_STATUS, 0, "0123456789abcdef", 16, -EBADF), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, NULL, 0, -EBADF, reply, 15, &len),
			 -EPROTO);
	/* An error; an answer to another request; an answer that is too short. */
	assert_int_equal(frame_send(pair[1], MSG_STATUS, -EACCES, NULL, 0, -EBADF), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, NULL, 0, -EBADF, reply, 16, &len),
			 -EACCES);
	assert_int_equal(frame_send(pair[1], MSG_SECRET_READ, 0, NULL, 0, -EBADF), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, NULL, 0, -EBADF, reply, 16, &len),
			 -EPROTO);
	assert_int_equal(frame_send(pair[1], MSG_STATUS, 0, "0123456789abcde", 15, -EBADF), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, NULL, 0, -EBADF, reply, 16, NULL),
			 -EPROTO);
	/* What is too long to be sent is not. */
	assert_int_equal(client_call(pair[0], MSG_STATUS, reply, MSG_BODY_MAX + 1, -EBADF, reply,
				     15, &len),
			 -EMSGSIZE);
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	assert_int_equal(client_call(pair[0], MSG_STATUS, NULL, 0, -EBADF, reply, 16, &len),
			 -ECONNRESET);
	close_fd(got);
	close_fd(null);
	close_fd(pair[0]);
	close_fd(pair[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test(test_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
