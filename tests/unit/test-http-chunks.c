/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bodies in chunks, in pieces of every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "wire/http-chunks.h"

#include <cmocka.h>

/*
 * Feed @text in pieces of @step bytes; the body goes to @ret.  Returns how much of @text belongs to
 * the body when it ends, 0 when it does not end, or -EBADMSG.
 */
static int feed(const char *text, size_t step, char *ret)
{
	size_t len = strlen(text), at = 0;
	struct http_chunks c = { 0 };

	*ret = '\0';
	while (at < len) {
		struct bytes in = { (const uint8_t *)text + at, MIN(step, len - at) }, piece;
		size_t n = in.len;
		int r;

		while ((r = http_chunks_next(&c, &in, &piece)) > 0)
			strncat(ret, (const char *)piece.p, piece.len);
		if (r < 0)
			return r;
		at += n - in.len;
		if (c.state == HTTP_CHUNKS_END)
			return (int)at;
	}
	return 0;
}

static void test_good(void **state)
{
	static const char text[] = "5\r\nhello\r\n00000B\r\n 12345\r\n890\r\n0\r\n\r\n";
	char body[100];

	for (size_t step = 1; step <= strlen(text); step++) {
		assert_int_equal(feed(text, step, body), strlen(text));
		assert_string_equal(body, "hello 12345\r\n890");
	}
	assert_int_equal(feed("0\r\n\r\n", 100, body), 5);
	assert_string_equal(body, "");
	/* The next request is not the body's. */
	assert_int_equal(feed("1\r\na\r\n0\r\n\r\nGET /", 100, body), 11);
}

static void test_not_yet(void **state)
{
	char body[100];

	assert_int_equal(feed("5\r\nhello\r\n0\r\n\r", 100, body), 0);
	assert_int_equal(feed("5\r\nhell", 100, body), 0);
	assert_int_equal(feed("fffffff", 100, body), 0);
	assert_int_equal(feed("0\r\n", 100, body), 0);
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"\r\n",		     "x\r\n",		 "-1\r\n",	      "+1\r\n",
		"0x1\r\n",	     " 1\r\n",		 "1 \r\n",	      "1;a=b\r\n",
		"1\na\r\n0\r\n\r\n", "123456789\r\n",	 "000000000\r\n",     "1\r\nab",
		"1\r\na\n",	     "1\r\na\r\n\r\n",	 "0\r\na: b\r\n\r\n", "0\r\n\n",
		"1\ra",		     "0\r\n\r\r",
	};
	char body[100];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		for (size_t step = 1; step <= strlen(bad[i]); step++)
			if (feed(bad[i], step, body) != -EBADMSG)
				fail_msg("'%s' by %zu is not refused", bad[i], step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_not_yet),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
