/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One request and its reply; tests/run/rest has what clients send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rest/rest-http.h"
#include "base/clock.h"

#include <cmocka.h>

#define SOON (now_usec() + 50000)
#define LATER (now_usec() + 20000000)

static int fds[2];

static int setup(void **state)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

static int teardown(void **state)
{
	(void) close(fds[0]);
	(void) close(fds[1]);
	return 0;
}

static void put(const char *text)
{
	assert_int_equal(write(fds[0], text, strlen(text)), strlen(text));
}

static int take(uint64_t deadline, struct http_head *ret)
{
	static char buffer[HTTP_HEAD_MAX];

	return rest_http_read(fds[1], deadline, buffer, ret);
}

static void test_read(void **state)
{
	struct http_head h;

	put("GET /a HTTP/1.1\r\nHost: b\r\n\r\nGET /next");
	assert_int_equal(take(LATER, &h), 0);
	assert_string_equal(h.method, "GET");
	assert_string_equal(h.path, "/a");
	put(" HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nx");
}

static void test_refused(void **state)
{
	struct http_head h;
	char line[600];

	put("GET /a HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\n");
	assert_int_equal(take(LATER, &h), 413);
	put("PATCH /a HTTP/1.1\r\nHost: b\r\n\r\n");
	assert_int_equal(take(LATER, &h), 405);
	put("GET /a\r\n\r\n");
	assert_int_equal(take(LATER, &h), 400);
	put("GET /a HTTP/1.1\r\n");
	assert_int_equal(take(SOON, &h), 408);
	memset(line, 'a', sizeof(line));
	memcpy(line + sizeof(line) - 3, "\r\n", 3);
	for (size_t n = 0; n <= HTTP_HEAD_MAX; n += strlen(line))
		put(line);
	assert_int_equal(take(LATER, &h), 431);
}

static void test_gone(void **state)
{
	struct http_head h;

	put("GET /a HTTP/1.1\r\n");
	(void) shutdown(fds[0], SHUT_WR);
	assert_int_equal(take(LATER, &h), -ECONNRESET);
}

static void expect_reply(const char *want, size_t len)
{
	char got[1024];
	size_t n = 0;
	ssize_t r;

	while ((r = read(fds[0], got + n, sizeof(got) - n)) > 0)
		n += (size_t)r;
	assert_int_equal(n, len);
	assert_memory_equal(got, want, len);
}

static void test_reply(void **state)
{
	static const char want[] = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
				   "Content-Length: 4\r\nCache-Control: no-store\r\n"
				   "Connection: close\r\n\r\na\0\nb";
	_cleanup_(secret_freep) struct secret *s = NULL;

	assert_int_equal(secret_new(4, &s), 0);
	memcpy(secret_bytes(s), "a\0\nb", 4);
	assert_int_equal(rest_http_reply(fds[1], 200, s, LATER), 0);
	(void) shutdown(fds[1], SHUT_WR);
	expect_reply(want, sizeof(want) - 1);
	assert_int_equal(rest_http_finish(fds[1], LATER), 0);
}

static void test_reply_without_secret(void **state)
{
	static const char want[] = "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 19\r\nAllow: GET\r\n"
				   "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
				   "Method Not Allowed\n";

	assert_int_equal(rest_http_reply(fds[1], 405, NULL, LATER), 0);
	(void) shutdown(fds[1], SHUT_WR);
	expect_reply(want, sizeof(want) - 1);
}

/* Who has not read it all has not had it. */
static void test_unread(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;

	assert_int_equal(rest_http_reply(fds[1], 404, NULL, LATER), 0);
	assert_int_equal(rest_http_finish(fds[1], SOON), -ETIMEDOUT);
	(void) close(fds[0]);
	assert_int_equal(rest_http_finish(fds[1], LATER), -ECONNRESET);
	assert_int_equal(rest_http_reply(fds[1], 404, NULL, LATER), -ECONNRESET);

	assert_int_equal(close(fds[1]) | setup(state), 0);
	assert_int_equal(secret_new(SECRET_MAX, &s), 0);
	assert_int_equal(rest_http_reply(fds[1], 200, s, SOON), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_without_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
