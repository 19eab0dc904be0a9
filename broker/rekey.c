/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/rekey.h"

#include "base/log.h"
#include "broker/core/record.h"
#include "broker/core/record-mac.h"
#include "broker/core/seal.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/claim-plan.h"

#define FOREIGN_SAID_MAX 20
#define PAGE_BYTES (STORE_BYTES_MAX / 2)	/* a value more, and it is still a batch */

/* What is committed together, and the texts that it borrows. */
struct page {
	unsigned n;
	size_t bytes;
	struct store_member members[STORE_MEMBERS_MAX];
	char keys[STORE_MEMBERS_MAX][STORE_KEY_MAX + 1];
	char *texts[STORE_MEMBERS_MAX];		/* NULL: deleted */
};

struct rekey {
	struct store *store;
	const struct keys *old, *new;
	struct rekey_count count;
	bool again;				/* all was seen once */
	struct page page;
	char after[STORE_KEY_MAX + 1];		/* the last key that was seen */
	struct cause *why;
};

static void page_done(struct page *p)
{
	for (unsigned i = 0; i < p->n; i++)
		free(p->texts[i]);
	p->n = 0;
	p->bytes = 0;
}

static void rekey_freep(struct rekey **k)
{
	if (*k)
		page_done(&(*k)->page);
	free(*k);
}

/* ---- one value ---- */

/*
 * Each of these returns 1 with the value as it is under the new key, yours, or NULL to delete it;
 * 0 when it is that already; -EKEYREJECTED when neither key made it; -ENOMEM; -EIO.
 */
typedef int (*change_t)(struct rekey *k, const char *key, const struct store_value *v,
			char **ret);

static int change_record(struct rekey *k, const char *key, const struct store_value *v,
			 char **ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r = record_verify(k->new, key, v->data, v->len, &len);

	if (r != -EKEYREJECTED)
		return r;
	r = record_verify(k->old, key, v->data, v->len, &len);
	if (r < 0)
		return r;
	text = strndup((const char *)v->data, len);
	if (!text)
		return -ENOMEM;
	return strlen(text) != len ? -EKEYREJECTED :
	       record_sign(k->new, key, text, ret) < 0 ? -ENOMEM : 1;
}

static int open_secret(const struct keys *keys, const struct secret_record *s,
		       const uint8_t rules[static 32], struct secret **ret)
{
	return unseal(keys, s->path, s->version, rules, s->sealed, s->sealed_len, ret);
}

/* The version stays: what was judged by it, such as an approval, is still about this value. */
static int seal_anew(struct rekey *k, struct secret_record *s, char **ret)
{
	_cleanup_(secret_freep) struct secret *plain = NULL;
	uint8_t rules[32];
	int r;

	if (secret_policy_rules(s->policy, s->policy_len, rules) < 0)
		return -ENOMEM;
	r = open_secret(k->new, s, rules, &plain);
	if (r != -EKEYREJECTED)
		return r;
	r = open_secret(k->old, s, rules, &plain);
	if (r < 0)
		return r;
	free(s->sealed);
	s->sealed = NULL;
	r = seal(k->new, s->path, s->version, rules, plain, &s->sealed, &s->sealed_len);
	if (r < 0)
		return r;
	return secret_record_format(s, ret) < 0 ? -ENOMEM : 1;
}

static int change_secret(struct rekey *k, const char *key, const struct store_value *v,
			 char **ret)
{
	_cleanup_(secret_record_done) struct secret_record s = { .version = 0 };
	char place[RECORD_KEY_LEN];
	int r = secret_record_parse(v->data, v->len, &s);

	if (r == 0) {
		key_secret(s.path, place);
		r = streq(place, key) ? seal_anew(k, &s, ret) : -EKEYREJECTED;
	}
	return r == -EBADMSG ? -EKEYREJECTED : r;
}

/* The guest begins anew with the broker that starts next. */
static int end_session(struct rekey *k, const char *key, const struct store_value *v, char **ret)
{
	*ret = NULL;
	return 1;
}

/* ---- all of them ---- */

static const struct kind {
	const char *prefix;
	change_t change;
	uint32_t ttl_sec;	/* as when it was made; its times are in the record too */
} kinds[] = {
	{ "coco/secret/", change_secret, 0 },
	{ "coco/claim/", change_record, 0 },
	{ "coco/launches/", change_record, 0 },
	{ "coco/approval/", change_record, APPROVAL_LIFE_SEC },
	{ "coco/vtpm/", change_record, 0 },
	{ "coco/session/", end_session, 0 },
};

static void add(struct page *p, const char *key, const struct store_value *v, char *text,
		uint32_t ttl_sec)
{
	struct store_member *m = &p->members[p->n];

	(void) snprintf(p->keys[p->n], sizeof(p->keys[p->n]), "%s", key);
	p->texts[p->n] = text;
	/* What is deleted may end by itself before. */
	*m = (struct store_member){ .n_compares = text != NULL, .n_changes = 1 };
	m->compares[0] = (struct store_compare){ p->keys[p->n], v->revision };
	m->changes[0] = (struct store_change){ .key = p->keys[p->n] };
	if (text)
		m->changes[0] = (struct store_change){ p->keys[p->n], text, strlen(text), ttl_sec };
	p->bytes += strlen(key) + m->changes[0].len;
	p->n++;
}

struct walk {
	struct rekey *k;
	const struct kind *kind;
};

/* Returns 1 when the page is full. */
static int see(void *userdata, const char *key, const struct store_value *v)
{
	const struct walk *w = userdata;
	struct rekey *k = w->k;
	char *text = NULL;
	int r = w->kind->change(k, key, v, &text);

	(void) snprintf(k->after, sizeof(k->after), "%s", key);
	if (r == -EKEYREJECTED) {
		if (!k->again && k->count.foreign++ < FOREIGN_SAID_MAX)
			log_warning("'%s' in the store is of neither master key, and stays as it "
				    "is", key);
		return 0;
	}
	if (r < 0)
		return cause_set(k->why, r, "'%s' cannot be changed: %s", key, strerror(-r));
	if (r == 0) {
		k->count.already++;
		return 0;
	}
	add(&k->page, key, v, text, w->kind->ttl_sec);
	return k->page.n == STORE_MEMBERS_MAX || k->page.bytes >= PAGE_BYTES;
}

static int commit(struct rekey *k)
{
	struct page *p = &k->page;
	int r = p->n > 0 ? store_commit(k->store, NULL, p->members, p->n, k->why) : 0;

	for (unsigned i = 0; i < p->n && r == 0; i++)
		if (!p->members[i].done)
			r = cause_set(k->why, -EBUSY, "Somebody changed '%s' meanwhile: stop all "
						      "brokers, and run 'rekey' again",
				      p->keys[i]);
	if (r == 0)
		k->count.changed += p->n;
	page_done(p);
	return r;
}

static int change_kind(struct rekey *k, const struct kind *kind)
{
	struct walk w = { k, kind };
	int r, error;

	k->after[0] = '\0';
	do {
		r = store_walk(k->store, kind->prefix, k->after[0] ? k->after : NULL, 0, see, &w,
			       k->why);
		if (r < 0)
			return r;
		error = commit(k);
	} while (r > 0 && error == 0);
	return error;
}

static int change_all(struct rekey *k)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r == 0; i++)
		r = change_kind(k, &kinds[i]);
	return r;
}

int rekey_store(struct store *s, const struct keys *old, const struct keys *new,
		struct rekey_count *ret, struct cause *why)
{
	_cleanup_(rekey_freep) struct rekey *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return cause_set_oom(why);
	*k = (struct rekey){ .store = s, .old = old, .new = new, .why = why };
	r = store_mark(s, STORE_REKEYING, true, NULL, why);
	if (r == 0)
		r = change_all(k);
	*ret = k->count;
	/* What somebody put there with the old key meanwhile, no broker could read. */
	k->count = (struct rekey_count){ 0 };
	k->again = true;
	if (r == 0)
		r = change_all(k);
	if (r == 0 && k->count.changed > 0)
		r = cause_set(why, -EBUSY, "Somebody wrote to the store with the old key: stop all "
					   "brokers, and run 'rekey' again");
	return r;
}
