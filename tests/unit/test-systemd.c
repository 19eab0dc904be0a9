/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What systemd is told and what it tells, as sd_notify(3) and sd_listen_fds(3) document it.  Built
 * twice: with base/systemd.c, and as test-systemd-peer with libsystemd in its place.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/systemd.h"

#include <cmocka.h>

static char folder[64];

/* A socket that $NOTIFY_SOCKET names; @name begins with "/" or "@". */
static int listen_at(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	size_t len = strlen(name);

	memcpy(sa.sun_path, name, len);
	if (name[0] == '@')
		sa.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&sa,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
					  (name[0] == '/'))), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void check_received(int fd, const char *expected)
{
	char text[256] = "";

	assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
}

static void check_reloading(int fd)
{
	static const char begin[] = "RELOADING=1\nMONOTONIC_USEC=";
	char text[256] = "";

	assert_true(recv(fd, text, sizeof(text) - 1, 0) > (ssize_t)strlen(begin));
	assert_memory_equal(text, begin, strlen(begin));
	assert_int_equal(strspn(text + strlen(begin), "0123456789"),
			 strlen(text) - strlen(begin));
}

static void test_notify(void **state)
{
	char names[2][108];

	snprintf(names[0], sizeof(names[0]), "%s/socket", folder);
	snprintf(names[1], sizeof(names[1]), "@test-systemd.%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		int fd = listen_at(names[i]);

		assert_int_equal(systemd_notify("READY=1"), 1);
		check_received(fd, "READY=1");
		assert_int_equal(systemd_notify_reloading(), 1);
		check_reloading(fd);
		(void) close(fd);
		assert_int_equal(systemd_notify("READY=1"), -ECONNREFUSED);
	}
	(void) unlink(names[0]);
	assert_int_equal(setenv("NOTIFY_SOCKET", names[0], 1), 0);
	assert_int_equal(systemd_notify("READY=1"), -ENOENT);
	assert_int_equal(setenv("NOTIFY_SOCKET", "relative", 1), 0);
	assert_true(systemd_notify("READY=1") < 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", "/", 1), 0);
	assert_true(systemd_notify("READY=1") < 0);
	memset(names[0], 'x', sizeof(names[0]));
	names[0][0] = '/';
	names[0][sizeof(names[0]) - 1] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", names[0], 1), 0);
	assert_true(systemd_notify("READY=1") < 0);
	/* Nobody wants to know. */
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	assert_int_equal(systemd_notify("READY=1"), 0);
}

static void test_notify_fds(void **state)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(8 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char name[108], text[64] = "";
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int fds[2] = { 0, 1 }, fd, got[2];
	const struct cmsghdr *c;

	snprintf(name, sizeof(name), "%s/socket", folder);
	fd = listen_at(name);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(systemd_notify_fds("FDSTORE=1", fds, 2), 1);
	assert_int_equal(recvmsg(fd, &m, 0), strlen("FDSTORE=1"));
	assert_string_equal(text, "FDSTORE=1");
	c = CMSG_FIRSTHDR(&m);
	assert_non_null(c);
	assert_int_equal(c->cmsg_type, SCM_RIGHTS);
	assert_int_equal(c->cmsg_len, CMSG_LEN(2 * sizeof(int)));
	memcpy(got, CMSG_DATA(c), sizeof(got));
	assert_int_equal(write(got[1], "x", 1), 1);
	assert_int_equal(read(fds[0], text, 1), 1);
	(void) close(fds[0]);
	(void) close(fds[1]);
	/* One that nobody has. */
	fds[0] = 1000;
	assert_int_equal(systemd_notify_fds("FDSTORE=1", fds, 1), -EBADF);
	(void) close(got[0]);
	(void) close(got[1]);
	(void) close(fd);
	(void) unlink(name);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
}

static void set_listen(const char *pid, const char *n, const char *names)
{
	char own[16];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	assert_int_equal(setenv("LISTEN_PID", pid ?: own, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", n, 1), 0);
	if (names)
		assert_int_equal(setenv("LISTEN_FDNAMES", names, 1), 0);
	else
		assert_int_equal(unsetenv("LISTEN_FDNAMES"), 0);
}

static void check_names(const char *text, const char *const *expected)
{
	char **names = NULL;

	set_listen(NULL, "3", text);
	assert_int_equal(systemd_fds(&names), 3);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(names[i], expected[i]);
		free(names[i]);
	}
	assert_null(names[3]);
	free(names);
}

static void test_listen(void **state)
{
	static const char *const wrong[] = { "-1", "", "x", "3x", "99999999999" };
	char **names = NULL;

	/* Three that are there, from 3 on. */
	for (int fd = 3; fd < 6; fd++)
		assert_int_equal(dup2(STDERR_FILENO, fd), fd);
	set_listen(NULL, "3", NULL);
	assert_int_equal(systemd_fds(NULL), 3);
	for (int fd = 3; fd < 6; fd++)
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_names(NULL, (const char *const[]){ "unknown", "unknown", "unknown" });
	check_names("api:user:volume@data.socket",
		    (const char *const[]){ "api", "user", "volume@data.socket" });
	check_names("::x", (const char *const[]){ "", "", "x" });
	set_listen(NULL, "3", "api:user");
	assert_int_equal(systemd_fds(&names), -EINVAL);
	set_listen(NULL, "3", "api:user:rest:more");
	assert_int_equal(systemd_fds(&names), -EINVAL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		set_listen(NULL, wrong[i], NULL);
		assert_true(systemd_fds(NULL) < 0);
	}
	set_listen("1", "3", NULL);
	assert_int_equal(systemd_fds(NULL), 0);
	assert_int_equal(systemd_fds(&names), 0);
	set_listen("0x", "3", NULL);
	assert_true(systemd_fds(NULL) < 0);
	(void) close(5);
	set_listen(NULL, "3", NULL);
	assert_int_equal(systemd_fds(NULL), -EBADF);
	assert_int_equal(unsetenv("LISTEN_PID"), 0);
	assert_int_equal(systemd_fds(NULL), 0);
	assert_null(names);
	/* No child is to see them. */
	set_listen(NULL, "2", "api:user");
	assert_int_equal(systemd_fds(NULL), 2);
	systemd_fds_forget();
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	assert_int_equal(systemd_fds(&names), 0);
}

static void test_connection(void **state)
{
	int pair[2], listening = socket(AF_UNIX, SOCK_STREAM, 0);
	const struct sockaddr_un any = { .sun_family = AF_UNIX };

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(fd_is_unix_connection(pair[0], SOCK_STREAM));
	assert_false(fd_is_unix_connection(pair[0], SOCK_SEQPACKET));
	assert_int_equal(bind(listening, (const struct sockaddr *)&any, sizeof(any.sun_family)), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_false(fd_is_unix_connection(listening, SOCK_STREAM));
	(void) close(pair[0]);
	assert_false(fd_is_unix_connection(pair[0], SOCK_STREAM));
	assert_int_equal(pipe(pair), 0);
	assert_false(fd_is_unix_connection(pair[0], SOCK_STREAM));
	(void) close(pair[0]);
	(void) close(pair[1]);
	(void) close(listening);
}

static void test_runs(void **state)
{
	struct stat st;

	assert_int_equal(systemd_runs(), stat("/run/systemd/system", &st) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_notify_fds),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_runs),
	};
	int r;

	strcpy(folder, "/tmp/test-systemd.XXXXXX");
	if (!mkdtemp(folder))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void) rmdir(folder);
	return r;
}
