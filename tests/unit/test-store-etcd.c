/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the engine makes of answers that are wrong, late or a lie; tests/double/etcd-nodes.c gives
 * them.  What it does with a real etcd: tests/run/etcd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "broker/store/store.h"
#include "tests/double/etcd-nodes.h"

#include <cmocka.h>

#define H(revision) "\"header\":{\"cluster_id\":\"7\",\"revision\":\"" revision "\"}"
/* p/a and p/b, with the value "1"; p/f, the fence, with "1" and "2" */
#define KV_A(revision) "{\"key\":\"cC9h\",\"mod_revision\":\"" revision "\",\"value\":\"MQ==\"}"
#define KV_B(revision) "{\"key\":\"cC9i\",\"mod_revision\":\"" revision "\",\"value\":\"MQ==\"}"
#define KV_F1 "{\"key\":\"cC9m\",\"mod_revision\":\"3\",\"value\":\"MQ==\"}"
#define KV_F2 "{\"key\":\"cC9m\",\"mod_revision\":\"3\",\"value\":\"Mg==\"}"
#define PUT "{\"response_put\":{}}"
#define READ_A "{\"response_range\":{\"header\":{},\"kvs\":[" KV_A("5") "],\"count\":\"1\"}}"
#define DONE \
	"{\"response_txn\":{\"header\":{},\"succeeded\":true,\"responses\":[" PUT "," READ_A "]}}"
#define NOT_DONE "{\"response_txn\":{\"header\":{},\"responses\":[" READ_A "]}}"
#define COMMIT(responses) "{" H("5") ",\"succeeded\":true,\"responses\":[" responses "]}"
#define FENCE(kv)                                                                    \
	"{" H("5") ",\"responses\":[{\"response_range\":{\"header\":{},\"kvs\":[" kv \
		   "],\"count\":\"1\"}}]}"
#define FULL                                                                                   \
	{                                                                                      \
		.status = 429,                                                                 \
		.text = "{\"error\":\"etcdserver: mvcc: database space exceeded\",\"code\":8}" \
	}

static struct store *s;
static struct cause why;

static int open_store(void **state)
{
	static const struct store_options options = { .prefix = "p/" };

	return store_open("etcd:https://a:1,https://b:2", &options, &s, &why);
}

static int close_store(void **state)
{
	s = store_close(s);
	etcd_nodes_reset(NULL, 0);
	return 0;
}

static struct etcd_reply replies[8];

/* The answers to come; NULL: the request is lost. */
static void say(const char *first, const char *second)
{
	const char *texts[] = { first, second };

	for (unsigned i = 0; i < 2; i++)
		replies[i] = (struct etcd_reply){ .error = texts[i] ? 0 : -EAGAIN,
						  .is_lost = !texts[i],
						  .text = texts[i] };
	etcd_nodes_reset(replies, 2);
}

static int get(const char *answer)
{
	struct store_value v = { 0 };
	int r;

	say(answer, answer);
	r = store_get(s, "a", &v, &why);
	if (r < 0)
		assert_null(v.data);
	store_value_done(&v);
	return r;
}

static void test_get(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[" KV_A("3") "]",
		"{" H("5") ",\"kvs\":[" KV_B("3") "],\"count\":\"1\"}", /* another key */
		"{" H("5") ",\"kvs\":[" KV_A("6") "],\"count\":\"1\"}", /* of the future */
		"{" H("5") ",\"kvs\":[" KV_A("3") "],\"count\":\"2\"}",
		"{" H("5") ",\"kvs\":[" KV_A("3") "," KV_B("3") "],\"count\":\"2\"}",
		"{" H("5") ",\"count\":\"1\"}",
		"{" H("9223372036854775808") "}",
		"{\"header\":{\"revision\":\"5\"}}",
		"{\"header\":{\"cluster_id\":\"7\"}}",
		"{" H("5") ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"3\"}],\"count\":\"1\"}",
	};

	assert_int_equal(get("{" H("5") ",\"kvs\":[" KV_A("3") "],\"count\":\"1\"}"), 0);
	assert_int_equal(get("{" H("5") "}"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(get(bad[i]), -EIO);
	assert_int_equal(get(NULL), -EAGAIN);
}

/* A node with an old copy would show claims as free; so would another cluster. */
static void test_back_in_time(void **state)
{
	assert_int_equal(get("{" H("5") "}"), 0);
	assert_int_equal(get("{" H("4") "}"), -EIO);
	assert_non_null(strstr(why.text, "back in time"));
	assert_int_equal(get("{\"header\":{\"cluster_id\":\"8\",\"revision\":\"6\"}}"), -EIO);
	assert_int_equal(get("{" H("5") "}"), 0);
}

static int commit(bool fenced, struct store_member *ret)
{
	const struct store_fence fence = { "f", "1", "2" };
	struct store_member m = {
		.n_compares = 1,
		.n_changes = 1,
		.n_reads = 1,
		.compares = { { "a", 0 } },
		.changes = { { "a", "1", 1, 0 } },
		.reads = { "a" },
	};
	int r = store_commit(s, fenced ? &fence : NULL, &m, 1, &why);

	if (r < 0)
		assert_true(!m.done && !m.read[0].data);
	*ret = m;
	store_value_done(&m.read[0]);
	return r;
}

static void test_commit(void **state)
{
	/* They may have been committed, whatever they look like. */
	static const char *const bad[] = {
		"{}",
		"no",
		"[]",
		COMMIT(DONE), /* and the fence? */
		COMMIT(DONE "," DONE "," PUT),
		COMMIT(PUT "," DONE),
		COMMIT(DONE ",{\"response_range\":{}}"),
		COMMIT("{\"response_txn\":{\"header\":{},\"succeeded\":true}}," PUT),
		COMMIT("{\"response_txn\":{\"header\":{},\"succeeded\":true,\"responses\":[" READ_A
		       "," PUT "]}}," PUT),
		COMMIT("{\"response_txn\":{\"header\":{},\"succeeded\":true,\"responses\":[" READ_A
		       "]}}," PUT),
		COMMIT("{\"response_txn\":{\"header\":{},\"responses\":[" PUT "," READ_A "]}}"
											 "," PUT),
		COMMIT("{\"response_txn\":{\"succeeded\":true,\"responses\":[" PUT "," READ_A
		       "]}}," PUT),
		"{" H("5") "}",
		"{" H("5") ",\"responses\":[" DONE "," PUT "]}",
		"{" H("4") ",\"succeeded\":true,\"responses\":[" DONE "," PUT "]}",
	};
	struct store_member m;

	say(COMMIT(DONE "," PUT), NULL);
	assert_int_equal(commit(true, &m), 0);
	assert_true(m.done);
	say(COMMIT(NOT_DONE "," PUT), NULL);
	assert_int_equal(commit(true, &m), 0);
	assert_false(m.done);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		say(bad[i], COMMIT(DONE "," PUT));
		assert_int_equal(commit(true, &m), -EAGAIN);
		/* Nobody else was asked. */
		assert_int_equal(etcd_nodes_n_asked(), 1);
	}
	say(NULL, COMMIT(DONE "," PUT));
	assert_int_equal(commit(true, &m), -EAGAIN);
	assert_int_equal(etcd_nodes_n_asked(), 1);
}

static void test_fence(void **state)
{
	struct store_member m;

	say(FENCE(KV_F1), NULL);
	assert_int_equal(commit(true, &m), -ESTALE);
	assert_false(etcd_nodes_asked(0)->once);
	say(FENCE(KV_F2), NULL);
	assert_int_equal(commit(true, &m), -ESTALE);
	/* It may have been the first of two that libcurl sent. */
	say(FENCE(KV_F2), NULL);
	replies[0].is_twice = true;
	assert_int_equal(commit(true, &m), -EAGAIN);
	/* The value of another key is none. */
	say(FENCE(KV_A("3")), NULL);
	assert_int_equal(commit(true, &m), -EAGAIN);
	/* Without a fence nothing would tell the second from the first. */
	say(COMMIT(DONE), NULL);
	assert_int_equal(commit(false, &m), 0);
	assert_true(etcd_nodes_asked(0)->once);
	say(FENCE(KV_F1), NULL);
	assert_int_equal(commit(false, &m), -EAGAIN);
}

static void test_full(void **state)
{
	static const struct etcd_reply full = FULL;
	struct store_member m;

	/* etcd says that it is full, and has committed the batch, or has not. */
	say(NULL, "{" H("5") ",\"kvs\":[" KV_F1 "],\"count\":\"1\"}");
	replies[0] = full;
	assert_int_equal(commit(true, &m), -ENOSPC);
	say(NULL, "{" H("5") ",\"kvs\":[" KV_F2 "],\"count\":\"1\"}");
	replies[0] = full;
	assert_int_equal(commit(true, &m), -EAGAIN);
	say(NULL, NULL);
	replies[0] = full;
	assert_int_equal(commit(true, &m), -EAGAIN);
	say(NULL, NULL);
	replies[0] = full;
	assert_int_equal(commit(false, &m), -EAGAIN);
}

static void test_lease(void **state)
{
	static const struct etcd_reply list[] = {
		{ .text = "{\"ID\":\"11\",\"TTL\":\"330\"}" },
		{ .status = 404,
		  .text = "{\"error\":\"etcdserver: requested lease not found\",\"code\":5}" },
		{ .text = "{\"ID\":\"12\",\"TTL\":\"330\"}" },
		{ .text = COMMIT("{\"response_txn\":{\"header\":{},\"succeeded\":true,"
				 "\"responses\":[" PUT "]}}") },
		{ .status = 404,
		  .text = "{\"error\":\"etcdserver: requested lease not found\",\"code\":5}" },
		{ .text = "{\"ID\":\"13\",\"TTL\":\"330\"}" },
		{ .status = 404,
		  .text = "{\"error\":\"etcdserver: requested lease not found\",\"code\":5}" },
	};
	struct store_member m = { .n_changes = 1, .changes = { { "a", "1", 1, 300 } } };

	etcd_nodes_reset(list, ARRAY_SIZE(list));
	assert_int_equal(store_commit(s, NULL, &m, 1, &why), 0);
	assert_true(m.done);
	assert_non_null(strstr(etcd_nodes_asked(1)->body, "\"lease\":\"11\""));
	assert_non_null(strstr(etcd_nodes_asked(3)->body, "\"lease\":\"12\""));
	/* Once and not for ever. */
	assert_int_equal(store_commit(s, NULL, &m, 1, &why), -EIO);
	assert_false(m.done);
	assert_int_equal(etcd_nodes_n_asked(), 7);
}

static unsigned n_seen;

static int see(void *userdata, const char *key, const struct store_value *v)
{
	n_seen++;
	return v->revision == 99 ? *(int *)userdata : 0;
}

static int walk(const char *first, const char *second, unsigned max, int end)
{
	n_seen = 0;
	say(first, second);
	return store_walk(s, "", NULL, max, see, &end, &why);
}

static void test_walk(void **state)
{
#define PAGE(revision, kvs, more) "{" H(revision) ",\"kvs\":[" kvs "],\"count\":\"3\"" more "}"
#define MORE ",\"more\":true"
	static const char *const bad[] = {
		PAGE("5", KV_B("3") "," KV_A("3"), ""), /* out of order */
		PAGE("5", KV_A("3") "," KV_A("3"), ""),
		PAGE("5", "{\"key\":\"cS9h\",\"mod_revision\":\"3\"}", ""), /* q/a */
		PAGE("5", "{\"key\":\"cC8=\",\"mod_revision\":\"3\"}", ""), /* p/ */
		PAGE("5", KV_A("6"), ""),
		PAGE("5", "", MORE),
		PAGE("5", "7", ""),
	};

	assert_int_equal(walk(PAGE("5", KV_A("3"), MORE), PAGE("6", KV_B("4"), ""), 0, 0), 0);
	assert_int_equal(n_seen, 2);
	/* The second page is as the store was at the first. */
	assert_null(strstr(etcd_nodes_asked(0)->body, "revision"));
	assert_non_null(strstr(etcd_nodes_asked(1)->body, "\"key\":\"cC9hAA==\""));
	assert_non_null(strstr(etcd_nodes_asked(1)->body, "\"revision\":\"5\""));
	assert_int_equal(walk(PAGE("6", KV_A("3"), MORE), PAGE("6", KV_A("3"), ""), 0, 0), -EIO);
	assert_int_equal(walk(PAGE("6", KV_A("3"), MORE), PAGE("7", KV_B("7"), ""), 0, 0), -EIO);
	assert_int_equal(walk(PAGE("8", KV_A("3"), MORE), NULL, 1, 0), 0);
	assert_int_equal(walk(PAGE("8", KV_A("3") "," KV_B("3"), ""), NULL, 1, 0), -EIO);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(walk(bad[i], bad[i], 0, 0), -EIO);
	/* What the caller's function returns is the caller's. */
	for (int r = -EAGAIN; r > -200; r -= 79)
		assert_int_equal(walk(PAGE("99", KV_A("99"), ""), NULL, 0, r), r);
	assert_int_equal(walk(PAGE("99", KV_A("99"), ""), NULL, 0, -EBADMSG), -EBADMSG);
	assert_int_equal(walk(PAGE("99", KV_A("99"), MORE), NULL, 0, -EMSGSIZE), -EMSGSIZE);
}

static void test_look(void **state)
{
	struct store_state one, other;

	say("{" H("5") "}", "{" H("5") ",\"dbSize\":\"36864\",\"dbSizeQuota\":\"99999\"}");
	assert_int_equal(store_look(s, &one, &why), 0);
	assert_int_equal(one.revision, 5);
	assert_int_equal(one.bytes, 36864);
	assert_int_equal(one.max_bytes, 99999);
	/* Who may not ask for the size gets the rest. */
	say("{" H("6") "}", "{\"dbSize\":1}");
	assert_int_equal(store_look(s, &other, &why), 0);
	assert_int_equal(other.bytes, 0);
	assert_memory_equal(one.id, other.id, STORE_ID_LEN);
	/* Another cluster, another prefix. */
	for (unsigned i = 0; i < 2; i++) {
		const struct store_options options = { .prefix = i ? "q/" : "p/" };

		close_store(NULL);
		assert_int_equal(store_open("etcd:https://a:1", &options, &s, &why), 0);
		say(i ? "{" H("5") "}" : "{\"header\":{\"cluster_id\":\"8\",\"revision\":\"5\"}}",
		    "{}");
		assert_int_equal(store_look(s, &other, &why), 0);
		assert_memory_not_equal(one.id, other.id, STORE_ID_LEN);
	}
}

static void test_prefix(void **state)
{
	char longest[STORE_KEY_MAX + 2];
	const char *bad[] = { "a b", "a\n", "\xc3\xa4", longest };
	struct store *other = NULL;

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct store_options options = { .prefix = bad[i] };

		assert_int_equal(store_open("etcd:https://a:1", &options, &other, &why), -EINVAL);
	}
	assert_null(other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_get),	  TEST(test_back_in_time), TEST(test_commit),
		TEST(test_fence), TEST(test_full),	   TEST(test_lease),
		TEST(test_walk),  TEST(test_look),	   TEST(test_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
