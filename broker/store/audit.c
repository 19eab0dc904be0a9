/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/audit.h"

#include <stdio.h>

#define TRIES 5		/* when batches are committed between two questions */

static bool same_head(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, AUDIT_HEAD_LEN) == 0;
}

/* ---- the end of a chain ---- */

struct last_batch {
	const char *instance;
	const struct audit_fence *fence;
	struct audit_hash hash;
	struct cause *why;
};

static int broken(struct cause *why, const char *instance, const char *key, const char *what)
{
	return cause_set(why, -EBADMSG, "The audit log of '%s' is broken: '%s' %s", instance, key,
			 what);
}

static int see_last_line(void *userdata, const char *key, const struct store_value *v)
{
	struct bytes text = { v->data, v->len };
	struct last_batch *l = userdata;
	struct audit_line line;
	uint64_t number;
	unsigned index;

	if (audit_key_read(key, l->instance, &number, &index) < 0 ||
	    audit_line_read(text, &line) < 0 || line.batch != number || line.index != index ||
	    !streq(line.instance, l->instance))
		return broken(l->why, l->instance, key, "is not a line of it");
	if (!same_head(line.prev, l->fence->before))
		return broken(l->why, l->instance, key, "does not follow the one before");
	return audit_hash_line(&l->hash, index, text) < 0 ? cause_set_oom(l->why) : 0;
}

static int read_last_batch(struct store *s, const char *instance, const struct audit_fence *f,
			   struct audit_end *ret, struct cause *why)
{
	struct last_batch l = { .instance = instance, .fence = f, .why = why };
	char prefix[AUDIT_KEY_LEN];
	int r;

	audit_key_batch(instance, f->number - 1, prefix);
	if (audit_hash_init(&l.hash) < 0)
		return cause_set_oom(why);
	r = audit_hash_begin(&l.hash, f->before, f->number - 1);
	if (r == 0)
		r = store_walk(s, prefix, NULL, 0, see_last_line, &l, why);
	if (r == 0)
		r = audit_hash_end(&l.hash, ret->head);
	audit_hash_done(&l.hash);
	return r == -ENOMEM ? cause_set_oom(why) : r;
}

struct first_line {
	bool found;
	char key[STORE_KEY_MAX + 1];
	bool good;			/* it is a line */
	struct audit_line line;
};

static int see_first_line(void *userdata, const char *key, const struct store_value *v)
{
	struct first_line *f = userdata;

	f->found = true;
	strcpy(f->key, key);
	f->good = audit_line_read((struct bytes){ v->data, v->len }, &f->line) == 0;
	return 0;
}

/* The first line of the batch @number or a later one. */
static int find_line(struct store *s, const char *instance, uint64_t number,
		     struct first_line *ret, struct cause *why)
{
	char prefix[AUDIT_KEY_LEN], after[AUDIT_KEY_LEN];

	*ret = (struct first_line){ 0 };
	audit_key_instance(instance, prefix);
	/* '.' stands before each digit of an index. */
	audit_key_batch(instance, number, after);
	return store_walk(s, prefix, after, 1, see_first_line, ret, why);
}

static int read_fence(struct store *s, const char *instance,
		      char ret[static AUDIT_FENCE_LEN + 1], struct audit_fence *ret_fence,
		      struct cause *why)
{
	struct audit_fence f = { .number = 1 };
	struct store_value v = { 0 };
	char key[AUDIT_KEY_LEN];
	int r;

	audit_key_fence(instance, key);
	r = store_get(s, key, &v, why);
	if (r < 0)
		return r;
	memset(ret, 0, AUDIT_FENCE_LEN + 1);
	if (v.data && audit_fence_read(v.data, v.len, &f) < 0)
		r = broken(why, instance, key, "is malformed");
	else if (v.data)
		memcpy(ret, v.data, v.len);
	store_value_done(&v);
	*ret_fence = f;
	return r;
}

/* Returns 1 when the fence has been changed meanwhile. */
static int try_end(struct store *s, const char *instance, struct audit_end *ret, struct cause *why)
{
	char now[AUDIT_FENCE_LEN + 1];
	struct audit_fence f, ignored;
	struct first_line late;
	int r;

	r = read_fence(s, instance, ret->fence, &f, why);
	if (r < 0)
		return r;
	ret->number = f.number;
	memset(ret->head, 0, sizeof(ret->head));
	if (ret->fence[0])
		r = read_last_batch(s, instance, &f, ret, why);
	if (r == 0)
		r = find_line(s, instance, f.number, &late, why);
	if (r < 0 || !late.found)
		return r;
	r = read_fence(s, instance, now, &ignored, why);
	if (r < 0)
		return r;
	return !streq(now, ret->fence) ? 1 :
	       broken(why, instance, late.key, "is later than the last batch that was written");
}

int audit_find_end(struct store *s, const char *instance, struct audit_end *ret, struct cause *why)
{
	struct audit_end end;

	for (unsigned i = 0; i < TRIES; i++) {
		int r = try_end(s, instance, &end, why);

		if (r == 0)
			*ret = end;
		if (r <= 0)
			return r;
	}
	return cause_set(why, -EAGAIN, "'%s' writes all the time: its end was not found", instance);
}

int audit_passes(struct store *s, const char *instance, const struct audit_end *end,
		 uint64_t number, const uint8_t head[static AUDIT_HEAD_LEN], struct cause *why)
{
	struct first_line first;
	int r;

	if (number > end->number)
		return 0;
	r = find_line(s, instance, number, &first, why);
	if (r < 0)
		return r;
	if (first.found)
		return first.good && same_head(first.line.prev, head);
	return same_head(end->head, head);
}

/* ---- which instances there are ---- */

struct instance {
	char name[AUDIT_INSTANCE_MAX + 1];
	char fence[AUDIT_FENCE_LEN + 1];	/* "": none, or malformed */
	uint64_t next;				/* by the fence; 0: none */
};

struct instances {
	struct cause *why;
	char after[STORE_KEY_MAX + 1];
	bool found;
	unsigned n;
	struct instance list[AUDIT_INSTANCES_MAX];
};

static int add_instance(struct instances *l, const char *name, size_t len, struct instance **ret)
{
	char copy[AUDIT_INSTANCE_MAX + 1];

	*ret = NULL;
	if (len > AUDIT_INSTANCE_MAX)
		return 0;
	memcpy(copy, name, len);
	copy[len] = '\0';
	/* What has such a name belongs to no chain. */
	if (!audit_instance_is_valid(copy))
		return 0;
	for (unsigned i = 0; i < l->n && !*ret; i++)
		if (streq(l->list[i].name, copy))
			*ret = &l->list[i];
	if (*ret)
		return 0;
	if (l->n == AUDIT_INSTANCES_MAX)
		return cause_set(l->why, -EMSGSIZE, "The store has more than %d instances",
				 AUDIT_INSTANCES_MAX);
	*ret = &l->list[l->n++];
	memset(*ret, 0, sizeof(**ret));
	strcpy((*ret)->name, copy);
	return 0;
}

static int see_fence(void *userdata, const char *key, const struct store_value *v)
{
	const char *name = key + strlen(AUDIT_FENCES);
	struct instances *l = userdata;
	struct audit_fence f;
	struct instance *i;
	int r;

	r = add_instance(l, name, strlen(name), &i);
	if (r == 0 && i && audit_fence_read(v->data, v->len, &f) == 0) {
		memcpy(i->fence, v->data, v->len);
		i->next = f.number;
	}
	return r;
}

/* Take the name of one line's instance; the next question begins behind all its lines. */
static int see_name(void *userdata, const char *key, const struct store_value *v)
{
	const char *name = key + strlen(AUDIT_PREFIX), *end = strchr(name, '/');
	struct instances *l = userdata;
	struct instance *ignored;

	l->found = true;
	strcpy(l->after, key);
	if (!end)
		return 0;
	if ((size_t)(end - key) + 2 <= STORE_KEY_MAX)
		(void) snprintf(l->after, sizeof(l->after), "%.*s/~", (int)(end - key), key);
	return add_instance(l, name, (size_t)(end - name), &ignored);
}

static int compare_instances(const void *a, const void *b)
{
	return strcmp(((const struct instance *)a)->name, ((const struct instance *)b)->name);
}

/* All fences are of one moment: none knows of another one what that one's own fence does not. */
static int list_instances(struct store *s, struct instances *l, struct cause *why)
{
	int r;

	l->why = why;
	r = store_walk(s, AUDIT_FENCES, NULL, 0, see_fence, l, why);
	do {
		l->found = false;
		if (r == 0)
			r = store_walk(s, AUDIT_PREFIX, l->after[0] ? l->after : NULL, 1, see_name,
				       l, why);
	} while (r == 0 && l->found);
	qsort(l->list, l->n, sizeof(l->list[0]), compare_instances);
	return r;
}

/* ---- the records of one ---- */

struct export {
	struct store *store;
	const struct instance *i;
	audit_text_t each;
	void *userdata;
	struct cause *why;
	uint64_t n;		/* records */
};

static int tell(struct export *e, struct bytes text)
{
	e->n++;
	return e->each(e->userdata, text);
}

/*
 * A batch that is later than the fence was committed since the fence was read, unless it is still
 * later than the fence: then somebody else put it there, and whoever verifies must see it.
 */
static int is_newer(struct export *e, uint64_t number)
{
	char text[AUDIT_FENCE_LEN + 1];
	struct audit_fence f;
	int r;

	if (number < e->i->next)
		return 0;
	r = read_fence(e->store, e->i->name, text, &f, e->why);
	/* A fence that is malformed, or not there, hides nothing. */
	if (r == -EBADMSG || (r == 0 && !text[0]))
		return 0;
	return r < 0 ? r : number < f.number;
}

static int export_line(void *userdata, const char *key, const struct store_value *v)
{
	struct export *e = userdata;
	uint64_t number;
	unsigned index;
	int r;

	/* What is no line is told too: it does not belong there. */
	if (audit_key_read(key, e->i->name, &number, &index) < 0)
		return tell(e, (struct bytes){ v->data, v->len });
	r = is_newer(e, number);
	if (r != 0)
		return r > 0 ? 0 : r;
	return tell(e, (struct bytes){ v->data, v->len });
}

static int export_fence(struct export *e)
{
	char text[AUDIT_INSTANCE_MAX + AUDIT_FENCE_LEN + 64];
	int n;

	if (!e->i->fence[0])
		return 0;
	n = snprintf(text, sizeof(text), "{\"instance\":\"%s\",\"fence\":\"%s\"}", e->i->name,
		     e->i->fence);
	return tell(e, (struct bytes){ (const uint8_t *)text, (size_t)n });
}

static int export_rest(struct export *e, uint64_t beginning)
{
	char prefix[AUDIT_KEY_LEN], key[AUDIT_KEY_LEN];
	uint64_t now = 0;
	int r;

	audit_key_instance(e->i->name, prefix);
	r = store_walk(e->store, prefix, NULL, 0, export_line, e, e->why);
	if (r == 0)
		r = export_fence(e);
	if (r != 0)
		return r;
	checkpoint_key(e->i->name, key);
	r = store_revision(e->store, key, &now, e->why);
	if (r == 0 && now != beginning)
		return cause_set(e->why, -EAGAIN, "The audit log of '%s' was trimmed meanwhile",
				 e->i->name);
	return r;
}

static int export_one(struct export *e)
{
	struct store_value v = { 0 };
	char key[AUDIT_KEY_LEN];
	uint64_t beginning;
	int r;

	checkpoint_key(e->i->name, key);
	r = store_get(e->store, key, &v, e->why);
	beginning = v.revision;
	if (r == 0 && v.data)
		r = tell(e, (struct bytes){ v.data, v.len });
	store_value_done(&v);
	return r == 0 ? export_rest(e, beginning) : r;
}

int audit_export(struct store *s, const char *instance, audit_text_t each, void *userdata,
		 struct cause *why)
{
	_cleanup_(freep) struct instances *l = calloc(1, sizeof(*l));
	struct export e = { .store = s, .each = each, .userdata = userdata, .why = why };
	int r;

	if (!l)
		return cause_set_oom(why);
	r = list_instances(s, l, why);
	for (unsigned i = 0; i < l->n && r == 0; i++) {
		e.i = &l->list[i];
		if (!instance || streq(instance, e.i->name))
			r = export_one(&e);
	}
	if (r == 0 && instance && e.n == 0)
		return cause_set(why, -ENOENT, "The store has no instance '%s'", instance);
	return r;
}
