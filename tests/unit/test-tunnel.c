/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket that leads to a vsock.  A TCP listener of the test plays the vsock. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/io.h"
#include "net/tunnel.h"

#include <cmocka.h>

#define CID 7
#define PORT 8743

static int far_listener;
static struct sockaddr_in far_address;
static unsigned n_connects;
static int connect_error;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
	return __real_socket(family == AF_VSOCK ? AF_INET : family, type, protocol);
}

int __real_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
	const struct sockaddr_vm *vm = (const void *)to;

	if (to->sa_family != AF_VSOCK)
		return __real_connect(fd, to, len);
	assert_int_equal(len, sizeof(*vm));
	assert_int_equal(vm->svm_cid, CID);
	assert_int_equal(vm->svm_port, PORT);
	n_connects++;
	if (connect_error) {
		errno = connect_error;
		return -1;
	}
	return __real_connect(fd, (struct sockaddr *)&far_address, sizeof(far_address));
}

static int setup(void **state)
{
	socklen_t len = sizeof(far_address);

	far_address = (struct sockaddr_in){ .sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	far_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	n_connects = 0;
	connect_error = 0;
	if (bind(far_listener, (struct sockaddr *)&far_address, len) < 0 ||
	    listen(far_listener, 8) < 0)
		return -1;
	return getsockname(far_listener, (struct sockaddr *)&far_address, &len);
}

static int teardown(void **state)
{
	close_fd(far_listener);
	return 0;
}

static struct tunnel *open_tunnel(void)
{
	struct tunnel *t;
	struct cause why;

	assert_int_equal(tunnel_new(CID, PORT, &t, &why), 0);
	return t;
}

/* Returns a connection to the socket, which blocks. */
static int enter(const struct tunnel *t)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strncpy(a.sun_path, tunnel_path(t), sizeof(a.sun_path) - 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Serve as the caller does, until @fd can be read. */
static void serve_until(struct tunnel *t, int fd)
{
	for (unsigned i = 0; i < 1000; i++) {
		struct pollfd p[TUNNEL_FDS + 1];

		tunnel_wants(t, p);
		p[TUNNEL_FDS] = (struct pollfd){ .fd = fd, .events = POLLIN };
		assert_true(poll(p, TUNNEL_FDS + 1, 5000) > 0);
		if (p[TUNNEL_FDS].revents)
			return;
		tunnel_serve(t);
	}
	fail_msg("nothing came");
}

static void test_folder(void **state)
{
	struct tunnel *t = open_tunnel();
	char path[108];
	struct stat st;

	strcpy(path, tunnel_path(t));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, geteuid());
	assert_null(tunnel_free(t));
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_null(tunnel_free(NULL));
}

/* One byte at a time, there and back; then the end, which goes through too. */
static void test_bytes(void **state)
{
	struct tunnel *t = open_tunnel();
	int near = enter(t), far;
	char c, digit;

	assert_false(tunnel_is_connecting(t));
	serve_until(t, far_listener);
	assert_true(tunnel_is_connecting(t));
	far = accept4(far_listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(n_connects, 1);
	for (digit = '0'; digit <= '9'; digit++) {
		assert_int_equal(write(near, &digit, 1), 1);
		serve_until(t, far);
		assert_int_equal(read(far, &c, 1), 1);
		assert_int_equal(c, digit);
		assert_false(tunnel_is_connecting(t));
		assert_int_equal(write(far, &digit, 1), 1);
		serve_until(t, near);
		assert_int_equal(read(near, &c, 1), 1);
		assert_int_equal(c, digit);
	}
	close(far);
	serve_until(t, near);
	assert_int_equal(read(near, &c, 1), 0);
	assert_int_equal(tunnel_take_error(t), 0);
	close(near);
	tunnel_free(t);
}

/* The same user may open the folder, and is no part of this process. */
static void test_stranger(void **state)
{
	struct tunnel *t = open_tunnel();
	int pipe_fds[2], status;
	pid_t child;
	char c;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		int fd = enter(t);

		(void) alarm(5);
		/* The end, and not a byte. */
		(void) write_full(pipe_fds[1], "x", 1);
		_exit(recv(fd, &c, 1, 0) == 0 ? 0 : 1);
	}
	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	tunnel_serve(t);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(n_connects, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	tunnel_free(t);
}

/* Who comes when all places are taken is turned away, until somebody goes. */
static void test_full(void **state)
{
	enum { PLACES = (TUNNEL_FDS - 1) / 2 };
	struct tunnel *t = open_tunnel();
	int near[PLACES + 1];
	char c;

	for (unsigned i = 0; i < PLACES + 1; i++) {
		near[i] = enter(t);
		tunnel_serve(t);
	}
	assert_int_equal(n_connects, PLACES);
	assert_int_equal(recv(near[PLACES], &c, 1, 0), 0);
	close(near[PLACES]);
	shutdown(near[0], SHUT_RDWR);
	close(accept4(far_listener, NULL, NULL, SOCK_CLOEXEC));
	close(near[0]);
	for (unsigned i = 0; i < 100 && n_connects == PLACES; i++) {
		near[0] = enter(t);
		tunnel_serve(t);
		tunnel_serve(t);
		if (n_connects == PLACES)
			close(near[0]);
	}
	assert_int_equal(n_connects, PLACES + 1);
	for (unsigned i = 0; i < PLACES; i++)
		close(near[i]);
	tunnel_free(t);
}

static void test_unreachable(void **state)
{
	struct tunnel *t = open_tunnel();
	int near;
	char c;

	/* At once. */
	connect_error = ENODEV;
	near = enter(t);
	serve_until(t, near);
	assert_int_equal(recv(near, &c, 1, 0), 0);
	close(near);
	assert_int_equal(tunnel_take_error(t), ENODEV);
	assert_int_equal(tunnel_take_error(t), 0);
	/* After a while. */
	connect_error = 0;
	close(far_listener);
	far_listener = -EBADF;
	near = enter(t);
	serve_until(t, near);
	assert_int_equal(recv(near, &c, 1, 0), 0);
	close(near);
	assert_int_equal(tunnel_take_error(t), ECONNREFUSED);
	tunnel_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stranger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreachable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
