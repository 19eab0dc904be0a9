/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/asked.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/thread.h"
#include "broker/store/store.h"

#define ASKED_VERSION 1
#define FIXED (4 + 8 + 32)		/* bytes before the texts */
#define ID_LEN 16

#define QUEUE_MAX 512			/* that wait for the disk */
#define QUEUE_BYTES_MAX (16 * 1024 * 1024)
#define BATCH_MAX 16			/* of them in one commit */
#define BATCH_BYTES_MAX (STORE_BYTES_MAX - 64 * 1024)
#define CHANGES_MAX (STORE_PARTS_MAX * STORE_MEMBERS_MAX)
#define PAGE_MAX 16			/* read at once */

/* What is in the store, without the evidence. */
struct slot {
	uint64_t number;
	int64_t at;
	size_t len;
	uint8_t id[ID_LEN];
};

struct ring {
	struct slot *slots;	/* ASKED_MAX, in the order of their numbers */
	unsigned n;
	size_t bytes;
	int64_t since;
};

struct pending {
	bool released;
	int64_t at;
	uint8_t id[ID_LEN];
	uint8_t *value;
	size_t len;
};

struct asked_log {
	struct store *store;
	pthread_t thread;
	bool has_thread;

	/* the thread's alone */
	uint64_t next;
	bool is_lost;			/* the index is not what the store has */

	pthread_mutex_t lock;		/* for all below */
	pthread_cond_t changed;
	struct ring rings[2];		/* refused, released; slots are the thread's alone */
	struct pending queue[QUEUE_MAX];
	unsigned n_queue;
	size_t queue_bytes;
	uint64_t n_noted, n_done;	/* how many went into it, and how many are through */
	bool stops, has_warned;
};

static const size_t ring_bytes[2] = { ASKED_REFUSED_BYTES, ASKED_RELEASED_BYTES };
static const char *const ring_prefix[2] = { "asked/refused/", "asked/released/" };
static const char *const ring_since[2] = { "since/refused", "since/released" };

#define KEY_LEN 40

static void key_of(unsigned ring, uint64_t number, char ret[static KEY_LEN])
{
	(void) snprintf(ret, KEY_LEN, "%s%016" PRIx64, ring_prefix[ring], number);
}

/* ---- one of them as bytes ---- */

int asked_format(const struct asked *a, uint8_t **ret, size_t *ret_len)
{
	size_t code = strnlen(a->code, sizeof(a->code) - 1);
	size_t path = strnlen(a->path, sizeof(a->path) - 1);
	size_t len = FIXED + 1 + code + 2 + path + a->evidence_len;
	uint8_t *text = malloc(len), *p = text;

	if (!text)
		return -ENOMEM;
	*p++ = ASKED_VERSION;
	*p++ = a->released;
	*p++ = (uint8_t)a->tee;
	*p++ = a->has_launch;
	for (int i = 56; i >= 0; i -= 8)
		*p++ = (uint8_t)((uint64_t)a->at >> i);
	memcpy(p, a->launch, 32);
	p += 32;
	*p++ = (uint8_t)code;
	memcpy(p, a->code, code);
	p += code;
	*p++ = (uint8_t)(path >> 8);
	*p++ = (uint8_t)path;
	memcpy(p, a->path, path);
	if (a->evidence_len > 0)
		memcpy(p + path, a->evidence, a->evidence_len);
	*ret = text;
	*ret_len = len;
	return 0;
}

/* A printable text of @len bytes. */
static int take_text(struct bytes *b, size_t len, char *ret, size_t size)
{
	struct bytes text;

	if (len >= size || bytes_take(b, len, &text) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			return -EBADMSG;
	memcpy(ret, text.p, len);
	ret[len] = '\0';
	return 0;
}

int asked_parse(const uint8_t *data, size_t len, struct asked *ret)
{
	struct bytes b = { data, len }, fixed, n;
	struct asked a = { 0 };

	if (bytes_take(&b, FIXED, &fixed) < 0 || fixed.p[0] != ASKED_VERSION || fixed.p[1] > 1 ||
	    fixed.p[2] >= _BROKER_TEE_MAX || fixed.p[3] > 1)
		return -EBADMSG;
	a.released = fixed.p[1];
	a.tee = fixed.p[2];
	a.has_launch = fixed.p[3];
	a.at = (int64_t)get_u64be(fixed.p + 4);
	memcpy(a.launch, fixed.p + 12, 32);
	if (a.at < 0 || bytes_take(&b, 1, &n) < 0 ||
	    take_text(&b, n.p[0], a.code, sizeof(a.code)) < 0 || bytes_take(&b, 2, &n) < 0 ||
	    take_text(&b, get_u16be(n.p), a.path, sizeof(a.path)) < 0)
		return -EBADMSG;
	a.evidence = b.p;
	a.evidence_len = b.len;
	*ret = a;
	return 0;
}

/* The secret and the launch; without a launch, what its caller says that tells it from others. */
static int id_of(const struct asked *a, uint8_t ret[static ID_LEN])
{
	uint8_t text[1 + 32 + BROKER_PATH_LEN], hash[32];
	size_t len = strnlen(a->path, BROKER_PATH_LEN - 1);

	text[0] = a->has_launch;
	memcpy(text + 1, a->has_launch ? a->launch : a->other, 32);
	memcpy(text + 33, a->path, len);
	if (EVP_Digest(text, 33 + len, hash, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	memcpy(ret, hash, ID_LEN);
	return 0;
}

/* ---- the index ---- */

static int add_slot(void *userdata, unsigned ring, const char *key, const struct store_value *v)
{
	struct asked_log *l = userdata;
	struct ring *r = &l->rings[ring];
	struct slot s = { .len = v->len };
	struct asked a;
	uint8_t number[8];

	if (r->n == ASKED_MAX || asked_parse(v->data, v->len, &a) < 0 ||
	    parse_hex(key + strlen(ring_prefix[ring]), number, sizeof(number)) < 0)
		return -EBADMSG;
	s.number = get_u64be(number);
	s.at = a.at;
	if (id_of(&a, s.id) < 0)
		return -ENOMEM;
	r->slots[r->n++] = s;
	r->bytes += s.len;
	l->next = MAX(l->next, s.number + 1);
	return 0;
}

static int add_refused(void *userdata, const char *key, const struct store_value *v)
{
	return add_slot(userdata, 0, key, v);
}

static int add_released(void *userdata, const char *key, const struct store_value *v)
{
	return add_slot(userdata, 1, key, v);
}

static int read_index(struct asked_log *l, struct cause *why)
{
	static const store_each_t adds[2] = { add_refused, add_released };
	int r = 0;

	for (unsigned i = 0; i < 2 && r == 0; i++) {
		l->rings[i].n = 0;
		l->rings[i].bytes = 0;
		r = store_walk(l->store, ring_prefix[i], NULL, 0, adds[i], l, why);
	}
	if (r == -EBADMSG)
		return cause_set(why, r, "the record of what was asked is damaged");
	return r == -ENOMEM ? cause_set_oom(why) : r;
}

/* Since when all is there, or from now on. */
static int read_since(struct asked_log *l, unsigned ring, struct cause *why)
{
	struct store_value v = { 0 };
	char text[24];
	uint64_t n = 0;
	int r = store_get(l->store, ring_since[ring], &v, why);

	if (r < 0)
		return r;
	(void) snprintf(text, sizeof(text), "%.*s", (int)MIN(v.len, 23u),
			v.data ? (const char *)v.data : "");
	if (v.revision == 0)
		n = (uint64_t)time(NULL);
	else if (parse_u64(text, &n) < 0 || n > INT64_MAX)
		r = cause_set(why, -EBADMSG, "the record of what was asked is damaged");
	l->rings[ring].since = (int64_t)n;
	store_value_done(&v);
	return r;
}

/* ---- a commit ---- */

struct batch {
	struct asked_log *l;
	unsigned n_changes;
	struct store_change changes[CHANGES_MAX];
	char keys[CHANGES_MAX][KEY_LEN];
	char since[2][24];
	struct store_member members[STORE_MEMBERS_MAX];
};

static bool has_room(const struct batch *b)
{
	/* Each of a batch needs up to three, whatever is pushed out. */
	return b->n_changes < CHANGES_MAX - 4 * BATCH_MAX;
}

static void change(struct batch *b, unsigned ring, uint64_t number, const void *data, size_t len)
{
	char *key = b->keys[b->n_changes];

	key_of(ring, number, key);
	b->changes[b->n_changes++] = (struct store_change){ .key = key, .data = data, .len = len };
}

static void drop(struct batch *b, unsigned ring, unsigned at)
{
	struct ring *r = &b->l->rings[ring];

	change(b, ring, r->slots[at].number, NULL, 0);
	r->bytes -= r->slots[at].len;
	r->n--;
	memmove(r->slots + at, r->slots + at + 1, (r->n - at) * sizeof(r->slots[0]));
}

static void drop_same(struct batch *b, unsigned ring, const uint8_t id[static ID_LEN])
{
	const struct ring *r = &b->l->rings[ring];

	for (unsigned i = r->n; i > 0; i--)
		if (memcmp(r->slots[i - 1].id, id, ID_LEN) == 0) {
			drop(b, ring, i - 1);
			return;
		}
}

/* Others may look at it meanwhile. */
static void move_since(struct asked_log *l, unsigned ring, int64_t since)
{
	(void) pthread_mutex_lock(&l->lock);
	l->rings[ring].since = MAX(l->rings[ring].since, since);
	(void) pthread_mutex_unlock(&l->lock);
}

static void add(struct batch *b, const struct pending *p)
{
	struct ring *r = &b->l->rings[p->released];
	struct slot s = { .number = b->l->next++, .at = p->at, .len = p->len };

	memcpy(s.id, p->id, ID_LEN);
	drop_same(b, p->released, p->id);
	/* Who was refused first and got it later, got it. */
	if (p->released)
		drop_same(b, 0, p->id);
	while (r->n > 0 && has_room(b) &&
	       (r->n >= ASKED_MAX || r->bytes + p->len > ring_bytes[p->released])) {
		move_since(b->l, p->released, r->slots[0].at + 1);
		drop(b, p->released, 0);
	}
	r->slots[r->n++] = s;
	r->bytes += s.len;
	change(b, p->released, s.number, p->value, p->len);
}

static int commit(struct batch *b, struct cause *why)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		int64_t since;

		(void) pthread_mutex_lock(&b->l->lock);
		since = b->l->rings[i].since;
		(void) pthread_mutex_unlock(&b->l->lock);
		(void) snprintf(b->since[i], sizeof(b->since[i]), "%" PRId64, since);
		b->changes[b->n_changes++] = (struct store_change){
			.key = ring_since[i], .data = b->since[i], .len = strlen(b->since[i])
		};
	}
	for (unsigned i = 0; i < b->n_changes; i++) {
		struct store_member *m = &b->members[n];

		m->changes[m->n_changes++] = b->changes[i];
		n += m->n_changes == STORE_PARTS_MAX;
	}
	n += b->members[n].n_changes > 0;
	return store_commit(b->l->store, NULL, b->members, n, why);
}

static int write_batch(struct asked_log *l, const struct pending *list, unsigned n,
		       struct cause *why)
{
	struct batch *b = calloc(1, sizeof(*b));
	int r = 0;

	if (!b)
		return cause_set_oom(why);
	b->l = l;
	if (l->is_lost)
		r = read_index(l, why);
	for (unsigned i = 0; i < n && r == 0; i++)
		add(b, &list[i]);
	if (r == 0)
		r = commit(b, why);
	l->is_lost = r < 0;
	free(b);
	return r;
}

/* ---- the thread ---- */

/* Those that go into one commit: no id twice, for a key can be changed once in it only. */
static bool is_taken(const struct pending *list, unsigned n, const struct pending *p)
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp(list[i].id, p->id, ID_LEN) == 0)
			return true;
	return false;
}

static unsigned take(struct asked_log *l, struct pending ret[static BATCH_MAX])
{
	size_t bytes = 0;
	unsigned n = 0;

	while (n < l->n_queue && n < BATCH_MAX) {
		const struct pending *p = &l->queue[n];

		if (is_taken(ret, n, p) || (n > 0 && bytes + p->len > BATCH_BYTES_MAX))
			break;
		bytes += p->len;
		ret[n++] = *p;
	}
	l->n_queue -= n;
	l->queue_bytes -= bytes;
	memmove(l->queue, l->queue + n, l->n_queue * sizeof(l->queue[0]));
	return n;
}

/* What is not there is said to be not there. */
static void lose(struct asked_log *l, int64_t at)
{
	for (unsigned i = 0; i < 2; i++)
		l->rings[i].since = MAX(l->rings[i].since, at + 1);
}

static void write_some(struct asked_log *l)
{
	struct pending list[BATCH_MAX];
	struct cause why = { "" };
	unsigned n = take(l, list);
	int r;

	(void) pthread_mutex_unlock(&l->lock);
	r = write_batch(l, list, n, &why);
	(void) pthread_mutex_lock(&l->lock);
	l->n_done += n;
	if (r < 0)
		lose(l, list[n - 1].at);
	if (r < 0 && !l->has_warned)
		log_warning("What is asked is not kept for 'policy test', going on: %s", why.text);
	l->has_warned = r < 0;
	for (unsigned i = 0; i < n; i++)
		free(list[i].value);
	(void) pthread_cond_broadcast(&l->changed);
}

static void *run(void *userdata)
{
	struct asked_log *l = userdata;

	(void) pthread_mutex_lock(&l->lock);
	while (l->n_queue > 0 || !l->stops)
		if (l->n_queue > 0)
			write_some(l);
		else
			(void) pthread_cond_wait(&l->changed, &l->lock);
	(void) pthread_mutex_unlock(&l->lock);
	return NULL;
}

void asked_log_note(struct asked_log *l, const struct asked *a)
{
	struct pending p = { .released = a->released };
	struct asked now = *a;
	bool kept = false;

	if (!l)
		return;
	now.at = p.at = (int64_t)time(NULL);
	make_printable(now.path);
	make_printable(now.code);
	(void) pthread_mutex_lock(&l->lock);
	if (l->n_queue < QUEUE_MAX && l->queue_bytes < QUEUE_BYTES_MAX && id_of(&now, p.id) == 0 &&
	    asked_format(&now, &p.value, &p.len) == 0) {
		kept = p.len <= STORE_VALUE_MAX;
		if (kept) {
			l->queue[l->n_queue++] = p;
			l->n_noted++;
			l->queue_bytes += p.len;
			(void) pthread_cond_broadcast(&l->changed);
		} else {
			free(p.value);
		}
	}
	if (!kept)
		l->rings[a->released].since = MAX(l->rings[a->released].since, now.at + 1);
	(void) pthread_mutex_unlock(&l->lock);
}

/* ---- reading ---- */

struct walk {
	const char *path;
	int64_t since;
	int (*each)(void *userdata, const struct asked *a);
	void *userdata;
	char after[KEY_LEN];
	unsigned n;		/* of this page */
};

static int walk_one(void *userdata, const char *key, const struct store_value *v)
{
	struct walk *w = userdata;
	struct asked a;

	w->n++;
	(void) snprintf(w->after, sizeof(w->after), "%s", key);
	if (asked_parse(v->data, v->len, &a) < 0)
		return -EBADMSG;
	return a.at >= w->since && streq(a.path, w->path) ? w->each(w->userdata, &a) : 0;
}

/* In pages: while one of a kept moment is open, the store's log would grow. */
int asked_log_walk(struct asked_log *l, bool released, const char *path, int64_t since,
		   int (*each)(void *userdata, const struct asked *a), void *userdata,
		   struct cause *why)
{
	struct walk w = { .path = path, .since = since, .each = each, .userdata = userdata };
	uint64_t noted;
	int r;

	(void) pthread_mutex_lock(&l->lock);
	noted = l->n_noted;
	while (l->n_done < noted)
		(void) pthread_cond_wait(&l->changed, &l->lock);
	(void) pthread_mutex_unlock(&l->lock);
	do {
		w.n = 0;
		r = store_walk(l->store, ring_prefix[released], w.after[0] ? w.after : NULL,
			       PAGE_MAX, walk_one, &w, why);
	} while (r == 0 && w.n == PAGE_MAX);
	if (r == -EBADMSG && !why->text[0])
		(void) cause_set(why, r, "the record of what was asked is damaged");
	return r;
}

int64_t asked_log_since(struct asked_log *l, bool released)
{
	int64_t since;

	(void) pthread_mutex_lock(&l->lock);
	since = l->rings[released].since;
	(void) pthread_mutex_unlock(&l->lock);
	return since;
}

/* ---- opening ---- */

static int open_all(struct asked_log *l, const char *path, struct cause *why)
{
	char address[PATH_MAX + 8];
	int r;

	(void) snprintf(address, sizeof(address), "sqlite:%s", path);
	for (unsigned i = 0; i < 2; i++) {
		free(l->rings[i].slots);
		l->rings[i] = (struct ring){ .slots = calloc(ASKED_MAX, sizeof(struct slot)) };
		if (!l->rings[i].slots)
			return cause_set_oom(why);
	}
	r = store_open(address, NULL, &l->store, why);
	for (unsigned i = 0; i < 2 && r == 0; i++)
		r = read_since(l, i, why);
	if (r == 0)
		r = read_index(l, why);
	/* The first words are written now, so that what is not kept does not look like nothing. */
	return r == 0 ? write_batch(l, NULL, 0, why) : r;
}

static void remove_files(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[PATH_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		(void) snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		(void) unlink(name);
	}
}

int asked_log_new(const char *path, struct asked_log **ret, struct cause *why)
{
	struct asked_log *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return cause_set_oom(why);
	(void) pthread_mutex_init(&l->lock, NULL);
	(void) pthread_cond_init(&l->changed, NULL);
	r = open_all(l, path, why);
	if (r < 0 && r != -EBUSY) {
		log_warning("The record of what was asked is begun anew: %s", why->text);
		l->store = store_close(l->store);
		remove_files(path);
		r = open_all(l, path, why);
	}
	if (r == 0) {
		r = thread_start(&l->thread, run, l);
		l->has_thread = r == 0;
		if (r < 0)
			(void) cause_set(why, r, "there can be no thread");
	}
	if (r == 0) {
		*ret = l;
		return 0;
	}
	(void) asked_log_free(l);
	if (r != -EBUSY)
		remove_files(path);
	return r;
}

struct asked_log *asked_log_free(struct asked_log *l)
{
	if (!l)
		return NULL;
	(void) pthread_mutex_lock(&l->lock);
	l->stops = true;
	(void) pthread_cond_broadcast(&l->changed);
	(void) pthread_mutex_unlock(&l->lock);
	if (l->has_thread)
		(void) pthread_join(l->thread, NULL);
	l->store = store_close(l->store);
	for (unsigned i = 0; i < 2; i++)
		free(l->rings[i].slots);
	(void) pthread_cond_destroy(&l->changed);
	(void) pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}
