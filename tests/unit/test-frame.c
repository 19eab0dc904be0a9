/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/io.h"
#include "ipc/client.h"

#include <cmocka.h>

struct pair {
	int a, b;
};

static int setup(void **state)
{
	static struct pair p;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -1;
	p = (struct pair){ fds[0], fds[1] };
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	close_fd(p->a);
	close_fd(p->b);
	return 0;
}

static unsigned n_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct stat st;

		if (fstat(fd, &st) == 0)
			n++;
	}
	return n;
}

static void test_there_and_back(void **state)
{
	struct pair *p = *state;
	struct msg_index in = { 42 }, out = { 0 };
	struct msg_header h;

	assert_int_equal(frame_recv(p->b, &h, &out, sizeof(out), NULL), -EAGAIN);
	assert_int_equal(frame_send(p->a, MSG_SECRET_INFO, 0, &in, sizeof(in), -EBADF), 0);
	assert_int_equal(frame_recv(p->b, &h, &out, sizeof(out), NULL), 1);
	assert_int_equal(h.type, MSG_SECRET_INFO);
	assert_int_equal(h.len, sizeof(in));
	assert_int_equal(out.index, 42);
	assert_int_equal(frame_send(p->b, MSG_SECRET_INFO, -ENOENT, NULL, 0, -EBADF), 0);
	assert_int_equal(frame_recv(p->a, &h, NULL, 0, NULL), 1);
	assert_int_equal(h.error, -ENOENT);
	p->a = close_fd(p->a);
	assert_int_equal(frame_recv(p->b, &h, &out, sizeof(out), NULL), 0);
	assert_int_equal(frame_send(p->b, MSG_STATUS, 0, NULL, 0, -EBADF), -EPIPE);
}

static void test_descriptor(void **state)
{
	struct pair *p = *state;
	unsigned before = n_fds();
	struct msg_header h;
	int fd = -EBADF;

	assert_int_equal(frame_send(p->a, MSG_LUKS_CHECK, 0, NULL, 0, p->a), 0);
	assert_int_equal(frame_recv(p->b, &h, NULL, 0, &fd), 1);
	assert_true(fd >= 0);
	close_fd(fd);
	/* A descriptor that was not asked for, or came with a refused frame, is closed. */
	assert_int_equal(frame_send(p->a, MSG_LUKS_CHECK, 0, NULL, 0, p->a), 0);
	assert_int_equal(frame_recv(p->b, &h, NULL, 0, NULL), 1);
	assert_int_equal(frame_send(p->a, MSG_LUKS_CHECK, 0, "xx", 2, p->a), 0);
	assert_int_equal(frame_recv(p->b, &h, NULL, 0, &fd), -EPROTO);
	assert_int_equal(n_fds(), before);
}

static void test_two_descriptors(void **state)
{
	struct pair *p = *state;
	unsigned before = n_fds();
	struct msg_header h = { MSG_MAGIC, MSG_VERSION, MSG_LUKS_CHECK, 0, 0 };
	struct iovec iov = { &h, sizeof(h) };
	union {
		struct cmsghdr c;
		uint8_t buf[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };
	int fds[2] = { p->a, p->b }, fd = -EBADF;

	control.c.cmsg_level = SOL_SOCKET;
	control.c.cmsg_type = SCM_RIGHTS;
	control.c.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.c), fds, sizeof(fds));
	assert_true(sendmsg(p->a, &m, 0) > 0);
	(void) frame_recv(p->b, &h, NULL, 0, &fd);
	close_fd(fd);
	assert_int_equal(n_fds(), before);
}

static void test_malformed(void **state)
{
	static const struct msg_header good = { MSG_MAGIC, MSG_VERSION, MSG_STATUS, 0, 0 };
	struct pair *p = *state;
	struct msg_header h, bad[5] = { good, good, good, good, good };
	uint8_t body[8];

	bad[0].magic ^= 1;
	bad[1].version++;
	bad[2].len = 1;
	bad[3].len = UINT32_MAX;
	bad[4].error = 1;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(write(p->a, &bad[i], sizeof(bad[i])), sizeof(bad[i]));
		assert_int_equal(frame_recv(p->b, &h, body, sizeof(body), NULL), -EPROTO);
	}
	for (size_t n = 1; n < sizeof(good); n++) {
		assert_int_equal(write(p->a, &good, n), n);
		assert_int_equal(frame_recv(p->b, &h, body, sizeof(body), NULL), -EPROTO);
	}
	assert_int_equal(frame_send(p->a, MSG_STATUS, 0, "123456789", 9, -EBADF), 0);
	assert_int_equal(frame_recv(p->b, &h, body, sizeof(body), NULL), -EPROTO);
	assert_int_equal(frame_send(p->a, MSG_STATUS, 0, body, MSG_BODY_MAX + 1, -EBADF),
			 -EMSGSIZE);
}

static void test_call(void **state)
{
	struct pair *p = *state;
	uint8_t reply[16];
	size_t len;

	/* The answers are sent before the question: client_call() only pairs them up. */
	assert_int_equal(frame_send(p->b, MSG_STATUS, 0, "abc", 3, -EBADF), 0);
	assert_int_equal(client_call(p->a, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), &len),
			 0);
	assert_int_equal(len, 3);
	assert_int_equal(frame_send(p->b, MSG_STATUS, 0, "abc", 3, -EBADF), 0);
	assert_int_equal(client_call(p->a, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), NULL),
			 -EPROTO);
	assert_int_equal(frame_send(p->b, MSG_STATUS, -EACCES, NULL, 0, -EBADF), 0);
	assert_int_equal(client_call(p->a, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), NULL),
			 -EACCES);
	assert_int_equal(frame_send(p->b, MSG_SECRET_READ, 0, NULL, 0, -EBADF), 0);
	assert_int_equal(client_call(p->a, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), NULL),
			 -EPROTO);
	assert_int_equal(client_call(p->a, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), NULL),
			 -ETIMEDOUT);
	assert_int_equal(shutdown(p->b, SHUT_WR), 0);
	assert_int_equal(client_call(p->a, MSG_STATUS, NULL, 0, -EBADF, reply, sizeof(reply), NULL),
			 -ECONNRESET);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
