/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/etcd-request.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"

/* A text as it grows; after an error nothing is added. */
struct builder {
	struct pieces *text;
	size_t raw_len;		/* bytes of the request as etcd counts them, at most */
	int error;
};

static void add_bytes(struct builder *b, const char *data, size_t len)
{
	if (b->error == 0)
		b->error = pieces_add(b->text, data, len, 4 * (size_t)ETCD_REQUEST_MAX);
	if (b->error == -EMSGSIZE)
		b->error = -EINVAL;
}

static void add(struct builder *b, const char *text)
{
	add_bytes(b, text, strlen(text));
}

/* "NAME":"BASE64" of the bytes of both parts. */
static void add_base64(struct builder *b, const char *name, const void *first, size_t first_len,
		       const void *second, size_t second_len)
{
	_cleanup_(freep) uint8_t *joined = NULL;
	_cleanup_(freep) char *digits = NULL;

	b->raw_len += first_len + second_len + ETCD_PART_MAX;
	if (b->raw_len > ETCD_REQUEST_MAX && b->error == 0)
		b->error = -EINVAL;
	if (b->error < 0)
		return;
	joined = malloc(first_len + second_len + 1);
	if (!joined) {
		b->error = -ENOMEM;
		return;
	}
	if (first_len > 0)
		memcpy(joined, first, first_len);
	if (second_len > 0)
		memcpy(joined + first_len, second, second_len);
	b->error = base64_encode(joined, first_len + second_len, &digits);
	if (b->error < 0)
		return;
	add(b, "\"");
	add(b, name);
	add(b, "\":\"");
	add(b, digits);
	add(b, "\"");
}

static void add_key(struct builder *b, const char *prefix, const char *key)
{
	add_base64(b, "key", prefix, strlen(prefix), key, strlen(key));
}

static void add_number(struct builder *b, const char *name, uint64_t n)
{
	char text[64];

	(void) snprintf(text, sizeof(text), "\"%s\":\"%" PRIu64 "\"", name, n);
	add(b, text);
}

static void add_comma(struct builder *b, unsigned i)
{
	if (i > 0)
		add(b, ",");
}

/* ---- a range ---- */

int etcd_request_range(const struct etcd_range_request *q, struct pieces *ret)
{
	struct builder b = { .text = ret };

	add(&b, "{");
	/* The first key behind another one has a NUL more. */
	add_base64(&b, "key", q->key, strlen(q->key), "", q->after ? 1 : 0);
	if (q->end) {
		add(&b, ",");
		add_base64(&b, "range_end", q->end, strlen(q->end), NULL, 0);
	}
	if (q->limit > 0) {
		add(&b, ",");
		add_number(&b, "limit", q->limit);
	}
	if (q->revision > 0) {
		add(&b, ",");
		add_number(&b, "revision", q->revision);
	}
	if (q->count_only)
		add(&b, ",\"count_only\":true");
	add(&b, "}");
	return b.error;
}

/* ---- a transaction ---- */

static void add_revision_compare(struct builder *b, const char *prefix, const char *key,
				 uint64_t revision)
{
	add(b, "{\"target\":\"MOD\",\"result\":\"EQUAL\",");
	add_key(b, prefix, key);
	add(b, ",");
	/* An absent key has 0. */
	add_number(b, "modRevision", revision);
	add(b, "}");
}

static void add_put(struct builder *b, const char *prefix, const char *key, const void *data,
		    size_t len, uint64_t lease)
{
	add(b, "{\"requestPut\":{");
	add_key(b, prefix, key);
	add(b, ",");
	add_base64(b, "value", data, len, NULL, 0);
	if (lease) {
		add(b, ",");
		add_number(b, "lease", lease);
	}
	add(b, "}}");
}

static void add_change(struct builder *b, const char *prefix, const struct store_change *c,
		       uint64_t lease)
{
	if (c->data) {
		add_put(b, prefix, c->key, c->data, c->len, lease);
		return;
	}
	add(b, "{\"requestDeleteRange\":{");
	add_key(b, prefix, c->key);
	add(b, "}}");
}

static void add_reads(struct builder *b, const char *prefix, const struct store_member *m,
		      unsigned behind)
{
	for (unsigned i = 0; i < m->n_reads; i++) {
		add_comma(b, behind + i);
		add(b, "{\"requestRange\":{");
		add_key(b, prefix, m->reads[i]);
		add(b, "}}");
	}
}

static void add_member(struct builder *b, const char *prefix, const struct store_member *m,
		       const uint64_t *leases)
{
	add(b, "{\"requestTxn\":{\"compare\":[");
	for (unsigned i = 0; i < m->n_compares; i++) {
		add_comma(b, i);
		add_revision_compare(b, prefix, m->compares[i].key, m->compares[i].revision);
	}
	add(b, "],\"success\":[");
	for (unsigned i = 0; i < m->n_changes; i++) {
		add_comma(b, i);
		add_change(b, prefix, &m->changes[i], leases[i]);
	}
	add_reads(b, prefix, m, m->n_changes);
	add(b, "],\"failure\":[");
	add_reads(b, prefix, m, 0);
	add(b, "]}}");
}

static void add_fence_compare(struct builder *b, const char *prefix, const struct store_fence *f)
{
	if (!f->expected) {
		add_revision_compare(b, prefix, f->key, 0);
		return;
	}
	/* It does not hold for an absent key. */
	add(b, "{\"target\":\"VALUE\",\"result\":\"EQUAL\",");
	add_key(b, prefix, f->key);
	add(b, ",");
	add_base64(b, "value", f->expected, strlen(f->expected), NULL, 0);
	add(b, "}");
}

int etcd_request_commit(const char *prefix, const struct store_fence *fence,
			const struct store_member *members, unsigned n, const uint64_t *leases,
			struct pieces *ret)
{
	struct builder b = { .text = ret };

	add(&b, "{\"compare\":[");
	if (fence)
		add_fence_compare(&b, prefix, fence);
	add(&b, "],\"success\":[");
	for (unsigned i = 0; i < n; i++) {
		add_comma(&b, i);
		add_member(&b, prefix, &members[i], leases + i * STORE_PARTS_MAX);
	}
	if (fence) {
		add_comma(&b, n);
		add_put(&b, prefix, fence->key, fence->next, strlen(fence->next), /* lease= */ 0);
	}
	add(&b, "],\"failure\":[");
	if (fence) {
		add(&b, "{\"requestRange\":{");
		add_key(&b, prefix, fence->key);
		add(&b, "}}");
	}
	add(&b, "]}");
	return b.error;
}

/* ---- others ---- */

int etcd_request_lease(uint64_t ttl_sec, struct pieces *ret)
{
	struct builder b = { .text = ret };

	add(&b, "{");
	add_number(&b, "TTL", ttl_sec);
	add(&b, "}");
	return b.error;
}

/* Write @len bytes as they stand in a string of JSON.  Returns the length; with NULL only that. */
static size_t escape(const uint8_t *data, size_t len, uint8_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '"' || data[i] == '\\') {
			if (ret)
				ret[n] = '\\';
			n++;
		}
		if (ret)
			ret[n] = data[i];
		n++;
	}
	return n;
}

static bool is_text(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] < ' ' || data[i] == 0x7f)
			return false;
	return len > 0;
}

int etcd_request_login(const char *user, const struct secret *password, struct secret **ret)
{
	static const char begin[] = "{\"name\":\"", middle[] = "\",\"password\":\"", end[] = "\"}";
	_cleanup_(secret_freep) struct secret *s = NULL;
	const uint8_t *name = (const uint8_t *)user, *word = secret_data(password);
	size_t name_len = strlen(user), word_len = secret_len(password);
	uint8_t *p;
	int r;

	if (!is_text(name, name_len) || !is_text(word, word_len))
		return -EINVAL;
	r = secret_new(strlen(begin) + escape(name, name_len, NULL) + strlen(middle) +
			       escape(word, word_len, NULL) + strlen(end), &s);
	if (r < 0)
		return r;
	p = mempcpy(secret_bytes(s), begin, strlen(begin));
	p += escape(name, name_len, p);
	p = mempcpy(p, middle, strlen(middle));
	p += escape(word, word_len, p);
	memcpy(p, end, strlen(end));
	*ret = TAKE_PTR(s);
	return 0;
}
