/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/policy-memo.h"

#define HEX_16 "000102030405060708090a0b0c0d0e0f"
#define SNP "[snp]\nmeasurement=" HEX_16 HEX_16 HEX_16 "\ncovers=kernel,initrd,cmdline\n"
#define ONCE "[Release]\nRelease=once\nPer=launch\n"
#define N_THREADS 4
#define N_ROUNDS 200

static struct policy_memo *memo;

static int open_memo(void **state)
{
	return policy_memo_new(&memo);
}

static int close_memo(void **state)
{
	memo = policy_memo_free(memo);
	return 0;
}

/* With the memo it is as without. */
static bool is_same(const char *text)
{
	struct secret_mode a, b;
	uint8_t rules[2][32];
	char *x = NULL, *y = NULL, words[2][160] = { "", "" };
	struct cause why[2] = { { "" }, { "" } };
	size_t len = strlen(text);
	int r = secret_policy_read(text, len, &a, &x, &why[0]);
	bool same = policy_memo_read(memo, text, len, &b, &y, rules[0], &why[1]) == r &&
		    secret_policy_rules(text, len, rules[1]) == 0 &&
		    memcmp(rules[0], rules[1], 32) == 0 && streq(why[0].text, why[1].text) &&
		    !x == !y;

	if (r == 0) {
		secret_mode_format(&a, words[0], sizeof(words[0]));
		secret_mode_format(&b, words[1], sizeof(words[1]));
		same = same && streq(x, y) && streq(words[0], words[1]) &&
		       a.launches == b.launches && a.sev.given == b.sev.given;
	}
	free(x);
	free(y);
	return same;
}

static void test_same(void **state)
{
	static const char *const texts[] = {
		ONCE SNP, ONCE "Launches=2/1h\n" SNP, "[Release]\nRelease=always\n" SNP,
		/* Silence, nonsense and half a policy are refused each time. */
		"", SNP, ONCE, ONCE "x=1\n" SNP, ONCE "[snp]\n",
	};

	for (unsigned i = 0; i < 3; i++)
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			assert_true(is_same(texts[k]));
	(void) close_memo(NULL);
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		assert_true(is_same(texts[k]));
}

/* More than it keeps, round and round, so that each was just forgotten; and a few that stay. */
static void test_many(void **state)
{
	char text[512];

	for (unsigned i = 0; i < 3 * POLICY_MEMO_MAX; i++) {
		unsigned n = i % (POLICY_MEMO_MAX + 1);

		(void) snprintf(text, sizeof(text), ONCE "Launches=%u/1h\n" SNP, n + 1);
		assert_true(is_same(text));
		assert_true(is_same(text));
		assert_true(is_same(ONCE SNP));
	}
}

static void *read_often(void *userdata)
{
	char text[512];

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		(void) snprintf(text, sizeof(text), ONCE "Launches=%u/1h\n" SNP, i + 1);
		if (!is_same(text))
			*(bool *)userdata = false;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[N_THREADS];
	bool good[N_THREADS];

	for (unsigned i = 0; i < N_THREADS; i++) {
		good[i] = true;
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, &good[i]), 0);
	}
	for (unsigned i = 0; i < N_THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(good[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_memo, close_memo)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_same), TEST(test_many), TEST(test_threads) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
