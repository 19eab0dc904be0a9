/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/store.h"

static const struct store_engine *const engines[] = {
	&store_sqlite,
	&store_etcd,
};

void store_value_done(struct store_value *v)
{
	free(v->data);
	*v = (struct store_value){ 0 };
}

/* ---- what goes in ---- */

/* True for at most STORE_KEY_MAX printable characters of ASCII; "" is for prefixes alone. */
static bool text_is_valid(const char *text)
{
	size_t len = 0;

	for (; text[len]; len++)
		if (len == STORE_KEY_MAX || text[len] < '!' || text[len] > '~')
			return false;
	return true;
}

static bool key_is_valid(const char *key)
{
	return key && key[0] && text_is_valid(key);
}

#define NAMES_MAX (STORE_MEMBERS_MAX * STORE_PARTS_MAX * 3 + 1)

/* Where a batch names a key. */
struct name {
	const char *key;
	unsigned member;
	bool changed;
};

struct names {
	unsigned n;
	size_t bytes;		/* that the changes have */
	struct name list[NAMES_MAX];
};

static int add_name(struct names *names, const char *key, unsigned member, bool changed,
		    struct cause *why)
{
	if (!key_is_valid(key))
		return cause_set(why, -EINVAL, "A batch has a key that is none");
	names->list[names->n++] = (struct name){ key, member, changed };
	return 0;
}

static int add_change(struct names *names, const struct store_change *c, unsigned member,
		      struct cause *why)
{
	int r = add_name(names, c->key, member, true, why);

	if (r < 0)
		return r;
	if (c->len > STORE_VALUE_MAX)
		return cause_set(why, -EINVAL, "The value of '%s' has more than %d bytes", c->key,
				 STORE_VALUE_MAX);
	if (!c->data && (c->len > 0 || c->ttl_sec > 0))
		return cause_set(why, -EINVAL, "A batch deletes '%s' and gives it a value", c->key);
	names->bytes += strlen(c->key) + c->len;
	return 0;
}

static int add_member(struct names *names, const struct store_member *m, unsigned member,
		      struct cause *why)
{
	int r = 0;

	if (m->n_compares > STORE_PARTS_MAX || m->n_changes > STORE_PARTS_MAX ||
	    m->n_reads > STORE_PARTS_MAX)
		return cause_set(why, -EINVAL, "A member of a batch has more than %d parts",
				 STORE_PARTS_MAX);
	for (unsigned i = 0; i < m->n_compares && r == 0; i++)
		r = add_name(names, m->compares[i].key, member, false, why);
	for (unsigned i = 0; i < m->n_changes && r == 0; i++)
		r = add_change(names, &m->changes[i], member, why);
	for (unsigned i = 0; i < m->n_reads && r == 0; i++)
		r = add_name(names, m->reads[i], member, false, why);
	return r;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	/* The changes of a key stand before its other names. */
	return r ? r : (int)y->changed - (int)x->changed;
}

/*
 * The engines evaluate members in different ways, one after the other or all compares first.  The
 * result is the same as long as no member touches what another one changes.
 */
static int check_names(struct names *names, struct cause *why)
{
	qsort(names->list, names->n, sizeof(names->list[0]), compare_names);
	for (unsigned i = 1, first = 0; i < names->n; i++) {
		const struct name *a = &names->list[first], *b = &names->list[i];

		if (!streq(a->key, b->key))
			first = i;
		else if (a->changed && (b->changed || a->member != b->member))
			return cause_set(why, -EINVAL, "A batch has '%s' twice", a->key);
	}
	return 0;
}

static int check_batch(const struct store_fence *fence, const struct store_member *members,
		       unsigned n, struct cause *why)
{
	_cleanup_(freep) struct names *names = NULL;
	int r = 0;

	if (n == 0 || n > STORE_MEMBERS_MAX)
		return cause_set(why, -EINVAL, "A batch has %u members", n);
	if (fence && (!fence->next || strlen(fence->next) > STORE_VALUE_MAX))
		return cause_set(why, -EINVAL, "A fence has no next value");
	names = malloc(sizeof(*names));
	if (!names)
		return cause_set_oom(why);
	names->n = 0;
	names->bytes = 0;
	for (unsigned i = 0; i < n && r == 0; i++)
		r = add_member(names, &members[i], i, why);
	if (r == 0 && fence)
		r = add_name(names, fence->key, n, true, why);
	if (r < 0)
		return r;
	if (names->bytes > STORE_BYTES_MAX)
		return cause_set(why, -EINVAL, "A batch has more than %d bytes", STORE_BYTES_MAX);
	return check_names(names, why);
}

bool store_is_local(const struct store *s)
{
	return s->engine->local;
}

int store_member_check(const struct store_member *m, struct cause *why)
{
	return check_batch(NULL, m, 1, why);
}

/* ---- what comes out ---- */

/* Who holds the store, or what stands for it, may have written anything. */
static int check_value(const char *key, const struct store_value *v, struct cause *why)
{
	if ((v->revision == 0) == !v->data && v->len <= (v->data ? STORE_VALUE_MAX : 0))
		return 0;
	return cause_set(why, -EIO, "The store's value of '%s' cannot be", key);
}

static void clear_answers(struct store_member *members, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		members[i].done = false;
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++)
			store_value_done(&members[i].read[k]);
	}
}

static int check_answers(const struct store_member *members, unsigned n, struct cause *why)
{
	int r = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < members[i].n_reads && r == 0; k++)
			r = check_value(members[i].reads[k], &members[i].read[k], why);
	/* The batch is committed: whoever asks for the fence will see that. */
	return r < 0 ? -EAGAIN : 0;
}

int store_commit(struct store *s, const struct store_fence *fence, struct store_member *members,
		 unsigned n, struct cause *why)
{
	int r;

	/* What is there before is no answer: it is not freed. */
	for (unsigned i = 0; i < n; i++) {
		members[i].done = false;
		memset(members[i].read, 0, sizeof(members[i].read));
	}
	r = check_batch(fence, members, n, why);
	if (r < 0)
		return r;
	r = s->engine->commit(s, fence, members, n, why);
	if (r == 0)
		r = check_answers(members, n, why);
	if (r < 0)
		clear_answers(members, n);
	return r;
}

int store_get(struct store *s, const char *key, struct store_value *ret, struct cause *why)
{
	struct store_value v = { 0 };
	int r;

	if (!key_is_valid(key))
		return cause_set(why, -EINVAL, "A key is asked for that is none");
	r = s->engine->get(s, key, &v, why);
	if (r == 0)
		r = check_value(key, &v, why);
	if (r < 0) {
		store_value_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

int store_revision(struct store *s, const char *key, uint64_t *ret, struct cause *why)
{
	struct store_value v = { 0 };
	int r = store_get(s, key, &v, why);

	if (r == 0)
		*ret = v.revision;
	store_value_done(&v);
	return r;
}

int store_mark(struct store *s, const char *key, bool there, bool *ret_was, struct cause *why)
{
	struct store_member m = {
		.n_changes = 1, .changes = { { key, there ? "1" : NULL, there ? 1 : 0, 0 } },
	};
	uint64_t revision = 0;
	int r = store_revision(s, key, &revision, why);

	if (ret_was)
		*ret_was = revision > 0;
	return r == 0 && (revision > 0) != there ? store_commit(s, NULL, &m, 1, why) : r;
}

/* ---- walking ---- */

struct walk {
	const char *prefix;
	char last[STORE_KEY_MAX + 1];
	unsigned max, n;
	store_each_t each;
	void *userdata;
	struct cause *why;
};

static int walk_one(void *userdata, const char *key, const struct store_value *v)
{
	struct walk *w = userdata;
	int r;

	/* Each key comes once and in its order, or the caller's loop might not end. */
	if (!key_is_valid(key) || !startswith(key, w->prefix) || strcmp(key, w->last) <= 0 ||
	    v->revision == 0 || (w->max > 0 && w->n == w->max))
		return cause_set(w->why, -EIO, "The store has a key that cannot be there");
	r = check_value(key, v, w->why);
	if (r < 0)
		return r;
	strcpy(w->last, key);
	w->n++;
	return w->each(w->userdata, key, v);
}

int store_walk(struct store *s, const char *prefix, const char *after, unsigned max,
	       store_each_t each, void *userdata, struct cause *why)
{
	struct walk w = {
		.prefix = prefix, .max = max, .each = each, .userdata = userdata, .why = why
	};

	if (!text_is_valid(prefix) || (after && !key_is_valid(after)))
		return cause_set(why, -EINVAL, "Keys are asked for that are none");
	if (after)
		strcpy(w.last, after);
	return s->engine->walk(s, prefix, after, max, walk_one, &w, why);
}

int store_count(struct store *s, const char *prefix, uint64_t *ret, struct cause *why)
{
	uint64_t n = 0;
	int r;

	if (!text_is_valid(prefix))
		return cause_set(why, -EINVAL, "Keys are asked for that are none");
	r = s->engine->count(s, prefix, &n, why);
	if (r == 0)
		*ret = n;
	return r;
}

int store_look(struct store *s, struct store_state *ret, struct cause *why)
{
	struct store_state state = { 0 };
	int r = s->engine->look(s, &state, why);

	if (r == 0)
		*ret = state;
	return r;
}

/* ---- opening ---- */

int store_open(const char *address, const struct store_options *options, struct store **ret,
	       struct cause *why)
{
	static const struct store_options none;
	const char *colon = strchr(address, ':');

	for (size_t i = 0; colon && i < ARRAY_SIZE(engines); i++) {
		const char *name = engines[i]->name;

		if (strlen(name) == (size_t)(colon - address) && startswith(address, name))
			return engines[i]->open(colon + 1, options ? options : &none, ret, why);
	}
	return cause_set(why, -EINVAL,
			 "'%s' is not the address of a store: expected sqlite:PATH or etcd:URL",
			 address);
}

struct store *store_close(struct store *s)
{
	if (s)
		s->engine->close(s);
	return NULL;
}
