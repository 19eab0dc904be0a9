/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/writer.h"

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "broker/store/audit.h"
#include "wire/jspan.h"

#define SCAN_MAX (4 * STORE_MEMBERS_MAX)	/* jobs looked at for one batch */
#define SLOTS 4096				/* a power of two, over twice the keys of a batch */
#define BACKOFF_MIN_USEC 20000
#define BACKOFF_MAX_USEC 1000000
#define HEADS_USEC (60 * 1000000ull)
#define GATHER_PART 4			/* of the time that a commit takes */
#define GATHER_MAX_USEC 2000
#define ALONE_PART 64			/* of a caller's time: may_commit_alone() */

/* ---- jobs: what a caller waits for ---- */

enum job_state {
	JOB_WAITS,
	JOB_TAKEN,	/* by whoever is busy, without the lock */
	JOB_DECIDED,
};

/* It has copies of everything, because its caller may give up while the store is being asked. */
struct job {
	struct job *next;
	struct store_member m;
	struct bytes line;	/* p NULL: none */
	size_t bytes;		/* of its part of a batch */
	char *arena;		/* where all of that lies */

	enum job_state state;
	bool left;		/* nobody waits for it any longer */
	int result;
	struct cause why;
	sem_t decided;
};

static struct job *job_free(struct job *j)
{
	if (!j)
		return NULL;
	for (unsigned i = 0; i < STORE_PARTS_MAX; i++)
		store_value_done(&j->m.read[i]);
	(void) sem_destroy(&j->decided);
	free(j->arena);
	free(j);
	return NULL;
}

/* A condition whose time-outs are by the monotonic clock. */
static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(c, &attr);
	(void) pthread_condattr_destroy(&attr);
}

/* @usec from now, for pthread_cond_timedwait(). */
static struct timespec deadline_in(uint64_t usec)
{
	uint64_t at = now_usec();

	at = usec > UINT64_MAX / 4 ? UINT64_MAX / 4 : at + usec;
	return (struct timespec){ .tv_sec = (time_t)(at / 1000000),
				  .tv_nsec = (long)(at % 1000000 * 1000) };
}

static size_t room_of(const struct store_member *m, size_t line_len)
{
	size_t room = line_len;

	for (unsigned i = 0; i < m->n_compares; i++)
		room += strlen(m->compares[i].key) + 1;
	for (unsigned i = 0; i < m->n_changes; i++)
		room += strlen(m->changes[i].key) + 1 + m->changes[i].len;
	for (unsigned i = 0; i < m->n_reads; i++)
		room += strlen(m->reads[i]) + 1;
	return room;
}

static void *keep(char **at, const void *data, size_t len)
{
	void *to = *at;

	if (len > 0)
		memcpy(to, data, len);
	*at += len;
	return to;
}

static const char *keep_text(char **at, const char *text)
{
	return keep(at, text, strlen(text) + 1);
}

static void copy_member(const struct store_member *from, struct store_member *to, char **at)
{
	to->n_compares = from->n_compares;
	to->n_changes = from->n_changes;
	to->n_reads = from->n_reads;
	for (unsigned i = 0; i < from->n_compares; i++) {
		to->compares[i] = from->compares[i];
		to->compares[i].key = keep_text(at, from->compares[i].key);
	}
	for (unsigned i = 0; i < from->n_changes; i++) {
		to->changes[i] = from->changes[i];
		to->changes[i].key = keep_text(at, from->changes[i].key);
		if (from->changes[i].data)
			to->changes[i].data = keep(at, from->changes[i].data,
						   from->changes[i].len);
	}
	for (unsigned i = 0; i < from->n_reads; i++)
		to->reads[i] = keep_text(at, from->reads[i]);
}

static int job_new(const struct store_member *m, struct bytes line, struct job **ret)
{
	size_t room = room_of(m, line.len);
	struct job *j = calloc(1, sizeof(*j));
	char *at;

	if (!j)
		return -ENOMEM;
	(void) sem_init(&j->decided, 0, 0);
	at = j->arena = malloc(room + 1);
	if (!at) {
		(void) job_free(j);
		return -ENOMEM;
	}
	copy_member(m, &j->m, &at);
	if (line.p)
		j->line = (struct bytes){ keep(&at, line.p, line.len), line.len };
	j->bytes = room + (line.p ? AUDIT_LINE_MAX - AUDIT_GIVEN_MAX + AUDIT_KEY_LEN : 0);
	*ret = j;
	return 0;
}

/* ---- the writer ---- */

/* A batch stays the same, with its fence, until it is known what became of it. */
struct batch {
	unsigned n;
	struct store_member members[STORE_MEMBERS_MAX];
	struct job *jobs[STORE_MEMBERS_MAX];
	char *lines[STORE_MEMBERS_MAX];		/* NULL: none */
	size_t line_lens[STORE_MEMBERS_MAX];
	char keys[STORE_MEMBERS_MAX][AUDIT_KEY_LEN];
	char fence[AUDIT_FENCE_LEN + 1];	/* that is written with it */
	int results[STORE_MEMBERS_MAX];
	struct cause why;
	uint64_t begin_usec;
	bool built;
	int tried;				/* what the first try said */
	struct cause tried_why;
};

/* A key that jobs of the batch name; empty unless it is of this turn. */
struct slot {
	uint64_t hash;
	uint32_t turn;
	bool change;
};

struct writer {
	struct store *store;
	char instance[AUDIT_INSTANCE_MAX + 1];
	pthread_t thread;

	void (*took)(void *userdata, uint64_t usec);	/* writer_listen() */
	void *userdata;

	pthread_mutex_t lock;		/* for what follows up to the next blank line */
	pthread_cond_t work;		/* the thread alone waits for it */
	bool stop;
	bool busy;			/* there is a batch; it is the thread's or a caller's */
	bool handed;			/* by the caller to the thread, as its first try failed */
	int broken;			/* why it writes no more; 0: it writes */
	struct cause broken_why;
	struct job *first, **last;
	unsigned waiting, wanted;	/* the thread is woken when so many wait */
	unsigned sizes[2];		/* of the last two batches */
	uint64_t took_usec;		/* the last one */
	struct writer_state state;

	/* Of whoever is busy. */
	char fence_key[AUDIT_KEY_LEN];
	char fence[AUDIT_FENCE_LEN + 1];	/* that lies in the store; "": none */
	uint64_t number;			/* of the batch to come */
	uint8_t head[AUDIT_HEAD_LEN];		/* before it */
	struct audit_hash hash;
	struct json_object *heads;		/* to be written with the next line; may be NULL */
	uint64_t heads_usec;			/* when they were asked for; 0: never */
	char heads_after[AUDIT_KEY_LEN];
	struct batch batch;
	struct slot slots[SLOTS];
	uint32_t turn;				/* of take_jobs() */
};

/* ---- which jobs go into a batch ---- */

static uint64_t hash_key(const char *key)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *key; key++)
		h = (h ^ (uint8_t)*key) * 0x100000001b3u;
	return h;
}

/* The slot of @key, or an empty one.  Two keys with one hash wait for each other, no more. */
static unsigned slot_of(const struct writer *w, uint64_t hash)
{
	unsigned i = (unsigned)hash & (SLOTS - 1);

	while (w->slots[i].turn == w->turn && w->slots[i].hash != hash)
		i = (i + 1) & (SLOTS - 1);
	return i;
}

/* A key that somebody changes nobody else may name (store_commit()). */
static bool key_is_free(const struct writer *w, const char *key, bool change)
{
	const struct slot *s = &w->slots[slot_of(w, hash_key(key))];

	return s->turn != w->turn || (!change && !s->change);
}

static bool keys_are_free(const struct writer *w, const struct store_member *m)
{
	for (unsigned i = 0; i < m->n_compares; i++)
		if (!key_is_free(w, m->compares[i].key, false))
			return false;
	for (unsigned i = 0; i < m->n_changes; i++)
		if (!key_is_free(w, m->changes[i].key, true))
			return false;
	for (unsigned i = 0; i < m->n_reads; i++)
		if (!key_is_free(w, m->reads[i], false))
			return false;
	return true;
}

static void occupy_key(struct writer *w, const char *key, bool change)
{
	uint64_t hash = hash_key(key);
	struct slot *s = &w->slots[slot_of(w, hash)];

	if (s->turn != w->turn)
		*s = (struct slot){ .hash = hash, .turn = w->turn };
	s->change |= change;
}

/* Also for a job that stays behind, so that no later one about the same keys overtakes it. */
static void occupy_keys(struct writer *w, const struct store_member *m)
{
	for (unsigned i = 0; i < m->n_compares; i++)
		occupy_key(w, m->compares[i].key, false);
	for (unsigned i = 0; i < m->n_changes; i++)
		occupy_key(w, m->changes[i].key, true);
	for (unsigned i = 0; i < m->n_reads; i++)
		occupy_key(w, m->reads[i], false);
}

/*
 * Move jobs from the queue to the batch.  The first one always goes, so everybody's turn comes.
 * The slots take the keys of SCAN_MAX jobs only when most are alike: a table that fills up ends
 * the scan.
 */
static void take_jobs(struct writer *w)
{
	struct batch *b = &w->batch;
	size_t bytes = 0, keys = 0;
	struct job **at = &w->first;

	b->n = 0;
	/* A turn that began anew would find slots of long ago. */
	if (++w->turn == 0) {
		memset(w->slots, 0, sizeof(w->slots));
		w->turn = 1;
	}
	for (unsigned seen = 0; *at && b->n < STORE_MEMBERS_MAX && seen < SCAN_MAX; seen++) {
		struct job *j = *at;
		bool goes;

		keys += j->m.n_compares + j->m.n_changes + j->m.n_reads;
		if (keys > SLOTS / 2)
			break;
		goes = bytes + j->bytes <= STORE_BYTES_MAX && keys_are_free(w, &j->m);
		occupy_keys(w, &j->m);
		if (!goes) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		j->state = JOB_TAKEN;
		b->jobs[b->n++] = j;
		bytes += j->bytes;
		w->waiting--;
	}
	w->last = &w->first;
	while (*w->last)
		w->last = &(*w->last)->next;
}

/* ---- the lines of a batch ---- */

struct heads {
	struct writer *w;
	struct json_object *list;
	unsigned n;
};

static int see_fence(void *userdata, const char *key, const struct store_value *v)
{
	const char *name = startswith(key, AUDIT_FENCES);
	struct heads *h = userdata;
	struct audit_fence f;

	h->n++;
	(void) snprintf(h->w->heads_after, sizeof(h->w->heads_after), "%s", key);
	/* Whoever wrote nonsense there shall not stop us. */
	if (!name || !audit_instance_is_valid(name) || streq(name, h->w->instance) ||
	    audit_fence_read(v->data, v->len, &f) < 0)
		return 0;
	return json_add(h->list, name,
			json_object_new_string_len((const char *)v->data,
						   16 + 1 + 2 * AUDIT_HEAD_LEN));
}

/*
 * At most once a minute, before a batch that has lines; they go with the next line that is written.
 * They are evidence for later, so a failure here stops no release.
 */
static void ask_heads(struct writer *w)
{
	struct heads h = { .w = w };
	struct cause ignored;

	if (w->heads_usec && now_usec() - w->heads_usec < HEADS_USEC)
		return;
	w->heads_usec = now_usec();
	h.list = json_object_new_object();
	if (!h.list)
		return;
	if (store_walk(w->store, AUDIT_FENCES, w->heads_after[0] ? w->heads_after : NULL,
		       AUDIT_HEADS_MAX, see_fence, &h, &ignored) < 0 ||
	    h.n < AUDIT_HEADS_MAX)
		w->heads_after[0] = '\0';
	json_object_put(w->heads);
	w->heads = NULL;
	if (json_object_object_length(h.list) > 0)
		w->heads = h.list;
	else
		json_object_put(h.list);
}

static uint64_t now_msec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The line of member @i: what the chain adds stands before what the caller gave, "{...}". */
static int build_line(struct writer *w, unsigned i, uint64_t at, const char *heads)
{
	struct batch *b = &w->batch;
	struct bytes given = b->jobs[i]->line;
	size_t room = given.len + AUDIT_LINE_MAX - AUDIT_GIVEN_MAX;
	char prev[2 * AUDIT_HEAD_LEN + 1], *line;
	int n;

	line = malloc(room);
	if (!line)
		return -ENOMEM;
	format_hex(w->head, sizeof(w->head), prev);
	n = snprintf(line, room,
		     "{\"instance\":\"%s\",\"batch\":%" PRIu64 ",\"index\":%u,\"at\":%" PRIu64
		     ",\"prev\":\"%s\"%s%s%s",
		     w->instance, w->number, i, at, prev, heads ? ",\"heads\":" : "",
		     heads ? heads : "", given.len > 2 ? "," : "");
	assert(n > 0 && (size_t)n + given.len < room);
	memcpy(line + n, given.p + 1, given.len - 1);
	b->lines[i] = line;
	b->line_lens[i] = (size_t)n + given.len - 1;
	audit_key_line(w->instance, w->number, i, b->keys[i]);
	return 0;
}

static int build_member(struct writer *w, unsigned i, uint64_t at, const char *heads)
{
	struct batch *b = &w->batch;
	struct store_member *m = &b->members[i];
	int r;

	/* Its texts are the job's. */
	*m = b->jobs[i]->m;
	b->lines[i] = NULL;
	if (!b->jobs[i]->line.p)
		return 0;
	r = build_line(w, i, at, heads);
	if (r < 0)
		return r;
	m->changes[m->n_changes++] = (struct store_change){
		.key = b->keys[i], .data = b->lines[i], .len = b->line_lens[i]
	};
	return 0;
}

static int build_fence(struct writer *w)
{
	struct audit_fence f = { .number = w->number + 1 };

	memcpy(f.before, w->head, sizeof(f.before));
	if (getrandom(f.mark, sizeof(f.mark), 0) != (ssize_t)sizeof(f.mark))
		return -EIO;
	audit_fence_format(&f, w->batch.fence);
	return 0;
}

static void free_lines(struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		free(b->lines[i]);
		b->lines[i] = NULL;
	}
}

static int build_batch(struct writer *w)
{
	struct batch *b = &w->batch;
	const char *heads = NULL;
	uint64_t at = now_msec();
	bool any = false;
	int r;

	for (unsigned i = 0; i < b->n; i++) {
		b->lines[i] = NULL;
		any |= b->jobs[i]->line.p != NULL;
	}
	if (any)
		ask_heads(w);
	if (w->heads)
		heads = json_to_text(w->heads, JSON_C_TO_STRING_PLAIN, NULL);
	r = build_fence(w);
	for (unsigned i = 0; i < b->n && r == 0; i++) {
		r = build_member(w, i, at, heads);
		if (b->lines[i])
			heads = NULL;
	}
	return r;
}

/* ---- what became of a batch ---- */

/* Wait, unless the writer is to stop.  Returns false when it is. */
static bool wait_for(struct writer *w, uint64_t *usec)
{
	struct timespec until = deadline_in(*usec);
	bool stop;

	*usec = MIN(2 * *usec, (uint64_t)BACKOFF_MAX_USEC);
	(void) pthread_mutex_lock(&w->lock);
	while (!w->stop && pthread_cond_timedwait(&w->work, &w->lock, &until) != ETIMEDOUT)
		;
	stop = w->stop;
	(void) pthread_mutex_unlock(&w->lock);
	return !stop;
}

enum found {
	FOUND_NOTHING,		/* the batch is not there */
	FOUND_BATCH,
	FOUND_OTHER,		/* somebody else writes as this instance */
};

static bool value_is(const struct store_value *v, const char *text)
{
	return text[0] ? v->data && v->len == strlen(text) && memcmp(v->data, text, v->len) == 0 :
			 !v->data;
}

/* Ask the fence; @ret_revision is the batch's. */
static int find_batch(struct writer *w, enum found *ret, uint64_t *ret_revision, struct cause *why)
{
	struct store_value v = { 0 };
	int r = store_get(w->store, w->fence_key, &v, why);

	if (r < 0)
		return r;
	*ret_revision = v.revision;
	*ret = value_is(&v, w->batch.fence) ? FOUND_BATCH :
	       value_is(&v, w->fence)	    ? FOUND_NOTHING :
					      FOUND_OTHER;
	store_value_done(&v);
	return 0;
}

/* The line of member @i tells whether it is done. */
static int find_line(struct writer *w, unsigned i, struct cause *why)
{
	struct batch *b = &w->batch;
	struct store_value v = { 0 };
	int r = store_get(w->store, b->keys[i], &v, why);

	b->members[i].done = v.data && v.len == b->line_lens[i] &&
			     memcmp(v.data, b->lines[i], v.len) == 0;
	store_value_done(&v);
	return r;
}

/*
 * A member without a line: a key that it changed has the batch's @revision, until somebody changes
 * it again.  Returns 1 when it is known, 0 when nobody knows any longer, or an error.
 */
static int find_changes(struct writer *w, unsigned i, uint64_t revision, struct cause *why)
{
	struct store_member *m = &w->batch.members[i];

	for (unsigned k = 0; k < m->n_changes; k++) {
		uint64_t now = 0;
		int r = store_revision(w->store, m->changes[k].key, &now, why);

		if (r < 0)
			return r;
		if (!m->changes[k].data || now == 0 || now > revision)
			continue;
		m->done = now == revision;
		return 1;
	}
	return 0;
}

/* Read again what the answer had.  Returns as find_changes(). */
static int find_reads(struct writer *w, unsigned i, uint64_t revision, struct cause *why)
{
	struct store_member *m = &w->batch.members[i];

	for (unsigned k = 0; k < m->n_reads; k++) {
		bool deleted = false;
		int r;

		store_value_done(&m->read[k]);
		r = store_get(w->store, m->reads[k], &m->read[k], why);
		if (r < 0)
			return r;
		for (unsigned c = 0; c < m->n_compares; c++)
			deleted |= streq(m->compares[c].key, m->reads[k]) &&
				   m->compares[c].revision > 0 && m->read[k].revision == 0;
		/* What its caller judged is no longer what lies there. */
		if (m->done && (deleted || m->read[k].revision > revision))
			return 0;
	}
	return 1;
}

static int find_member(struct writer *w, unsigned i, uint64_t revision, struct cause *why)
{
	struct batch *b = &w->batch;
	int r;

	b->members[i].done = false;
	if (b->lines[i])
		r = find_line(w, i, why) < 0 ? -EAGAIN : 1;
	else
		r = find_changes(w, i, revision, why);
	if (r > 0)
		r = find_reads(w, i, revision, why);
	b->results[i] = r > 0 ? 0 : -EAGAIN;
	return r < 0 ? r : 0;
}

/* The batch is there, its answer was lost: answer in its place. */
static int find_members(struct writer *w, uint64_t revision, struct cause *why)
{
	int r = 0;

	for (unsigned i = 0; i < w->batch.n && r == 0; i++)
		r = find_member(w, i, revision, why);
	return r;
}

static void clear_reads(struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++)
			store_value_done(&b->members[i].read[k]);
}

static int foreign(struct writer *w, struct cause *why)
{
	return cause_set(why, -EPERM,
			 "'%s' in the store is not what we wrote: another broker has the name of "
			 "this instance, '%s', or the store is another one",
			 w->fence_key, w->instance);
}

static int put_batch(struct writer *w, struct cause *why)
{
	struct batch *b = &w->batch;
	struct store_fence fence = {
		.key = w->fence_key, .expected = w->fence[0] ? w->fence : NULL, .next = b->fence
	};

	return store_commit(w->store, &fence, b->members, b->n, why);
}

/*
 * The first try said @error.  Commit the batch until it is known what became of it: 0 when it is
 * there; -EPERM when somebody else writes as this instance; -EAGAIN when we are to stop; another
 * error when it is not there and never will be.
 *
 * After a try whose outcome is unknown, the same batch is tried again with the same fence: only one
 * of both can be committed, and either is the batch.  So an error is the last word only while no
 * such try is on its way.
 */
static int decide(struct writer *w, int error, struct cause *why)
{
	struct batch *b = &w->batch;
	uint64_t backoff = BACKOFF_MIN_USEC, revision;
	enum found found = FOUND_NOTHING;
	bool unknown = false;
	int r;

	while (error < 0) {
		unknown |= error == -EAGAIN;
		r = find_batch(w, &found, &revision, &b->why);
		if (r == 0 && found == FOUND_OTHER)
			return foreign(w, why);
		if (r == 0 && found == FOUND_BATCH && find_members(w, revision, &b->why) == 0)
			return 0;
		if (r == 0 && found == FOUND_NOTHING && !unknown && error != -ESTALE)
			return error;
		if (!wait_for(w, &backoff))
			return -EAGAIN;
		if (found == FOUND_NOTHING)
			error = put_batch(w, why);
	}
	return 0;
}

/* The head after the batch.  Without it nothing can be written any more. */
static int advance(struct writer *w, struct cause *why)
{
	struct batch *b = &w->batch;
	uint8_t head[AUDIT_HEAD_LEN];
	int r;

	r = audit_hash_begin(&w->hash, w->head, w->number);
	for (unsigned i = 0; i < b->n && r == 0; i++)
		if (b->lines[i] && b->members[i].done)
			r = audit_hash_line(&w->hash, i,
					    (struct bytes){ (uint8_t *)b->lines[i],
							    b->line_lens[i] });
	if (r == 0)
		r = audit_hash_end(&w->hash, head);
	if (r < 0)
		return cause_set(why, r, "The head of the audit log cannot be computed");
	memcpy(w->head, head, sizeof(head));
	memcpy(w->fence, b->fence, sizeof(w->fence));
	w->number++;
	return 0;
}

/* The heads were in the first line that was tried; if it is not there, the next one has them. */
static void forget_heads(struct writer *w)
{
	struct batch *b = &w->batch;
	unsigned i = 0;

	while (i < b->n && !b->lines[i])
		i++;
	if (i < b->n && b->members[i].done) {
		json_object_put(w->heads);
		w->heads = NULL;
	}
}

/* ---- a batch, from its beginning to its end ---- */

/*
 * With the lock: what each job's caller gets.  A job whose caller has left is freed; wake() is for
 * the others.
 */
static void answer(struct writer *w, int result, const struct cause *why)
{
	struct batch *b = &w->batch;

	for (unsigned i = 0; i < b->n; i++) {
		struct job *j = b->jobs[i];

		j->result = result < 0 ? result : b->results[i];
		if (j->result == 0) {
			j->m.done = b->members[i].done;
			memcpy(j->m.read, b->members[i].read, sizeof(j->m.read));
			memset(b->members[i].read, 0, sizeof(b->members[i].read));
		} else if (result < 0) {
			j->why = *why;
		} else {
			(void) cause_set(&j->why, j->result, "The store's answer was lost");
		}
		j->state = JOB_DECIDED;
		if (j->left)
			b->jobs[i] = job_free(j);
	}
	clear_reads(b);
	free_lines(b);
}

/* The jobs are their callers' from then on. */
static void wake(struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->jobs[i])
			(void) sem_post(&b->jobs[i]->decided);
	b->n = 0;
}

/* With the lock: nobody gets a batch any more. */
static void refuse_all(struct writer *w, int result, const struct cause *why)
{
	while (w->first) {
		struct job *j = w->first;

		w->first = j->next;
		j->result = result;
		j->why = *why;
		j->state = JOB_DECIDED;
		(void) sem_post(&j->decided);
	}
	w->last = &w->first;
	w->waiting = 0;
}

/* With the lock. */
static void break_down(struct writer *w, int error, const struct cause *why)
{
	w->broken = error;
	w->broken_why = *why;
	refuse_all(w, error, why);
}

static void account(struct writer *w)
{
	w->state.batch = w->number;
	memcpy(w->state.head, w->head, sizeof(w->state.head));
	w->state.batches++;
	w->state.members += w->batch.n;
}

/* With the lock.  From now on the caller is busy, until end_batch(). */
static void begin_batch(struct writer *w)
{
	w->batch.begin_usec = now_usec();
	take_jobs(w);
	memset(w->batch.results, 0, sizeof(w->batch.results));
	w->sizes[1] = w->sizes[0];
	w->sizes[0] = w->batch.n;
	w->busy = true;
}

/* Without the lock. */
static int try_batch(struct writer *w, struct cause *why)
{
	int r = build_batch(w);

	w->batch.built = r == 0;
	return r < 0 ? cause_set(why, r, "Cannot build a batch for the store") : put_batch(w, why);
}

/* Called without the lock, and returns with it. */
static void end_batch(struct writer *w, int r, struct cause *why)
{
	int broken = r == -EPERM ? r : 0;
	bool many;

	if (r == 0) {
		/* The callers get their answer in any case: it is true. */
		broken = advance(w, why);
		forget_heads(w);
	}
	(void) pthread_mutex_lock(&w->lock);
	if (r == 0)
		account(w);
	answer(w, r, why);
	if (broken < 0)
		break_down(w, broken, why);
	/* Many come again at once, and want the lock; a lone one shall find nobody busy. */
	many = w->batch.n > 1;
	if (many)
		(void) pthread_mutex_unlock(&w->lock);
	wake(&w->batch);
	if (many)
		(void) pthread_mutex_lock(&w->lock);
	w->took_usec = now_usec() - w->batch.begin_usec;
	if (w->took)
		w->took(w->userdata, w->took_usec);
	w->busy = false;
}

/* ---- the thread ---- */

/* Called with the lock, and returns with it. */
static void write_batch(struct writer *w)
{
	struct cause why = { 0 };
	int r;

	begin_batch(w);
	(void) pthread_mutex_unlock(&w->lock);
	r = try_batch(w, &why);
	if (r < 0 && w->batch.built)
		r = decide(w, r, &why);
	end_batch(w, r, &why);
}

/* The same, with a batch that a caller began. */
static void take_over(struct writer *w)
{
	struct cause why = w->batch.tried_why;
	int r;

	w->handed = false;
	(void) pthread_mutex_unlock(&w->lock);
	r = decide(w, w->batch.tried, &why);
	end_batch(w, r, &why);
}

/*
 * With the lock: those who have just got their answer may be about to come again.  Who goes on at
 * once has a batch of the first of them, and then one of all others, and each waits for two.
 */
static void gather(struct writer *w)
{
	uint64_t usec = MIN(w->took_usec / GATHER_PART, (uint64_t)GATHER_MAX_USEC);
	struct timespec deadline = deadline_in(usec);
	int r = 0;

	w->wanted = MAX(w->sizes[0], w->sizes[1]);
	while (w->waiting < w->wanted && !w->stop && r == 0)
		r = pthread_cond_timedwait(&w->work, &w->lock, &deadline);
	w->wanted = 1;
}

static void *writer_thread(void *userdata)
{
	struct writer *w = userdata;
	struct cause why;

	(void) pthread_mutex_lock(&w->lock);
	while (!w->stop || w->busy) {
		if (w->handed) {
			take_over(w);
			continue;
		}
		if (!w->first || w->broken || w->busy) {
			(void) pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		gather(w);
		if (w->first && !w->busy)
			write_batch(w);
	}
	(void) cause_set(&why, -EAGAIN, "The broker stops");
	break_down(w, -EAGAIN, &why);
	(void) pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- what others call ---- */

static int check_line(struct json_object *line, struct bytes *ret, struct cause *why)
{
	struct bytes object;
	const char *text;
	size_t len;

	text = json_to_text(line, JSON_C_TO_STRING_PLAIN, &len);
	if (!text)
		return cause_set_oom(why);
	*ret = (struct bytes){ (const uint8_t *)text, len };
	/* Also bytes that are not UTF-8, which the library takes as they are. */
	if (len > AUDIT_GIVEN_MAX || jspan_check(*ret, &object) < 0 ||
	    jspan_type(object) != JSPAN_OBJECT || object.len != len || audit_line_is_taken(object))
		return cause_set(why, -EINVAL, "A line of the audit log is malformed or too long");
	return 0;
}

/* The log and the fences are the writer's alone. */
static bool is_ours(const char *key)
{
	return startswith(key, AUDIT_PREFIX) || startswith(key, AUDIT_FENCES);
}

/* A member that store_commit() refuses would spoil the batch of all others. */
static int check_member(const struct store_member *m, bool has_line, struct cause *why)
{
	bool bad = false;
	int r;

	r = store_member_check(m, why);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < m->n_compares; i++)
		bad |= is_ours(m->compares[i].key);
	for (unsigned i = 0; i < m->n_changes; i++)
		bad |= is_ours(m->changes[i].key);
	for (unsigned i = 0; i < m->n_reads; i++)
		bad |= is_ours(m->reads[i]);
	if (bad)
		return cause_set(why, -EINVAL, "A change names a key of the audit log");
	if (m->n_changes + has_line > STORE_PARTS_MAX)
		return cause_set(why, -EINVAL, "A change and its line have too many parts");
	return 0;
}

/* Without the lock.  Returns 0 when @j is decided, and ours. */
static int await(struct job *j, const struct timespec *until)
{
	while (sem_clockwait(&j->decided, CLOCK_MONOTONIC, until) < 0)
		if (errno != EINTR)
			return -EAGAIN;
	return 0;
}

/* With the lock.  Whoever is busy looks for what waits when its batch is over. */
static int enqueue(struct writer *w, struct job *j, struct cause *why)
{
	if (w->broken) {
		*why = w->broken_why;
		return w->broken;
	}
	if (w->waiting >= WRITER_QUEUE_MAX)
		return cause_set(why, -EBUSY, "%u changes wait for the store already", w->waiting);
	*w->last = j;
	w->last = &j->next;
	w->waiting++;
	return 0;
}

/*
 * With the lock, for a caller whose job is in the queue.  The way to the thread and back is a good
 * part of a short transaction, so a caller with whom nobody else waits commits by itself.  Nobody
 * can take it out of a store that hangs, unlike one who waits for the thread: so only if the last
 * transaction took next to nothing of its time, and at a disk of this machine.  Where several come
 * together, who goes ahead alone would have all others wait for two transactions (gather()).
 */
static bool may_commit_alone(const struct writer *w, uint64_t timeout_usec)
{
	return !w->busy && !w->stop && w->waiting == 1 && MAX(w->sizes[0], w->sizes[1]) <= 1 &&
	       w->took_usec <= timeout_usec / ALONE_PART && store_is_local(w->store);
}

/* With the lock, which it drops meanwhile: the thread does what takes more than one try. */
static void commit_alone(struct writer *w)
{
	struct batch *b = &w->batch;
	struct cause why = { 0 };
	int r;

	begin_batch(w);
	(void) pthread_mutex_unlock(&w->lock);
	r = try_batch(w, &why);
	if (r == 0 || !b->built) {
		end_batch(w, r, &why);
	} else {
		(void) pthread_mutex_lock(&w->lock);
		b->tried = r;
		b->tried_why = why;
		w->handed = true;
	}
	if (w->first || w->handed || w->stop)
		(void) pthread_cond_signal(&w->work);
}

static void remove_job(struct writer *w, struct job *j)
{
	struct job **at = &w->first;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	if (w->last == &j->next)
		w->last = at;
	w->waiting--;
}

/*
 * Hand @j over to the thread, or free it.  Returns -EAGAIN, or 0 when it was decided in the last
 * moment.
 */
static int give_up(struct writer *w, struct job *j, struct cause *why)
{
	const struct timespec forever = deadline_in(UINT64_MAX);
	enum job_state state;

	(void) pthread_mutex_lock(&w->lock);
	state = j->state;
	if (state == JOB_WAITS)
		remove_job(w, j);
	j->left = state == JOB_TAKEN;
	(void) pthread_mutex_unlock(&w->lock);
	if (state == JOB_DECIDED)
		return await(j, &forever);
	if (state == JOB_WAITS)
		(void) job_free(j);
	return cause_set(why, -EAGAIN, "The store did not answer in time");
}

static int commit_job(struct writer *w, struct job *j, struct store_member *m,
		      uint64_t timeout_usec, struct cause *why)
{
	const struct timespec until = deadline_in(timeout_usec);
	int r;

	(void) pthread_mutex_lock(&w->lock);
	r = enqueue(w, j, why);
	if (r == 0 && may_commit_alone(w, timeout_usec))
		commit_alone(w);
	else if (r == 0 && !w->busy && w->waiting >= w->wanted)
		(void) pthread_cond_signal(&w->work);
	(void) pthread_mutex_unlock(&w->lock);
	if (r < 0) {
		(void) job_free(j);
		return r;
	}
	if (await(j, &until) < 0 && give_up(w, j, why) < 0)
		return -EAGAIN;
	r = j->result;
	if (r < 0)
		*why = j->why;
	m->done = j->m.done;
	memcpy(m->read, j->m.read, sizeof(m->read));
	memset(j->m.read, 0, sizeof(j->m.read));
	(void) job_free(j);
	return r;
}

int writer_commit(struct writer *w, struct store_member *m, struct json_object *line,
		  uint64_t timeout_usec, struct cause *why)
{
	struct bytes text = { 0 };
	struct job *j;
	int r;

	m->done = false;
	memset(m->read, 0, sizeof(m->read));
	r = check_member(m, line != NULL, why);
	if (r == 0 && line)
		r = check_line(line, &text, why);
	if (r < 0)
		return r;
	if (job_new(m, text, &j) < 0)
		return cause_set_oom(why);
	if (j->bytes > STORE_BYTES_MAX) {
		(void) job_free(j);
		return cause_set(why, -EINVAL, "A change has more than %d bytes", STORE_BYTES_MAX);
	}
	return commit_job(w, j, m, timeout_usec, why);
}

void writer_look(struct writer *w, struct writer_state *ret)
{
	(void) pthread_mutex_lock(&w->lock);
	*ret = w->state;
	ret->waiting = w->waiting;
	ret->broken = w->broken;
	(void) pthread_mutex_unlock(&w->lock);
}

void writer_listen(struct writer *w, void (*took)(void *userdata, uint64_t usec), void *userdata)
{
	(void) pthread_mutex_lock(&w->lock);
	w->took = took;
	w->userdata = userdata;
	(void) pthread_mutex_unlock(&w->lock);
}

/* ---- the beginning ---- */

static int check_usable(struct store *store, struct cause *why)
{
	static const struct {
		const char *key, *why;
	} marks[] = {
		{ STORE_LOADING, "The store is half loaded: load the whole copy again first" },
		{ STORE_MOVED, "What was in the store went to another one: name that in Address=; "
			       "if 'migrate' was interrupted, run it again" },
		{ STORE_REKEYING, "The master key is being replaced: run 'coco-broker rekey' again "
				  "first" },
	};
	uint64_t mark = 0;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(marks) && r == 0; i++) {
		r = store_revision(store, marks[i].key, &mark, why);
		if (r == 0 && mark > 0)
			r = cause_set(why, -EPERM, "%s", marks[i].why);
	}
	return r;
}

static int read_chain(struct writer *w, struct cause *why)
{
	struct audit_end end;
	int r;

	r = check_usable(w->store, why);
	if (r == 0)
		r = audit_find_end(w->store, w->instance, &end, why);
	if (r < 0)
		return r;
	w->number = end.number;
	memcpy(w->head, end.head, sizeof(w->head));
	memcpy(w->fence, end.fence, sizeof(w->fence));
	return 0;
}

/* The signals of the process are for its other threads. */
static int start(struct writer *w, struct cause *why)
{
	sigset_t all, before;
	int r;

	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&w->thread, NULL, writer_thread, w);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? cause_set_io(why, r, "Cannot start a thread: %m") : 0;
}

static void writer_release(struct writer *w)
{
	audit_hash_done(&w->hash);
	json_object_put(w->heads);
	(void) pthread_cond_destroy(&w->work);
	(void) pthread_mutex_destroy(&w->lock);
	free(w);
}

int writer_new(struct store *store, const char *instance, struct writer **ret, struct cause *why)
{
	struct writer *w;
	int r;

	if (!audit_instance_is_valid(instance))
		return cause_set(why, -EINVAL,
				 "'%s' is not the name of an instance: 1 to %d letters, digits, "
				 "'-' and '.'",
				 instance, AUDIT_INSTANCE_MAX);
	w = calloc(1, sizeof(*w));
	if (!w)
		return cause_set_oom(why);
	w->store = store;
	w->last = &w->first;
	w->wanted = 1;
	strcpy(w->instance, instance);
	audit_key_fence(instance, w->fence_key);
	(void) pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->work);
	r = audit_hash_init(&w->hash) < 0 ? cause_set_oom(why) : read_chain(w, why);
	w->state.batch = w->number;
	memcpy(w->state.head, w->head, sizeof(w->head));
	if (r == 0)
		r = start(w, why);
	if (r < 0) {
		writer_release(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct writer *writer_free(struct writer *w)
{
	if (!w)
		return NULL;
	(void) pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void) pthread_cond_signal(&w->work);
	(void) pthread_mutex_unlock(&w->lock);
	(void) pthread_join(w->thread, NULL);
	writer_release(w);
	return NULL;
}
