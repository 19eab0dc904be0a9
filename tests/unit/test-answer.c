/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers as they come in: their bytes, and the lines of their header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "net/answer.h"

#include <cmocka.h>

static void test_pieces(void **state)
{
	struct pieces p = { NULL };
	char expected[20001];

	assert_int_equal(pieces_add(&p, "", 0, 0), 0);
	assert_string_equal(p.data, "");
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(expected + (size_t)i * 10, 11, "%010u", i);
		assert_int_equal(pieces_add(&p, expected + (size_t)i * 10, 10, 20000), 0);
		assert_int_equal(p.data[p.len], 0);
	}
	assert_int_equal(pieces_add(&p, "x", 1, 20000), -EMSGSIZE);
	assert_int_equal(pieces_add(&p, "", 0, 20000), 0);
	assert_int_equal(p.len, 20000);
	assert_string_equal(p.data, expected);
	pieces_done(&p);
	assert_null(p.data);
	/* What is allocated is full, but for the NUL, and then with it. */
	for (size_t len = 4095; len <= 4097; len++) {
		assert_int_equal(pieces_add(&p, expected, len, 5000), 0);
		assert_true(p.allocated > p.len);
		pieces_done(&p);
	}
}

static void assert_value(const char *line, const char *name, const char *expected)
{
	size_t len = 99;
	/* Nothing behind the line may be read. */
	char *copy = malloc(strlen(line) + !*line);
	const char *p;

	assert_non_null(copy);
	memcpy(copy, line, strlen(line));
	p = header_value(copy, strlen(line), name, &len);
	if (!expected) {
		assert_null(p);
	} else {
		assert_non_null(p);
		assert_int_equal(len, strlen(expected));
		assert_memory_equal(p, expected, len);
	}
	free(copy);
}

static void test_value(void **state)
{
	assert_value("Name: value\r\n", "Name", "value");
	assert_value("nAME:value", "Name", "value");
	assert_value("Name: \t a b \t\r\n", "Name", "a b");
	assert_value("Name:\r\n", "Name", "");
	assert_value("Name:", "Name", "");
	assert_value("Name", "Name", NULL);
	assert_value("Name : value\r\n", "Name", NULL);
	assert_value("Names: value\r\n", "Name", NULL);
	assert_value(" Name: value\r\n", "Name", NULL);
	assert_value("Nam", "Name", NULL);
	assert_value("", "Name", NULL);
}

static void test_keep(void **state)
{
	char *kept = NULL;

	assert_int_equal(header_keep("a\0b", 3, 10, &kept), -EPROTO);
	assert_int_equal(header_keep("abc", 3, 2, &kept), -EMSGSIZE);
	assert_null(kept);
	assert_int_equal(header_keep("abcd", 3, 3, &kept), 0);
	assert_string_equal(kept, "abc");
	assert_int_equal(header_keep("abc", 3, 3, &kept), -EPROTO);
	assert_string_equal(kept, "abc");
	free(kept);
}

/* Returns what the last line gave; every line before it is good. */
static int take(struct answer_header *h, const char *text)
{
	int r = 0;

	*h = (struct answer_header){ NULL };
	for (const char *end; *text; text = end) {
		assert_int_equal(r, 0);
		end = strchr(text, '\n') + 1;
		r = answer_header_take(h, text, (size_t)(end - text));
	}
	return r;
}

#define BEGIN "HTTP/1.1 200 OK\r\n"

static void test_header(void **state)
{
	struct answer_header h;

	assert_int_equal(take(&h, BEGIN "coco-release: 1.2.x\r\nRetry-After: 12\r\n"
					"Set-Cookie: a=b\r\n"
					"set-cookie: kbs-session-id=1; Max-Age=3\r\n\r\n"
					"Coco-Release: late\r\n"),
			 0);
	assert_string_equal(h.release, "1.2.x");
	assert_string_equal(h.set_cookie, "kbs-session-id=1; Max-Age=3");
	assert_int_equal(h.retry_sec, 12);
	answer_header_done(&h);
	assert_null(h.release);

	/* Only the last of these counts; a server may end its lines by a newline alone. */
	assert_int_equal(take(&h, "HTTP/1.1 100 Continue\nCoco-Release: no\n more\n"
				  "Retry-After: 3\n\n"
				  "HTTP/1.1 103 Hints\nCoco-Release: no\n\n" BEGIN
				  "Coco-Release: yes\n\n"),
			 0);
	assert_string_equal(h.release, "yes");
	assert_int_equal(h.retry_sec, 0);
	answer_header_done(&h);

	/* What looks like a beginning is none, neither within the header nor behind it. */
	assert_int_equal(take(&h, BEGIN "Coco-Release: a\r\n" BEGIN "Coco-Release: b\r\n"),
			 -EPROTO);
	answer_header_done(&h);
	assert_int_equal(take(&h, BEGIN "\r\n" BEGIN "Coco-Release: late\r\n"), 0);
	assert_null(h.release);
	answer_header_done(&h);
}

static void test_twice(void **state)
{
	static const char *const texts[] = {
		BEGIN "Coco-Release: a\r\nCOCO-RELEASE: a\r\n",
		BEGIN "Set-Cookie: kbs-session-id=a\r\nSet-Cookie: kbs-session-id=a\r\n",
		BEGIN "Retry-After: 1\r\nRetry-After: 1\r\n",
		BEGIN "Retry-After: tomorrow\r\nRetry-After: 1\r\n",
		BEGIN "Coco-Release: a\r\n b\r\n",
		BEGIN "\tCoco-Release: a\r\n",
	};
	struct answer_header h;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(take(&h, texts[i]), -EPROTO);
		answer_header_done(&h);
	}
}

static void test_retry(void **state)
{
	static const struct {
		const char *text;
		uint32_t sec;
	} rows[] = {
		{ BEGIN "Retry-After: 0\r\n", 0 },
		{ BEGIN "Retry-After: 4294967295\r\n", UINT32_MAX },
		{ BEGIN "Retry-After: 4294967296\r\n", UINT32_MAX },
		{ BEGIN "Retry-After: 99999999999999999999999999999\r\n", UINT32_MAX },
		{ BEGIN "Retry-After: -1\r\n", 0 },
		{ BEGIN "Retry-After: 1.5\r\n", 0 },
		{ BEGIN "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 0 },
		{ BEGIN "Retry-After:\r\n", 0 },
	};
	struct answer_header h;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(take(&h, rows[i].text), 0);
		assert_int_equal(h.retry_sec, rows[i].sec);
	}
}

static void test_long(void **state)
{
	struct answer_header h = { NULL };
	char line[1024];
	int r = 0;
	unsigned n = 0;

	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (; r == 0; n++)
		r = answer_header_take(&h, line, sizeof(line));
	assert_int_equal(r, -EMSGSIZE);
	assert_int_equal(n, ANSWER_HEADER_MAX / sizeof(line) + 1);
	/* Many short answers before the answer count too. */
	r = 0;
	answer_header_done(&h);
	for (n = 0; r == 0; n++)
		r = n % 2 ? answer_header_take(&h, "\r\n", 2) :
			    answer_header_take(&h, "HTTP/1.1 100 Continue\r\n", 23);
	assert_int_equal(r, -EMSGSIZE);
	answer_header_done(&h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),	cmocka_unit_test(test_value),
		cmocka_unit_test(test_keep),	cmocka_unit_test(test_header),
		cmocka_unit_test(test_twice),	cmocka_unit_test(test_retry),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
