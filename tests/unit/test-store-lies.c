/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/store/store.h"

#include <cmocka.h>

/*
 * An engine whose server lies: what it answers is checked before anybody sees it (store.c).  It
 * knows nothing but what the test gives it.
 */
static struct store_value the_value;	/* data is copied */
static const char *const *the_keys;
static int the_result;
static struct cause why;

static struct store_value copy(void)
{
	struct store_value v = the_value;

	if (v.data) {
		v.data = malloc(v.len + 1);
		memcpy(v.data, the_value.data, v.len);
	}
	return v;
}

static int lying_commit(struct store *s, const struct store_fence *fence,
			struct store_member *members, unsigned n, struct cause *cause)
{
	for (unsigned i = 0; i < n; i++) {
		members[i].done = true;
		for (unsigned k = 0; k < members[i].n_reads; k++)
			members[i].read[k] = copy();
	}
	return the_result < 0 ? cause_set(cause, the_result, "it failed") : 0;
}

static int lying_get(struct store *s, const char *key, struct store_value *ret,
		     struct cause *cause)
{
	*ret = copy();
	return the_result < 0 ? cause_set(cause, the_result, "it failed") : 0;
}

static int lying_walk(struct store *s, const char *prefix, const char *after, unsigned max,
		      store_each_t each, void *userdata, struct cause *cause)
{
	int r = 0;

	for (size_t i = 0; the_keys[i] && r == 0; i++)
		r = each(userdata, the_keys[i], &the_value);
	return r;
}

static const struct store_engine lying = {
	.name = "lying", .commit = lying_commit, .get = lying_get, .walk = lying_walk,
};

static struct store store = { .engine = &lying };

static uint8_t big[STORE_VALUE_MAX + 1];

static const struct store_value good = { .data = big, .len = 3, .revision = 7 };

static const struct store_value bad[] = {
	{ .data = NULL, .revision = 7 },
	{ .data = NULL, .len = 3 },
	{ .data = big, .len = 3, .revision = 0 },
	{ .data = big, .len = STORE_VALUE_MAX + 1, .revision = 7 },
};

static int setup(void **state)
{
	the_value = good;
	the_result = 0;
	return 0;
}

static void test_get(void **state)
{
	struct store_value v = { .revision = 99 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		the_value = bad[i];
		assert_int_equal(store_get(&store, "coco/a", &v, &why), -EIO);
		assert_int_equal(v.revision, 99);
		assert_null(v.data);
	}
	/* An error with an answer has no answer, and what it allocated is freed. */
	the_value = good;
	the_result = -EAGAIN;
	assert_int_equal(store_get(&store, "coco/a", &v, &why), -EAGAIN);
	assert_null(v.data);
	the_result = 0;
	assert_int_equal(store_get(&store, "coco/a", &v, &why), 0);
	assert_int_equal(v.len, 3);
	store_value_done(&v);
}

/* It is committed, but its answer is none: nobody may take that for "not done". */
static void test_commit(void **state)
{
	struct store_member m[2] = {
		{ .n_changes = 1, .changes = { { "coco/a", "x", 1, 0 } }, .n_reads = 1,
		  .reads = { "coco/a" } },
		{ .n_reads = 2, .reads = { "coco/b", "coco/c" } },
	};

	the_value = bad[3];
	assert_int_equal(store_commit(&store, NULL, m, 2, &why), -EAGAIN);
	assert_false(m[0].done || m[1].done);
	assert_null(m[0].read[0].data);
	assert_null(m[1].read[1].data);
	the_value = good;
	the_result = -ENOSPC;
	assert_int_equal(store_commit(&store, NULL, m, 2, &why), -ENOSPC);
	assert_false(m[0].done || m[1].done);
	assert_null(m[0].read[0].data);
}

static int count(void *userdata, const char *key, const struct store_value *v)
{
	++*(unsigned *)userdata;
	return 0;
}

static void walk(const char *const *keys, const char *after, unsigned max, int expected,
		 unsigned expected_n)
{
	unsigned n = 0;

	the_keys = keys;
	assert_int_equal(store_walk(&store, "coco/", after, max, count, &n, &why), expected);
	assert_int_equal(n, expected_n);
}

static void test_walk(void **state)
{
	static const char *const fine[] = { "coco/a", "coco/b", "coco/c", NULL };
	static const char *const twice[] = { "coco/a", "coco/a", NULL };
	static const char *const order[] = { "coco/b", "coco/a", NULL };
	static const char *const prefix[] = { "coco/a", "cocoa", NULL };
	static const char *const blank[] = { "coco/a", "coco/b\nc", NULL };
	static const char *const empty[] = { "", NULL };

	walk(fine, NULL, 0, 0, 3);
	walk(fine, NULL, 3, 0, 3);
	walk(fine, NULL, 2, -EIO, 2);
	walk(fine, "coco/a", 0, -EIO, 0);
	walk(twice, NULL, 0, -EIO, 1);
	walk(order, NULL, 0, -EIO, 1);
	walk(prefix, NULL, 0, -EIO, 1);
	walk(blank, NULL, 0, -EIO, 1);
	walk(empty, NULL, 0, -EIO, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		the_value = bad[i];
		walk(fine, NULL, 0, -EIO, 0);
	}
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_get), TEST(test_commit), TEST(test_walk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
