/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client of the token plugin, and cocods that answer, refuse, lie, say nothing, or end.  A
 * child plays cocod.  The plaintext is looked at when its pages are given back.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "cryptsetup/token-ask.h"
#include "ipc/frame.h"
#include "tests/unit/fds.h"

#define HEADER "{\"header\":\"as libcryptsetup has it\"}"
#define KEY_LEN 40000
#define CLIENT_ENDED 2	/* a status of the child's */

/* What cocod does with a request. */
struct step {
	uint16_t expect;
	int error;			/* to answer with */
	uint32_t len;			/* MSG_TOKEN_OPEN: of the key */
	const char *text;		/* MSG_TOKEN_OPEN: why not */
	enum { ANSWER, CLOSE, MUTE, OTHER_TYPE, TOO_LONG, TOO_SHORT, NO_FRAME, WITH_FD } how;
};

static char dir[] = "/tmp/test-token-ask.XXXXXX", path[64];
static size_t not_wiped;

int __real_munmap(void *p, size_t len);
int __wrap_munmap(void *p, size_t len);

/* The pages between the guards of a secret are zero when they go. */
int __wrap_munmap(void *p, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (len > 2 * page && mprotect(p, len, PROT_READ) == 0)
		for (size_t i = page; i < len - page; i++)
			not_wiped += ((const uint8_t *)p)[i] != 0;
	return __real_munmap(p, len);
}

static uint8_t key_byte(size_t i)
{
	return (uint8_t)(i * 7 + 1);
}

/* The file is the header, and can no longer be changed. */
static void check_header(int fd)
{
	char text[sizeof(HEADER) + 1];
	struct stat st;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(st.st_size, strlen(HEADER));
	assert_int_equal(pread(fd, text, sizeof(text), 0), (ssize_t)strlen(HEADER));
	assert_memory_equal(text, HEADER, strlen(HEADER));
	assert_true(pwrite(fd, "x", 1, 0) < 0 && ftruncate(fd, 0) < 0);
	close_fd(fd);
}

static void answer(int conn, const struct step *s, const struct msg_header *h, const void *body)
{
	struct msg_fetched m = { .error = s->text ? NET_LOCAL : NET_OK, .len = s->len };
	static uint8_t bytes[MSG_BODY_MAX + 1];
	uint32_t offset = 0;
	size_t len = 0;

	if (h->type == MSG_TOKEN_OPEN) {
		assert_string_equal(((const struct msg_name *)body)->name, "data");
		memset(m.text, 'x', sizeof(m.text));
		if (s->text && s->text[0])
			memcpy(m.text, s->text, MIN(strlen(s->text) + 1, sizeof(m.text)));
		memcpy(bytes, &m, sizeof(m));
		len = sizeof(m);
	} else if (h->type == MSG_FETCHED_READ) {
		memcpy(&offset, body, sizeof(offset));
		len = MIN(KEY_LEN - offset, (uint32_t)MSG_BODY_MAX);
		for (size_t i = 0; i < len; i++)
			bytes[i] = key_byte(offset + i);
	}
	if (s->how == NO_FRAME)
		(void) send(conn, "hello", 5, MSG_NOSIGNAL);
	else
		(void) frame_send(conn, (uint16_t)(h->type + (s->how == OTHER_TYPE)), s->error,
				  s->error ? NULL : bytes,
				  s->error ? 0 : len + (s->how == TOO_LONG) - (s->how == TOO_SHORT),
				  s->how == WITH_FD ? conn : -EBADF);
}

/* Plays the steps, up to one of type 0. */
static void serve(int listener, const struct step *s)
{
	int conn = accept(listener, NULL, NULL), fd;
	uint8_t body[256];
	struct msg_header h;

	for (; s->expect; s++) {
		if (frame_recv(conn, &h, body, sizeof(body), &fd) <= 0)
			_exit(CLIENT_ENDED);
		if (h.type != s->expect)
			_exit(3);
		if (h.type == MSG_TOKEN_OPEN)
			check_header(fd);
		if (s->how == CLOSE)
			_exit(0);
		if (s->how == MUTE)
			for (;;)
				(void) pause();
		answer(conn, s, &h, body);
	}
	/* The client has ended, or has nothing more to say. */
	_exit(frame_recv(conn, &h, body, sizeof(body), NULL) <= 0 ? 0 : 4);
}

static uint64_t now_msec(void)
{
	struct timespec ts;

	(void) clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int ask(uint64_t timeout_msec, struct secret **ret, char *why)
{
	const struct token_question q = {
		.socket = path,
		.secret = "data",
		.header = HEADER,
		.timeout_usec = timeout_msec * 1000,
	};
	int n = count_fds(), r;
	uint64_t before = now_msec();

	*ret = NULL;
	r = token_ask(&q, ret, why);
	assert_int_equal(count_fds(), n);
	assert_true(now_msec() - before < timeout_msec + 2000);
	assert_non_null(memchr(why, 0, TOKEN_WHY_LEN));
	assert_int_equal(r < 0, why[0] != '\0');
	assert_int_equal(r < 0, *ret == NULL);
	return r;
}

static int listener_new(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	(void) unlink(path);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 &&
		    listen(fd, 0) == 0);
	return fd;
}

/* Ask a cocod that plays @steps. */
static int ask_steps(const struct step *steps, uint64_t timeout_msec, struct secret **ret,
		     char *why)
{
	int listener = listener_new(), r, status;
	pid_t pid = fork();

	if (pid == 0)
		serve(listener, steps);
	close_fd(listener);
	r = ask(timeout_msec, ret, why);
	/* It may be waiting for what does not come. */
	if (r == -EAGAIN)
		(void) kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The client may give up before all is played. */
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0 ||
		    (r == -EAGAIN && WEXITSTATUS(status) == CLIENT_ENDED));
	return r;
}

#define OPEN(n) { MSG_TOKEN_OPEN, .len = n }
#define READ { MSG_FETCHED_READ }
#define DONE { MSG_FETCHED_DONE }

static void test_key(void **state)
{
	static const struct step steps[][7] = {
		{ OPEN(KEY_LEN), READ, READ, READ, DONE },
		/* The gate opens in the end. */
		{ { MSG_TOKEN_OPEN, -EAGAIN }, { MSG_TOKEN_OPEN, -EAGAIN }, OPEN(KEY_LEN), READ,
		  READ, READ, DONE },
		/* A descriptor that nobody wants. */
		{ { MSG_TOKEN_OPEN, .len = KEY_LEN, .how = WITH_FD }, READ, READ, READ, DONE },
	};
	char why[TOKEN_WHY_LEN];
	struct secret *s;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct step play[8] = { 0 };

		memcpy(play, steps[i], sizeof(steps[i]));
		assert_int_equal(ask_steps(play, 30000, &s, why), 0);
		assert_int_equal(secret_len(s), KEY_LEN);
		for (size_t n = 0; n < KEY_LEN; n++)
			assert_int_equal(secret_data(s)[n], key_byte(n));
		/* As the plugin frees it. */
		assert_ptr_equal(secret_of_bytes(secret_bytes(s)), s);
		secret_free(secret_of_bytes(secret_bytes(s)));
		assert_int_equal(not_wiped, 0);
	}
}

static void test_refused(void **state)
{
	static const struct {
		struct step steps[4];
		int error;
		const char *why;
	} cases[] = {
		{ { { MSG_TOKEN_OPEN, -ENOKEY } }, -ENOENT, "cocod has no secret 'data'" },
		{ { { MSG_TOKEN_OPEN, -EKEYREVOKED } }, -ENOENT, "was wiped" },
		{ { { MSG_TOKEN_OPEN, -EACCES } }, -ENOENT, "does not have 'token'" },
		{ { { MSG_TOKEN_OPEN, -EPERM } }, -ENOENT, "cococtl status" },
		{ { { MSG_TOKEN_OPEN, -EBUSY } }, -ENOENT, "busy" },
		{ { { MSG_TOKEN_OPEN, -EEXIST } }, -ENOENT, "exists" },
		{ { { MSG_TOKEN_OPEN, .text = "its header is refused: cipher_null" } }, -ENOENT,
		  "cipher_null" },
		{ { { MSG_TOKEN_OPEN, .text = "\x1b[31mred" } }, -ENOENT, "[31mred" },
		{ { { MSG_TOKEN_OPEN, .text = "" } }, -ENOENT, "xxx" },	/* without an end */
		/* Lies about the length. */
		{ { OPEN(0) }, -ENOENT, "version" },
		{ { OPEN(SECRET_MAX + 1) }, -ENOENT, "version" },
		{ { OPEN(UINT32_MAX) }, -ENOENT, "version" },
		{ { { MSG_TOKEN_OPEN, .how = TOO_LONG } }, -ENOENT, "version" },
		{ { { MSG_TOKEN_OPEN, .how = TOO_SHORT } }, -ENOENT, "version" },
		{ { { MSG_TOKEN_OPEN, .how = OTHER_TYPE } }, -ENOENT, "version" },
		{ { { MSG_TOKEN_OPEN, .how = NO_FRAME } }, -ENOENT, "version" },
		{ { OPEN(KEY_LEN), { MSG_FETCHED_READ, .how = TOO_SHORT } }, -ENOENT, "version" },
		{ { OPEN(KEY_LEN), READ, { MSG_FETCHED_READ, -ENOKEY } }, -ENOENT, "no secret" },
		{ { OPEN(100), { MSG_FETCHED_READ } }, -ENOENT, "version" },
		/* It ends in the middle; whoever writes to it then gets no SIGPIPE. */
		{ { { MSG_TOKEN_OPEN, .how = CLOSE } }, -EAGAIN, "ended" },
		{ { OPEN(KEY_LEN), { MSG_FETCHED_READ, .how = CLOSE } }, -EAGAIN, "ended" },
		{ { OPEN(KEY_LEN), READ, { MSG_FETCHED_READ, .how = CLOSE } }, -EAGAIN, "ended" },
	};
	char why[TOKEN_WHY_LEN];
	struct secret *s;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = ask_steps(cases[i].steps, 30000, &s, why);

		if (r != cases[i].error || !strcasestr(why, cases[i].why) || strchr(why, '\x1b'))
			fail_msg("%zu: %d, '%s'", i, r, why);
		assert_int_equal(not_wiped, 0);
	}
}

/* Not to have said that it was taken is not to have it. */
static void test_not_noted(void **state)
{
	static const struct step steps[][6] = {
		{ OPEN(KEY_LEN), READ, READ, READ, { MSG_FETCHED_DONE, -EIO } },
		{ OPEN(KEY_LEN), READ, READ, READ, { MSG_FETCHED_DONE, .how = CLOSE } },
	};
	char why[TOKEN_WHY_LEN];
	struct secret *s;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_true(ask_steps(steps[i], 30000, &s, why) < 0);
		assert_int_equal(not_wiped, 0);
	}
}

static void test_deadline(void **state)
{
	static const struct step mute[] = { { MSG_TOKEN_OPEN, .how = MUTE }, { 0 } };
	static const struct step halfway[] = {
		OPEN(KEY_LEN), READ, { MSG_FETCHED_READ, .how = MUTE }, { 0 }
	};
	static const struct step never[] = {
		{ MSG_TOKEN_OPEN, -EAGAIN }, { MSG_TOKEN_OPEN, -EAGAIN },
		{ MSG_TOKEN_OPEN, -EAGAIN }, { MSG_TOKEN_OPEN, -EAGAIN },
		{ MSG_TOKEN_OPEN, -EAGAIN }, { MSG_TOKEN_OPEN, .how = MUTE }, { 0 }
	};
	char why[TOKEN_WHY_LEN];
	int listener, more[8];
	struct secret *s;

	assert_int_equal(ask_steps(mute, 300, &s, why), -EAGAIN);
	assert_non_null(strstr(why, "in time"));
	assert_int_equal(ask_steps(halfway, 300, &s, why), -EAGAIN);
	assert_int_equal(not_wiped, 0);
	assert_int_equal(ask_steps(never, 1400, &s, why), -EAGAIN);

	/* Nobody accepts, and the queue is full. */
	listener = listener_new();
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };

		strcpy(sa.sun_path, path);
		more[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void) connect(more[i], (struct sockaddr *)&sa, sizeof(sa));
	}
	assert_int_equal(ask(300, &s, why), -EAGAIN);
	assert_int_equal(ask(0, &s, why), -EAGAIN);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		close_fd(more[i]);
	close_fd(listener);
	/* Nobody listens; then there is no socket. */
	assert_int_equal(ask(5000, &s, why), -EAGAIN);
	assert_non_null(strstr(why, "not running"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ask(5000, &s, why), -EAGAIN);
	assert_non_null(strstr(why, "not running"));
}

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void) unlink(path);
	return rmdir(dir);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_noted),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
