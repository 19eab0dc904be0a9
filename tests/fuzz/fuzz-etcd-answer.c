/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever whoever plays etcd answers, all readers of answers take it or refuse it: what they
 * return is within the limits, and nothing is read behind its end.
 */
#include <assert.h>

#include "broker/store/etcd-answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_range(const struct etcd_range *range)
{
	struct bytes it = range->kvs;
	struct etcd_kv kv;
	unsigned n = 0;
	int r;

	assert(range->n <= range->count);
	while ((r = etcd_kv_next(&it, &kv)) > 0) {
		assert(strlen(kv.key) <= ETCD_KEY_MAX && kv.value.data);
		assert(kv.value.len <= STORE_VALUE_MAX && kv.value.revision > 0);
		store_value_done(&kv.value);
		n++;
	}
	assert(r == 0 ? n == range->n : (r == -EBADMSG || r == -ENOMEM) && n < range->n);
}

static void check_txn(const struct etcd_txn *txn, unsigned depth)
{
	static const char *const names[] = { "response_put", "response_range",
					     "response_delete_range", "response_txn" };
	struct etcd_range range;
	struct etcd_txn inner;

	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		struct bytes it = txn->responses, response;
		unsigned n = 0;

		while (etcd_response_next(&it, names[k], &response) == 0) {
			n++;
			if (etcd_range_read_inner(response, &range) == 0)
				check_range(&range);
			if (depth < 3 && etcd_txn_read_inner(response, &inner) == 0)
				check_txn(&inner, depth + 1);
		}
		assert(n <= txn->n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct etcd_lease_answer lease;
	struct etcd_status status;
	struct etcd_range range;
	struct etcd_txn txn;
	struct bytes answer, token;
	char message[ETCD_MESSAGE_MAX];

	(void) etcd_error_read(400, text, len, message);
	assert(strlen(message) < sizeof(message) && !strchr(message, '\n'));
	if (etcd_answer_check(text, len, &answer) < 0)
		return 0;
	if (etcd_range_read(answer, &range) == 0) {
		assert(range.header.cluster && range.header.revision);
		check_range(&range);
	}
	if (etcd_txn_read(answer, &txn) == 0)
		check_txn(&txn, 0);
	if (etcd_lease_read(answer, &lease) == 0)
		assert(lease.id > 0 && lease.id <= INT64_MAX && lease.ttl_sec > 0);
	if (etcd_status_read(answer, &status) == 0)
		assert(status.header.cluster && status.header.revision);
	if (etcd_token_read(answer, &token) == 0)
		assert(token.len > 0 && !memchr(token.p, '\n', token.len));
	return 0;
}
