/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server with clients of this test over real sockets, and a handler that says what it got. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "broker/serve/http.h"

#include <cmocka.h>

struct fixture {
	struct http_server *server;
	struct metrics *metrics;
	int listens[2];
	struct sockaddr_in tcp;
	struct sockaddr_un un;
	sem_t entered, released;
};

/* Handles requests: shows them; "/wait" waits for the test. */
static void handle(void *userdata, const struct http_request *q, struct http_reply *ret)
{
	struct fixture *f = userdata;

	assert_int_equal(ret->status, 500);
	if (streq(q->path, "/wait")) {
		(void) sem_post(&f->entered);
		(void) sem_wait(&f->released);
	}
	if (streq(q->path, "/nothing"))
		return;
	ret->status = streq(q->path, "/later") ? 503 : 200;
	ret->retry_sec = 7;
	if (streq(q->path, "/injection"))
		ret->release = strdup("a\r\nb: c");
	if (streq(q->path, "/release"))
		ret->release = strdup("1.2.3");
	strcpy(ret->set_cookie, q->cookie ? "a=b; Max-Age=300" : "");
	if (asprintf(&ret->body, "%s %s?%s [%.*s] %s %s %s", q->method, q->path, q->query ?: "-",
		     (int)q->body.len, (const char *)q->body.p, q->cookie ?: "-",
		     q->authorization ?: "-", q->peer) < 0)
		abort();
}

static int listen_tcp(struct fixture *f)
{
	socklen_t len = sizeof(f->tcp);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f->tcp = (struct sockaddr_in){ .sin_family = AF_INET };
	f->tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&f->tcp, sizeof(f->tcp)), 0);
	assert_int_equal(listen(fd, 100), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&f->tcp, &len), 0);
	return fd;
}

static int listen_unix(struct fixture *f)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* An abstract address, which leaves nothing behind. */
	snprintf(f->un.sun_path + 1, sizeof(f->un.sun_path) - 1, "test-http-server-%d", getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&f->un, sizeof(f->un)), 0);
	assert_int_equal(listen(fd, 100), 0);
	return fd;
}

static void begin(struct fixture *f)
{
	static const bool plain[] = { true, true };
	struct http_setup setup = {
		.fds = f->listens,
		.plain = plain,
		.n_fds = 2,
		.n_loops = 2,
		.n_threads = 2,
		.handler = handle,
		.userdata = f,
	};
	struct cause why;

	f->listens[0] = listen_tcp(f);
	f->listens[1] = listen_unix(f);
	(void) sem_init(&f->entered, 0, 0);
	(void) sem_init(&f->released, 0, 0);
	assert_int_equal(metrics_new(&f->metrics), 0);
	setup.metrics = f->metrics;
	assert_int_equal(http_server_new(&setup, &f->server, &why), 0);
}

static void end(struct fixture *f)
{
	f->server = http_server_stop(f->server, 1000000);
	f->metrics = metrics_free(f->metrics);
	close_fd(f->listens[0]);
	close_fd(f->listens[1]);
}

static int dial(struct fixture *f)
{
	static const struct timeval patience = { .tv_sec = 60 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&f->tcp, sizeof(f->tcp)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One answer, with its body by Content-Length. */
static const char *get(int fd, char buf[static 8192])
{
	size_t n = 0;
	const char *length;
	char *body;

	do {
		ssize_t r = recv(fd, buf + n, 1, 0);

		if (r <= 0)
			fail_msg("after %zu bytes of an answer: %zd", n, r);
		buf[n += (size_t)r] = '\0';
	} while (!(body = strstr(buf, "\r\n\r\n")) && n < 8000);
	assert_non_null(body);
	length = strstr(buf, "Content-Length: ");
	if (length) {
		size_t len = strtoul(length + 16, NULL, 10);

		assert_true(n + len < 8192);
		if (len)
			assert_int_equal(recv(fd, buf + n, len, MSG_WAITALL), len);
		buf[n + len] = '\0';
	}
	return buf;
}

static bool is_closed(int fd)
{
	char c;

	return recv(fd, &c, 1, 0) == 0;
}

static void expect(int fd, const char *status, const char *what)
{
	char buf[8192], line[100];

	snprintf(line, sizeof(line), "HTTP/1.1 %s\r\n", status);
	if (!startswith(get(fd, buf), line) || !strstr(buf, what))
		fail_msg("expected '%s' with '%s':\n%s", status, what, buf);
}

static void test_requests(void **state)
{
	struct fixture f;
	int fd;

	begin(&f);
	fd = dial(&f);
	put(fd, "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "200 OK", "\r\n\r\nGET /a?b [] - - 127.0.0.1");
	put(fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nCookie: c\r\n"
		"Authorization: Bearer t\r\n\r\nhel");
	put(fd, "lo");
	expect(fd, "200 OK", "\r\n\r\nPOST /a?- [hello] c Bearer t 127.0.0.1");
	put(fd, "DELETE /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
	expect(fd, "200 OK", "\r\n\r\nDELETE /a?- [hello] - - ");
	put(fd, "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	expect(fd, "200 OK", "\r\nConnection: close\r\n");
	assert_true(is_closed(fd));
	close_fd(fd);
	fd = dial(&f);
	put(fd, "GET /a HTTP/1.0\r\n\r\n");
	expect(fd, "200 OK", "\r\nConnection: close\r\n");
	assert_true(is_closed(fd));
	close_fd(fd);
	end(&f);
}

static void test_headers(void **state)
{
	struct fixture f;
	int fd;

	begin(&f);
	fd = dial(&f);
	put(fd, "GET /a HTTP/1.1\r\nHost: x\r\nCookie: c\r\n\r\n");
	expect(fd, "200 OK", "\r\nSet-Cookie: a=b; Max-Age=300\r\n");
	put(fd, "GET /release HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "200 OK", "\r\nCoco-Release: 1.2.3\r\n");
	put(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "503 Service Unavailable", "\r\nRetry-After: 7\r\n");
	put(fd, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "500 Internal Server Error", "\r\nContent-Length: 0\r\n");
	put(fd, "GET /injection HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "500 Internal Server Error", "\r\nContent-Length: 0\r\n");
	close_fd(fd);
	end(&f);
}

static void test_unix(void **state)
{
	struct fixture f;
	int fd;

	begin(&f);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&f.un, sizeof(f.un)), 0);
	put(fd, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "200 OK", "GET /a?- [] - - unix");
	close_fd(fd);
	end(&f);
}

/* All at once; the answers come in order. */
static void test_pipeline(void **state)
{
	struct fixture f;
	char text[200];
	int fd;

	begin(&f);
	fd = dial(&f);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text),
			 "POST /%u HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%u", i, i % 10);
		put(fd, text);
	}
	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "POST /%u?- [%u]", i, i % 10);
		expect(fd, "200 OK", text);
	}
	close_fd(fd);
	end(&f);
}

static void test_refused(void **state)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
		{ "PUT / HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed" },
		{ "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "405 Method Not Allowed" },
		{ "GET /%61 HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request" },
		{ "GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported" },
		{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n",
		  "413 Content Too Large" },
		{ "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\nExpect: 100-continue\r\n"
		  "\r\n", "413 Content Too Large" },
		{ "GET /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n",
		  "413 Content Too Large" },
		{ "POST /kbs/v0/attest HTTP/1.1\r\nHost: x\r\nContent-Length: 2097153\r\n\r\n",
		  "413 Content Too Large" },
		{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		  "400 Bad Request" },
		{ "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab",
		  "400 Bad Request" },
	};
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = dial(&f);

		put(fd, cases[i].request);
		expect(fd, cases[i].status, "\r\nConnection: close\r\n");
		assert_true(is_closed(fd));
		close_fd(fd);
	}
	end(&f);
}

/* The answer is seen though the client sends on: to close at once would reset the connection. */
static void test_too_much(void **state)
{
	char text[5000];
	struct fixture f;
	int fd;

	begin(&f);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fd = dial(&f);
	put(fd, "GET / HTTP/1.1\r\nHost: x\r\na: ");
	put(fd, text);
	put(fd, text);
	put(fd, text);
	expect(fd, "431 Request Header Fields Too Large", "");
	close_fd(fd);
	fd = dial(&f);
	put(fd, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1387\r\n");
	put(fd, text);
	put(fd, text);
	expect(fd, "413 Content Too Large", "");
	close_fd(fd);
	end(&f);
}

static void test_continue(void **state)
{
	struct fixture f;
	char buf[8192];
	int fd;

	begin(&f);
	fd = dial(&f);
	put(fd, "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
	assert_string_equal(get(fd, buf), "HTTP/1.1 100 Continue\r\n\r\n");
	put(fd, "x");
	expect(fd, "200 OK", "[x]");
	close_fd(fd);
	end(&f);
}

/* A client that closes its direction gets its answer; one that has gone does no harm. */
static void test_gone(void **state)
{
	struct fixture f;
	int fd, other;

	begin(&f);
	fd = dial(&f);
	put(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	other = dial(&f);
	put(other, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	(void) sem_wait(&f.entered);
	(void) sem_wait(&f.entered);
	close_fd(other);
	(void) sem_post(&f.released);
	(void) sem_post(&f.released);
	expect(fd, "200 OK", "GET /wait");
	assert_true(is_closed(fd));
	close_fd(fd);
	fd = dial(&f);
	put(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(fd, "200 OK", "GET /?-");
	close_fd(fd);
	end(&f);
}

static void *release_later(void *userdata)
{
	struct fixture *f = userdata;

	(void) usleep(100000);
	(void) sem_post(&f->released);
	return NULL;
}

/* What was asked before the end is answered; nobody else gets in. */
static void test_stop(void **state)
{
	struct fixture f;
	pthread_t thread;
	int fd, idle;

	begin(&f);
	fd = dial(&f);
	idle = dial(&f);
	put(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(idle, "200 OK", "GET /?-");
	put(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	(void) sem_wait(&f.entered);
	assert_int_equal(pthread_create(&thread, NULL, release_later, &f), 0);
	f.server = http_server_stop(f.server, 60000000);
	assert_int_equal(pthread_join(thread, NULL), 0);
	expect(fd, "200 OK", "\r\nConnection: close\r\n");
	assert_true(is_closed(fd));
	assert_true(is_closed(idle));
	close_fd(fd);
	close_fd(idle);
	end(&f);
}

/* A handler that takes longer than the stop may: its connection is closed, and nothing else. */
static void test_stop_at_once(void **state)
{
	struct fixture f;
	pthread_t thread;
	int fd;

	begin(&f);
	fd = dial(&f);
	put(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	(void) sem_wait(&f.entered);
	assert_int_equal(pthread_create(&thread, NULL, release_later, &f), 0);
	f.server = http_server_stop(f.server, 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(is_closed(fd));
	close_fd(fd);
	end(&f);
}

static void test_setup(void **state)
{
	struct http_setup setup = { .handler = handle };
	struct http_server *server = NULL;
	static const bool plain[] = { false };
	struct cause why;
	int fd = -1;

	assert_int_equal(http_server_new(&setup, &server, &why), -EINVAL);
	setup.fds = &fd;
	setup.plain = plain;
	setup.n_fds = 1;
	assert_int_equal(http_server_new(&setup, &server, &why), -EINVAL);
	assert_null(server);
	assert_null(http_server_stop(NULL, 0));
}

static void test_body_max(void **state)
{
	assert_int_equal(http_body_max("POST", "/kbs/v0/attest"), 2 * 1024 * 1024);
	assert_int_equal(http_body_max("POST", "/kbs/v0/resource/a/b/c"), 2 * 1024 * 1024);
	assert_int_equal(http_body_max("GET", "/kbs/v0/resource/a/b/c"), HTTP_BODY_MAX);
	assert_int_equal(http_body_max("POST", "/kbs/v0/auth"), 8192);
	assert_int_equal(http_body_max("GET", "/kbs/v0/auth"), HTTP_BODY_MAX);
	assert_int_equal(http_body_max("POST", "/kbs/v0/attest/"), HTTP_BODY_MAX);
	assert_int_equal(http_body_max("POST", "/"), HTTP_BODY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_headers),
		cmocka_unit_test(test_unix),	 cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_continue), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_stop),	 cmocka_unit_test(test_stop_at_once),
		cmocka_unit_test(test_setup),	 cmocka_unit_test(test_body_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
