/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files from a server.  The server is a thread of this test and gives the answers it is told. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "net/http.h"

#include <cmocka.h>

#define ANSWERS_MAX 8

static struct {
	int fd;
	uint16_t port;
	pthread_t thread;
	/* What each connection gets, one after the other; the last one again and again. */
	const char *answers[ANSWERS_MAX];
	atomic_uint n_asked;
	char request[4096];	/* the last */
} server;

static unsigned n_sleeps;
static time_t slept[8];

int __wrap_nanosleep(const struct timespec *t, struct timespec *rest);
int __wrap_nanosleep(const struct timespec *t, struct timespec *rest)
{
	assert_true(n_sleeps < ARRAY_SIZE(slept));
	slept[n_sleeps++] = t->tv_sec;
	return 0;
}

/* ---- the server ---- */

/* All of a request: its head, and as many bytes as that says. */
static void read_request(int fd)
{
	size_t len = 0, want = 0;

	while (len < sizeof(server.request) - 1) {
		ssize_t n = read(fd, server.request + len, sizeof(server.request) - 1 - len);
		const char *end, *size;

		if (n <= 0)
			break;
		len += (size_t)n;
		server.request[len] = '\0';
		end = strstr(server.request, "\r\n\r\n");
		if (!end)
			continue;
		size = strstr(server.request, "Content-Length: ");
		want = (size_t)(end + 4 - server.request) +
		       (size > server.request ? strtoul(size + 16, NULL, 10) : 0);
		if (len >= want)
			break;
	}
	server.request[len] = '\0';
}

static void *serve(void *p)
{
	const struct timeval patience = { .tv_sec = 5 };

	for (;;) {
		int fd = accept(server.fd, NULL, NULL);
		unsigned i;

		if (fd < 0)
			return NULL;
		(void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		read_request(fd);
		i = atomic_fetch_add(&server.n_asked, 1);
		while (i > 0 && (i >= ANSWERS_MAX || !server.answers[i]))
			i--;
		/* Somebody of the test before may have come late, who gets no answer. */
		if (server.answers[i])
			(void) write_full(fd, server.answers[i], strlen(server.answers[i]));
		close(fd);
	}
}

static int start(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	/* A proxy in the environment of the test must not be used. */
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(server.fd, 8) < 0 || getsockname(server.fd, (struct sockaddr *)&a, &len) < 0)
		return -1;
	server.port = ntohs(a.sin_port);
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop(void **state)
{
	(void) shutdown(server.fd, SHUT_RDWR);
	(void) pthread_join(server.thread, NULL);
	return close(server.fd);
}

static int setup(void **state)
{
	memset(server.answers, 0, sizeof(server.answers));
	server.n_asked = 0;
	n_sleeps = 0;
	return 0;
}

/* ---- the tests ---- */

static struct http new_http(void)
{
	return (struct http){ .agent = "test", .fd = -EBADF };
}

/* Ask for /file, of at most 5 bytes; what the caller does not want to see goes. */
static int get_with(struct http *h, struct http_request q, struct http_answer *ret)
{
	struct http_answer a = { NULL };
	char url[64];
	int r;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/file", server.port);
	if (!q.url)
		q.url = url;
	if (!q.max)
		q.max = 5;
	q.what = "certificate";
	r = http_get(h, &q, &a);
	/* Built without the library, or it is not there. */
	if (r == -EOPNOTSUPP) {
#if HAVE_LIBCURL
		assert_null(dlopen("libcurl.so.4", RTLD_NOW));
#endif
		skip();
	}
	assert_true(r == 0 || h->error[0]);
	if (ret)
		*ret = a;
	else if (r == 0)
		http_answer_done(&a);
	return r;
}

static int get(struct http *h, const char *answer, struct http_answer *ret)
{
	server.answers[0] = answer;
	server.answers[1] = NULL;
	server.n_asked = 0;
	return get_with(h, (struct http_request){ .url = NULL }, ret);
}

static void assert_error(const struct http *h, const char *words)
{
	if (!strstr(h->error, words))
		fail_msg("'%s' is not in '%s'", words, h->error);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *url;
		int r;
	} rows[] = {
		{ NULL, 0 },
		{ "https://example.org", 0 },
		{ "https://example.org:8443/a/b", 0 },
		{ "http://127.0.0.1", 0 },
		{ "http://127.0.0.1:8080/a", 0 },
		{ "http://example.org", -EINVAL },
		{ "http://127.0.0.2", -EINVAL },
		{ "http://127.0.0.1.example.org", -EINVAL },
		{ "http://localhost", -EINVAL },
		{ "http://[::1]", -EINVAL },
		{ "ftp://127.0.0.1/", -EINVAL },
		{ "file:///etc/passwd", -EINVAL },
		{ "https://user@example.org", -EINVAL },
		{ "https://user:word@example.org", -EINVAL },
		{ "https://example.org/?a=b", -EINVAL },
		{ "https://example.org/#a", -EINVAL },
		{ "https://", -EINVAL },
		{ "example.org", -EINVAL },
		{ "", -EINVAL },
	};
	struct http h = new_http();

	/* Without the library nothing is refused yet. */
	(void) get(&h, "HTTP/1.1 200 OK\r\n\r\n", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (http_check_base(rows[i].url) != rows[i].r)
			fail_msg("'%s' is not %d", rows[i].url, rows[i].r);
}

/* Where nobody may be asked in the clear, nobody is. */
static void test_not_asked(void **state)
{
	static const char *const urls[] = { "http://example.org/",
					    "ftp://127.0.0.1/x",
					    "http://u:p@127.0.0.1/",
					    "file:///etc/hostname",
					    "x",
					    "" };

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct http h = new_http();

		assert_int_equal(get_with(&h, (struct http_request){ .url = urls[i] }, NULL),
				 -EHOSTUNREACH);
		assert_error(&h, "it is not an address that may be asked");
		assert_int_equal(h.status, 0);
	}
}

static void test_answer(void **state)
{
	struct http_answer a = { NULL };
	struct http h = new_http();

	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\n\r\n12345", &a), 0);
	assert_int_equal(a.len, 5);
	assert_string_equal((const char *)a.data, "12345");
	assert_null(a.header);
	assert_int_equal(h.status, 200);
	assert_non_null(strstr(server.request, "GET /file HTTP/1.1\r\n"));
	assert_non_null(strstr(server.request, "\r\nUser-Agent: test/"));
	http_answer_done(&a);
	assert_null(a.data);
	/* Nothing is an answer too. */
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &a), 0);
	assert_int_equal(a.len, 0);
	assert_string_equal((const char *)a.data, "");
	http_answer_done(&a);
	/* One byte more than wanted, whether the server says so before or not. */
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\n\r\n123456", &a), -EHOSTUNREACH);
	assert_error(&h, "/file: the answer is too long for a certificate");
	assert_null(a.data);
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456", NULL),
			 -EHOSTUNREACH);
	assert_error(&h, "too long");
	/* Less than it says is not all. */
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234", NULL),
			 -EHOSTUNREACH);
	assert_int_equal(get(&h, "", NULL), -EHOSTUNREACH);
	assert_int_equal(h.status, 0);
}

/* Sizes around those at which memory is asked for again: a NUL always fits behind the answer. */
static void test_large(void **state)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 8191, 8192, 8193, 100000 };
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	const size_t at = sizeof(head) - 1;
	struct http_answer a = { NULL };
	struct http h = new_http();

	for (size_t n = 0; n < ARRAY_SIZE(sizes); n++) {
		const size_t len = sizes[n];
		char *text = malloc(at + len + 1);

		assert_non_null(text);
		strcpy(text, head);
		for (size_t i = 0; i < len; i++)
			text[at + i] = (char)('a' + i % 23);
		text[at + len] = '\0';
		server.answers[0] = text;
		assert_int_equal(get_with(&h, (struct http_request){ .max = len }, &a), 0);
		assert_int_equal(a.len, len);
		assert_string_equal((const char *)a.data, text + at);
		http_answer_done(&a);
		if (len > 1)
			assert_int_equal(get_with(&h, (struct http_request){ .max = len - 1 },
						  NULL),
					 -EHOSTUNREACH);
		server.answers[0] = "";
		free(text);
	}
}

static void test_statuses(void **state)
{
	static const struct {
		const char *answer;
		int status, r;
		const char *words;
	} rows[] = {
		{ "HTTP/1.1 404 Not Found\r\n\r\n", 404, -ENOENT, "/file: HTTP status 404" },
		{ "HTTP/1.1 404 Not Found\r\n\r\n \nno such platform\r\nmore\n", 404, -ENOENT,
		  "HTTP status 404, \"no such platform\"" },
		{ "HTTP/1.1 500 Oops\r\n\r\n<html>busy</html>", 500, -EHOSTUNREACH,
		  "HTTP status 500" },
		{ "HTTP/1.1 403 No\r\n\r\na\x1b[2Jb", 403, -EHOSTUNREACH, "HTTP status 403, \"a" },
		{ "HTTP/1.1 204 None\r\n\r\n", 204, -EHOSTUNREACH, "HTTP status 204" },
		{ "HTTP/1.1 201 Made\r\n\r\n12345", 201, -EHOSTUNREACH,
		  "HTTP status 201, \"12345\"" },
		{ "HTTP/1.1 304 Same\r\n\r\n", 304, -EHOSTUNREACH, "HTTP status 304" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http h = new_http();

		assert_int_equal(get(&h, rows[i].answer, NULL), rows[i].r);
		assert_int_equal(h.status, rows[i].status);
		assert_error(&h, rows[i].words);
		assert_null(strstr(h.error, "html"));
		assert_null(strstr(h.error, "more"));
		assert_null(strchr(h.error, '\x1b'));
		assert_int_equal(server.n_asked, 1);
	}
}

/* The text of an error is cut, and never becomes part of a later answer. */
static void test_many_words(void **state)
{
	struct http_answer a = { NULL };
	struct http h = new_http();
	char text[1000];
	int n;

	n = snprintf(text, sizeof(text), "HTTP/1.1 503 Busy\r\n\r\n%*s", 160, "!");
	memset(text + n - 160, 'w', 159);
	strcpy(text + n, "beyond");
	server.answers[0] = text;
	server.answers[1] = "HTTP/1.1 404 None\r\n\r\n";
	assert_int_equal(get_with(&h, (struct http_request){ .url = NULL }, NULL), -ENOENT);
	assert_null(strstr(h.error, "www"));
	setup(state);
	server.answers[0] = "HTTP/1.1 503 Busy\r\n\r\nwww";
	server.answers[1] = "HTTP/1.1 200 OK\r\n\r\nabc";
	assert_int_equal(get_with(&h, (struct http_request){ .url = NULL }, &a), 0);
	assert_string_equal((const char *)a.data, "abc");
	http_answer_done(&a);
	memcpy(text + 9, "500", 3);
	assert_int_equal(get(&h, text, NULL), -EHOSTUNREACH);
	assert_error(&h, "www!\"");
	assert_null(strstr(h.error, "beyond"));
}

/* ---- a server that is busy ---- */

static void test_busy(void **state)
{
	static const char *const busy[] = { "HTTP/1.1 503 Busy\r\n\r\n",
					    "HTTP/1.1 429 Slower\r\n\r\n" };
	struct http h = new_http();

	for (size_t i = 0; i < ARRAY_SIZE(busy); i++) {
		/* Four times, each pause twice as long as the one before. */
		setup(state);
		assert_int_equal(get(&h, busy[i], NULL), -EAGAIN);
		assert_int_equal(server.n_asked, 4);
		assert_int_equal(n_sleeps, 3);
		assert_true(slept[0] == 2 && slept[1] == 4 && slept[2] == 8);
		assert_error(&h, "the server is busy");
		assert_error(&h, "try again in 16 seconds");
		/* Or once. */
		setup(state);
		h.impatient = true;
		assert_int_equal(get(&h, busy[i], NULL), -EAGAIN);
		assert_int_equal(server.n_asked, 1);
		assert_int_equal(n_sleeps, 0);
		h.impatient = false;
	}
}

/* A request can be ended by another thread; before it, too. */
static void test_stop(void **state)
{
	struct http h = new_http();
	atomic_bool is_over = false;

	h.stop = &is_over;
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\n\r\nat la", NULL), 0);
	setup(state);
	is_over = true;
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\n\r\nat la", NULL), -EHOSTUNREACH);
	assert_true(h.error[0] != '\0');
}

static void test_busy_for_a_while(void **state)
{
	struct http_answer a = { NULL };
	struct http h = new_http();

	server.answers[0] = "HTTP/1.1 429 Slower\r\nRetry-After: 60\r\n\r\n";
	server.answers[1] = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n\r\n";
	server.answers[2] = "HTTP/1.1 503 Busy\r\n\r\n";
	server.answers[3] = "HTTP/1.1 200 OK\r\n\r\nat la";
	assert_int_equal(get_with(&h, (struct http_request){ .url = NULL }, &a), 0);
	assert_string_equal((const char *)a.data, "at la");
	assert_int_equal(n_sleeps, 3);
	assert_true(slept[0] == 60 && slept[1] == 1 && slept[2] == 8);
	http_answer_done(&a);
	/* Longer than a minute is not waited. */
	setup(state);
	assert_int_equal(get(&h, "HTTP/1.1 503 Busy\r\nRetry-After: 61\r\n\r\n", NULL), -EAGAIN);
	assert_int_equal(n_sleeps, 0);
	assert_error(&h, "try again in 61 seconds");
}

/* ---- headers ---- */

static int get_header(struct http *h, const char *answer, struct http_answer *ret)
{
	server.answers[0] = answer;
	server.answers[1] = NULL;
	server.n_asked = 0;
	return get_with(h, (struct http_request){ .header = "Chain" }, ret);
}

static void test_header(void **state)
{
	static const struct {
		const char *answer, *value;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nChain: abc\r\n\r\n1", "abc" },
		{ "HTTP/1.1 200 OK\r\ncHAIN:abc \t \r\nOther: x\r\n\r\n1", "abc" },
		{ "HTTP/1.1 200 OK\r\nChain:\t a b\r\n\r\n1", "a b" },
		{ "HTTP/1.1 200 OK\r\nChain:\r\n\r\n1", "" },
		{ "HTTP/1.1 200 OK\r\nChain2: abc\r\nXChain: x\r\nChai: y\r\n\r\n1", NULL },
		{ "HTTP/1.1 200 OK\r\n\r\n1", NULL },
	};
	struct http_answer a = { NULL };
	struct http h = new_http();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(get_header(&h, rows[i].answer, &a), 0);
		if (rows[i].value)
			assert_string_equal(a.header, rows[i].value);
		else
			assert_null(a.header);
		assert_string_equal((const char *)a.data, "1");
		http_answer_done(&a);
	}
	/* Twice, the same or not. */
	assert_int_equal(get_header(&h, "HTTP/1.1 200 OK\r\nChain: a\r\nchain: a\r\n\r\n1", &a),
			 -EHOSTUNREACH);
	assert_error(&h, "the header Chain of the answer is malformed");
	assert_null(a.header);
	/* That of an answer that does not count is forgotten. */
	setup(state);
	server.answers[0] = "HTTP/1.1 503 Busy\r\nChain: a\r\nRetry-After: 1\r\n\r\n";
	server.answers[1] = "HTTP/1.1 200 OK\r\n\r\n1";
	assert_int_equal(get_with(&h, (struct http_request){ .header = "Chain" }, &a), 0);
	assert_null(a.header);
	http_answer_done(&a);
	/* When nobody wants it, it does not matter. */
	assert_int_equal(get(&h, "HTTP/1.1 200 OK\r\nChain: a\r\nChain: b\r\n\r\n1", &a), 0);
	assert_null(a.header);
	http_answer_done(&a);
}

static void test_long_header(void **state)
{
	struct http_answer a = { NULL };
	struct http h = new_http();

	for (int more = 0; more < 2; more++) {
		char *text = NULL, *p;

		assert_true(asprintf(&text, "HTTP/1.1 200 OK\r\nChain: x%*s\r\n\r\n1",
				     HTTP_HEADER_MAX - 1 + more, "x") > 0);
		p = strstr(text, "Chain: ") + 7;
		memset(p, 'x', (size_t)(HTTP_HEADER_MAX + more));
		assert_int_equal(get_header(&h, text, &a), more ? -EHOSTUNREACH : 0);
		if (!more)
			assert_int_equal(strlen(a.header), HTTP_HEADER_MAX);
		http_answer_done(&a);
		free(text);
	}
	assert_error(&h, "the header Chain of the answer is malformed");
}

static void test_sent(void **state)
{
	struct http h = new_http();

	/* Whose certificates are trusted says nothing of what is not encrypted. */
	h.ca = "/dev/null";
	server.answers[0] = "HTTP/1.1 200 OK\r\n\r\n1";
	assert_int_equal(get_with(&h, (struct http_request){ .send_header = "Metadata: true" },
				  NULL),
			 0);
	assert_non_null(strstr(server.request, "\r\nMetadata: true\r\n"));
	assert_null(strstr(server.request, "Content-Type"));
	assert_int_equal(get_with(&h, (struct http_request){ .post = "{\"a\":1}" }, NULL), 0);
	assert_memory_equal(server.request, "POST /file ", 11);
	assert_non_null(strstr(server.request, "\r\nContent-Type: application/json\r\n"));
	assert_null(strstr(server.request, "Expect:"));
	assert_non_null(strstr(server.request, "\r\n\r\n{\"a\":1}"));
}

/* ---- other ways ---- */

/* Nobody is sent on to where one may not speak in the clear, not to the same place either. */
static void test_redirect(void **state)
{
	struct http h = new_http();
	char text[200];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:%u/other\r\n\r\n", server.port);
	assert_int_equal(get(&h, text, NULL), -EHOSTUNREACH);
	assert_int_equal(server.n_asked, 1);
	assert_int_equal(get(&h, "HTTP/1.1 302 There\r\nLocation: file:///etc/hostname\r\n\r\n",
			     NULL),
			 -EHOSTUNREACH);
	assert_int_equal(server.n_asked, 1);
}

/* On its way, as net/http.h wants it. */
static int connect_to_server(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(server.port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_true(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno == EINPROGRESS);
	return fd;
}

/* Over the caller's connection: whatever the name is, and nowhere else. */
static void test_own_connection(void **state)
{
	const struct http_request q = { .url = "http://169.254.169.254/file" };
	struct http_answer a = { NULL };
	struct http h = new_http();

	server.answers[0] = "HTTP/1.1 200 OK\r\n\r\nabc";
	server.answers[1] = "HTTP/1.1 302 There\r\nLocation: https://127.0.0.1/\r\n\r\n";
	h.use_fd = true;
	h.fd = connect_to_server();
	assert_int_equal(get_with(&h, q, &a), 0);
	assert_string_equal((const char *)a.data, "abc");
	assert_non_null(strstr(server.request, "\r\nHost: 169.254.169.254\r\n"));
	http_answer_done(&a);
	/* It stays the caller's. */
	assert_true(fcntl(h.fd, F_GETFD) >= 0);
	close(h.fd);
	h.fd = connect_to_server();
	assert_int_equal(get_with(&h, q, NULL), -EHOSTUNREACH);
	assert_int_equal(h.status, 302);
	close(h.fd);
	/* Without one there is no other way. */
	h.fd = -EBADF;
	assert_int_equal(get_with(&h, q, NULL), -EHOSTUNREACH);
	assert_int_equal(server.n_asked, 2);
	/* Nor is it for HTTPS, or with a name and a word. */
	h.fd = connect_to_server();
	assert_int_equal(get_with(&h, (struct http_request){ .url = "https://169.254.169.254/" },
				  NULL),
			 -EHOSTUNREACH);
	assert_int_equal(get_with(&h, (struct http_request){ .url = "http://u@169.254.169.254/" },
				  NULL),
			 -EHOSTUNREACH);
	close(h.fd);
	/* One that blocks is connected, which libcurl does not expect. */
	h.fd = connect_to_server();
	assert_int_equal(fcntl(h.fd, F_SETFL, 0), 0);
	assert_int_equal(get_with(&h, q, NULL), -EINVAL);
	assert_non_null(strstr(h.error, "does not block"));
	close(h.fd);
}

/* A server that says nothing keeps nobody longer than he wants. */
static void test_timeout(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct http h = new_http();
	socklen_t len = sizeof(a);
	char url[64];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(a.sin_port));
	h.timeout_usec = 50000;
	assert_int_equal(get_with(&h, (struct http_request){ .url = url }, NULL), -EHOSTUNREACH);
	close(fd);
	/* And nobody there. */
	assert_int_equal(get_with(&h, (struct http_request){ .url = url }, NULL), -EHOSTUNREACH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_not_asked, setup),
		cmocka_unit_test_setup(test_answer, setup),
		cmocka_unit_test_setup(test_large, setup),
		cmocka_unit_test_setup(test_statuses, setup),
		cmocka_unit_test_setup(test_many_words, setup),
		cmocka_unit_test_setup(test_busy, setup),
		cmocka_unit_test_setup(test_stop, setup),
		cmocka_unit_test_setup(test_busy_for_a_while, setup),
		cmocka_unit_test_setup(test_header, setup),
		cmocka_unit_test_setup(test_long_header, setup),
		cmocka_unit_test_setup(test_sent, setup),
		cmocka_unit_test_setup(test_redirect, setup),
		cmocka_unit_test_setup(test_own_connection, setup),
		cmocka_unit_test_setup(test_timeout, setup),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
