/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/newest.h"
#include "attest/trust.h"

#include <cmocka.h>

#define ROOT "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9"
#define OTHER "00000000000000000000000000000000000000000000000000000000000000ff"
#define HEAD "coco-newest 1\n"

static int parse(const char *text, struct newest *ret)
{
	char error[NEWEST_ERROR_LEN] = "";
	int r = newest_parse(text, strlen(text), ret, error);

	assert_true((r < 0) == (error[0] != '\0'));
	return r;
}

static void test_round_trip(void **state)
{
	static const char text[] = HEAD
		"crl-vcek " ROOT " 0 1\npck-crl-processor " OTHER " ff00 253402300799\n"
		"tcb-info-90c06f000000 " ROOT " 12 0\ntcb-info-90c06f000000 " OTHER " 13 7\n";
	static struct newest n;
	char *again;
	size_t len;

	assert_int_equal(parse(HEAD, &n), 0);
	assert_int_equal(n.n, 0);
	assert_int_equal(parse(text, &n), 0);
	assert_int_equal(n.n, 4);
	assert_int_equal(n.list[2].number[NEWEST_NUMBER_LEN - 1], 0x12);
	assert_int_equal(newest_format(&n, &again, &len), 0);
	assert_int_equal(len, strlen(text));
	assert_string_equal(again, text);
	free(again);
}

/* A memory can be written in one way only; half a memory is refused. */
static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"coco-newest 1",
		"coco-newest 2\n",
		HEAD "\n",
		HEAD "qe-identity " ROOT " 1 1",
		HEAD "qe-identity " ROOT " 1\n",
		HEAD "qe-identity " ROOT " 1 1 \n",
		HEAD "qe-identity  " ROOT " 1 1\n",
		HEAD " qe-identity " ROOT " 1 1\n",
		HEAD "qe-identity " ROOT " 01 1\n",
		HEAD "qe-identity " ROOT " 0x1 1\n",
		HEAD "qe-identity " ROOT " A 1\n",
		HEAD "qe-identity " ROOT "  1\n",
		HEAD "qe-identity " ROOT " 1 01\n",
		HEAD "qe-identity " ROOT " 1 -1\n",
		HEAD "qe-identity " ROOT " 1 253402300800\n",
		HEAD "qe-identity " ROOT "0 1 1\n",
		HEAD "qe-identity ff 1 1\n",
		HEAD "qe-identity " ROOT " 10000000000000000000000000000000000000000 1\n",
		HEAD "crl " ROOT " 1 1\n",
		HEAD "tcb-info-90C06F000000 " ROOT " 1 1\n",
		HEAD "tcb-info-90c06f00000 " ROOT " 1 1\n",
		HEAD "# a comment\n",
		HEAD "qe-identity " ROOT " 1 1\r\n",
		HEAD "qe-identity " ROOT " 1 1\nqe-identity " ROOT " 2 1\n",
	};
	static struct newest n;

	n.n = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(parse(bad[i], &n), -EBADMSG);
		assert_int_equal(n.n, 77);
	}
}

static void test_full(void **state)
{
	static struct newest n;
	struct newest_entry e = { .what = "qe-identity" };
	char *text, *more;
	size_t len;

	n.n = 0;
	for (unsigned i = 0; i < NEWEST_MAX; i++) {
		e.root[0] = (uint8_t)i;
		assert_int_equal(newest_note(&n, &e), 1);
	}
	e.root[1] = 1;
	assert_int_equal(newest_note(&n, &e), -EMSGSIZE);
	assert_int_equal(newest_format(&n, &text, &len), 0);
	assert_true(len <= NEWEST_FILE_MAX);
	assert_int_equal(parse(text, &n), 0);
	assert_true(asprintf(&more, "%sroot-crl " ROOT " 1 1\n", text) > 0);
	assert_int_equal(parse(more, &n), -EMSGSIZE);
	free(more);
	free(text);
}

static struct newest_entry entry(const char *what, uint64_t number, int64_t issued)
{
	struct newest_entry e = { .issued = issued };

	(void) snprintf(e.what, sizeof(e.what), "%s", what);
	newest_set_number(&e, number);
	return e;
}

static void test_order(void **state)
{
	static const struct {
		const char *what;
		uint64_t number, seen_number;
		int64_t issued, seen_issued;
		bool older;
	} rows[] = {
		{ "qe-identity", 17, 18, 200, 100, true },   /* issued again with the old number */
		{ "qe-identity", 18, 18, 100, 200, false },
		{ "qe-identity", 19, 18, 100, 200, false },
		{ "root-crl", 1, 1, 100, 200, true },	     /* Intel's number never moves */
		{ "root-crl", 1, 1, 200, 200, false },
		{ "crl-vcek", 0x100, 0xff, 100, 200, false },
		{ "crl-vcek", 0, 1, 300, 200, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct newest_entry e = entry(rows[i].what, rows[i].number, rows[i].issued);
		struct newest_entry seen = entry(rows[i].what, rows[i].seen_number,
						 rows[i].seen_issued);

		assert_int_equal(newest_is_older(&e, &seen), rows[i].older);
	}
}

static void test_note(void **state)
{
	struct newest_entry a = entry("qe-identity", 18, 100),
			    lower = entry("qe-identity", 17, 300),
			    higher = entry("qe-identity", 0x1234, 50);
	static struct newest n;
	struct trust trust;

	n.n = 0;
	trust_init(&trust);
	assert_true(newest_issued(&n, &trust) == INT64_MIN);
	assert_int_equal(newest_note(&n, &a), 1);
	assert_int_equal(newest_note(&n, &a), 0);
	/* An untrusted root says nothing about the time. */
	assert_true(newest_issued(&n, &trust) == INT64_MIN);
	assert_int_equal(newest_note(&n, &lower), 1);
	assert_memory_equal(n.list[0].number, a.number, sizeof(a.number));
	assert_int_equal(n.list[0].issued, 300);
	assert_int_equal(newest_note(&n, &higher), 1);
	assert_memory_equal(n.list[0].number, higher.number, sizeof(a.number));
	assert_int_equal(n.list[0].issued, 300);
	assert_int_equal(n.n, 1);
	memcpy(a.root, trust.pins[0].spki_sha256, sizeof(a.root));
	assert_int_equal(newest_note(&n, &a), 1);
	assert_int_equal(newest_issued(&n, &trust), 100);
	assert_int_equal(n.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_full),	   cmocka_unit_test(test_order),
		cmocka_unit_test(test_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
