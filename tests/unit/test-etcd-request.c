/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/store/etcd-request.h"

#include <cmocka.h>

static void test_range(void **state)
{
	static const struct etcd_range_request one = { .key = "test/a" };
	static const struct etcd_range_request all = {
		.key = "test/a",
		.end = "test0",
		.after = true,
		.limit = 500,
		.revision = 17,
		.count_only = true,
	};
	struct pieces text = { NULL };

	assert_int_equal(etcd_request_range(&one, &text), 0);
	assert_string_equal(text.data, "{\"key\":\"dGVzdC9h\"}");
	pieces_done(&text);
	assert_int_equal(etcd_request_range(&all, &text), 0);
	assert_string_equal(text.data, "{\"key\":\"dGVzdC9hAA==\",\"range_end\":\"dGVzdDA=\","
				       "\"limit\":\"500\","
				       "\"revision\":\"17\",\"count_only\":true}");
	pieces_done(&text);
}

static void test_commit(void **state)
{
	const struct store_fence fence = { "f", "1", "2" }, first = { "f", NULL, "1" };
	const struct store_member members[] = {
		{ .n_compares = 1,
		  .n_changes = 2,
		  .n_reads = 1,
		  .compares = { { "a", 5 } },
		  .changes = { { "a", "x", 1, 60 }, { "b", NULL, 0, 0 } },
		  .reads = { "c" } },
		{ .n_changes = 1, .changes = { { "d", "", 0, 0 } } },
	};
	static const uint64_t leases[2 * STORE_PARTS_MAX] = { 77 }, none[STORE_PARTS_MAX];
	struct pieces text = { NULL };

	assert_int_equal(etcd_request_commit("p/", &fence, members, 2, leases, &text), 0);
	assert_string_equal(text.data,
			    "{\"compare\":[{\"target\":\"VALUE\",\"result\":\"EQUAL\",\"key\":"
			    "\"cC9m\",\"value\":\"MQ==\"}],"
			    "\"success\":["
			    "{\"requestTxn\":{\"compare\":[{\"target\":\"MOD\",\"result\":"
			    "\"EQUAL\",\"key\":\"cC9h\",\"modRevision\":\"5\"}],"
			    "\"success\":[{\"requestPut\":{\"key\":\"cC9h\",\"value\":\"eA==\","
			    "\"lease\":\"77\"}},"
			    "{\"requestDeleteRange\":{\"key\":\"cC9i\"}},{\"requestRange\":{"
			    "\"key\":\"cC9j\"}}],"
			    "\"failure\":[{\"requestRange\":{\"key\":\"cC9j\"}}]}},"
			    "{\"requestTxn\":{\"compare\":[],\"success\":[{\"requestPut\":{\"key\":"
			    "\"cC9k\",\"value\":\"\"}}],\"failure\":[]}},"
			    "{\"requestPut\":{\"key\":\"cC9m\",\"value\":\"Mg==\"}}],"
			    "\"failure\":[{\"requestRange\":{\"key\":\"cC9m\"}}]}");
	pieces_done(&text);

	assert_int_equal(etcd_request_commit("", &first, members + 1, 1, none, &text), 0);
	assert_non_null(strstr(text.data, "\"compare\":[{\"target\":\"MOD\",\"result\":\"EQUAL\","
					  "\"key\":\"Zg==\",\"modRevision\":\"0\"}]"));
	pieces_done(&text);
	assert_int_equal(etcd_request_commit("", NULL, members + 1, 1, none, &text), 0);
	assert_string_equal(text.data, "{\"compare\":[],\"success\":[{\"requestTxn\":{\"compare\":["
				       "],\"success\":"
				       "[{\"requestPut\":{\"key\":\"ZA==\",\"value\":\"\"}}],"
				       "\"failure\":[]}}],\"failure\":[]}");
	pieces_done(&text);
}

/* All that store_commit() lets through by its bytes goes, unless keys alone make it too large. */
static void test_large(void **state)
{
	static char data[STORE_BYTES_MAX / STORE_MEMBERS_MAX - 16];
	static char keys[STORE_MEMBERS_MAX][STORE_KEY_MAX + 1];
	static struct store_member members[STORE_MEMBERS_MAX];
	static uint64_t leases[STORE_MEMBERS_MAX * STORE_PARTS_MAX];
	struct pieces text = { NULL };

	for (unsigned i = 0; i < STORE_MEMBERS_MAX; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "coco/%u", i);
		members[i] = (struct store_member){
			.n_compares = 1,
			.n_changes = 1,
			.n_reads = 1,
			.compares = { { keys[i], 1 } },
			.changes = { { keys[i], data, sizeof(data), 0 } },
			.reads = { keys[i] },
		};
	}
	assert_int_equal(etcd_request_commit("", NULL, members, STORE_MEMBERS_MAX, leases, &text),
			 0);
	pieces_done(&text);

	for (unsigned i = 0; i < STORE_MEMBERS_MAX; i++) {
		memset(keys[i], 'a', STORE_KEY_MAX);
		members[i].n_reads = members[i].n_compares = STORE_PARTS_MAX;
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++) {
			members[i].reads[k] = keys[i];
			members[i].compares[k] = (struct store_compare){ keys[i], 1 };
		}
	}
	assert_int_equal(etcd_request_commit("", NULL, members, STORE_MEMBERS_MAX, leases, &text),
			 -EINVAL);
	pieces_done(&text);
}

static int login(const char *user, const char *password, char ret[static 256])
{
	_cleanup_(secret_freep) struct secret *s = NULL, *text = NULL;
	int r;

	assert_int_equal(secret_new(strlen(password), &s), 0);
	memcpy(secret_bytes(s), password, strlen(password));
	r = etcd_request_login(user, s, &text);
	if (r == 0)
		(void)snprintf(ret, 256, "%.*s", (int)secret_len(text),
			       (const char *)secret_data(text));
	return r;
}

static void test_login(void **state)
{
	char text[256];

	assert_int_equal(login("broker", "a b", text), 0);
	assert_string_equal(text, "{\"name\":\"broker\",\"password\":\"a b\"}");
	assert_int_equal(login("b\"r", "\",\"name\":\"root\\", text), 0);
	assert_string_equal(text, "{\"name\":\"b\\\"r\",\"password\":\"\\\",\\\"name\\\":"
				  "\\\"root\\\\\"}");
	assert_int_equal(login("", "a", text), -EINVAL);
	assert_int_equal(login("a", "", text), -EINVAL);
	assert_int_equal(login("a", "a\nb", text), -EINVAL);
	assert_int_equal(login("a\x7f", "a", text), -EINVAL);
}

static void test_lease(void **state)
{
	struct pieces text = { NULL };

	assert_int_equal(etcd_request_lease(330, &text), 0);
	assert_string_equal(text.data, "{\"TTL\":\"330\"}");
	pieces_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range), cmocka_unit_test(test_commit),
		cmocka_unit_test(test_large), cmocka_unit_test(test_login),
		cmocka_unit_test(test_lease),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
