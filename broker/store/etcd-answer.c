/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/etcd-answer.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/text.h"

int etcd_answer_check(const char *text, size_t len, struct bytes *ret)
{
	struct bytes value;

	if (jspan_check((struct bytes){ (const uint8_t *)text, len }, &value) < 0 ||
	    jspan_type(value) != JSPAN_OBJECT)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* ---- pieces ---- */

/* "12": decimal, without leading zeros. */
static int read_number(struct bytes value, void *ret)
{
	uint64_t n = 0;
	struct bytes text;

	if (jspan_text(value, &text) < 0 || text.len == 0 || (text.len > 1 && text.p[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' ||
		    __builtin_mul_overflow(n, UINT64_C(10), &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text.p[i] - '0'), &n))
			return -EBADMSG;
	}
	*(uint64_t *)ret = n;
	return 0;
}

static int read_bool(struct bytes value, void *ret)
{
	enum jspan_type type = jspan_type(value);

	if (type != JSPAN_TRUE && type != JSPAN_FALSE)
		return -EBADMSG;
	*(bool *)ret = type == JSPAN_TRUE;
	return 0;
}

static int read_array(struct bytes value, void *ret)
{
	if (jspan_type(value) != JSPAN_ARRAY)
		return -EBADMSG;
	*(struct bytes *)ret = value;
	return 0;
}

static int read_object(struct bytes object, const struct jspan_field *fields, void *ret)
{
	return jspan_object_read(object, fields, /* closed= */ false, ret, NULL) < 0 ? -EBADMSG : 0;
}

static int count_elements(struct bytes array, unsigned *ret)
{
	struct bytes element;
	unsigned n = 0;

	while (array.len > 0 && jspan_next_element(&array, &element) > 0)
		n++;
	*ret = n;
	return 0;
}

static const struct jspan_field header_fields[] = {
	{ "cluster_id", read_number, offsetof(struct etcd_header, cluster), true },
	{ "revision", read_number, offsetof(struct etcd_header, revision), true },
	{ NULL },
};

static int read_header(struct bytes value, void *ret)
{
	return read_object(value, header_fields, ret);
}

static int check_header(const struct etcd_header *h)
{
	return h->cluster != 0 && h->revision != 0 ? 0 : -EBADMSG;
}

/* ---- an error ---- */

struct error_fields {
	struct bytes code, message, error;
};

static const struct jspan_field error_fields[] = {
	{ "code", jspan_read_value, offsetof(struct error_fields, code), true },
	{ "message", jspan_read_value, offsetof(struct error_fields, message), true },
	{ "error", jspan_read_value, offsetof(struct error_fields, error), true },
	{ NULL },
};

/* A longer message is cut. */
static void copy_message(struct bytes value, char ret[static ETCD_MESSAGE_MAX])
{
	_cleanup_(freep) char *text = malloc(value.len + 1);
	size_t len;

	if (!text || jspan_string(value, text, value.len + 1, &len) < 0)
		return;
	make_printable(text);
	(void) snprintf(ret, ETCD_MESSAGE_MAX, "%s", text);
}

/* The codes of gRPC. */
enum { CODE_NONE, CODE_INVALID = 3, CODE_NOT_FOUND = 5, CODE_DENIED = 7, CODE_EXHAUSTED = 8,
       CODE_PRECONDITION = 9, CODE_OUT_OF_RANGE = 11, CODE_UNAUTHENTICATED = 16 };

static bool says(const char *message, const char *words)
{
	return strstr(message, words);
}

static enum etcd_error error_of_invalid(const char *message)
{
	if (says(message, "revision in header is old") || says(message, "auth revision"))
		return ETCD_TOKEN;
	if (says(message, "user name is empty") || says(message, "invalid user ID"))
		return ETCD_REFUSED;
	return ETCD_WRONG;
}

static enum etcd_error error_of(int status, uint64_t code, const char *message)
{
	switch (code) {
	case CODE_UNAUTHENTICATED:
		return ETCD_TOKEN;
	case CODE_DENIED:
		return ETCD_REFUSED;
	case CODE_INVALID:
		return error_of_invalid(message);
	case CODE_NOT_FOUND:
		return says(message, "lease not found") ? ETCD_LEASE : ETCD_STRANGE;
	case CODE_EXHAUSTED:
		return says(message, "space exceeded") ? ETCD_FULL : ETCD_BUSY;
	case CODE_PRECONDITION:
		return says(message, "authentication is not enabled") ? ETCD_REFUSED : ETCD_STRANGE;
	case CODE_OUT_OF_RANGE:
		return says(message, "compacted") ? ETCD_COMPACTED : ETCD_STRANGE;
	default:
		/* etcd's gateway says this without JSON. */
		if (says(message, "CommonName of client"))
			return ETCD_REFUSED;
		return status == 408 || status == 429 || status >= 500 ? ETCD_BUSY : ETCD_STRANGE;
	}
}

enum etcd_error etcd_error_read(int status, const char *text, size_t len,
				char ret_message[static ETCD_MESSAGE_MAX])
{
	struct error_fields f = { 0 };
	struct bytes answer;
	uint64_t code = CODE_NONE;

	ret_message[0] = '\0';
	if (etcd_answer_check(text, len, &answer) < 0 ||
	    read_object(answer, error_fields, &f) < 0) {
		(void) snprintf(ret_message, ETCD_MESSAGE_MAX, "%.*s",
				(int)MIN(len, (size_t)ETCD_MESSAGE_MAX), text);
		make_printable(ret_message);
		return error_of(status, CODE_NONE, ret_message);
	}
	if (f.message.p || f.error.p)
		copy_message(f.message.p ? f.message : f.error, ret_message);
	if (f.code.p && jspan_uint(f.code, UINT32_MAX, &code) < 0)
		code = CODE_NONE;
	return error_of(status, code, ret_message);
}

/* ---- a range ---- */

static const struct jspan_field range_fields[] = {
	{ "header", read_header, offsetof(struct etcd_range, header) },
	{ "kvs", read_array, offsetof(struct etcd_range, kvs), true },
	{ "more", read_bool, offsetof(struct etcd_range, has_more), true },
	{ "count", read_number, offsetof(struct etcd_range, count), true },
	{ NULL },
};

int etcd_range_read_inner(struct bytes answer, struct etcd_range *ret)
{
	struct etcd_range range = { 0 };

	if (read_object(answer, range_fields, &range) < 0 ||
	    count_elements(range.kvs, &range.n) < 0 || range.n > range.count)
		return -EBADMSG;
	*ret = range;
	return 0;
}

int etcd_range_read(struct bytes answer, struct etcd_range *ret)
{
	struct etcd_range range;

	if (etcd_range_read_inner(answer, &range) < 0 || check_header(&range.header) < 0)
		return -EBADMSG;
	*ret = range;
	return 0;
}

struct kv_fields {
	struct bytes key, value;
	uint64_t revision, lease;
};

static const struct jspan_field kv_fields[] = {
	{ "key", jspan_read_text, offsetof(struct kv_fields, key) },
	{ "value", jspan_read_text, offsetof(struct kv_fields, value), true },
	{ "mod_revision", read_number, offsetof(struct kv_fields, revision) },
	{ "lease", read_number, offsetof(struct kv_fields, lease), true },
	{ NULL },
};

/* Decode base64 into a block of its own, with a NUL behind it. */
static int decode(struct bytes text, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *data = NULL;
	ssize_t len;

	/* Four digits for three bytes, and the last ones are filled up. */
	if (text.len > (max + 2) / 3 * 4)
		return -EBADMSG;
	data = malloc(text.len + 1);
	if (!data)
		return -ENOMEM;
	if (text.len > 0)
		memcpy(data, text.p, text.len);
	data[text.len] = '\0';
	/* What is written is never in front of what is read. */
	len = base64_decode((const char *)data, data, text.len);
	if (len < 0 || (size_t)len > max)
		return -EBADMSG;
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = (size_t)len;
	return 0;
}

int etcd_kv_next(struct bytes *it, struct etcd_kv *ret)
{
	_cleanup_(freep) uint8_t *key = NULL;
	struct kv_fields f = { 0 };
	struct bytes element;
	size_t key_len, len;
	uint8_t *data;
	int r;

	if (it->len == 0 || jspan_next_element(it, &element) <= 0)
		return 0;
	if (read_object(element, kv_fields, &f) < 0 || f.revision == 0)
		return -EBADMSG;
	r = decode(f.key, ETCD_KEY_MAX, &key, &key_len);
	if (r < 0)
		return r;
	if (strlen((const char *)key) != key_len)
		return -EBADMSG;
	r = decode(f.value, STORE_VALUE_MAX, &data, &len);
	if (r < 0)
		return r;
	memcpy(ret->key, key, key_len + 1);
	ret->value = (struct store_value){ data, len, f.revision, f.lease != 0 };
	return 1;
}

/* ---- a transaction ---- */

static const struct jspan_field txn_fields[] = {
	{ "header", read_header, offsetof(struct etcd_txn, header) },
	{ "succeeded", read_bool, offsetof(struct etcd_txn, succeeded), true },
	{ "responses", read_array, offsetof(struct etcd_txn, responses), true },
	{ NULL },
};

int etcd_txn_read_inner(struct bytes answer, struct etcd_txn *ret)
{
	struct etcd_txn txn = { 0 };

	if (read_object(answer, txn_fields, &txn) < 0 || count_elements(txn.responses, &txn.n) < 0)
		return -EBADMSG;
	*ret = txn;
	return 0;
}

int etcd_txn_read(struct bytes answer, struct etcd_txn *ret)
{
	struct etcd_txn txn;

	if (etcd_txn_read_inner(answer, &txn) < 0 || check_header(&txn.header) < 0)
		return -EBADMSG;
	*ret = txn;
	return 0;
}

int etcd_response_next(struct bytes *it, const char *name, struct bytes *ret)
{
	struct bytes element, is_named, value, more;

	if (it->len == 0 || jspan_next_element(it, &element) <= 0)
		return -EBADMSG;
	/* Exactly one member says of which kind it is. */
	if (jspan_next_member(&element, &is_named, &value) <= 0 ||
	    is_named.len != strlen(name) || memcmp(is_named.p, name, is_named.len) != 0 ||
	    jspan_next_member(&element, &is_named, &more) != 0 ||
	    jspan_type(value) != JSPAN_OBJECT)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* ---- others ---- */

static const struct jspan_field lease_fields[] = {
	{ "ID", read_number, offsetof(struct etcd_lease_answer, id) },
	{ "TTL", read_number, offsetof(struct etcd_lease_answer, ttl_sec) },
	{ NULL },
};

int etcd_lease_read(struct bytes answer, struct etcd_lease_answer *ret)
{
	struct etcd_lease_answer lease = { 0 };

	if (read_object(answer, lease_fields, &lease) < 0 || lease.id == 0 ||
	    lease.id > INT64_MAX || lease.ttl_sec == 0)
		return -EBADMSG;
	*ret = lease;
	return 0;
}

static const struct jspan_field status_fields[] = {
	{ "header", read_header, offsetof(struct etcd_status, header) },
	{ "dbSize", read_number, offsetof(struct etcd_status, bytes), true },
	{ "dbSizeQuota", read_number, offsetof(struct etcd_status, max_bytes), true },
	{ NULL },
};

int etcd_status_read(struct bytes answer, struct etcd_status *ret)
{
	struct etcd_status status = { 0 };

	if (read_object(answer, status_fields, &status) < 0 || check_header(&status.header) < 0)
		return -EBADMSG;
	*ret = status;
	return 0;
}

int etcd_token_read(struct bytes answer, struct bytes *ret)
{
	struct bytes value, text;

	if (jspan_member(answer, "token", &value) < 0 || jspan_text(value, &text) < 0 ||
	    text.len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < '!' || text.p[i] > '~')
			return -EBADMSG;
	*ret = text;
	return 0;
}
