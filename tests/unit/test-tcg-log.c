/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/tcg-log.h"

#include <cmocka.h>

struct log {
	uint8_t b[2048];
	size_t len;
};

static void add(struct log *l, const void *p, size_t len)
{
	assert_true(l->len + len <= sizeof(l->b));
	memcpy(l->b + l->len, p, len);
	l->len += len;
}

static void add_number(struct log *l, uint32_t v, size_t len)
{
	uint8_t b[4];

	put_u32le(b, v);
	add(l, b, len);
}

static void add_fill(struct log *l, int c, size_t len)
{
	uint8_t b[256];

	assert_true(len <= sizeof(b));
	memset(b, c, len);
	add(l, b, len);
}

/* The header, for @n algorithms of @algs: number and length, by turns. */
static void make(struct log *l, const uint16_t *algs, unsigned n, unsigned claim,
		 const char *vendor)
{
	l->len = 0;
	add_number(l, 0, 4);
	add_number(l, 3, 4);
	add_fill(l, 0, 20);
	add_number(l, (uint32_t)(16 + 8 + 4 + 4 * n + 1 + strlen(vendor)), 4);
	add(l, "Spec ID Event03", 16);
	add_number(l, 0, 4);
	add(l, "\0\2\0\2", 4);
	add_number(l, claim, 4);
	for (unsigned i = 0; i < 2 * n; i++)
		add_number(l, algs[i], 2);
	add_number(l, (uint32_t)strlen(vendor), 1);
	add(l, vendor, strlen(vendor));
}

static const uint16_t two[] = { TCG_ALG_SHA256, 32, TCG_ALG_SHA384, 48 };

/* An event with a digest of each of @algs, filled with 'a', 'b', ... */
static void add_event(struct log *l, uint32_t index, uint32_t type, const uint16_t *algs,
		      unsigned n, const char *data)
{
	add_number(l, index, 4);
	add_number(l, type, 4);
	add_number(l, n, 4);
	for (unsigned i = 0; i < n; i++) {
		add_number(l, algs[2 * i], 2);
		add_fill(l, 'a' + (int)i, algs[2 * i + 1]);
	}
	add_number(l, (uint32_t)strlen(data), 4);
	add(l, data, strlen(data));
}

static int open_exact(struct log *l, uint8_t **ret_copy, struct tcg_log *ret)
{
	uint8_t *copy = malloc(l->len ? l->len : 1);

	assert_non_null(copy);
	memcpy(copy, l->b, l->len);
	*ret_copy = copy;
	return tcg_log_open(copy, l->len, ret);
}

/* Open the log and read it to its end.  Returns the number of events, or the error. */
static int walk(struct log *l)
{
	struct tcg_event event;
	struct tcg_log log;
	uint8_t *copy;
	int r, n = 0;

	r = open_exact(l, &copy, &log);
	if (r == 0)
		while ((r = tcg_log_next(&log, &event)) > 0)
			n++;
	free(copy);
	return r < 0 ? r : n;
}

static void test_events(void **state)
{
	struct tcg_event event;
	struct tcg_log log;
	const uint8_t *digest;
	struct log l;
	uint8_t *copy;

	make(&l, two, 2, 2, "vendor");
	add_event(&l, 1, 4, two, 2, "zero");
	add_event(&l, 2, 0x80000001, two + 2, 1, "");
	assert_int_equal(open_exact(&l, &copy, &log), 0);
	assert_int_equal(log.n_algs, 2);

	assert_int_equal(tcg_log_next(&log, &event), 1);
	assert_int_equal(event.index, 1);
	assert_int_equal(event.type, 4);
	assert_int_equal(event.data.len, 4);
	assert_memory_equal(event.data.p, "zero", 4);
	digest = tcg_event_digest(&log, &event, TCG_ALG_SHA384);
	assert_non_null(digest);
	assert_int_equal(digest[0], 'b');
	assert_int_equal(digest[47], 'b');
	assert_null(tcg_event_digest(&log, &event, TCG_ALG_SHA512));

	assert_int_equal(tcg_log_next(&log, &event), 1);
	assert_null(tcg_event_digest(&log, &event, TCG_ALG_SHA256));
	assert_int_equal(tcg_event_digest(&log, &event, TCG_ALG_SHA384)[0], 'a');
	assert_int_equal(event.data.len, 0);
	assert_int_equal(tcg_log_next(&log, &event), 0);
	assert_int_equal(tcg_log_next(&log, &event), 0);
	assert_int_equal(log.n_events, 2);
	free(copy);
}

/* Events that go on elsewhere are read by the algorithms of the log. */
static void test_continue(void **state)
{
	struct tcg_event event;
	struct tcg_log log;
	struct log l, more;
	uint8_t *copy;
	size_t header;

	make(&l, two, 2, 2, "");
	add_event(&l, 1, 4, two, 2, "zero");
	make(&more, two, 2, 2, "");
	header = more.len;
	add_event(&more, 4, 6, two, 2, "more");
	assert_int_equal(open_exact(&l, &copy, &log), 0);
	assert_int_equal(tcg_log_next(&log, &event), 1);
	assert_int_equal(tcg_log_next(&log, &event), 0);
	assert_int_equal(tcg_log_continue(&log, more.b + header, more.len - header), 0);
	assert_int_equal(tcg_log_next(&log, &event), 1);
	assert_int_equal(event.index, 4);
	assert_non_null(tcg_event_digest(&log, &event, TCG_ALG_SHA384));
	assert_int_equal(log.n_events, 2);
	assert_int_equal(tcg_log_next(&log, &event), 0);
	assert_int_equal(tcg_log_continue(&log, NULL, 0), 0);
	assert_int_equal(tcg_log_next(&log, &event), 0);
	assert_int_equal(tcg_log_continue(&log, more.b + header, more.len - header - 1), 0);
	assert_int_equal(tcg_log_next(&log, &event), -EBADMSG);
	assert_int_equal(tcg_log_continue(&log, more.b, TCG_LOG_MAX + 1), -EMSGSIZE);
	free(copy);
}

static void test_ends(void **state)
{
	struct log l;

	make(&l, two, 2, 2, "");
	assert_int_equal(walk(&l), 0);
	add_fill(&l, 0, 5);
	assert_int_equal(walk(&l), 0);
	make(&l, two, 2, 2, "");
	add_event(&l, 1, 4, two, 2, "x");
	add_fill(&l, 0xff, 100);
	assert_int_equal(walk(&l), 1);
	make(&l, two, 2, 2, "");
	add_event(&l, 1, 4, two, 2, "x");
	add_fill(&l, 0, 100);
	assert_int_equal(walk(&l), 1);
	add_number(&l, 1, 1);
	assert_int_equal(walk(&l), -EBADMSG);
}

/* A log that is cut ends between two events or is refused. */
static void test_cut(void **state)
{
	size_t header, first;
	struct log l;

	make(&l, two, 2, 2, "vendor");
	header = l.len;
	add_event(&l, 1, 4, two, 2, "event data");
	first = l.len;
	add_event(&l, 2, 4, two, 2, "event data");
	while (l.len-- > 0) {
		if (l.len == first)
			assert_int_equal(walk(&l), 1);
		else if (l.len == header)
			assert_int_equal(walk(&l), 0);
		else
			assert_int_equal(walk(&l), -EBADMSG);
	}
}

static void test_header(void **state)
{
	static const uint16_t twice[] = { TCG_ALG_SHA384, 48, TCG_ALG_SHA384, 48 };
	static const uint16_t short384[] = { TCG_ALG_SHA384, 20 }, nothing[] = { 0x99, 0 };
	static const uint16_t nine[] = { 90, 1,	 91, 1,	 92, 1,	 93, 1,	 94,
					 1,  95, 1,  96, 1,  97, 1,  98, 1 };
	struct log l;

	make(&l, twice, 2, 2, "");
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, short384, 1, 1, "");
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, nothing, 1, 1, "");
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, nine, 9, 9, "");
	assert_int_equal(walk(&l), -EMSGSIZE);
	make(&l, nine, 8, 8, "");
	assert_int_equal(walk(&l), 0);
	make(&l, two, 2, 0, "");
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, two, 2, 3, "");
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, two, 2, UINT32_MAX, "");
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, two, 2, 0x40000001, "");
	assert_int_equal(walk(&l), -EPROTO);
	/* the second algorithm is then vendor information of the wrong length */
	make(&l, two, 2, 1, "");
	assert_int_equal(walk(&l), -EPROTO);

	make(&l, two, 2, 2, "");
	l.b[4] = 4;
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, two, 2, 2, "");
	l.b[32] ^= 1;
	assert_int_equal(walk(&l), -EPROTO);
	make(&l, two, 2, 2, "");
	put_u32le(l.b + 28, UINT32_MAX);
	assert_int_equal(walk(&l), -EBADMSG);
}

static void test_bad_events(void **state)
{
	static const uint16_t twice[] = { TCG_ALG_SHA384, 48, TCG_ALG_SHA384, 48 },
			      sha1[] = { TCG_ALG_SHA1, 20 };
	static const uint32_t counts[] = { 0, 1, 3, 4, UINT32_MAX, 0x80000002 };
	struct log l;
	size_t at;

	make(&l, two, 2, 2, "");
	at = l.len + 8;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		make(&l, two, 2, 2, "");
		add_event(&l, 1, 4, two, 2, "x");
		put_u32le(l.b + at, counts[i]);
		assert_int_equal(walk(&l), -EBADMSG);
	}
	make(&l, two, 2, 2, "");
	add_event(&l, 1, 4, twice, 2, "x");
	assert_int_equal(walk(&l), -EBADMSG);
	make(&l, two, 2, 2, "");
	add_event(&l, 1, 4, sha1, 1, "x");
	assert_int_equal(walk(&l), -EBADMSG);
	make(&l, two, 2, 2, "");
	add_event(&l, 1, 4, two, 2, "x");
	put_u32le(l.b + l.len - 5, UINT32_MAX);
	assert_int_equal(walk(&l), -EBADMSG);
}

static void test_too_long(void **state)
{
	uint8_t *big = calloc(1, TCG_LOG_MAX + 1);
	struct tcg_log log;
	struct log l;

	assert_non_null(big);
	make(&l, two, 2, 2, "");
	memcpy(big, l.b, l.len);
	assert_int_equal(tcg_log_open(big, TCG_LOG_MAX, &log), 0);
	assert_int_equal(tcg_log_open(big, TCG_LOG_MAX + 1, &log), -EMSGSIZE);
	free(big);
}

static void test_names(void **state)
{
	assert_string_equal(tcg_event_type(TCG_EV_SEPARATOR), "EV_SEPARATOR");
	assert_string_equal(tcg_event_type(0x800000e0), "EV_EFI_VARIABLE_AUTHORITY");
	assert_null(tcg_event_type(0x12345678));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_continue),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_bad_events),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
