/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real program, started with a connection of the test, as systemd starts it. */
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "ipc/client.h"
#include "tests/luks-image.h"

/* Start a worker with @option that inherits @conn as descriptor 3; @conn is closed here. */
static pid_t worker_exec(const char *option, int conn)
{
	const char *builddir = getenv("top_builddir");
	char program[512], pid_text[16];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/cocod-worker", builddir ? builddir : ".");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		snprintf(pid_text, sizeof(pid_text), "%d", (int)getpid());
		if ((conn != 3 && dup2(conn, 3) < 0) || setenv("LISTEN_FDS", "1", 1) < 0 ||
		    setenv("LISTEN_PID", pid_text, 1) < 0)
			_exit(99);
		(void) fcntl(3, F_SETFD, 0);
		execl(program, program, option, NULL);
		_exit(98);
	}
	close_fd(conn);
	return pid;
}

static pid_t worker_start(const char *option, int *ret_fd)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	*ret_fd = pair[0];
	return worker_exec(option, pair[1]);
}

static void assert_exits(pid_t pid, int with)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), with);
}

static int device(bool good)
{
	_cleanup_(freep)
		uint8_t *image = luks_image_new(luks_image_json, strlen(luks_image_json), 16384);
	int fd = memfd_create("device", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, image, good ? 32768 : 100), 0);
	return fd;
}

/* The connection ends, and nothing came before the end. */
static void assert_closed(int fd)
{
	struct msg_header h;
	int r = frame_recv(fd, &h, NULL, 0, NULL);

	assert_true(r == 0 || r == -ECONNRESET);
	close_fd(fd);
}

static bool need_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("needs root: the worker serves nobody else\n");
	return false;
}

static const struct luks_question question;

/* The worker gives one verdict and ends, so that a second question reaches nobody. */
static void test_serves(void **state)
{
	if (!need_root())
		skip();
	for (int i = 0; i < 2; i++) {
		_cleanup_(closep) int header = device(i == 0);
		struct luks_verdict v;
		pid_t pid;
		int fd;

		pid = worker_start("--kind=luks", &fd);
		assert_int_equal(client_call(fd, MSG_LUKS_CHECK, &question, sizeof(question),
					     header, &v, sizeof(v), NULL),
				 0);
		assert_int_equal(v.error, i == 0 ? 0 : -EBADMSG);
		assert_string_equal(i == 0 ? v.uuid : v.reason,
				    i == 0 ? LUKS_IMAGE_UUID :
					     "the first LUKS2 header is malformed or cut off; if "
					     "there is another that is good, "
					     "'cryptsetup repair DEVICE' restores this one");
		assert_exits(pid, 0);
		assert_true(client_call(fd, MSG_LUKS_CHECK, &question, sizeof(question), header, &v,
					sizeof(v), NULL) < 0);
		close_fd(fd);
	}
}

/*
 * Where libcrypto is loaded for the first hash and cannot be, there is no verdict; elsewhere the
 * program does not even start.
 */
static void test_no_openssl(void **state)
{
	_cleanup_(closep) int header = device(true);
	char folder[] = "/tmp/coco-worker.XXXXXX", path[64];
	struct luks_verdict v;
	FILE *f;
	pid_t pid;
	int fd, status;

	if (!need_root())
		skip();
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/libcrypto.so.3", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("not a library\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(setenv("LD_LIBRARY_PATH", folder, 1), 0);
	pid = worker_start("--kind=luks", &fd);
	assert_int_equal(unsetenv("LD_LIBRARY_PATH"), 0);
	assert_true(client_call(fd, MSG_LUKS_CHECK, &question, sizeof(question), header, &v,
				sizeof(v), NULL) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	close_fd(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* The metadata that libcryptsetup has in memory, without the device. */
static void test_text(void **state)
{
	static const char no_header[] = "{\"keyslots\":{}}";
	static const struct luks_question bad_list = { .any_token = 2 };

	if (!need_root())
		skip();
	for (int i = 0; i < 2; i++) {
		const char *json = i == 0 ? luks_image_json : no_header;
		_cleanup_(closep) int text = memfd_create("text", MFD_CLOEXEC);
		struct luks_verdict v;
		pid_t pid;
		int fd;

		assert_int_equal(write_full(text, json, strlen(json)), 0);
		pid = worker_start("--kind=luks", &fd);
		assert_int_equal(client_call(fd, MSG_LUKS_TEXT, &question, sizeof(question), text,
					     &v, sizeof(v), NULL),
				 0);
		assert_int_equal(v.error, i == 0 ? 0 : -EBADMSG);
		assert_exits(pid, 0);
		close_fd(fd);
	}
	for (int i = 0; i < 2; i++) {
		_cleanup_(closep) int text = memfd_create("text", MFD_CLOEXEC);
		pid_t pid;
		int fd;

		pid = worker_start("--kind=luks", &fd);
		assert_int_equal(frame_send(fd, MSG_LUKS_TEXT, 0, i == 0 ? &question : &bad_list,
					    sizeof(question), i == 0 ? -EBADF : text),
				 0);
		assert_closed(fd);
		assert_exits(pid, 1);
	}
}

/* A second question is not answered either when it was sent before the first answer. */
static void test_one_verdict(void **state)
{
	_cleanup_(closep) int header = device(true), bad = device(false);
	struct luks_verdict v;
	struct msg_header h;
	pid_t pid;
	int fd, r;

	if (!need_root())
		skip();
	pid = worker_start("--kind=luks", &fd);
	assert_int_equal(frame_send(fd, MSG_LUKS_CHECK, 0, &question, sizeof(question), bad), 0);
	(void) frame_send(fd, MSG_LUKS_CHECK, 0, &question, sizeof(question), header);
	r = frame_recv(fd, &h, &v, sizeof(v), NULL);
	/*
	 * A question that is unread when the worker ends resets the connection, and the reset may
	 * be reported before the answer.
	 */
	if (r == -ECONNRESET)
		r = frame_recv(fd, &h, &v, sizeof(v), NULL);
	assert_int_equal(r, 1);
	assert_int_equal(v.error, -EBADMSG);
	assert_exits(pid, 0);
	assert_closed(fd);
}

/* A list of tokens must have an end. */
static void test_endless_tokens(void **state)
{
	_cleanup_(closep) int header = device(true);
	struct luks_question endless;
	pid_t pid;
	int fd;

	if (!need_root())
		skip();
	memset(&endless, 'x', sizeof(endless));
	pid = worker_start("--kind=luks", &fd);
	assert_int_equal(frame_send(fd, MSG_LUKS_CHECK, 0, &endless, sizeof(endless), header), 0);
	assert_exits(pid, 1);
	assert_closed(fd);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *name;
		struct msg_header header;
		size_t header_len, len;
	} rows[] = {
		{ "one byte", { .magic = MSG_MAGIC }, 1, 0 },
		{ "another magic",
		  { .magic = 1, .version = MSG_VERSION, .type = MSG_LUKS_CHECK },
		  sizeof(struct msg_header),
		  0 },
		{ "another version",
		  { .magic = MSG_MAGIC, .version = 2, .type = MSG_LUKS_CHECK },
		  sizeof(struct msg_header),
		  0 },
		{ "a body",
		  { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK, .len = 8 },
		  sizeof(struct msg_header),
		  8 },
		{ "a body that is not there",
		  { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK, .len = 8 },
		  sizeof(struct msg_header),
		  0 },
		{ "an error",
		  { .magic = MSG_MAGIC,
		    .version = MSG_VERSION,
		    .type = MSG_LUKS_CHECK,
		    .error = -1 },
		  sizeof(struct msg_header),
		  0 },
		{ "no body",
		  { .magic = MSG_MAGIC, .version = MSG_VERSION, .type = MSG_LUKS_CHECK },
		  sizeof(struct msg_header),
		  0 },
		{ "no descriptor",
		  { .magic = MSG_MAGIC,
		    .version = MSG_VERSION,
		    .type = MSG_LUKS_CHECK,
		    .len = sizeof(struct luks_question) },
		  sizeof(struct msg_header),
		  sizeof(struct luks_question) },
		{ "huge",
		  { .magic = MSG_MAGIC,
		    .version = MSG_VERSION,
		    .type = MSG_LUKS_CHECK,
		    .len = 60000 },
		  sizeof(struct msg_header),
		  60000 },
	};

	if (!need_root())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(freep)
			uint8_t *frame = calloc(1, sizeof(struct msg_header) + rows[i].len);
		pid_t pid;
		int fd;

		assert_non_null(frame);
		pid = worker_start("--kind=luks", &fd);
		memcpy(frame, &rows[i].header, rows[i].header_len);
		assert_true(send(fd, frame, rows[i].header_len + rows[i].len, MSG_NOSIGNAL) > 0);
		assert_exits(pid, 1);
		assert_closed(fd);
	}
}

/* Requests for another kind of worker, or for none. */
static void test_other_kind(void **state)
{
	static const struct {
		const char *option;
		uint16_t type;
	} rows[] = {
		{ "--kind=luks", MSG_ATTEST_VERIFY },
		{ "--kind=luks", MSG_ATTEST_TPM },
		{ "--kind=luks", MSG_ATTEST_IMDS },
		{ "--kind=luks", MSG_STATUS },
		{ "--kind=luks", 0 },
		{ "--kind=luks", _MSG_MAX },
		{ "--kind=luks", UINT16_MAX },
		{ "--kind=evidence", MSG_LUKS_CHECK },
		{ "--kind=evidence", MSG_SECRET_READ },
		{ "--kind=evidence", _MSG_MAX },
	};
	_cleanup_(closep) int header = device(true);
	struct attest_question q = { .flags = 0 };

	if (!need_root())
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool verify = rows[i].type == MSG_ATTEST_VERIFY;
		pid_t pid;
		int fd;

		pid = worker_start(rows[i].option, &fd);
		assert_int_equal(client_call(fd, rows[i].type, verify ? &q : NULL,
					     verify ? sizeof(q) : 0, header, NULL, 0, NULL),
				 -EOPNOTSUPP);
		assert_exits(pid, 0);
		close_fd(fd);
	}
}

/* A connection that another user made: the credentials are those of the creator of the sockets. */
static void test_other_user(void **state)
{
	int carry[2], theirs = -EBADF, status;
	struct msg_header h;
	pid_t pid, child;

	if (!need_root())
		skip();
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, carry), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int pair[2], r;

		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(10);
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		    frame_send(carry[1], 1, 0, NULL, 0, pair[1]) < 0)
			_exit(11);
		close_fd(pair[1]);
		(void) frame_send(pair[0], MSG_LUKS_CHECK, 0, NULL, 0, -EBADF);
		r = frame_recv(pair[0], &h, NULL, 0, NULL);
		_exit(r == 0 || r == -ECONNRESET ? 0 : 12);
	}
	assert_int_equal(frame_recv(carry[0], &h, NULL, 0, &theirs), 1);
	assert_true(theirs >= 0);
	pid = worker_exec("--kind=luks", theirs);
	assert_exits(pid, 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close_fd(carry[0]);
	close_fd(carry[1]);
}

/* A connection that was closed: nothing was asked, so nothing went wrong. */
static void test_left(void **state)
{
	pid_t pid;
	int fd;

	if (!need_root())
		skip();
	pid = worker_start("--kind=evidence", &fd);
	close_fd(fd);
	assert_exits(pid, 0);
}

static void test_usage(void **state)
{
	static const char *const bad[] = { "--kind=disk", "--kind=", "luks", "--idle=1s", "--" };
	static const struct {
		int type;
		bool listens;
	} others[] = { { SOCK_STREAM, false },
		       { SOCK_SEQPACKET, false },
		       { SOCK_SEQPACKET, true } };
	const struct sockaddr sa = { .sa_family = AF_UNIX };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		pid_t pid;
		int fd;

		pid = worker_start(bad[i], &fd);
		assert_exits(pid, 2);
		assert_closed(fd);
	}
	assert_exits(worker_exec("--kind=luks", open("/dev/null", O_RDWR | O_CLOEXEC)), 1);
	/* The worker never gets a socket that others can connect to. */
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		int fd = socket(AF_UNIX, others[i].type | SOCK_CLOEXEC, 0);

		assert_true(fd >= 0);
		if (others[i].listens) {
			assert_int_equal(bind(fd, &sa, sizeof(sa.sa_family)), 0);
			assert_int_equal(listen(fd, 1), 0);
		}
		assert_exits(worker_exec("--kind=luks", fd), 1);
	}
}

/* A connection that is not passed as sd_listen_fds(3) says is not this worker's. */
static void test_not_passed(void **state)
{
	static const struct {
		const char *pid, *fds;	/* NULL: not set; "own": the worker's */
	} cases[] = {
		{ "own", "0" },	    { "own", "2" },    { "own", "-1" },	 { "own", "" },
		{ "own", "1x" },    { "own", NULL },   { "1", "1" },	 { "", "1" },
		{ "owner", "1" },   { NULL, "1" },     { "-1", "1" },	 { "own", "4294967297" },
		{ NULL, NULL },
	};
	const char *builddir = getenv("top_builddir");
	char program[512], own[16];

	snprintf(program, sizeof(program), "%s/cocod-worker", builddir ? builddir : ".");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int pair[2];
		pid_t pid;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			const char *text = cases[i].pid;

			snprintf(own, sizeof(own), "%d", (int)getpid());
			(void) unsetenv("LISTEN_PID");
			(void) unsetenv("LISTEN_FDS");
			if (text)
				(void) setenv("LISTEN_PID", streq(text, "own") ? own : text, 1);
			if (cases[i].fds)
				(void) setenv("LISTEN_FDS", cases[i].fds, 1);
			(void) dup2(pair[1], 3);
			(void) fcntl(3, F_SETFD, 0);
			execl(program, program, "--kind=luks", NULL);
			_exit(98);
		}
		close_fd(pair[1]);
		assert_exits(pid, 1);
		assert_closed(pair[0]);
	}
}

/* Whoever asks for help gets it, and no worker. */
static void test_help(void **state)
{
	static const char *const good[] = { "--help", "--version" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		pid_t pid;
		int fd;

		pid = worker_start(good[i], &fd);
		assert_exits(pid, 0);
		assert_closed(fd);
	}
}

/*
 * Other processes of its user may not look into the worker, and it leaves no core dump.  Then
 * what it has in /proc is root's.
 */
static void test_not_dumpable(void **state)
{
	const char *builddir = getenv("top_builddir");
	char path[512], *args[] = { (char *)"cocod-worker", (char *)"--kind=luks", NULL };
	int pair[2], said[2], copy = memfd_create("cocod-worker", 0);
	_cleanup_(freep) char *program = NULL;
	struct stat st = { .st_uid = 65534 };
	size_t len;
	pid_t pid;

	if (!need_root())
		skip();
	(void) snprintf(path, sizeof(path), "%s/cocod-worker", builddir ? builddir : ".");
	assert_int_equal(read_file_at(AT_FDCWD, path, 256 * 1024 * 1024, &program, &len), 0);
	assert_int_equal(write_full(copy, program, len), 0);
	assert_int_equal(fchmod(copy, 0755), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int self;

		(void) snprintf(path, sizeof(path), "%d", (int)getpid());
		(void) snprintf(program, len, "/proc/self/fd/%d", copy);
		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0 ||
		    dup2(said[1], STDERR_FILENO) < 0 || setenv("LISTEN_FDS", "1", 1) < 0 ||
		    setenv("LISTEN_PID", path, 1) < 0)
			_exit(99);
		self = open(program, O_RDONLY | O_CLOEXEC);
		if (self < 0 || dup2(pair[1], 3) < 0)
			_exit(97);
		fexecve(self, args, environ);
		_exit(98);
	}
	close_fd(copy);
	close_fd(pair[1]);
	close_fd(said[1]);
	/* The worker forbids this soon after it began, before it waits for a question. */
	(void) snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; st.st_uid != 0 && i < 500; i++) {
		(void) usleep(10000);
		assert_int_equal(stat(path, &st), 0);
	}
	assert_int_equal(st.st_uid, 0);
	close_fd(pair[0]);
	assert_exits(pid, 0);
	memset(path, 0, sizeof(path));
	assert_true(read(said[0], path, sizeof(path) - 1) >= 0);
	assert_null(strstr(path, "core dumps"));
	close_fd(said[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_no_openssl),
		cmocka_unit_test(test_one_verdict),
		cmocka_unit_test(test_endless_tokens),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_other_kind),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_not_passed),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_not_dumpable),
	};

	(void) signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
