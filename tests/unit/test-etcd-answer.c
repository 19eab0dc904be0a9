/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers as etcd 3.4.23 gave them, and what nobody should believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/store/etcd-answer.h"

#include <cmocka.h>

#define HEADER                                                                           \
	"{\"cluster_id\":\"12123682055840965950\",\"member_id\":\"722220962296080207\"," \
	"\"revision\":\"2\",\"raft_term\":\"2\"}"
#define KV                                                                        \
	"{\"key\":\"dGVzdC9h\",\"create_revision\":\"2\",\"mod_revision\":\"2\"," \
	"\"version\":\"1\",\"value\":\"dg==\",\"lease\":\"2832660961886887440\"}"

static struct bytes check(const char *text)
{
	struct bytes answer;

	assert_int_equal(etcd_answer_check(text, strlen(text), &answer), 0);
	return answer;
}

static void test_range(void **state)
{
	struct etcd_range range;
	struct etcd_kv kv;

	assert_int_equal(etcd_range_read(check("{\"header\":" HEADER ",\"kvs\":[" KV "],\"count\":"
										     "\"1\"}"),
					 &range),
			 0);
	assert_true(range.header.cluster == UINT64_C(12123682055840965950));
	assert_int_equal(range.header.revision, 2);
	assert_int_equal(range.count, 1);
	assert_int_equal(range.n, 1);
	assert_false(range.has_more);
	assert_int_equal(etcd_kv_next(&range.kvs, &kv), 1);
	assert_string_equal(kv.key, "test/a");
	assert_int_equal(kv.value.len, 1);
	assert_memory_equal(kv.value.data, "v", 2);
	assert_int_equal(kv.value.revision, 2);
	assert_true(kv.value.has_life);
	store_value_done(&kv.value);
	assert_int_equal(etcd_kv_next(&range.kvs, &kv), 0);

	/* Nothing is there; a header within a transaction has no cluster. */
	assert_int_equal(etcd_range_read(check("{\"header\":" HEADER "}"), &range), 0);
	assert_int_equal(range.n, 0);
	assert_int_equal(etcd_kv_next(&range.kvs, &kv), 0);
	assert_int_equal(etcd_range_read_inner(check("{\"header\":{\"revision\":\"2\"}}"), &range),
			 0);
	assert_int_equal(etcd_range_read(check("{\"header\":{\"revision\":\"2\"}}"), &range),
			 -EBADMSG);
}

static void test_bad_ranges(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"header\":[]}",
		"{\"header\":{\"cluster_id\":1,\"revision\":\"2\"}}",
		"{\"header\":{\"cluster_id\":\"1\",\"revision\":\"0\"}}",
		"{\"header\":{\"cluster_id\":\"1\",\"revision\":\"02\"}}",
		"{\"header\":{\"cluster_id\":\"1\",\"revision\":\"-2\"}}",
		"{\"header\":{\"cluster_id\":\"1\",\"revision\":\"\"}}",
		"{\"header\":{\"cluster_id\":\"1\",\"revision\":\"18446744073709551616\"}}",
		"{\"header\":" HEADER ",\"kvs\":{},\"count\":\"1\"}",
		"{\"header\":" HEADER ",\"kvs\":\"x\",\"count\":\"1\"}",
		"{\"header\":" HEADER ",\"kvs\":[" KV "]}",
		"{\"header\":" HEADER ",\"kvs\":[" KV "," KV "],\"count\":\"1\"}",
		"{\"header\":" HEADER ",\"count\":1}",
		"{\"header\":" HEADER ",\"more\":\"true\"}",
		"{\"header\":" HEADER ",\"more\":null}",
	};
	struct etcd_range range;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(etcd_range_read(check(bad[i]), &range), -EBADMSG);
}

static void test_bad_texts(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"null",
		"[]",
		"\"a\"",
		"{",
		"{}{}",
		"<html>",
		"{\"a\":1,\"a\":2}",
		"{\"h\\u0065ader\":1}",
	};
	struct bytes answer;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(etcd_answer_check(bad[i], strlen(bad[i]), &answer), -EBADMSG);
	assert_int_equal(etcd_answer_check("{}\0{}", 5, &answer), -EBADMSG);
}

static void test_bad_keys(void **state)
{
	static const char *const bad[] = {
		"[1]",
		"[{}]",
		"[{\"key\":\"dGVzdC9h\",\"value\":\"dg==\"}]",
		"[{\"key\":\"dGVzdC9h\",\"mod_revision\":\"0\"}]",
		"[{\"key\":\"dGVzdC9h\",\"mod_revision\":2}]",
		"[{\"key\":\"dGVzdC9\",\"mod_revision\":\"2\"}]",
		"[{\"key\":\"dGVz_C9h\",\"mod_revision\":\"2\"}]",
		"[{\"key\":\"AGEA\",\"mod_revision\":\"2\"}]",
		"[{\"key\":\"dGVzdC9h\",\"value\":\"dg\",\"mod_revision\":\"2\"}]",
		"[{\"key\":\"dGVzdC9h\",\"value\":null,\"mod_revision\":\"2\"}]",
		"[{\"key\":\"dGVzdC9h\",\"value\":\"dg==\",\"mod_revision\":\"2\",\"lease\":true}]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct bytes it;
		struct etcd_kv kv;

		assert_int_equal(jspan_check((struct bytes){ (const uint8_t *)bad[i],
							     strlen(bad[i]) },
					     &it),
				 0);
		assert_int_equal(etcd_kv_next(&it, &kv), -EBADMSG);
	}
}

/* A value of just the largest size, and one byte more; the same for a key. */
static void test_sizes(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		size_t key_len = i == 3 ? ETCD_KEY_MAX + 1 : ETCD_KEY_MAX;
		size_t len = i == 1 ? STORE_VALUE_MAX + 1 : STORE_VALUE_MAX;
		size_t size = (key_len + len) * 2;
		_cleanup_(freep) char *text = malloc(size);
		char *p = text;
		struct bytes it;
		struct etcd_kv kv;

		p += sprintf(p, "[{\"mod_revision\":\"7\",\"key\":\"");
		for (size_t k = 0; k < key_len / 3; k++)
			p = mempcpy(p, "YWFh", 4);
		p += sprintf(p, "%s\",\"value\":\"",
			     key_len % 3 == 1 ? "YQ==" :
			     key_len % 3 == 2 ? "YWE=" :
						"");
		for (size_t k = 0; k < len / 3; k++)
			p = mempcpy(p, "AAAA", 4);
		p += sprintf(p, "%s\"}]", len % 3 == 1 ? "AA==" : len % 3 == 2 ? "AAA=" : "");
		assert_int_equal(jspan_check((struct bytes){ (const uint8_t *)text,
							     (size_t)(p - text) },
					     &it),
				 0);
		if (i == 1 || i == 3) {
			assert_int_equal(etcd_kv_next(&it, &kv), -EBADMSG);
			continue;
		}
		assert_int_equal(etcd_kv_next(&it, &kv), 1);
		assert_int_equal(strlen(kv.key), ETCD_KEY_MAX);
		assert_int_equal(kv.value.len, STORE_VALUE_MAX);
		store_value_done(&kv.value);
	}
}

static void test_txn(void **state)
{
	struct bytes response;
	struct etcd_txn txn, inner;

	assert_int_equal(etcd_txn_read(check("{\"header\":" HEADER ",\"succeeded\":true,"
					     "\"responses\":[{\"response_txn\":{\"header\":{},"
					     "\"succeeded\":true,\"responses\":"
					     "[{\"response_put\":{\"header\":{\"revision\":\"2\"}}}"
					     "]}},"
					     "{\"response_txn\":{\"header\":{}}}]}"),
				       &txn),
			 0);
	assert_true(txn.succeeded);
	assert_int_equal(txn.n, 2);
	assert_int_equal(etcd_response_next(&txn.responses, "response_txn", &response), 0);
	assert_int_equal(etcd_txn_read_inner(response, &inner), 0);
	assert_true(inner.succeeded);
	assert_int_equal(inner.n, 1);
	assert_int_equal(etcd_response_next(&inner.responses, "response_range", &response),
			 -EBADMSG);
	/* What is absent is false. */
	assert_int_equal(etcd_response_next(&txn.responses, "response_txn", &response), 0);
	assert_int_equal(etcd_txn_read_inner(response, &inner), 0);
	assert_false(inner.succeeded);
	assert_int_equal(etcd_response_next(&txn.responses, "response_txn", &response), -EBADMSG);
	assert_int_equal(etcd_response_next(&inner.responses, "response_txn", &response), -EBADMSG);
}

static void test_bad_txns(void **state)
{
	static const char *const bad[] = {
		"{\"succeeded\":true}",
		"{\"header\":" HEADER ",\"succeeded\":\"true\"}",
		"{\"header\":" HEADER ",\"succeeded\":1}",
		"{\"header\":" HEADER ",\"succeeded\":true,\"responses\":{}}",
	};
	static const char *const responses[] = {
		"{\"header\":" HEADER ",\"responses\":[1]}",
		"{\"header\":" HEADER ",\"responses\":[{}]}",
		"{\"header\":" HEADER ",\"responses\":[{\"response_put\":[]}]}",
		"{\"header\":" HEADER ",\"responses\":[{\"response_put\":{},\"response_txn\":{}}]}",
		"{\"header\":" HEADER ",\"responses\":[{\"response_pu\":{}}]}",
	};
	struct bytes response;
	struct etcd_txn txn;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(etcd_txn_read(check(bad[i]), &txn), -EBADMSG);
	for (size_t i = 0; i < ARRAY_SIZE(responses); i++) {
		assert_int_equal(etcd_txn_read(check(responses[i]), &txn), 0);
		assert_int_equal(etcd_response_next(&txn.responses, "response_put", &response),
				 -EBADMSG);
	}
}

static void test_errors(void **state)
{
#define ERROR(text, code) "{\"error\":\"" text "\",\"message\":\"" text "\",\"code\":" code "}"
	static const struct {
		int status;
		const char *text;
		enum etcd_error error;
	} cases[] = {
		{ 429, ERROR("etcdserver: mvcc: database space exceeded", "8"), ETCD_FULL },
		{ 429, ERROR("etcdserver: too many requests", "8"), ETCD_BUSY },
		{ 401, ERROR("etcdserver: invalid auth token", "16"), ETCD_TOKEN },
		{ 400, ERROR("etcdserver: revision of auth store is old", "3"), ETCD_WRONG },
		{ 400, ERROR("auth: revision in header is old", "3"), ETCD_TOKEN },
		{ 403, ERROR("etcdserver: permission denied", "7"), ETCD_REFUSED },
		{ 400, ERROR("etcdserver: user name is empty", "3"), ETCD_REFUSED },
		{ 400, ERROR("etcdserver: authentication failed, invalid user ID or password", "3"),
		  ETCD_REFUSED },
		{ 400,
		  "CommonName of client sending a request against gateway will be ignored "
		  "and not used as expected\n",
		  ETCD_REFUSED },
		{ 400, ERROR("etcdserver: authentication is not enabled", "9"), ETCD_REFUSED },
		{ 404, ERROR("etcdserver: requested lease not found", "5"), ETCD_LEASE },
		{ 400, ERROR("etcdserver: mvcc: required revision has been compacted", "11"),
		  ETCD_COMPACTED },
		{ 400, ERROR("etcdserver: mvcc: required revision is a future revision", "11"),
		  ETCD_STRANGE },
		{ 400, ERROR("etcdserver: request is too large", "3"), ETCD_WRONG },
		{ 400, ERROR("etcdserver: duplicate key given in txn request", "3"), ETCD_WRONG },
		{ 503, ERROR("etcdserver: no leader", "14"), ETCD_BUSY },
		{ 500, ERROR("etcdserver: request timed out", "2"), ETCD_BUSY },
		{ 502, "<html>bad gateway</html>", ETCD_BUSY },
		{ 404, "404 page not found", ETCD_STRANGE },
		{ 404, "{}", ETCD_STRANGE },
		{ 302, "", ETCD_STRANGE },
		{ 204, "", ETCD_STRANGE },
		/* A code of another type says nothing. */
		{ 400, ERROR("etcdserver: mvcc: database space exceeded", "\"8\""), ETCD_STRANGE },
	};
	char message[ETCD_MESSAGE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(etcd_error_read(cases[i].status, cases[i].text,
						 strlen(cases[i].text), message),
				 cases[i].error);
	(void)etcd_error_read(400, "{\"error\":\"a\\u001bb\\nc\"}", 22, message);
	assert_null(strpbrk(message, "\x1b\n"));
}

static void test_others(void **state)
{
	static const char *const tokens[] = {
		"{}",
		"{\"token\":1}",
		"{\"token\":\"\"}",
		"{\"token\":\"a b\"}",
		"{\"token\":\"a\\nX: y\"}",
		"{\"token\":\"\xc3\xa4\"}",
	};
	struct etcd_lease_answer lease;
	struct etcd_status status;
	struct bytes token;

	assert_int_equal(etcd_lease_read(check("{\"header\":{},\"ID\":\"28\",\"TTL\":\"2\"}"),
					 &lease),
			 0);
	assert_int_equal(lease.id, 28);
	assert_int_equal(lease.ttl_sec, 2);
	assert_int_equal(etcd_lease_read(check("{\"ID\":\"0\",\"TTL\":\"2\"}"), &lease), -EBADMSG);
	assert_int_equal(etcd_lease_read(check("{\"ID\":\"9223372036854775808\",\"TTL\":\"2\"}"),
					 &lease),
			 -EBADMSG);
	assert_int_equal(etcd_lease_read(check("{\"ID\":\"28\"}"), &lease), -EBADMSG);

	assert_int_equal(etcd_status_read(check("{\"header\":" HEADER ",\"dbSize\":\"36864\"}"),
					  &status),
			 0);
	assert_int_equal(status.bytes, 36864);
	assert_int_equal(status.max_bytes, 0);
	assert_int_equal(etcd_status_read(check("{\"dbSize\":\"36864\"}"), &status), -EBADMSG);

	assert_int_equal(etcd_token_read(check("{\"header\":{},\"token\":\"aBc.12\"}"), &token), 0);
	assert_int_equal(token.len, 6);
	assert_memory_equal(token.p, "aBc.12", 6);
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		assert_int_equal(etcd_token_read(check(tokens[i]), &token), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),	  cmocka_unit_test(test_bad_ranges),
		cmocka_unit_test(test_bad_texts), cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_sizes),	  cmocka_unit_test(test_txn),
		cmocka_unit_test(test_bad_txns),  cmocka_unit_test(test_errors),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
