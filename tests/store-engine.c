/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/store-engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"

#include <cmocka.h>

static const char *the_address;
static const struct store_options *the_options;
static unsigned at_once;
static struct store *s;
static struct cause why;

/* ---- short forms ---- */

static int ok(int r)
{
	if (r < 0)
		print_error("%s (%d)\n", why.text, r);
	return r;
}

static int commit(struct store_member *members, unsigned n)
{
	return store_commit(s, NULL, members, n, &why);
}

static void member_done(struct store_member *m)
{
	for (unsigned i = 0; i < STORE_PARTS_MAX; i++)
		store_value_done(&m->read[i]);
}

/* Put @text, whatever was there, and return the revision. */
static uint64_t put(const char *key, const char *text)
{
	struct store_member m = {
		.n_changes = 1, .changes = { { key, text, text ? strlen(text) : 0, 0 } },
		.n_reads = 1, .reads = { key },
	};
	uint64_t revision;

	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_true(m.done);
	revision = m.read[0].revision;
	assert_int_equal(revision == 0, text == NULL);
	member_done(&m);
	return revision;
}

static bool has(const char *key, const char *text)
{
	struct store_value v;
	bool same;

	assert_int_equal(ok(store_get(s, key, &v, &why)), 0);
	same = text ? v.data && v.len == strlen(text) && memcmp(v.data, text, v.len) == 0 &&
			      v.revision > 0 :
		      !v.data && v.len == 0 && v.revision == 0;
	store_value_done(&v);
	return same;
}

struct keys {
	unsigned n, stop_after;
	char list[128][STORE_KEY_MAX + 1];
};

static int see_key(void *userdata, const char *key, const struct store_value *v)
{
	struct keys *k = userdata;

	assert_true(k->n < ARRAY_SIZE(k->list));
	assert_non_null(v->data);
	strcpy(k->list[k->n++], key);
	return k->n == k->stop_after ? 7 : 0;
}

static void empty(void)
{
	struct keys *k = test_malloc(sizeof(*k));

	do {
		k->n = k->stop_after = 0;
		assert_int_equal(ok(store_walk(s, "", NULL, 100, see_key, k, &why)), 0);
		for (unsigned i = 0; i < k->n; i++)
			(void) put(k->list[i], NULL);
	} while (k->n > 0);
	test_free(k);
}

static int open_store(void **state)
{
	assert_int_equal(ok(store_open(the_address, the_options, &s, &why)), 0);
	empty();
	return 0;
}

static int close_store(void **state)
{
	s = store_close(s);
	return 0;
}

/* ---- values ---- */

static void test_values(void **state)
{
	uint64_t first, second;

	assert_true(has("coco/a", NULL));
	first = put("coco/a", "one");
	assert_true(has("coco/a", "one"));
	second = put("coco/a", "one");
	/* The same bytes again are a change. */
	assert_true(second > first);
	assert_true(put("coco/b", "") > second);
	assert_true(has("coco/b", ""));
	(void) put("coco/a", NULL);
	assert_true(has("coco/a", NULL));
	/* A key that comes back has not the revision that it had. */
	assert_true(put("coco/a", "one") > second);
	(void) put("coco/never", NULL);
}

static void test_bytes(void **state)
{
	static uint8_t data[STORE_VALUE_MAX];
	char key[STORE_KEY_MAX + 1];
	struct store_member m = { .n_changes = 1, .changes = { { key, data, sizeof(data), 0 } } };
	struct store_value v;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	/* The longest key, with each character that it may have. */
	for (size_t i = 0; i < STORE_KEY_MAX; i++)
		key[i] = (char)('!' + i % ('~' - '!' + 1));
	key[STORE_KEY_MAX] = '\0';
	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_int_equal(ok(store_get(s, key, &v, &why)), 0);
	assert_int_equal(v.len, sizeof(data));
	assert_memory_equal(v.data, data, sizeof(data));
	assert_false(v.has_life);
	store_value_done(&v);
}

/* ---- transactions ---- */

static void test_compare(void **state)
{
	uint64_t a = put("coco/a", "one"), b = put("coco/b", "two");
	struct store_member m[3] = {
		{
			.n_compares = 3,
			.compares = { { "coco/a", a }, { "coco/b", b }, { "coco/none", 0 } },
			.n_changes = 2,
			.changes = { { "coco/a", "three", 5, 0 }, { "coco/new", "four", 4, 0 } },
			.n_reads = 3,
			.reads = { "coco/a", "coco/b", "coco/new" },
		},
		/* One compare of two does not hold: none of the changes is made. */
		{
			.n_compares = 2,
			.compares = { { "coco/c", 0 }, { "coco/d", 4711 } },
			.n_changes = 2,
			.changes = { { "coco/c", "five", 4, 0 }, { "coco/d", "six", 3, 0 } },
			.n_reads = 2,
			.reads = { "coco/c", "coco/b" },
		},
		/* Its neighbour does not spoil it. */
		{
			.n_compares = 1,
			.compares = { { "coco/e", 0 } },
			.n_changes = 1,
			.changes = { { "coco/e", "seven", 5, 0 } },
		},
	};

	assert_int_equal(ok(commit(m, 3)), 0);
	assert_true(m[0].done);
	assert_false(m[1].done);
	assert_true(m[2].done);
	assert_int_equal(m[0].read[0].len, 5);
	assert_memory_equal(m[0].read[0].data, "three", 5);
	assert_true(m[0].read[0].revision > b);
	assert_int_equal(m[0].read[1].revision, b);
	assert_memory_equal(m[0].read[2].data, "four", 4);
	/* What is read is answered in any case. */
	assert_null(m[1].read[0].data);
	assert_int_equal(m[1].read[1].revision, b);
	for (unsigned i = 0; i < 3; i++)
		member_done(&m[i]);
	assert_true(has("coco/a", "three") && has("coco/new", "four") && has("coco/e", "seven"));
	assert_true(has("coco/c", NULL) && has("coco/d", NULL) && has("coco/b", "two"));
	/* The same again: nothing holds any more. */
	assert_int_equal(ok(commit(m, 3)), 0);
	assert_false(m[0].done || m[1].done || m[2].done);
	for (unsigned i = 0; i < 3; i++)
		member_done(&m[i]);
}

static void test_delete_if(void **state)
{
	uint64_t a = put("coco/a", "one");
	struct store_member m = {
		.n_compares = 1, .compares = { { "coco/a", a + 1 } },
		.n_changes = 1, .changes = { { .key = "coco/a" } },
		.n_reads = 1, .reads = { "coco/a" },
	};

	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_false(m.done);
	member_done(&m);
	m.compares[0].revision = a;
	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_true(m.done);
	assert_null(m.read[0].data);
	assert_true(has("coco/a", NULL));
}

/* As many members and parts as there may be. */
static void test_largest(void **state)
{
	static struct store_member m[STORE_MEMBERS_MAX];
	static char keys[STORE_MEMBERS_MAX][STORE_PARTS_MAX][32];
	static uint8_t data[2500];

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < STORE_MEMBERS_MAX; i++) {
		m[i].n_compares = m[i].n_changes = m[i].n_reads = STORE_PARTS_MAX;
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++) {
			snprintf(keys[i][k], sizeof(keys[i][k]), "coco/m/%u/%u", i, k);
			m[i].compares[k] = (struct store_compare){ keys[i][k], 0 };
			m[i].changes[k] = (struct store_change){ keys[i][k], data, sizeof(data),
								 0 };
			m[i].reads[k] = keys[i][k];
		}
	}
	assert_int_equal(ok(commit(m, STORE_MEMBERS_MAX)), 0);
	for (unsigned i = 0; i < STORE_MEMBERS_MAX; i++) {
		assert_true(m[i].done);
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++)
			assert_int_equal(m[i].read[k].len, sizeof(data));
		member_done(&m[i]);
	}
}

static void test_fence(void **state)
{
	struct store_fence f = { "coco/instance/t", NULL, "1" };
	struct store_member m = { .n_changes = 1, .changes = { { "coco/a", "x", 1, 0 } } };

	f.expected = "0";
	assert_int_equal(store_commit(s, &f, &m, 1, &why), -ESTALE);
	f.expected = NULL;
	assert_int_equal(ok(store_commit(s, &f, &m, 1, &why)), 0);
	assert_true(m.done);
	assert_true(has("coco/instance/t", "1"));
	/* The same batch once more, as if it had been on its way for long. */
	m.changes[0].data = "y";
	assert_int_equal(store_commit(s, &f, &m, 1, &why), -ESTALE);
	assert_false(m.done);
	assert_true(has("coco/a", "x"));
	f.expected = "1";
	f.next = "2";
	/* A member that is not done does not hold the fence back. */
	m.n_compares = 1;
	m.compares[0] = (struct store_compare){ "coco/a", 0 };
	assert_int_equal(ok(store_commit(s, &f, &m, 1, &why)), 0);
	assert_false(m.done);
	assert_true(has("coco/instance/t", "2") && has("coco/a", "x"));
	f.expected = "2 ";
	f.next = "3";
	assert_int_equal(store_commit(s, &f, &m, 1, &why), -ESTALE);
}

/* Batches of another form are refused before the engine sees them, and change nothing. */
static void test_form(void **state)
{
	static const char big[STORE_VALUE_MAX + 1];
	char longest[STORE_KEY_MAX + 2];
	const char *bad[] = { "", "a b", "a\n", "\xc3\xa4", "\x7f", longest, NULL };
	struct store_member m[2] = {
		{ .n_changes = 1, .changes = { { "coco/a", "x", 1, 0 } } },
		{ .n_changes = 1, .changes = { { "coco/b", "x", 1, 0 } } },
	};
	struct store_fence f = { "coco/a", NULL, "1" };
	struct store_member good[2];
	struct store_value v;

	memcpy(good, m, sizeof(m));
	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		m[1].changes[0].key = bad[i];
		assert_int_equal(commit(m, 2), -EINVAL);
		assert_int_equal(store_get(s, bad[i], &v, &why), -EINVAL);
	}
	memcpy(m, good, sizeof(m));
	m[1].changes[0].key = "coco/a";			/* changed by both */
	assert_int_equal(commit(m, 2), -EINVAL);
	memcpy(m, good, sizeof(m));
	m[1].n_reads = 1;
	m[1].reads[0] = "coco/a";			/* changed by one, read by the other */
	assert_int_equal(commit(m, 2), -EINVAL);
	memcpy(m, good, sizeof(m));
	m[1].n_compares = 1;
	m[1].compares[0] = (struct store_compare){ "coco/a", 0 };
	assert_int_equal(commit(m, 2), -EINVAL);
	memcpy(m, good, sizeof(m));
	m[0].n_changes = 2;
	m[0].changes[1] = m[0].changes[0];		/* twice in one member */
	assert_int_equal(commit(m, 2), -EINVAL);
	memcpy(m, good, sizeof(m));
	m[0].changes[0] = (struct store_change){ "coco/a", big, sizeof(big), 0 };
	assert_int_equal(commit(m, 2), -EINVAL);
	m[0].changes[0] = (struct store_change){ "coco/a", NULL, 0, 5 };
	assert_int_equal(commit(m, 2), -EINVAL);
	m[0].changes[0] = (struct store_change){ "coco/a", NULL, 5, 0 };
	assert_int_equal(commit(m, 2), -EINVAL);
	memcpy(m, good, sizeof(m));
	m[0].n_changes = STORE_PARTS_MAX + 1;
	assert_int_equal(commit(m, 2), -EINVAL);
	memcpy(m, good, sizeof(m));
	assert_int_equal(store_commit(s, &f, m, 2, &why), -EINVAL);
	assert_int_equal(commit(m, 0), -EINVAL);
	/* Five values of a quarter MiB. */
	m[0].n_changes = 5;
	for (unsigned i = 0; i < 5; i++)
		m[0].changes[i] = (struct store_change){ &"c/a\0c/c\0c/d\0c/e\0c/f"[4 * i], big,
							 STORE_VALUE_MAX, 0 };
	assert_int_equal(commit(m, 2), -EINVAL);
	assert_true(has("coco/a", NULL) && has("coco/b", NULL) && has("c/a", NULL));
	assert_int_equal(store_walk(s, "a b", NULL, 0, see_key, NULL, &why), -EINVAL);
	assert_int_equal(store_walk(s, "", "", 0, see_key, NULL, &why), -EINVAL);
}

/* ---- lives ---- */

static void test_life(void **state)
{
	struct store_member m = {
		.n_changes = 2,
		.changes = { { "coco/life", "x", 1, 2 }, { "coco/stays", "x", 1, 0 } },
		.n_reads = 1,
		.reads = { "coco/life" },
	};
	struct store_value v = { 0 };
	uint64_t revision;

	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_true(m.read[0].has_life);
	revision = m.read[0].revision;
	member_done(&m);
	/* An engine has a minute; a test that waits for ever is ended from outside. */
	do {
		store_value_done(&v);
		(void) usleep(100000);
		assert_int_equal(ok(store_get(s, "coco/life", &v, &why)), 0);
	} while (v.data);
	assert_true(has("coco/stays", "x"));
	/* It is absent to a compare too. */
	m.n_compares = 1;
	m.compares[0] = (struct store_compare){ "coco/life", revision };
	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_false(m.done);
	member_done(&m);
	m.compares[0].revision = 0;
	m.changes[0].ttl_sec = 0;
	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_true(m.done);
	/* What had a life and was written again without one stays. */
	assert_false(m.read[0].has_life);
	member_done(&m);
}

/* A value that is put again has the life of the last put. */
static void test_life_renewed(void **state)
{
	struct store_member m = { .n_changes = 1, .changes = { { "coco/life", "x", 1, 1 } } };

	assert_int_equal(ok(commit(&m, 1)), 0);
	m.changes[0].ttl_sec = 300;
	assert_int_equal(ok(commit(&m, 1)), 0);
	(void) sleep(3);
	assert_true(has("coco/life", "x"));
}

/* ---- walking ---- */

static void test_walk(void **state)
{
	static const char *const keys[] = { "coco/a", "coco/a/1", "coco/a/2", "coco/a/20",
					    "coco/a/~", "coco/a0", "coco/b" };
	struct keys *k = test_calloc(1, sizeof(*k));

	for (size_t i = ARRAY_SIZE(keys); i-- > 0;)
		(void) put(keys[i], keys[i]);
	assert_int_equal(ok(store_walk(s, "", NULL, 0, see_key, k, &why)), 0);
	assert_int_equal(k->n, ARRAY_SIZE(keys));
	for (size_t i = 0; i < k->n; i++)
		assert_string_equal(k->list[i], keys[i]);

	k->n = 0;
	assert_int_equal(ok(store_walk(s, "coco/a/", NULL, 0, see_key, k, &why)), 0);
	assert_int_equal(k->n, 4);
	k->n = 0;
	assert_int_equal(ok(store_walk(s, "coco/a/", "coco/a/2", 0, see_key, k, &why)), 0);
	assert_int_equal(k->n, 2);
	assert_string_equal(k->list[0], "coco/a/20");
	k->n = 0;
	/* Between two keys, before all of them, and behind all of them. */
	assert_int_equal(ok(store_walk(s, "coco/a/", "coco/a/15", 1, see_key, k, &why)), 0);
	assert_int_equal(k->n, 1);
	assert_string_equal(k->list[0], "coco/a/2");
	k->n = 0;
	assert_int_equal(ok(store_walk(s, "coco/a/", "a", 0, see_key, k, &why)), 0);
	assert_int_equal(k->n, 4);
	k->n = 0;
	assert_int_equal(ok(store_walk(s, "coco/a/", "coco/a0", 0, see_key, k, &why)), 0);
	assert_int_equal(k->n, 0);
	assert_int_equal(ok(store_walk(s, "nothing", NULL, 0, see_key, k, &why)), 0);
	assert_int_equal(k->n, 0);
	k->stop_after = 3;
	assert_int_equal(store_walk(s, "coco/", NULL, 0, see_key, k, &why), 7);
	assert_int_equal(k->n, 3);
	test_free(k);
}

static void count_is(const char *prefix, uint64_t expected)
{
	uint64_t n = 99;

	assert_int_equal(ok(store_count(s, prefix, &n, &why)), 0);
	assert_int_equal(n, expected);
}

static void test_count(void **state)
{
	static const char *const keys[] = { "coco/a", "coco/a/1", "coco/a/2", "coco/a/~",
					    "coco/a0", "coco/b" };
	uint64_t n = 99;

	count_is("", 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		(void) put(keys[i], keys[i]);
	count_is("", ARRAY_SIZE(keys));
	count_is("coco/a", 5);
	count_is("coco/a/", 3);
	count_is("coco/a/1", 1);
	count_is("coco/c", 0);
	count_is("nothing", 0);
	assert_int_equal(store_count(s, "a b", &n, &why), -EINVAL);
	assert_int_equal(n, 99);
}

/* More than a page of any engine, with all in its order. */
static int see_number(void *userdata, const char *key, const struct store_value *v)
{
	unsigned *next = userdata;
	char expected[32];

	snprintf(expected, sizeof(expected), "coco/n/%06u", (*next)++);
	assert_string_equal(key, expected);
	assert_int_equal(v->len, 1000);
	/* Who walks may read. */
	if (*next % 500 == 0)
		assert_true(has("coco/n/none", NULL));
	return 0;
}

static void test_long_walk(void **state)
{
	static struct store_member m[STORE_MEMBERS_MAX];
	static char keys[STORE_MEMBERS_MAX][32];
	static uint8_t data[1000];
	unsigned seen = 0;

	for (unsigned i = 0; i < 48 * 48; i++) {
		unsigned at = i % 48;

		snprintf(keys[at], sizeof(keys[at]), "coco/n/%06u", i);
		m[at] = (struct store_member){ .n_changes = 1,
					       .changes = { { keys[at], data, 1000, 0 } } };
		if (at == 47)
			assert_int_equal(ok(commit(m, 48)), 0);
	}
	count_is("coco/n/", 48 * 48);
	assert_int_equal(ok(store_walk(s, "coco/n/", NULL, 0, see_number, &seen, &why)), 0);
	assert_int_equal(seen, 48 * 48);
	empty();
}

/* A walk without a limit is of one moment: what is put meanwhile is not in it. */
static int put_while_walking(void *userdata, const char *key, const struct store_value *v)
{
	unsigned *n = userdata;

	assert_null(strstr(key, "late"));
	if (++*n == 1)
		(void) put("coco/w/late", "x");
	return 0;
}

static void test_moment(void **state)
{
	unsigned n = 0;
	char key[32];

	for (unsigned i = 0; i < 5; i++) {
		snprintf(key, sizeof(key), "coco/w/%u", i);
		(void) put(key, "x");
	}
	assert_int_equal(ok(store_walk(s, "coco/w/", NULL, 0, put_while_walking, &n, &why)), 0);
	assert_int_equal(n, 5);
	assert_true(has("coco/w/late", "x"));
}

/* ---- the store ---- */

static void test_look(void **state)
{
	struct store_state before, after;
	uint64_t revision;

	assert_int_equal(ok(store_look(s, &before, &why)), 0);
	revision = put("coco/a", "x");
	assert_true(revision > before.revision);
	assert_int_equal(ok(store_look(s, &after, &why)), 0);
	assert_true(after.revision >= revision);
	assert_memory_equal(before.id, after.id, STORE_ID_LEN);
	/* It is the same after it was opened anew, and knows how far it was. */
	(void) close_store(NULL);
	assert_int_equal(ok(store_open(the_address, the_options, &s, &why)), 0);
	assert_int_equal(ok(store_look(s, &before, &why)), 0);
	assert_true(before.revision >= revision);
	assert_memory_equal(before.id, after.id, STORE_ID_LEN);
	assert_true(has("coco/a", "x"));
}

/* What one instance commits the next read of another one sees. */
static void test_two_stores(void **state)
{
	struct store *first = s, *second;
	uint64_t revision;
	struct store_member m = { .n_changes = 1, .changes = { { "coco/a", "y", 1, 0 } } };

	if (at_once < 2) {
		assert_int_equal(store_open(the_address, the_options, &second, &why), -EBUSY);
		return;
	}
	assert_int_equal(ok(store_open(the_address, the_options, &second, &why)), 0);
	revision = put("coco/a", "x");
	s = second;
	assert_true(has("coco/a", "x"));
	m.n_compares = 1;
	m.compares[0] = (struct store_compare){ "coco/a", revision };
	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_true(m.done);
	s = first;
	assert_true(has("coco/a", "y"));
	assert_int_equal(ok(commit(&m, 1)), 0);
	assert_false(m.done);
	(void) store_close(second);
}

/* ---- threads ---- */

#define THREADS 8
#define ROUNDS 20

/* Each adds to one counter by compare and change: none of the additions is lost. */
static void *count_up(void *userdata)
{
	for (unsigned i = 0; i < ROUNDS;) {
		struct store_value v = { 0 };
		struct store_member m;
		struct cause mine;
		char text[32];
		unsigned n = 0;

		if (store_get(s, "coco/counter", &v, &mine) < 0)
			return (void *)"a read failed";
		if (v.data && sscanf((const char *)v.data, "%6u.", &n) != 1)
			return (void *)"the counter is none";
		snprintf(text, sizeof(text), "%06u.", n + 1);
		m = (struct store_member){
			.n_compares = 1, .compares = { { "coco/counter", v.revision } },
			.n_changes = 1, .changes = { { "coco/counter", text, strlen(text), 0 } },
		};
		store_value_done(&v);
		if (store_commit(s, NULL, &m, 1, &mine) < 0)
			return (void *)"a commit failed";
		i += m.done;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	char expected[32];
	void *said;

	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &said), 0);
		assert_null(said);
	}
	snprintf(expected, sizeof(expected), "%06u.", THREADS * ROUNDS);
	assert_true(has("coco/counter", expected));
}

/* ---- any batches beside a model ---- */

#define MODEL_KEYS 12

struct model {
	uint64_t revision;	/* 0: absent */
	char text[16];
};

static uint32_t random_state;

static unsigned pick(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

struct random_batch {
	unsigned n;
	struct store_member m[4];
	char texts[4][3][16];
};

static char model_keys[MODEL_KEYS][16];

/* Members share the keys out among them, as the contract wants it. */
static void make_batch(struct random_batch *b, const struct model *model)
{
	memset(b, 0, sizeof(*b));
	b->n = 1 + pick(4);
	for (unsigned key = 0; key < MODEL_KEYS; key++) {
		unsigned at = pick(b->n);
		struct store_member *m = &b->m[at];

		if (pick(3) == 0 && m->n_compares < 3)
			m->compares[m->n_compares++] = (struct store_compare){
				model_keys[key], pick(4) ? model[key].revision : pick(40)
			};
		if (pick(2) == 0 && m->n_changes < 3) {
			char *text = b->texts[at][m->n_changes];
			bool deletes = pick(4) == 0;

			snprintf(text, 16, "%u", pick(1000000));
			m->changes[m->n_changes++] = (struct store_change){
				model_keys[key], deletes ? NULL : text,
				deletes ? 0 : strlen(text), pick(5) || deletes ? 0 : 3600
			};
		}
		if (pick(2) == 0 && m->n_reads < 3)
			m->reads[m->n_reads++] = model_keys[key];
	}
}

static struct model *model_of(struct model *model, const char *key)
{
	for (unsigned i = 0; i < MODEL_KEYS; i++)
		if (streq(model_keys[i], key))
			return &model[i];
	fail_msg("no such key");
	return NULL;
}

static void check_model(const struct model *m, const struct store_value *v)
{
	assert_int_equal(v->revision, m->revision);
	assert_int_equal(v->data != NULL, m->revision != 0);
	if (v->data) {
		assert_int_equal(v->len, strlen(m->text));
		assert_memory_equal(v->data, m->text, v->len);
	}
}

/* Whether the compares hold, by the model before the batch. */
static bool holds(struct model *model, const struct store_member *m)
{
	for (unsigned i = 0; i < m->n_compares; i++)
		if (model_of(model, m->compares[i].key)->revision != m->compares[i].revision)
			return false;
	return true;
}

static uint64_t apply(struct model *model, const struct store_member *m, uint64_t highest)
{
	uint64_t now = 0;

	for (unsigned i = 0; i < m->n_changes; i++) {
		const struct store_change *c = &m->changes[i];
		struct model *to = model_of(model, c->key);
		struct store_value v;

		to->revision = 0;
		if (!c->data)
			continue;
		assert_int_equal(ok(store_get(s, c->key, &v, &why)), 0);
		/* Which number is the engine's affair, but it is a new one. */
		assert_true(v.revision > highest);
		to->revision = v.revision;
		now = MAX(now, v.revision);
		memcpy(to->text, c->data, c->len);
		to->text[c->len] = '\0';
		assert_int_equal(v.has_life, c->ttl_sec > 0);
		store_value_done(&v);
	}
	return now;
}

static void test_model(void **state)
{
	struct model model[MODEL_KEYS] = { 0 };
	struct store_state st;
	struct random_batch b;
	unsigned n_done = 0, n_not = 0;
	uint64_t highest, top;

	random_state = 20260217;
	for (unsigned i = 0; i < MODEL_KEYS; i++)
		snprintf(model_keys[i], sizeof(model_keys[i]), "coco/r/%x", i * 37);
	assert_int_equal(ok(store_look(s, &st, &why)), 0);
	top = highest = st.revision;
	for (unsigned round = 0; round < 300; round++) {
		bool expected[4];

		make_batch(&b, model);
		assert_int_equal(ok(commit(b.m, b.n)), 0);
		for (unsigned i = 0; i < b.n; i++)
			expected[i] = holds(model, &b.m[i]);
		for (unsigned i = 0; i < b.n; i++) {
			assert_int_equal(b.m[i].done, expected[i]);
			if (expected[i])
				top = MAX(top, apply(model, &b.m[i], highest));
			n_done += expected[i];
			n_not += !expected[i];
		}
		highest = top;
		for (unsigned i = 0; i < b.n; i++) {
			for (unsigned k = 0; k < b.m[i].n_reads; k++)
				check_model(model_of(model, b.m[i].reads[k]), &b.m[i].read[k]);
			member_done(&b.m[i]);
		}
	}
	/* The batches were of both kinds. */
	assert_true(n_done > 100 && n_not > 100);
}

/* ---- copies ---- */

static int copy_of_store(void)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ok(store_dump(s, fd, &why)), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_copy(void **state)
{
	struct store_member life = { .n_changes = 1, .changes = { { "coco/life", "x", 1, 600 } } };
	_cleanup_(closep) int fd = -EBADF, second = -EBADF;
	_cleanup_(freep) char *one = NULL, *two = NULL;
	char key[64];

	for (unsigned i = 0; i < 150; i++) {
		snprintf(key, sizeof(key), "coco/\"%u\\", i);
		(void) put(key, i == 3 ? "" : key);
	}
	assert_int_equal(ok(commit(&life, 1)), 0);
	fd = copy_of_store();
	assert_int_equal(store_load(s, fd, &why), -EEXIST);
	empty();
	assert_int_equal(ok(store_load(s, fd, &why)), 0);
	assert_true(has("coco/life", NULL) && has("coco/\"3\\", "") &&
		    has("coco/\"149\\", "coco/\"149\\") && has(STORE_LOADING, NULL));
	second = copy_of_store();
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_file_fd(fd, 1 << 20, &one, NULL), 0);
	assert_int_equal(read_file_fd(second, 1 << 20, &two, NULL), 0);
	assert_string_equal(one, two);
}

static int load_text(const char *text, size_t len)
{
	_cleanup_(closep) int fd = memfd_create("copy", MFD_CLOEXEC);

	assert_int_equal(write_full(fd, text, len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return store_load(s, fd, &why);
}

/* A copy that is cut, changed or doubled leaves an empty store, wherever the damage is. */
static void test_bad_copy(void **state)
{
	_cleanup_(freep) char *text = NULL, *bad = NULL;
	_cleanup_(closep) int fd = -EBADF;
	size_t len;
	char *p;

	for (unsigned i = 0; i < 3; i++)
		(void) put(&"coco/a\0coco/b\0coco/c"[7 * i], "some text");
	fd = copy_of_store();
	assert_int_equal(read_file_fd(fd, 1 << 20, &text, &len), 0);
	empty();
	bad = malloc(2 * len);
	assert_non_null(bad);
	for (size_t i = 0; i < len; i += 1 + i % 5) {
		assert_int_equal(load_text(text, i), -EBADMSG);
		memcpy(bad, text, len);
		bad[i] ^= 1;
		assert_int_equal(load_text(bad, len), -EBADMSG);
		assert_true(has("coco/a", NULL) && has("coco/b", NULL) && has("coco/c", NULL));
		assert_true(has(STORE_LOADING, NULL));
	}
	/* Behind the end; the beginning twice; a line left out. */
	memcpy(bad, text, len);
	memcpy(bad + len, text, len);
	assert_int_equal(load_text(bad, 2 * len), -EBADMSG);
	p = strchr(text, '\n') + 1;
	memcpy(bad + (p - text), text, len);
	assert_int_equal(load_text(bad, (size_t)(p - text) + len), -EBADMSG);
	memcpy(bad + (p - text), strchr(p, '\n') + 1, strlen(strchr(p, '\n') + 1));
	assert_int_equal(load_text(bad, len - (size_t)(strchr(p, '\n') + 1 - p)), -EBADMSG);
	assert_true(has("coco/a", NULL));
	assert_int_equal(ok(load_text(text, len)), 0);
	assert_true(has("coco/c", "some text"));
}

/* Who was killed while it loaded begins anew. */
static void test_load_again(void **state)
{
	_cleanup_(closep) int fd = -EBADF;

	(void) put("coco/good", "x");
	fd = copy_of_store();
	empty();
	(void) put(STORE_LOADING, "1");
	(void) put("coco/half", "x");
	assert_int_equal(ok(store_load(s, fd, &why)), 0);
	assert_true(has("coco/half", NULL) && has("coco/good", "x") && has(STORE_LOADING, NULL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int store_engine_run(const char *name, const char *address, const struct store_options *options,
		     unsigned again)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values),	 TEST(test_bytes),   TEST(test_compare),
		TEST(test_delete_if),	 TEST(test_largest), TEST(test_fence),
		TEST(test_form),	 TEST(test_life),    TEST(test_life_renewed),
		TEST(test_walk),	 TEST(test_count),
		TEST(test_long_walk),	 TEST(test_moment),
		TEST(test_look),	 TEST(test_two_stores), TEST(test_threads),
		TEST(test_model),	 TEST(test_copy),    TEST(test_bad_copy),
		TEST(test_load_again),
	};

	the_address = address;
	the_options = options;
	at_once = again;
	return _cmocka_run_group_tests(name, tests, ARRAY_SIZE(tests), NULL, NULL);
}
