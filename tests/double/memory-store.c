/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/double/memory-store.h"

#include <pthread.h>

#define ENTRIES_MAX 4096
#define LINES_MAX 16384

struct entry {
	char *key;
	uint8_t *data;		/* NULL: deleted */
	size_t len;
	uint64_t revision;
	bool has_life;
};

struct memory;

struct writer {
	struct memory *m;
};

struct memory {
	struct store store;
	struct writer writer;
	pthread_mutex_t lock;
	uint64_t revision;
	struct entry entries[ENTRIES_MAX];	/* in the order of their keys */
	size_t n;
	struct json_object *lines[LINES_MAX];
	size_t n_lines;

	unsigned n_commits, fail_from, fail_to;
	enum memory_fault fault;
	int error;
	void (*act)(void *userdata);
	void *act_userdata;
};

static struct memory *memory_of(struct store *s)
{
	return (struct memory *)s;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- entries; under the lock ---- */

/* The first whose key is not before @key. */
static size_t place(const struct memory *m, const char *key)
{
	size_t i = 0;

	while (i < m->n && strcmp(m->entries[i].key, key) < 0)
		i++;
	return i;
}

static struct entry *look_up(struct memory *m, const char *key)
{
	size_t i = place(m, key);

	return i < m->n && streq(m->entries[i].key, key) && m->entries[i].data ? &m->entries[i] :
										 NULL;
}

static uint64_t revision_of(struct memory *m, const char *key)
{
	struct entry *e = look_up(m, key);

	return e ? e->revision : 0;
}

static void write_entry(struct memory *m, const char *key, const void *data, size_t len,
			bool has_life)
{
	size_t i = place(m, key);
	struct entry *e = &m->entries[i];

	if (i == m->n || !streq(e->key, key)) {
		if (m->n == ENTRIES_MAX)
			abort();
		memmove(e + 1, e, (m->n++ - i) * sizeof(*e));
		*e = (struct entry){ .key = must(strdup(key)) };
	}
	free(e->data);
	e->data = data ? must(malloc(len + 1)) : NULL;
	if (data)
		memcpy(e->data, data, len);
	e->len = len;
	e->has_life = has_life;
	e->revision = ++m->revision;
}

static void give(struct memory *m, const char *key, struct store_value *ret)
{
	const struct entry *e = look_up(m, key);

	*ret = (struct store_value){ .data = NULL };
	if (!e)
		return;
	ret->data = must(malloc(e->len + 1));
	memcpy(ret->data, e->data, e->len);
	ret->len = e->len;
	ret->revision = e->revision;
	ret->has_life = e->has_life;
}

static void apply(struct memory *m, struct store_member *member)
{
	member->done = true;
	for (unsigned i = 0; i < member->n_compares; i++)
		if (revision_of(m, member->compares[i].key) != member->compares[i].revision)
			member->done = false;
	for (unsigned i = 0; i < member->n_changes && member->done; i++) {
		const struct store_change *c = &member->changes[i];

		write_entry(m, c->key, c->data, c->len, c->ttl_sec > 0);
	}
	for (unsigned i = 0; i < member->n_reads; i++)
		give(m, member->reads[i], &member->read[i]);
}

/* ---- the engine ---- */

static int commit(struct store *s, const struct store_fence *fence, struct store_member *members,
		  unsigned n, struct cause *why)
{
	struct memory *m = memory_of(s);

	(void) why;
	assert(!fence);
	(void) pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < n; i++)
		apply(m, &members[i]);
	(void) pthread_mutex_unlock(&m->lock);
	return 0;
}

static int get(struct store *s, const char *key, struct store_value *ret, struct cause *why)
{
	struct memory *m = memory_of(s);

	(void) why;
	(void) pthread_mutex_lock(&m->lock);
	give(m, key, ret);
	(void) pthread_mutex_unlock(&m->lock);
	return 0;
}

/* The next key, which the caller frees; NULL at the end. */
static char *next(struct memory *m, const char *prefix, const char *after,
		  struct store_value *ret)
{
	char *key = NULL;

	(void) pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n && !key; i++) {
		const struct entry *e = &m->entries[i];

		if (e->data && startswith(e->key, prefix) &&
		    (!after || strcmp(e->key, after) > 0)) {
			key = must(strdup(e->key));
			give(m, key, ret);
		}
	}
	(void) pthread_mutex_unlock(&m->lock);
	return key;
}

static int walk(struct store *s, const char *prefix, const char *after, unsigned max,
		store_each_t each, void *userdata, struct cause *why)
{
	char *last = after ? must(strdup(after)) : NULL;
	struct store_value v;
	char *key;
	int r = 0;

	(void) why;
	for (unsigned i = 0; r == 0 && (max == 0 || i < max); i++) {
		key = next(memory_of(s), prefix, last, &v);
		if (!key)
			break;
		free(last);
		last = key;
		r = each(userdata, key, &v);
		store_value_done(&v);
	}
	free(last);
	return r;
}

static int count(struct store *s, const char *prefix, uint64_t *ret, struct cause *why)
{
	struct memory *m = memory_of(s);

	(void) why;
	*ret = 0;
	(void) pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n; i++)
		*ret += m->entries[i].data && startswith(m->entries[i].key, prefix);
	(void) pthread_mutex_unlock(&m->lock);
	return 0;
}

static int look(struct store *s, struct store_state *ret, struct cause *why)
{
	(void) why;
	*ret = (struct store_state){ .revision = memory_of(s)->revision };
	return 0;
}

static void close_store(struct store *s)
{
	struct memory *m = memory_of(s);

	for (size_t i = 0; i < m->n; i++) {
		free(m->entries[i].key);
		free(m->entries[i].data);
	}
	for (size_t i = 0; i < m->n_lines; i++)
		(void) json_object_put(m->lines[i]);
	(void) pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct store_engine memory_engine = {
	.name = "memory",
	.close = close_store,
	.commit = commit,
	.get = get,
	.walk = walk,
	.count = count,
	.look = look,
};

struct store *memory_store_new(void)
{
	struct memory *m = must(calloc(1, sizeof(*m)));

	m->store.engine = &memory_engine;
	m->writer.m = m;
	if (pthread_mutex_init(&m->lock, NULL) != 0)
		abort();
	return &m->store;
}

struct writer *memory_store_writer(struct store *s)
{
	return &memory_of(s)->writer;
}

/* ---- the writer ---- */

static void add_line(struct memory *m, struct json_object *line)
{
	struct json_object *copy = NULL;

	if (m->n_lines == LINES_MAX || json_object_deep_copy(line, &copy, NULL) < 0)
		abort();
	m->lines[m->n_lines++] = copy;
}

/* What another instance would do to all that is compared: the same bytes, written anew. */
static void outrun(struct memory *m, const struct store_member *member)
{
	for (unsigned i = 0; i < member->n_compares; i++) {
		struct entry *e = look_up(m, member->compares[i].key);

		if (e)
			e->revision = ++m->revision;
	}
}

static enum memory_fault next_fault(struct memory *m, int *ret_error)
{
	unsigned n = m->n_commits++;

	*ret_error = m->error;
	return n >= m->fail_from && n < m->fail_to ? m->fault : MEMORY_NO_FAULT;
}

static void act_once(struct memory *m)
{
	void (*act)(void *userdata);
	void *userdata;

	(void) pthread_mutex_lock(&m->lock);
	act = m->act;
	userdata = m->act_userdata;
	m->act = NULL;
	(void) pthread_mutex_unlock(&m->lock);
	if (act)
		act(userdata);
}

int writer_commit(struct writer *w, struct store_member *member, struct json_object *line,
		  uint64_t timeout_usec, struct cause *why)
{
	struct memory *m = w->m;
	enum memory_fault fault;
	int r, error;

	(void) timeout_usec;
	r = store_member_check(member, why);
	if (r < 0)
		return r;
	/* The line is a change too. */
	assert(!line || member->n_changes < STORE_PARTS_MAX);
	act_once(m);
	(void) pthread_mutex_lock(&m->lock);
	member->done = false;
	fault = next_fault(m, &error);
	if (fault == MEMORY_OUTRUN)
		outrun(m, member);
	if (fault != MEMORY_BEFORE)
		apply(m, member);
	if (line && member->done)
		add_line(m, line);
	(void) pthread_mutex_unlock(&m->lock);
	if (fault != MEMORY_BEFORE && fault != MEMORY_AFTER)
		return 0;
	for (unsigned i = 0; i < member->n_reads; i++)
		store_value_done(&member->read[i]);
	member->done = false;
	return cause_set(why, error, "the test says so");
}

/* ---- for the test ---- */

void memory_store_fail(struct store *s, unsigned n, unsigned n_times, enum memory_fault fault,
		       int error)
{
	struct memory *m = memory_of(s);

	m->fail_from = m->n_commits + n;
	m->fail_to = m->fail_from + n_times;
	m->fault = fault;
	m->error = error;
}

void memory_store_before(struct store *s, void (*act)(void *userdata), void *userdata)
{
	memory_of(s)->act = act;
	memory_of(s)->act_userdata = userdata;
}

unsigned memory_store_commits(struct store *s)
{
	return memory_of(s)->n_commits;
}

void memory_store_put(struct store *s, const char *key, const void *data, size_t len)
{
	struct memory *m = memory_of(s);

	(void) pthread_mutex_lock(&m->lock);
	write_entry(m, key, data, len, /* has_life= */ false);
	(void) pthread_mutex_unlock(&m->lock);
}

uint64_t memory_store_revision(struct store *s, const char *key)
{
	struct memory *m = memory_of(s);
	uint64_t revision;

	(void) pthread_mutex_lock(&m->lock);
	revision = revision_of(m, key);
	(void) pthread_mutex_unlock(&m->lock);
	return revision;
}

static bool has(struct json_object *line, const char *name, const char *text)
{
	struct json_object *value;

	return !text || (json_object_object_get_ex(line, name, &value) &&
			 streq(json_object_get_string(value), text));
}

unsigned memory_store_lines(struct store *s, const char *what, const char *path)
{
	struct memory *m = memory_of(s);
	unsigned n = 0;

	(void) pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n_lines; i++)
		n += has(m->lines[i], "what", what) && has(m->lines[i], "path", path);
	(void) pthread_mutex_unlock(&m->lock);
	return n;
}
