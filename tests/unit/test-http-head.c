/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heads of HTTP requests: what is read, and all that two programs could read differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "wire/http-head.h"

#include <cmocka.h>

/* Parse a copy that ends where the head ends, so that a sanitizer sees reads behind it. */
static unsigned parse(const char *text, size_t len, struct http_head *ret, char **ret_copy)
{
	unsigned status;

	*ret_copy = malloc(len ? len : 1);
	assert_non_null(*ret_copy);
	memcpy(*ret_copy, text, len);
	status = http_head_parse(*ret_copy, len, ret);
	return status;
}

static unsigned status_of_bytes(const char *text, size_t len)
{
	struct http_head h;
	char *copy;
	unsigned status = parse(text, len, &h, &copy);

	free(copy);
	return status;
}

static unsigned status_of(const char *text)
{
	return status_of_bytes(text, strlen(text));
}

static unsigned status_of_target(const char *target)
{
	char text[4096];

	snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
	return status_of(text);
}

static unsigned status_of_headers(const char *headers)
{
	char text[4096];

	snprintf(text, sizeof(text), "POST /a HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);
	return status_of(text);
}

static void test_whole(void **state)
{
	static const char text[] = "POST /kbs/v0/attest?a=%20 HTTP/1.1\r\n"
				   "host: kbs.example.org\r\n"
				   "COOKIE:kbs-session-id=7 \r\n"
				   "authorization:\tBearer x\r\n"
				   "Content-Length: 42\r\n"
				   "Expect: 100-Continue\r\n"
				   "User-Agent: \xc3\xa4\r\n\r\n";
	struct http_head h;
	char *copy;

	assert_int_equal(parse(text, strlen(text), &h, &copy), 0);
	assert_string_equal(h.method, "POST");
	assert_string_equal(h.path, "/kbs/v0/attest");
	assert_string_equal(h.query, "a=%20");
	assert_string_equal(h.cookie, "kbs-session-id=7");
	assert_string_equal(h.authorization, "Bearer x");
	assert_int_equal(h.length, 42);
	assert_false(h.chunked);
	assert_true(h.expects_continue);
	assert_true(h.keep);
	free(copy);
}

static void test_little(void **state)
{
	struct http_head h;
	char *copy;

	assert_int_equal(parse("DELETE / HTTP/1.0\r\n\r\n", 21, &h, &copy), 0);
	assert_string_equal(h.method, "DELETE");
	assert_string_equal(h.path, "/");
	assert_null(h.query);
	assert_null(h.cookie);
	assert_null(h.authorization);
	assert_int_equal(h.length, 0);
	assert_false(h.chunked || h.expects_continue || h.keep);
	free(copy);
}

static void test_chunked(void **state)
{
	static const char text[] = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n"
				   "Connection: keep-alive , Close\r\n\r\n";
	struct http_head h;
	char *copy;

	assert_int_equal(parse(text, strlen(text), &h, &copy), 0);
	assert_true(h.chunked);
	assert_false(h.keep);
	free(copy);
}

static void test_request_lines(void **state)
{
	static const struct {
		const char *line;
		unsigned status;
	} cases[] = {
		{ "GET / HTTP/1.1", 0 },
		{ "GET / HTTP/1.0", 0 },
		{ "HEAD / HTTP/1.1", 405 },
		{ "PUT / HTTP/1.1", 405 },
		{ "get / HTTP/1.1", 405 },
		{ "G(T / HTTP/1.1", 400 },
		{ "GET / HTTP/2.0", 505 },
		{ "GET / HTTP/1.2", 505 },
		{ "GET / HTTP/0.9", 505 },
		{ "GET / HTTP/1.10", 400 },
		{ "GET / HTTP/11", 400 },
		{ "GET / http/1.1", 400 },
		{ "GET /", 400 },
		{ "GET  HTTP/1.1", 400 },
		{ "GET  / HTTP/1.1", 400 },
		{ "GET / x HTTP/1.1", 400 },
		{ "GET / HTTP/1.1 ", 400 },
		{ " GET / HTTP/1.1", 400 },
		{ "", 400 },
		{ "\r\nGET / HTTP/1.1", 400 },
		{ "OPTIONS * HTTP/1.1", 405 },
		{ "CONNECT a:443 HTTP/1.1", 405 },
		{ "GET\t/\tHTTP/1.1", 400 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[200];

		snprintf(text, sizeof(text), "%s\r\nHost: a\r\n\r\n", cases[i].line);
		if (status_of(text) != cases[i].status)
			fail_msg("'%s': %u", cases[i].line, status_of(text));
	}
}

static void test_targets(void **state)
{
	static const char *const good[] = {
		"/", "/a", "/a/", "/a/b.c", "/a/...", "/a?b", "/a?../%2f//", "/+plugin/a", "/?",
	};
	static const char *const bad[] = {
		"a",	  "*",	   "http://a/b", "//",	 "//a",	   "/a//b", "/a//",	"/..",
		"/../a",  "/a/..", "/a/../b",	 "/.",	 "/./a",   "/a/.",  "/%61",	"/a%",
		"/a#b",	  "/a?b#c", "/\x7f",	 "/\xc3\xa4", "/a\tb", "/a\x01", "?a",	"/a?\xff",
	};
	char path[HTTP_PATH_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (status_of_target(good[i]) != 0)
			fail_msg("'%s' is refused", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (status_of_target(bad[i]) != 400)
			fail_msg("'%s' is not refused", bad[i]);
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[HTTP_PATH_MAX] = '\0';
	assert_int_equal(status_of_target(path), 0);
	path[HTTP_PATH_MAX] = 'a';
	path[HTTP_PATH_MAX + 1] = '\0';
	assert_int_equal(status_of_target(path), 400);
}

static void test_headers(void **state)
{
	static const struct {
		const char *headers;
		unsigned status;
	} cases[] = {
		{ "", 0 },
		{ "a:b\r\na:b\r\n", 0 },
		{ "Content-Length: 0\r\n", 0 },
		{ "Content-Length: 999999999999\r\n", 0 },
		{ "Content-Length: 1000000000000\r\n", 400 },
		{ "Content-Length: \r\n", 400 },
		{ "Content-Length: -1\r\n", 400 },
		{ "Content-Length: +1\r\n", 400 },
		{ "Content-Length: 0x10\r\n", 400 },
		{ "Content-Length: 1 1\r\n", 400 },
		{ "Content-Length: 1,1\r\n", 400 },
		{ "Content-Length: 1\r\nContent-Length: 1\r\n", 400 },
		{ "Content-Length: 1\r\ncontent-length: 2\r\n", 400 },
		{ "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
		{ "Transfer-Encoding: gzip, chunked\r\n", 501 },
		{ "Transfer-Encoding: chunked, identity\r\n", 501 },
		{ "Transfer-Encoding: xchunked\r\n", 501 },
		{ "Transfer-Encoding:\r\n", 501 },
		{ "Transfer-Encoding: \x0b" "chunked\r\n", 400 },
		{ "Transfer-Encoding : chunked\r\n", 400 },
		{ "Content-Length : 1\r\n", 400 },
		{ "Cookie: a\r\nCookie: b\r\n", 400 },
		{ "Authorization: a\r\nauthorization: a\r\n", 400 },
		{ "Cookie: \xc3\xa4\r\n", 400 },
		{ "Cookie: a\tb\r\n", 400 },
		{ "Host: b\r\n", 400 },
		{ "Expect: 100-continue\r\n", 0 },
		{ "Expect: something\r\n", 417 },
		{ "Expect: 100-continue\r\nExpect: 100-continue\r\n", 400 },
		{ "a\r\n", 400 },
		{ ":a\r\n", 400 },
		{ "a b: c\r\n", 400 },
		{ "a: b\r\n folded\r\n", 400 },
		{ "a: b\r\n\tfolded\r\n", 400 },
		{ " a: b\r\n", 400 },
		{ "a: b\n", 400 },
		{ "a: b\nc: d\r\n", 400 },
		{ "a: b\rc: d\r\n", 400 },
		{ "a: b\r\r\n", 400 },
		{ "a: \x01\r\n", 400 },
		{ "a: \x7f\r\n", 400 },
		{ "a: \xff\r\n", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (status_of_headers(cases[i].headers) != cases[i].status)
			fail_msg("'%s': %u", cases[i].headers, status_of_headers(cases[i].headers));
}

static void test_other_ends(void **state)
{
	static const char nul[] = "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char header_nul[] = "GET /a HTTP/1.1\r\nHost: a\r\nCookie: a\0b\r\n\r\n";

	assert_int_equal(status_of_bytes(nul, sizeof(nul) - 1), 400);
	assert_int_equal(status_of_bytes(header_nul, sizeof(header_nul) - 1), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(status_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
	assert_int_equal(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\nHost: a\r\n"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore"), 400);
	assert_int_equal(status_of("GET / HTTP/1.1\nHost: a\n\n"), 400);
	assert_int_equal(status_of_bytes("", 0), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	      cmocka_unit_test(test_little),
		cmocka_unit_test(test_chunked),	      cmocka_unit_test(test_request_lines),
		cmocka_unit_test(test_targets),	      cmocka_unit_test(test_headers),
		cmocka_unit_test(test_other_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
