/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real program with a listening socket of ours, as systemd starts it. */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "ipc/client.h"
#include "tests/luks-image.h"

#define PATIENCE_USEC (60 * 1000000ULL)	/* far more than needed; nothing is measured */

static char dir[] = "/tmp/test-cocod-worker.XXXXXX";
static char path[64];
static int listener = -EBADF;

/* The worker with @idle; it inherits the listening socket as descriptor 3. */
static pid_t worker_start(const char *idle)
{
	const char *builddir = getenv("top_builddir");
	char program[512], option[32], pid_text[16];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/cocod-worker", builddir ? builddir : ".");
	snprintf(option, sizeof(option), "--idle=%s", idle);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
		if (dup2(listener, 3) < 0 || setenv("LISTEN_FDS", "1", 1) < 0 ||
		    setenv("LISTEN_PID", pid_text, 1) < 0)
			_exit(99);
		(void) fcntl(3, F_SETFD, 0);
		execl(program, program, option, NULL);
		_exit(98);
	}
	return pid;
}

static int worker_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void worker_stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_true(WIFSIGNALED(worker_wait(pid)));
}

static int connected(void)
{
	int fd;

	assert_int_equal(client_connect(path, PATIENCE_USEC, &fd), 0);
	return fd;
}

static int device(bool good)
{
	_cleanup_(freep) uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json), 16384);
	int fd = memfd_create("device", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, image, good ? 32768 : 100), 0);
	return fd;
}

static void assert_serves(int fd)
{
	_cleanup_(closep) int good = device(true), bad = device(false);
	struct luks_verdict v;

	assert_int_equal(client_call(fd, MSG_LUKS_CHECK, NULL, 0, good, &v, sizeof(v), NULL), 0);
	assert_int_equal(v.error, 0);
	assert_int_equal(v.version, 2);
	assert_string_equal(v.uuid, LUKS_IMAGE_UUID);
	assert_int_equal(client_call(fd, MSG_LUKS_CHECK, NULL, 0, bad, &v, sizeof(v), NULL), 0);
	assert_int_equal(v.error, -EBADMSG);
	assert_string_equal(v.reason, "the first LUKS2 header is malformed or cut off");
}

/* What follows a malformed frame: the end of that connection and of no other. */
static void assert_closed(int fd)
{
	struct msg_header h;
	int r = frame_recv(fd, &h, NULL, 0, NULL);

	assert_true(r == 0 || r == -ECONNRESET);
}

static bool need_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("needs root: the worker serves nobody else\n");
	return false;
}

static void test_serves(void **state)
{
	pid_t pid;
	int a, b;

	if (!need_root())
		skip();
	pid = worker_start("1h");
	a = connected();
	b = connected();
	assert_serves(a);
	assert_serves(b);
	assert_serves(a);
	close_fd(a);
	assert_serves(b);
	close_fd(b);
	worker_stop(pid);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *name;
		struct msg_header header;
		size_t header_len, len;
	} rows[] = {
		{ "one byte", { .magic = MSG_MAGIC }, 1, 0 },
		{ "another magic", { .magic = 1, .version = MSG_VERSION, .type = MSG_LUKS_CHECK }, sizeof(struct msg_header), 0 },
		{ "another version", { .magic = MSG_MAGIC, .version = 2, .type = MSG_LUKS_CHECK }, sizeof(struct msg_header), 0 },
		{ "a body", { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK, .len = 8 }, sizeof(struct msg_header), 8 },
		{ "a body that is not there", { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK, .len = 8 },
		  sizeof(struct msg_header), 0 },
		{ "an error", { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK, .error = -1 }, sizeof(struct msg_header), 0 },
		{ "no descriptor", { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK }, sizeof(struct msg_header), 0 },
		{ "huge", { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK, .len = 60000 }, sizeof(struct msg_header), 60000 },
	};
	pid_t pid;
	int other;

	if (!need_root())
		skip();
	pid = worker_start("1h");
	other = connected();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep) uint8_t *frame = calloc(1, sizeof(struct msg_header) + rows[i].len);
		int fd = connected();

		assert_non_null(frame);
		memcpy(frame, &rows[i].header, rows[i].header_len);
		assert_true(send(fd, frame, rows[i].header_len + rows[i].len, MSG_NOSIGNAL) > 0);
		assert_closed(fd);
		close_fd(fd);
		assert_serves(other);
	}
	close_fd(other);
	worker_stop(pid);
}

static void test_unknown_request(void **state)
{
	static const uint16_t types[] = { 0, MSG_STATUS, MSG_SECRET_READ, _MSG_MAX, UINT16_MAX };
	pid_t pid;
	int fd;

	if (!need_root())
		skip();
	pid = worker_start("1h");
	fd = connected();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(client_call(fd, types[i], NULL, 0, -EBADF, NULL, 0, NULL),
				 -EOPNOTSUPP);
	assert_serves(fd);
	close_fd(fd);
	worker_stop(pid);
}

/* More connections than it takes: the rest waits its turn, and nobody is lost. */
static void test_many(void **state)
{
	int fds[20];
	pid_t pid;

	if (!need_root())
		skip();
	pid = worker_start("1h");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = connected();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_serves(fds[i]);
		close_fd(fds[i]);
	}
	worker_stop(pid);
}

static void test_other_user(void **state)
{
	pid_t pid, child;
	int status;

	if (!need_root())
		skip();
	pid = worker_start("1h");
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct msg_header h;
		int fd, r;

		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(10);
		if (client_connect(path, PATIENCE_USEC, &fd) < 0)
			_exit(11);
		(void) frame_send(fd, MSG_LUKS_CHECK, 0, NULL, 0, -EBADF);
		r = frame_recv(fd, &h, NULL, 0, NULL);
		_exit(r == 0 || r == -ECONNRESET ? 0 : 12);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	worker_stop(pid);
}

/*
 * It goes by itself, with a connection open or not, and the socket serves on with the next
 * worker.
 */
static void test_idle(void **state)
{
	pid_t pid;
	int fd;

	if (!need_root())
		skip();
	pid = worker_start("1ms");
	assert_int_equal(worker_wait(pid), 0);
	pid = worker_start("200ms");
	fd = connected();
	assert_int_equal(worker_wait(pid), 0);
	assert_closed(fd);
	close_fd(fd);

	fd = connected();	/* queued while there is no worker */
	pid = worker_start("1h");
	assert_serves(fd);
	close_fd(fd);
	worker_stop(pid);
}

static void test_usage(void **state)
{
	int status, saved = listener;
	pid_t pid;

	for (size_t i = 0; i < 2; i++) {
		static const char *const bad[] = { "0", "2h" };

		pid = worker_start(bad[i]);
		status = worker_wait(pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 2);
	}
	listener = open("/dev/null", O_RDWR | O_CLOEXEC);	/* no socket */
	pid = worker_start("1h");
	close_fd(listener);
	listener = saved;
	status = worker_wait(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

static int setup(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	strcpy(sa.sun_path, path);
	/* Descriptor 3 is the child's to overwrite. */
	listener = fcntl(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), F_DUPFD_CLOEXEC, 10);
	if (listener < 0 || bind(listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    chmod(path, 0666) < 0)
		return -1;
	return listen(listener, 64);
}

static int teardown(void **state)
{
	return unlink(path) | rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_unknown_request),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
