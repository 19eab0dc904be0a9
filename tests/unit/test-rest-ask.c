/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What cocod says, as a status of HTTP.  A child of this test answers for cocod. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/rest/rest-ask.h"
#include "base/io.h"
#include "ipc/frame.h"

#include <cmocka.h>

#define PATH "default/db/password"
#define GUID "0f2e573e-be4d-a7d6-bdc4-908077d7628d"

/* What cocod has. */
struct script {
	int find_error;
	enum secret_state state;
	bool remote;
	bool silent;		/* no answer to the fetch */
	bool ends;		/* no answer to what comes after MSG_REST_FIND */
	struct msg_fetched fetched;
	int read_error;
	int32_t too_much;	/* more bytes than it said */
};

static char socket_path[64];
static pid_t child;
static int conn[2];

static void answer(int fd, const struct script *s, const struct msg_header *h, const void *body,
		   int passed)
{
	struct msg_secret m = { .state = (uint8_t)s->state, .size = 6 };
	uint8_t bytes[16] = "secret";
	int r = 0;

	if (h->type == MSG_REST_FIND) {
		if (passed < 0 || !streq(body, PATH))
			_exit(2);
		strcpy(m.guid, GUID);
		strcpy(m.uri, s->remote ? "kbs:///" PATH : "");
		r = frame_send(fd, h->type, s->find_error, s->find_error ? NULL : &m,
			       s->find_error ? 0 : sizeof(m), -EBADF);
	} else if (s->ends) {
		_exit(0);
	} else if (h->type == MSG_SECRET_FETCH && s->silent) {
		return;
	} else if (h->type == MSG_SECRET_FETCH) {
		r = frame_send(fd, h->type, 0, &s->fetched, sizeof(s->fetched), -EBADF);
	} else if (h->type == MSG_SECRET_READ || h->type == MSG_FETCHED_READ) {
		size_t len = s->read_error ? 0 : (size_t)(6 + s->too_much);

		r = frame_send(fd, h->type, s->read_error, bytes, len, -EBADF);
	} else if (h->type == MSG_SECRET_DELIVERED && streq(body, GUID)) {
		r = frame_send(fd, h->type, 0, NULL, 0, -EBADF);
	} else {
		_exit(3);
	}
	if (r < 0)
		_exit(4);
}

static void be_cocod(int listener, const struct script *s)
{
	union {
		struct msg_rest rest;
		struct msg_name name;
		struct msg_read read;
		struct msg_offset offset;
	} body;
	struct msg_header h;
	int fd = accept(listener, NULL, NULL), passed;

	/* Its own end would keep the connection open. */
	(void) close(conn[0]);
	(void) close(conn[1]);
	while (frame_recv(fd, &h, &body, sizeof(body), &passed) == 1) {
		answer(fd, s, &h, &body, passed);
		(void) close_fd(passed);
	}
	_exit(0);
}

static void start(const struct script *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(socket_path, sizeof(socket_path), "/tmp/test-rest-ask.%d", (int)getpid());
	strcpy(sa.sun_path, socket_path);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		be_cocod(listener, s);
	(void) close(listener);
}

static void stop(void)
{
	int status;

	(void) close(conn[0]);
	(void) close(conn[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void) unlink(socket_path);
}

static void check_status(const struct script *s, int want)
{
	struct rest_answer a;

	start(s);
	assert_int_equal(rest_ask(socket_path, conn[1], PATH, &a), want);
	assert_int_equal(a.secret != NULL, want == 200);
	if (want == 200) {
		assert_int_equal(secret_len(a.secret), 6);
		assert_memory_equal(secret_data(a.secret), "secret", 6);
		assert_int_equal(rest_delivered(&a), 0);
	}
	rest_answer_done(&a);
	rest_answer_done(&a);
	stop();
}

static void test_launch_secret(void **state)
{
	const struct {
		int find, read, want;
	} cases[] = {
		{ 0, 0, 200 }, { -EACCES, 0, 404 }, { -EPERM, 0, 503 }, { -EPROTO, 0, 503 },
		{ 0, -EAGAIN, 503 }, { 0, -EPERM, 503 }, { 0, -EACCES, 404 }, { 0, -ENOKEY, 404 },
		{ 0, -ENODATA, 500 }, { 0, -EKEYREVOKED, 410 }, { 0, -EIO, 503 },
		{ 0, -ECONNRESET, 503 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_status(&(struct script){ .find_error = cases[i].find,
					       .read_error = cases[i].read },
			     cases[i].want);
	check_status(&(struct script){ .state = SECRET_DELIVERED }, 200);
	check_status(&(struct script){ .state = SECRET_WIPED }, 410);
	/* A cocod that breaks the protocol, or ends. */
	check_status(&(struct script){ .too_much = 1 }, 503);
	check_status(&(struct script){ .too_much = -1 }, 503);
	check_status(&(struct script){ .ends = true }, 503);
	check_status(&(struct script){ .ends = true, .remote = true }, 503);
}

static void test_broker(void **state)
{
	static const int want[_NET_ERROR_MAX] = {
		[NET_EVIDENCE] = 403, [NET_POLICY] = 403, [NET_APPROVAL] = 403,
		[NET_RELEASED] = 403, [NET_REBOOTED] = 403, [NET_REFUSED] = 403,
		[NET_ABSENT] = 404,
	};
	struct script s = { .remote = true };

	for (unsigned e = NET_OK + 1; e <= _NET_ERROR_MAX; e++) {
		s.fetched = (struct msg_fetched){ .error = e };
		check_status(&s, e < _NET_ERROR_MAX && want[e] ? want[e] : 503);
	}
	s.fetched = (struct msg_fetched){ .len = 6 };
	check_status(&s, 200);
	s.fetched = (struct msg_fetched){ .len = UINT32_MAX };
	check_status(&s, 503);
	/* A launch secret is to be had instead. */
	s.fetched = (struct msg_fetched){ .here = 1 };
	check_status(&s, 200);
}

/* Nobody waits for a broker on behalf of a client that is gone. */
static void test_gone(void **state)
{
	struct script s = { .remote = true, .silent = true };
	struct rest_answer a;

	start(&s);
	(void) shutdown(conn[0], SHUT_RDWR);
	assert_int_equal(rest_ask(socket_path, conn[1], PATH, &a), -ECONNRESET);
	rest_answer_done(&a);
	stop();
}

static void test_no_cocod(void **state)
{
	struct rest_answer a;

	assert_int_equal(rest_ask("/nowhere/at/all", 0, PATH, &a), 503);
	assert_null(a.secret);
	rest_answer_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_launch_secret),
		cmocka_unit_test(test_broker),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_no_cocod),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
