/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine for several instances on several machines: etcd 3.4 or newer, by its JSON gateway.
 *
 * A batch is one transaction of etcd, with a transaction within it for each member, so a member
 * that is not done spoils no other.  A value's revision is etcd's mod_revision.  Reads are
 * linearizable: they see what was committed before, whichever node answers.
 */
#include "broker/store/store.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "broker/store/etcd-client.h"
#include "broker/store/etcd-lease.h"
#include "broker/store/etcd-request.h"

#define ANSWER_MIN (64 * 1024)			/* for what stands around keys and values */
#define ENTRY_MAX (STORE_VALUE_MAX / 3 * 4 + 4096)	/* of a key and its value in JSON */
#define PAGE_KEYS 500
#define PAGE_BYTES (16 * 1024 * 1024)

struct store_in_etcd {
	struct store store;
	struct etcd_client *client;
	struct etcd_leases *leases;
	char prefix[STORE_KEY_MAX + 1];

	pthread_mutex_t lock;
	struct etcd_header seen;	/* the cluster, and the highest revision; zeros at first */
};

static struct store_in_etcd *of(struct store *s)
{
	return (struct store_in_etcd *)s;
}

static struct store_in_etcd *in_etcd_free(struct store_in_etcd *s)
{
	if (!s)
		return NULL;
	etcd_client_free(s->client);
	etcd_leases_free(s->leases);
	(void) pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct store_in_etcd *, in_etcd_free)

/* ---- opening ---- */

/* Keys of a cluster that others use too begin with a text of ours. */
static int take_prefix(struct store_in_etcd *s, const char *prefix, struct cause *why)
{
	size_t len = strlen(prefix);
	bool good = len <= STORE_KEY_MAX;

	for (size_t i = 0; i < len && good; i++)
		good = prefix[i] >= '!' && prefix[i] <= '~';
	if (!good)
		return cause_set(why, -EINVAL, "The prefix of the keys in etcd is too long, or has "
					       "characters that cannot be there");
	memcpy(s->prefix, prefix, len + 1);
	return 0;
}

static int in_etcd_open(const char *rest, const struct store_options *options, struct store **ret,
			struct cause *why)
{
	_cleanup_(in_etcd_freep) struct store_in_etcd *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return cause_set_oom(why);
	s->store.engine = &store_etcd;
	(void) pthread_mutex_init(&s->lock, NULL);
	r = take_prefix(s, options->prefix ? options->prefix : "", why);
	if (r == 0)
		r = etcd_client_new(rest, options, &s->client, why);
	if (r == 0 && etcd_leases_new(&s->leases) < 0)
		r = cause_set_oom(why);
	if (r < 0)
		return r;
	*ret = &TAKE_PTR(s)->store;
	return 0;
}

static void in_etcd_close(struct store *store)
{
	in_etcd_free(of(store));
}

/* ---- whose answer it is ---- */

static struct etcd_header what_was_seen(struct store_in_etcd *s)
{
	struct etcd_header seen;

	(void) pthread_mutex_lock(&s->lock);
	seen = s->seen;
	(void) pthread_mutex_unlock(&s->lock);
	return seen;
}

/*
 * What was committed before we asked must be in the answer: a node with an older copy of the data
 * would show claims as free.  @before is what had been seen when we asked.
 */
static int check_header(struct store_in_etcd *s, const struct etcd_header *before,
			const struct etcd_header *h, struct cause *why)
{
	bool good;

	(void) pthread_mutex_lock(&s->lock);
	good = (!s->seen.cluster || h->cluster == s->seen.cluster) &&
	       h->revision >= before->revision && h->revision <= INT64_MAX;
	if (good) {
		s->seen.cluster = h->cluster;
		s->seen.revision = MAX(s->seen.revision, h->revision);
	}
	(void) pthread_mutex_unlock(&s->lock);
	return good ? 0 : cause_set(why, -EIO, "etcd has gone back in time, or is another one");
}

static int malformed(struct cause *why)
{
	return cause_set(why, -EBADMSG, "etcd: the answer is not what was asked for");
}

static int strange(struct cause *why)
{
	(void) malformed(why);
	return -EIO;
}

/* For who only reads. */
static int errno_of_read(int r, const struct etcd_question *q)
{
	switch (r) {
	case -EREMOTEIO:
		return q->error == ETCD_COMPACTED ? -EAGAIN : -EIO;
	case -EBADMSG:
	case -EMSGSIZE:
		return -EIO;
	default:
		return r;
	}
}

/* ---- committing ---- */

struct commit {
	struct store_in_etcd *s;
	const struct store_fence *fence;
	struct store_member *members;
	unsigned n;
	uint64_t leases[STORE_MEMBERS_MAX * STORE_PARTS_MAX];
	struct cause *why;
};

static int get_leases(struct commit *c)
{
	uint64_t now = now_usec();

	memset(c->leases, 0, sizeof(c->leases));
	for (unsigned i = 0; i < c->n; i++)
		for (unsigned k = 0; k < c->members[i].n_changes; k++) {
			uint32_t ttl = c->members[i].changes[k].ttl_sec;
			int r;

			if (ttl == 0)
				continue;
			r = etcd_lease_get(c->s->leases, c->s->client, ttl, now,
					   &c->leases[i * STORE_PARTS_MAX + k], c->why);
			if (r < 0)
				return r == -EBADMSG ? -EIO : r;
		}
	return 0;
}

/* The value of the one key that was asked for, whose name is @prefix and @key. */
static int take_one(const struct etcd_range *range, const char *prefix, const char *key,
		    struct store_value *ret)
{
	struct bytes it = range->kvs;
	struct etcd_kv kv;
	const char *rest;
	int r;

	if (range->count > 1 || range->n != range->count)
		return -EBADMSG;
	if (range->n == 0) {
		*ret = (struct store_value){ 0 };
		return 0;
	}
	r = etcd_kv_next(&it, &kv);
	if (r < 0)
		return r;
	rest = startswith(kv.key, prefix);
	if (!rest || !streq(rest, key)) {
		store_value_done(&kv.value);
		return -EBADMSG;
	}
	*ret = kv.value;
	return 0;
}

static int take_read(const struct commit *c, struct bytes *responses, const char *key,
		     const struct etcd_header *header, struct store_value *ret)
{
	struct etcd_range range;
	struct bytes response;
	int r;

	r = etcd_response_next(responses, "response_range", &response);
	if (r == 0)
		r = etcd_range_read_inner(response, &range);
	if (r == 0)
		r = take_one(&range, c->s->prefix, key, ret);
	return r == 0 && ret->revision > header->revision ? -EBADMSG : r;
}

static int take_member(const struct commit *c, struct bytes *responses, struct store_member *m,
		       const struct etcd_header *header)
{
	struct bytes response, it;
	struct etcd_txn txn;
	int r;

	r = etcd_response_next(responses, "response_txn", &response);
	if (r == 0)
		r = etcd_txn_read_inner(response, &txn);
	if (r < 0)
		return r;
	/* Without compares there is nothing that may not hold. */
	if ((!txn.succeeded && m->n_compares == 0) ||
	    txn.n != (txn.succeeded ? m->n_changes : 0) + m->n_reads)
		return -EBADMSG;
	it = txn.responses;
	for (unsigned i = 0; txn.succeeded && i < m->n_changes && r == 0; i++)
		r = etcd_response_next(&it, m->changes[i].data ? "response_put" :
								 "response_delete_range",
				       &response);
	for (unsigned i = 0; i < m->n_reads && r == 0; i++)
		r = take_read(c, &it, m->reads[i], header, &m->read[i]);
	m->done = txn.succeeded;
	return r;
}

static bool is_next(const struct store_fence *fence, const struct store_value *v)
{
	return v->data && v->len == strlen(fence->next) &&
	       memcmp(v->data, fence->next, v->len) == 0;
}

/*
 * libcurl sends a request again when a connection that was kept turns out to be closed.  If the
 * first one had been committed, the fence is what we wanted it to become.
 */
static int take_lost_fence(const struct commit *c, const struct etcd_txn *txn,
			   bool may_be_twice)
{
	_cleanup_(store_value_done) struct store_value v = { 0 };
	struct bytes it = txn->responses;
	int r;

	if (!c->fence || txn->n != 1)
		return malformed(c->why);
	r = take_read(c, &it, c->fence->key, &txn->header, &v);
	if (r < 0)
		return r == -EBADMSG ? malformed(c->why) : r;
	if (may_be_twice && is_next(c->fence, &v))
		return cause_set(c->why, -EAGAIN, "etcd has the batch already");
	return cause_set(c->why, -ESTALE, "'%s' is not as expected", c->fence->key);
}

static int take_commit(struct commit *c, const struct etcd_header *before,
		       const struct etcd_question *q)
{
	struct bytes responses, response;
	struct etcd_txn txn;
	int r;

	if (etcd_txn_read(q->answer, &txn) < 0)
		return malformed(c->why);
	r = check_header(c->s, before, &txn.header, c->why);
	if (r < 0)
		return r;
	if (!txn.succeeded)
		return take_lost_fence(c, &txn, q->may_be_twice);
	responses = txn.responses;
	if (txn.n != c->n + (c->fence ? 1 : 0))
		return malformed(c->why);
	for (unsigned i = 0; i < c->n && r == 0; i++)
		r = take_member(c, &responses, &c->members[i], &txn.header);
	if (r == 0 && c->fence)
		r = etcd_response_next(&responses, "response_put", &response);
	if (r == -EBADMSG)
		return malformed(c->why);
	return r < 0 ? cause_set_oom(c->why) : 0;
}

static size_t commit_answer_max(const struct commit *c)
{
	size_t max = ANSWER_MIN;

	for (unsigned i = 0; i < c->n; i++)
		max += 2048 + (size_t)c->members[i].n_reads * ENTRY_MAX;
	return max;
}

static int in_etcd_get(struct store *store, const char *key, struct store_value *ret,
		       struct cause *why);

/*
 * etcd 3.4 refuses a batch before it is proposed when the database is full; but when it becomes
 * full in between, it commits the batch and then says that it is full.  The fence tells.
 */
static int settle_full(struct commit *c)
{
	_cleanup_(store_value_done) struct store_value v = { 0 };
	struct cause ignored;

	if (!c->fence || in_etcd_get(&c->s->store, c->fence->key, &v, &ignored) < 0)
		return -EAGAIN;
	return is_next(c->fence, &v) ? -EAGAIN : -ENOSPC;
}

/* Once it is on its way, everything that is not understood may have been committed. */
static int errno_of_commit(struct commit *c, int r, const struct etcd_question *q)
{
	switch (r) {
	case -EREMOTEIO:
		if (q->error == ETCD_FULL)
			return settle_full(c);
		return q->error == ETCD_WRONG ? -EINVAL : -EIO;
	case -EBADMSG:
	case -EMSGSIZE:
		return -EAGAIN;
	default:
		return r;
	}
}

/* Returns -EREMOTEIO when a lease is gone: then nothing is changed. */
static int try_commit(struct commit *c)
{
	struct etcd_header before = what_was_seen(c->s);
	struct pieces body = { NULL };
	struct etcd_question q = {
		.path = "/v3/kv/txn",
		.body = &body,
		.max = commit_answer_max(c),
		.changes = true,
		.once = !c->fence,
	};
	int r = get_leases(c);

	if (r < 0)
		return r;
	r = etcd_request_commit(c->s->prefix, c->fence, c->members, c->n, c->leases, &body);
	if (r == -EINVAL)
		r = cause_set(c->why, r, "A batch is larger than etcd takes");
	else if (r < 0)
		r = cause_set_oom(c->why);
	else
		r = etcd_client_ask(c->s->client, &q, c->why);
	if (r == 0) {
		r = take_commit(c, &before, &q);
		/* It is committed, or may be. */
		r = r == 0 || r == -ESTALE ? r : -EAGAIN;
	} else if (r != -EREMOTEIO || q.error != ETCD_LEASE) {
		r = errno_of_commit(c, r, &q);
	}
	etcd_question_done(&q);
	pieces_done(&body);
	return r;
}

static int in_etcd_commit(struct store *store, const struct store_fence *fence,
			  struct store_member *members, unsigned n, struct cause *why)
{
	struct commit c = {
		.s = of(store), .fence = fence, .members = members, .n = n, .why = why
	};
	int r = try_commit(&c);

	if (r == -EREMOTEIO) {
		/* Somebody revoked it, or etcd was restored: a new one is as good. */
		etcd_leases_forget(c.s->leases);
		r = try_commit(&c);
	}
	return r == -EREMOTEIO ? -EIO : r;
}

/* ---- reading ---- */

/* Ask for a range.  Returns 0, with the answer in @q, or an error of etcd_client_ask(). */
static int ask_range(struct store_in_etcd *s, const struct etcd_range_request *request,
		     struct etcd_question *q, struct etcd_range *ret, struct cause *why)
{
	struct etcd_header before = what_was_seen(s);
	struct pieces body = { NULL };
	int r = etcd_request_range(request, &body);

	q->path = "/v3/kv/range";
	q->body = &body;
	r = r < 0 ? cause_set_oom(why) : etcd_client_ask(s->client, q, why);
	if (r == 0)
		r = etcd_range_read(q->answer, ret) < 0 ?
			    malformed(why) :
			    check_header(s, &before, &ret->header, why);
	pieces_done(&body);
	return r;
}

static int in_etcd_get(struct store *store, const char *key, struct store_value *ret,
		       struct cause *why)
{
	struct store_in_etcd *s = of(store);
	struct etcd_question q = { .max = ANSWER_MIN + ENTRY_MAX };
	char full[ETCD_KEY_MAX + 1];
	struct etcd_range range;
	int r;

	(void) snprintf(full, sizeof(full), "%s%s", s->prefix, key);
	r = ask_range(s, &(struct etcd_range_request){ .key = full }, &q, &range, why);
	if (r == 0) {
		r = take_one(&range, s->prefix, key, ret);
		if (r == -EBADMSG || (r == 0 && ret->revision > range.header.revision)) {
			r = malformed(why);
			store_value_done(ret);
		} else if (r < 0) {
			r = cause_set_oom(why);
		}
	}
	r = errno_of_read(r, &q);
	etcd_question_done(&q);
	return r;
}

/* ---- walking ---- */

struct walk {
	struct store_in_etcd *s;
	char first[ETCD_KEY_MAX + 1];	/* where the next page begins */
	bool after;			/* behind @first */
	char end[ETCD_KEY_MAX + 1];	/* the first key that does not count any more */
	uint64_t revision;		/* of all pages; 0 before the first one */
	unsigned limit, left;		/* keys of a page; keys that are still wanted */
	bool has_max, has_more;
	store_each_t each;
	void *userdata;
	struct cause *why;
};

/* The characters of keys end before 0x7f, so the last one can be counted up. */
static void set_end(struct walk *w, const char *full_prefix)
{
	size_t len = strlen(full_prefix);

	strcpy(w->end, full_prefix);
	if (len == 0)
		strcpy(w->end, "\x7f");
	else
		w->end[len - 1]++;
}

/* False when no key can be in it. */
static bool begin_walk(struct walk *w, const char *prefix, const char *after)
{
	(void) snprintf(w->first, sizeof(w->first), "%s%s", w->s->prefix, prefix);
	set_end(w, w->first);
	if (after && strcmp(after, prefix) >= 0) {
		(void) snprintf(w->first, sizeof(w->first), "%s%s", w->s->prefix, after);
		w->after = true;
	} else if (!w->first[0]) {
		/* etcd has no empty key. */
		strcpy(w->first, "!");
	}
	return strcmp(w->first, w->end) < 0;
}

static bool is_in_order(const struct walk *w, const struct etcd_kv *kv)
{
	int order = strcmp(kv->key, w->first);

	return startswith(kv->key, w->s->prefix) && (order > 0 || (order == 0 && !w->after)) &&
	       strcmp(kv->key, w->end) < 0 && kv->value.revision <= w->revision;
}

static int walk_one(struct walk *w, const struct etcd_kv *kv)
{
	if (!is_in_order(w, kv))
		return strange(w->why);
	strcpy(w->first, kv->key);
	w->after = true;
	if (w->has_max)
		w->left--;
	return w->each(w->userdata, kv->key + strlen(w->s->prefix), &kv->value);
}

/* Sets @ret_ended when what is returned is the end of the walk. */
static int walk_keys(struct walk *w, const struct etcd_range *range, bool *ret_ended)
{
	struct bytes it = range->kvs;
	struct etcd_kv kv;
	int r;

	*ret_ended = true;
	while ((r = etcd_kv_next(&it, &kv)) > 0) {
		r = walk_one(w, &kv);
		store_value_done(&kv.value);
		if (r != 0)
			return r;
	}
	*ret_ended = r < 0;
	if (r < 0)
		return r == -ENOMEM ? cause_set_oom(w->why) : strange(w->why);
	return 0;
}

static int walk_page(struct walk *w, bool *ret_ended)
{
	struct etcd_range_request request = {
		.key = w->first,
		.end = w->end,
		.after = w->after,
		.limit = w->has_max ? MIN(w->limit, w->left) : w->limit,
		.revision = w->revision,
	};
	struct etcd_question q = { .max = PAGE_BYTES };
	struct etcd_range range;
	int r;

	r = ask_range(w->s, &request, &q, &range, w->why);
	if (r == -EMSGSIZE && w->limit > 1) {
		/* Large values: with fewer of them the answer is shorter. */
		w->limit /= 2;
		w->has_more = true;
	} else if (r == 0 && (range.n > request.limit || (range.n == 0 && range.has_more))) {
		r = strange(w->why);
	} else if (r == 0) {
		w->has_more = range.has_more;
		w->revision = w->revision ? w->revision : range.header.revision;
		r = walk_keys(w, &range, ret_ended);
	} else {
		r = errno_of_read(r, &q);
	}
	etcd_question_done(&q);
	return r;
}

static int in_etcd_walk(struct store *store, const char *prefix, const char *after, unsigned max,
			store_each_t each, void *userdata, struct cause *why)
{
	struct walk w = {
		.s = of(store), .limit = PAGE_KEYS, .left = max, .has_max = max > 0,
		.has_more = true, .each = each, .userdata = userdata, .why = why,
	};
	bool ended = false;
	int r = 0;

	if (!begin_walk(&w, prefix, after))
		return 0;
	while (!ended && w.has_more && (!w.has_max || w.left > 0) && (r == 0 || r == -EMSGSIZE))
		r = walk_page(&w, &ended);
	return r;
}

static int in_etcd_count(struct store *store, const char *prefix, uint64_t *ret, struct cause *why)
{
	struct walk w = { .s = of(store) };
	struct etcd_question q = { .max = ANSWER_MIN };
	struct etcd_range range;
	int r;

	if (!begin_walk(&w, prefix, NULL)) {
		*ret = 0;
		return 0;
	}
	r = ask_range(w.s,
		      &(struct etcd_range_request){ .key = w.first, .end = w.end,
						    .count_only = true },
		      &q, &range, why);
	if (r == 0)
		*ret = range.count;
	r = errno_of_read(r, &q);
	etcd_question_done(&q);
	return r;
}

/* ---- how it is ---- */

/* Of the cluster and of the prefix: two brokers may share a cluster. */
static int make_id(const struct store_in_etcd *s, uint64_t cluster,
		   uint8_t ret[static STORE_ID_LEN])
{
	static const char label[] = "coco etcd 1";
	uint8_t text[sizeof(label) + 8 + STORE_KEY_MAX], digest[EVP_MAX_MD_SIZE];
	size_t len = strlen(s->prefix);

	memcpy(text, label, sizeof(label));
	for (unsigned i = 0; i < 8; i++)
		text[sizeof(label) + i] = (uint8_t)(cluster >> (56 - 8 * i));
	memcpy(text + sizeof(label) + 8, s->prefix, len);
	if (EVP_Digest(text, sizeof(label) + 8 + len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	memcpy(ret, digest, STORE_ID_LEN);
	return 0;
}

/* Of the node that answers.  Not all users may ask for it. */
static void ask_size(struct store_in_etcd *s, struct store_state *ret)
{
	static const char nothing[] = "{}";
	struct pieces body = { (char *)nothing, strlen(nothing), 0 };
	struct etcd_question q = {
		.path = "/v3/maintenance/status", .body = &body, .max = ANSWER_MIN
	};
	struct etcd_status status;
	struct cause ignored;

	if (etcd_client_ask(s->client, &q, &ignored) == 0 &&
	    etcd_status_read(q.answer, &status) == 0) {
		ret->bytes = status.bytes;
		ret->max_bytes = status.max_bytes;
	}
	etcd_question_done(&q);
}

static int in_etcd_look(struct store *store, struct store_state *ret, struct cause *why)
{
	struct store_in_etcd *s = of(store);
	struct etcd_question q = { .max = ANSWER_MIN };
	char key[ETCD_KEY_MAX + 1];
	struct etcd_range range;
	int r;

	/* Any key below the prefix that may be read: the answer's header counts. */
	(void) snprintf(key, sizeof(key), "%scoco", s->prefix);
	r = ask_range(s, &(struct etcd_range_request){ .key = key, .count_only = true }, &q, &range,
		      why);
	if (r == 0) {
		ret->revision = range.header.revision;
		r = make_id(s, range.header.cluster, ret->id);
		if (r < 0)
			(void) cause_set_oom(why);
	}
	r = errno_of_read(r, &q);
	etcd_question_done(&q);
	if (r == 0)
		ask_size(s, ret);
	return r;
}

const struct store_engine store_etcd = {
	.name = "etcd",
	.open = in_etcd_open,
	.close = in_etcd_close,
	.commit = in_etcd_commit,
	.get = in_etcd_get,
	.walk = in_etcd_walk,
	.count = in_etcd_count,
	.look = in_etcd_look,
};
