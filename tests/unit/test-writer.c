/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/parse.h"
#include "broker/store/writer.h"

#include <cmocka.h>

#define SECOND 1000000ull
#define FOREVER (60 * SECOND)
#define SLOW_USEC 150000

static char dir[64], address[128];
static struct cause why;

static int ok(int r)
{
	if (r < 0)
		print_error("%s (%d)\n", why.text, r);
	return r;
}

/* ---- a store that fails on its way ---- */

enum fault {
	FAULT_NONE,
	FAULT_BEFORE,		/* it is not committed, and nobody knows */
	FAULT_AFTER,		/* it is committed, and nobody knows */
	FAULT_LATE,		/* it is committed just before the next commit */
	FAULT_DIE_BEFORE,	/* killed */
	FAULT_DIE_AFTER,
	FAULT_FULL,
	FAULT_AFTER_OTHERS,	/* as FAULT_AFTER, and others change what was read */
	FAULT_BLOCK,		/* until the test lets it go on */
	FAULT_SLOW,
};

struct faulty {
	struct store store;
	struct store *real;
	_Atomic int fault;
	_Atomic int gets_fail;		/* so many */
	atomic_uint commits;
	_Atomic pthread_t by;		/* who committed last */
	pthread_mutex_t gate;
	/* The batch that is late. */
	unsigned n_late;
	struct store_member late[STORE_MEMBERS_MAX];
	char late_expected[200], late_next[200], late_key[200];
	bool late_absent;
};

static void faulty_close(struct store *s)
{
	(void) store_close(((struct faulty *)s)->real);
}

static int say_unknown(struct cause *cause)
{
	return cause_set(cause, -EAGAIN, "the answer was lost");
}

/* The texts of a late batch are the writer's, which keeps them until it knows. */
static void keep_late(struct faulty *f, const struct store_fence *fence,
		      const struct store_member *m, unsigned n)
{
	f->n_late = n;
	memcpy(f->late, m, n * sizeof(*m));
	strcpy(f->late_key, fence->key);
	strcpy(f->late_next, fence->next);
	f->late_absent = !fence->expected;
	strcpy(f->late_expected, fence->expected ? fence->expected : "");
}

static void commit_late(struct faulty *f)
{
	struct store_fence fence = { f->late_key, f->late_absent ? NULL : f->late_expected,
				     f->late_next };
	struct cause cause;

	if (f->n_late > 0)
		(void) store_commit(f->real, &fence, f->late, f->n_late, &cause);
	for (unsigned i = 0; i < f->n_late; i++)
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++)
			store_value_done(&f->late[i].read[k]);
	f->n_late = 0;
}

static bool is_there(struct faulty *f, const struct store_fence *fence)
{
	struct store_value v = { 0 };
	struct cause cause;
	bool same;

	if (store_get(f->real, fence->key, &v, &cause) < 0)
		return true;
	same = v.data && v.len == strlen(fence->next) &&
	       memcmp(v.data, fence->next, v.len) == 0;
	store_value_done(&v);
	return same;
}

static void clear(struct store_member *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		m[i].done = false;
		for (unsigned k = 0; k < STORE_PARTS_MAX; k++)
			store_value_done(&m[i].read[k]);
	}
}

static void change_claims(struct faulty *f, const struct store_member *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct store_member other = {
			.n_changes = 1, .changes = { { m[i].changes[0].key, "claimed", 7, 0 } }
		};
		struct cause cause;

		(void) store_commit(f->real, NULL, &other, 1, &cause);
	}
}

static int faulty_commit(struct store *s, const struct store_fence *fence, struct store_member *m,
			 unsigned n, struct cause *cause)
{
	struct faulty *f = (struct faulty *)s;
	int fault = f->fault, r;

	f->commits++;
	f->by = pthread_self();
	commit_late(f);
	/* A batch that is there already is known to the writer soon, which then forgets it. */
	if (fault == FAULT_LATE && is_there(f, fence))
		fault = FAULT_NONE;
	if (fault != FAULT_BLOCK)
		f->fault = FAULT_NONE;
	if (fault == FAULT_DIE_BEFORE)
		(void) raise(SIGKILL);
	if (fault == FAULT_BLOCK) {
		(void) pthread_mutex_lock(&f->gate);
		(void) pthread_mutex_unlock(&f->gate);
	}
	if (fault == FAULT_SLOW)
		(void) usleep(SLOW_USEC);
	if (fault == FAULT_FULL)
		return cause_set(cause, -ENOSPC, "the store is full");
	if (fault == FAULT_LATE)
		keep_late(f, fence, m, n);
	if (fault == FAULT_BEFORE || fault == FAULT_LATE)
		return say_unknown(cause);
	r = store_commit(f->real, fence, m, n, cause);
	if (fault == FAULT_DIE_AFTER)
		(void) raise(SIGKILL);
	if (fault == FAULT_AFTER_OTHERS)
		change_claims(f, m, n);
	if (fault == FAULT_AFTER || fault == FAULT_AFTER_OTHERS) {
		clear(m, n);
		return say_unknown(cause);
	}
	return r;
}

static int faulty_get(struct store *s, const char *key, struct store_value *ret,
		      struct cause *cause)
{
	struct faulty *f = (struct faulty *)s;

	if (f->gets_fail > 0) {
		f->gets_fail--;
		return say_unknown(cause);
	}
	return store_get(f->real, key, ret, cause);
}

static int faulty_walk(struct store *s, const char *prefix, const char *after, unsigned max,
		       store_each_t each, void *userdata, struct cause *cause)
{
	return store_walk(((struct faulty *)s)->real, prefix, after, max, each, userdata, cause);
}

static const struct store_engine faulty_engine = {
	.name = "faulty", .close = faulty_close, .commit = faulty_commit, .get = faulty_get,
	.walk = faulty_walk,
};

/* With this one a caller may commit by itself. */
static const struct store_engine local_engine = {
	.name = "local", .local = true, .close = faulty_close, .commit = faulty_commit,
	.get = faulty_get, .walk = faulty_walk,
};

static const struct store_engine *engine;
static struct faulty the_store;
static struct store *const store = &the_store.store;

/* ---- before and after each test ---- */

static void open_real(void)
{
	memset(&the_store, 0, sizeof(the_store));
	the_store.store.engine = engine;
	(void) pthread_mutex_init(&the_store.gate, NULL);
	assert_int_equal(ok(store_open(address, NULL, &the_store.real, &why)), 0);
}

static int setup_on(const struct store_engine *e)
{
	engine = e;
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-writer.XXXXXX" :
						    "/tmp/test-writer.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(address, sizeof(address), "sqlite:%s/store", dir);
	open_real();
	return 0;
}

static int setup(void **state)
{
	return setup_on(&faulty_engine);
}

static int setup_local(void **state)
{
	return setup_on(&local_engine);
}

static int teardown(void **state)
{
	char cmd[128];

	(void) store_close(store);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd);
}

static struct writer *new_writer(const char *instance)
{
	struct writer *w;

	assert_int_equal(ok(writer_new(store, instance, &w, &why)), 0);
	return w;
}

/* ---- what a release does ---- */

/* Claim @key, if nobody has, with a line that names it. */
static int claim_in(struct writer *w, const char *key, bool has_line, uint64_t timeout, bool *ret,
		    struct cause *cause)
{
	struct store_member m = {
		.n_compares = 1, .compares = { { key, 0 } },
		.n_changes = 1, .changes = { { key, "claimed", 7, 0 } },
		.n_reads = 1, .reads = { key },
	};
	struct json_object *line = NULL;
	int r;

	if (has_line) {
		line = json_object_new_object();
		(void) json_object_object_add(line, "claimed", json_object_new_string(key));
	}
	r = writer_commit(w, &m, line, timeout, cause);
	json_object_put(line);
	if (r == 0 && (m.read[0].len != 7 || memcmp(m.read[0].data, "claimed", 7) != 0))
		r = -EIO;
	if (r < 0 && (m.done || m.read[0].data))
		r = -EIO;
	store_value_done(&m.read[0]);
	*ret = m.done;
	return r;
}

static bool claim(struct writer *w, const char *key)
{
	bool done;

	assert_int_equal(ok(claim_in(w, key, true, FOREVER, &done, &why)), 0);
	return done;
}

/* ---- the chain, computed in another way than ours ---- */

struct chain {
	char instance[64];
	uint64_t batch;
	unsigned lines;
	uint8_t head[32], before[32];
	EVP_MD_CTX *c;
};

static const char *member(const char *text, const char *name)
{
	char quoted[64];
	const char *p;

	snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	p = strstr(text, quoted);
	assert_non_null(p);
	return p + strlen(quoted);
}

static void add_be(EVP_MD_CTX *c, uint64_t n, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		uint8_t b = (uint8_t)(n >> 8 * (len - 1 - i));

		assert_int_equal(EVP_DigestUpdate(c, &b, 1), 1);
	}
}

static int see_line(void *userdata, const char *key, const struct store_value *v)
{
	struct chain *ch = userdata;
	char text[4096], expected[128], hex[65];
	unsigned long long batch;
	uint8_t digest[32];
	unsigned index;

	assert_true(v->len < sizeof(text));
	memcpy(text, v->data, v->len);
	text[v->len] = '\0';
	assert_int_equal(sscanf(member(text, "batch"), "%llu,", &batch), 1);
	assert_int_equal(sscanf(member(text, "index"), "%u,", &index), 1);
	snprintf(expected, sizeof(expected), "coco/audit/%s/%016llx.%04x", ch->instance, batch,
		 index);
	assert_string_equal(key, expected);
	if (batch != ch->batch) {
		assert_true(batch > ch->batch);
		if (ch->batch)
			assert_int_equal(EVP_DigestFinal_ex(ch->c, ch->head, NULL), 1);
		ch->batch = batch;
		assert_int_equal(EVP_DigestInit_ex(ch->c, EVP_sha256(), NULL), 1);
		assert_int_equal(EVP_DigestUpdate(ch->c, "coco audit 1", 13), 1);
		assert_int_equal(EVP_DigestUpdate(ch->c, ch->head, 32), 1);
		add_be(ch->c, batch, 8);
	}
	format_hex(ch->head, 32, hex);
	assert_memory_equal(member(text, "prev") + 1, hex, 64);
	assert_int_equal(EVP_Digest(v->data, v->len, digest, NULL, EVP_sha256(), NULL), 1);
	add_be(ch->c, index, 4);
	assert_int_equal(EVP_DigestUpdate(ch->c, digest, 32), 1);
	ch->lines++;
	return 0;
}

/* The number of lines; the chain must be whole, and end as @w says. */
static unsigned check_chain(struct writer *w, const char *instance)
{
	struct chain ch = { .c = EVP_MD_CTX_new() };
	struct writer_state st;
	char prefix[128];

	strcpy(ch.instance, instance);
	snprintf(prefix, sizeof(prefix), "coco/audit/%s/", instance);
	assert_int_equal(ok(store_walk(store, prefix, NULL, 0, see_line, &ch, &why)), 0);
	if (ch.batch)
		assert_int_equal(EVP_DigestFinal_ex(ch.c, ch.head, NULL), 1);
	EVP_MD_CTX_free(ch.c);
	writer_look(w, &st);
	assert_true(st.batch > ch.batch);
	assert_memory_equal(st.head, ch.head, 32);
	return ch.lines;
}

static bool exists(const char *key)
{
	struct store_value v;
	bool there;

	assert_int_equal(ok(store_get(the_store.real, key, &v, &why)), 0);
	there = v.data != NULL;
	store_value_done(&v);
	return there;
}

/* ---- tests ---- */

static void test_one(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a.b-1");
	bool done;

	assert_int_equal(check_chain(w, "a.b-1"), 0);
	assert_true(claim(w, "coco/claim/1"));
	assert_false(claim(w, "coco/claim/1"));
	assert_true(claim(w, "coco/claim/2"));
	/* Without a line nothing is in the log, and the head stays. */
	assert_int_equal(ok(claim_in(w, "coco/claim/3", false, FOREVER, &done, &why)), 0);
	assert_true(done);
	assert_int_equal(check_chain(w, "a.b-1"), 2);
}

static void test_restart(void **state)
{
	struct writer_state before, after;
	struct writer *w = NULL;

	for (unsigned i = 0; i < 5; i++) {
		char key[32];

		w = new_writer("a");
		writer_look(w, &after);
		if (i > 0)
			assert_memory_equal(after.head, before.head, sizeof(after.head));
		snprintf(key, sizeof(key), "coco/claim/%u", i);
		assert_true(claim(w, key));
		/* A batch whose only line is not there. */
		if (i == 3)
			assert_false(claim(w, key));
		assert_int_equal(check_chain(w, "a"), i + 1);
		writer_look(w, &before);
		w = writer_free(w);
	}
}

#define THREADS 16
#define CLAIMS 40

struct claimant {
	struct writer *w;
	unsigned won, failed;
};

/* All want the same keys, in the same order. */
static void *claim_all(void *userdata)
{
	struct claimant *c = userdata;
	struct cause mine;
	char key[32];

	for (unsigned i = 0; i < CLAIMS; i++) {
		bool done;

		snprintf(key, sizeof(key), "coco/claim/%u", i);
		if (claim_in(c->w, key, i % 3 != 0, FOREVER, &done, &mine) < 0)
			c->failed++;
		c->won += done;
	}
	return NULL;
}

static void run_claimants(struct writer *w, struct claimant list[THREADS])
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++) {
		list[i] = (struct claimant){ .w = w };
		assert_int_equal(pthread_create(&threads[i], NULL, claim_all, &list[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void test_threads(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	struct claimant list[THREADS];
	struct writer_state st;
	unsigned won = 0;

	run_claimants(w, list);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(list[i].failed, 0);
		won += list[i].won;
	}
	assert_int_equal(won, CLAIMS);
	assert_int_equal(check_chain(w, "a"), CLAIMS - (CLAIMS + 2) / 3);
	writer_look(w, &st);
	assert_int_equal(st.members, THREADS * CLAIMS);
	assert_int_equal(st.batches, st.batch - 1);
	assert_int_equal(st.waiting, 0);
}

/* Answers that get lost, in all ways: the callers never notice. */
static void test_lost_answers(void **state)
{
	static const enum fault faults[] = { FAULT_BEFORE, FAULT_AFTER, FAULT_LATE };
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	unsigned lines = 0;
	char key[32];
	bool done;

	for (unsigned i = 0; i < 18; i++) {
		bool has_line = i % 2 == 0;

		snprintf(key, sizeof(key), "coco/claim/%u", i);
		the_store.gets_fail = i / 6;
		the_store.fault = faults[i % 3];
		assert_int_equal(ok(claim_in(w, key, has_line, FOREVER, &done, &why)), 0);
		assert_true(done);
		assert_true(exists(key));
		lines += has_line;
		the_store.fault = faults[i % 3];
		assert_int_equal(ok(claim_in(w, key, has_line, FOREVER, &done, &why)), 0);
		assert_false(done);
	}
	assert_int_equal(check_chain(w, "a"), lines);
}

/*
 * What the answer had was changed by others, before it could be read again: a caller must not get
 * what it has not judged.
 */
static void test_lost_and_changed(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	bool done;

	the_store.fault = FAULT_AFTER_OTHERS;
	assert_int_equal(claim_in(w, "coco/claim/1", true, FOREVER, &done, &why), -EAGAIN);
	the_store.fault = FAULT_AFTER_OTHERS;
	assert_int_equal(claim_in(w, "coco/claim/2", false, FOREVER, &done, &why), -EAGAIN);
	assert_true(claim(w, "coco/claim/3"));
	assert_int_equal(check_chain(w, "a"), 2);
}

/* More than a batch may have waits together: all of it is written, in several batches. */
static void *put_much(void *userdata)
{
	static uint8_t data[STORE_VALUE_MAX];
	static atomic_uint next;
	struct cause mine;
	char key[32];
	struct store_member m = { .n_changes = 1, .changes = { { key, data, sizeof(data), 0 } } };

	snprintf(key, sizeof(key), "coco/much/%u", next++);
	return writer_commit(userdata, &m, NULL, FOREVER, &mine) == 0 && m.done ? NULL : (void *)"";
}

static void test_much(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	pthread_t threads[THREADS];
	struct writer_state st;
	void *said;

	(void) pthread_mutex_lock(&the_store.gate);
	the_store.fault = FAULT_BLOCK;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_much, w), 0);
	/* The first one is in the store, and most of the others wait behind it. */
	do {
		(void) usleep(1000);
		writer_look(w, &st);
	} while (st.waiting < THREADS - 4);
	the_store.fault = FAULT_NONE;
	(void) pthread_mutex_unlock(&the_store.gate);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &said), 0);
		assert_null(said);
	}
	writer_look(w, &st);
	assert_true(st.batches > 4);
}

static void *lose_answers(void *userdata)
{
	atomic_bool *stop = userdata;
	unsigned i = 0;

	while (!*stop) {
		the_store.fault = (int)(i++ % 4);
		the_store.gets_fail = i % 7 == 0;
		(void) usleep(500);
	}
	return NULL;
}

static void test_lost_in_threads(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	struct claimant list[THREADS];
	atomic_bool stop = false;
	unsigned won = 0, failed = 0;
	pthread_t breaker;

	assert_int_equal(pthread_create(&breaker, NULL, lose_answers, &stop), 0);
	run_claimants(w, list);
	stop = true;
	assert_int_equal(pthread_join(breaker, NULL), 0);
	the_store.fault = FAULT_NONE;
	for (size_t i = 0; i < THREADS; i++) {
		won += list[i].won;
		failed += list[i].failed;
	}
	/* A claim without a line may be undecided to its caller, but never won twice. */
	assert_true(won <= CLAIMS && won + failed >= CLAIMS);
	for (unsigned i = 0; i < CLAIMS; i++) {
		char key[32];

		snprintf(key, sizeof(key), "coco/claim/%u", i);
		assert_true(exists(key));
	}
	assert_int_equal(check_chain(w, "a"), CLAIMS - (CLAIMS + 2) / 3);
}

/* A full store changes nothing, and the next batch has the same number. */
static void test_full(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	struct writer_state before, after;
	bool done;

	assert_true(claim(w, "coco/claim/1"));
	writer_look(w, &before);
	the_store.fault = FAULT_FULL;
	assert_int_equal(claim_in(w, "coco/claim/2", true, FOREVER, &done, &why), -ENOSPC);
	assert_non_null(strstr(why.text, "full"));
	writer_look(w, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_false(exists("coco/claim/2"));
	assert_true(claim(w, "coco/claim/2"));
	assert_int_equal(check_chain(w, "a"), 2);
}

/* ---- another process with our name ---- */

static void test_stolen_name(void **state)
{
	_cleanup_(writer_freep) struct writer *a = new_writer("a"), *b = new_writer("a");
	bool done;

	assert_true(claim(a, "coco/claim/1"));
	assert_int_equal(claim_in(b, "coco/claim/2", true, FOREVER, &done, &why), -EPERM);
	assert_non_null(strstr(why.text, "another broker"));
	/* For good, and without asking the store. */
	the_store.commits = 0;
	assert_int_equal(claim_in(b, "coco/claim/3", true, FOREVER, &done, &why), -EPERM);
	assert_int_equal(the_store.commits, 0);
	assert_false(exists("coco/claim/2") || exists("coco/claim/3"));
	assert_true(claim(a, "coco/claim/2"));
	assert_int_equal(check_chain(a, "a"), 2);
}

/* The other one's batch has our number, and our answer was lost: it is not taken for ours. */
static void test_stolen_batch(void **state)
{
	_cleanup_(writer_freep) struct writer *a = new_writer("a"), *b = new_writer("a");
	bool done;

	the_store.fault = FAULT_NONE;
	assert_true(claim(a, "coco/claim/1"));
	the_store.fault = FAULT_BEFORE;
	assert_int_equal(claim_in(b, "coco/claim/1", true, FOREVER, &done, &why), -EPERM);
	assert_int_equal(check_chain(a, "a"), 1);
}

/* ---- time-outs ---- */

static void *claim_late(void *userdata)
{
	struct cause mine;
	bool done;
	int r = claim_in(userdata, "coco/claim/late", true, 50000, &done, &mine);

	return r == -EAGAIN && !done ? NULL : (void *)"it did not time out";
}

static void test_timeout(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	pthread_t thread;
	bool done;
	void *said;

	(void) pthread_mutex_lock(&the_store.gate);
	the_store.fault = FAULT_BLOCK;
	assert_int_equal(pthread_create(&thread, NULL, claim_late, w), 0);
	assert_int_equal(pthread_join(thread, &said), 0);
	assert_null(said);
	/* The thread is in the store; this one waits behind it, and is taken back. */
	assert_int_equal(claim_in(w, "coco/claim/never", true, 50000, &done, &why), -EAGAIN);
	the_store.fault = FAULT_NONE;
	(void) pthread_mutex_unlock(&the_store.gate);
	assert_true(claim(w, "coco/claim/2"));
	/* The first one was on its way. */
	assert_true(exists("coco/claim/late"));
	assert_false(exists("coco/claim/never"));
	assert_int_equal(check_chain(w, "a"), 2);
}

/* ---- a caller with whom nobody else waits ---- */

static bool by_me(void)
{
	return pthread_equal(the_store.by, pthread_self());
}

static void test_alone(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	struct writer_state st;

	assert_true(claim(w, "coco/claim/1"));
	assert_int_equal(by_me(), engine->local);
	assert_false(claim(w, "coco/claim/1"));
	assert_int_equal(by_me(), engine->local);
	writer_look(w, &st);
	assert_int_equal(st.batches, 2);
	assert_int_equal(st.members, 2);
	assert_int_equal(check_chain(w, "a"), 1);
}

/* Where the last transaction took long, a caller's time is kept by the thread. */
static void test_alone_slow(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	bool done;

	the_store.fault = FAULT_SLOW;
	assert_true(claim(w, "coco/claim/1"));
	assert_true(by_me());
	assert_int_equal(ok(claim_in(w, "coco/claim/2", true, 32 * SLOW_USEC, &done, &why)), 0);
	assert_true(done);
	assert_false(by_me());
	assert_true(claim(w, "coco/claim/3"));
	assert_true(by_me());
	assert_int_equal(check_chain(w, "a"), 3);
}

/* What the first try leaves open is the thread's, and the caller comes back in time. */
static void test_alone_unknown(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	bool done;

	the_store.gets_fail = 1000000;
	the_store.fault = FAULT_AFTER;
	assert_int_equal(claim_in(w, "coco/claim/1", true, 50000, &done, &why), -EAGAIN);
	assert_non_null(strstr(why.text, "in time"));
	assert_true(the_store.gets_fail > 0);
	assert_int_equal(claim_in(w, "coco/claim/2", true, 50000, &done, &why), -EAGAIN);
	the_store.gets_fail = 0;
	assert_false(claim(w, "coco/claim/1"));
	assert_false(exists("coco/claim/2"));
	assert_int_equal(check_chain(w, "a"), 1);
}

struct caller {
	struct writer *w;
	const char *key;
	bool done;
	int r;
};

static void *call(void *userdata)
{
	struct caller *c = userdata;
	struct cause mine;

	c->r = claim_in(c->w, c->key, true, FOREVER, &c->done, &mine);
	return NULL;
}

static void start_call(struct caller *c, pthread_t *ret)
{
	assert_int_equal(pthread_create(ret, NULL, call, c), 0);
}

static void end_call(struct caller *c, pthread_t thread)
{
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c->r, 0);
	assert_true(c->done);
}

static void wait_for_commits(unsigned n)
{
	while (the_store.commits < n)
		(void) usleep(1000);
}

/* It hangs in the store: the others keep their times, and go on when it is over. */
static void test_alone_blocked(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	struct caller first = { w, "coco/claim/1" }, second = { w, "coco/claim/2" };
	struct writer_state st = { 0 };
	pthread_t threads[2];
	bool done;

	(void) pthread_mutex_lock(&the_store.gate);
	the_store.fault = FAULT_BLOCK;
	start_call(&first, &threads[0]);
	wait_for_commits(1);
	assert_true(pthread_equal(the_store.by, threads[0]));
	assert_int_equal(claim_in(w, "coco/claim/never", true, 50000, &done, &why), -EAGAIN);
	start_call(&second, &threads[1]);
	while (st.waiting < 1)
		writer_look(w, &st);
	the_store.fault = FAULT_NONE;
	(void) pthread_mutex_unlock(&the_store.gate);
	end_call(&first, threads[0]);
	end_call(&second, threads[1]);
	assert_false(exists("coco/claim/never"));
	assert_int_equal(check_chain(w, "a"), 2);
}

static void *free_writer(void *userdata)
{
	(void) writer_free(userdata);
	return NULL;
}

/* The writer ends while a caller's transaction is on its way: it is finished first. */
static void test_alone_at_the_end(void **state)
{
	struct writer *w = new_writer("a");
	struct caller first = { w, "coco/claim/1" };
	pthread_t caller, ender;

	(void) pthread_mutex_lock(&the_store.gate);
	the_store.fault = FAULT_BLOCK;
	start_call(&first, &caller);
	wait_for_commits(1);
	assert_int_equal(pthread_create(&ender, NULL, free_writer, w), 0);
	(void) usleep(20000);
	the_store.fault = FAULT_NONE;
	(void) pthread_mutex_unlock(&the_store.gate);
	end_call(&first, caller);
	assert_int_equal(pthread_join(ender, NULL), 0);
	w = new_writer("a");
	assert_int_equal(check_chain(w, "a"), 1);
	w = writer_free(w);
}

static void hear(void *userdata, uint64_t usec)
{
	*(uint64_t *)userdata += usec;
}

static void test_listen(void **state)
{
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	uint64_t heard = 0;

	writer_listen(w, hear, &heard);
	the_store.fault = FAULT_SLOW;
	assert_true(claim(w, "coco/claim/1"));
	writer_listen(w, NULL, NULL);
	assert_true(heard >= SLOW_USEC);
}

/* ---- what is refused ---- */

static int commit_line(struct writer *w, const char *json)
{
	struct store_member m = { .n_changes = 1, .changes = { { "coco/x", "x", 1, 0 } } };
	struct json_object *line = json_tokener_parse(json);
	int r;

	assert_non_null(line);
	r = writer_commit(w, &m, line, FOREVER, &why);
	json_object_put(line);
	return r;
}

static void test_form(void **state)
{
	static const char *const ours[] = {
		"coco/audit/a/0000000000000009.0000", "coco/instance/a", "coco/instance/b",
	};
	_cleanup_(writer_freep) struct writer *w = new_writer("a");
	struct json_object *line = json_object_new_object();
	struct store_member m = { 0 };
	char big[AUDIT_GIVEN_MAX + 1];
	struct writer_state st;
	struct writer *none;
	bool done;

	assert_int_equal(ok(commit_line(w, "{}")), 0);
	assert_int_equal(ok(commit_line(w, "{\"a\":\"\\n\\\"\\u20ac\"}")), 0);
	assert_int_equal(commit_line(w, "[]"), -EINVAL);
	assert_int_equal(commit_line(w, "{\"prev\":1}"), -EINVAL);
	assert_int_equal(commit_line(w, "{\"heads\":{}}"), -EINVAL);
	assert_int_equal(commit_line(w, "{\"x\":1,\"batch\":1}"), -EINVAL);
	/* Bytes that are not UTF-8, and a line that is too long. */
	(void) json_object_object_add(line, "a", json_object_new_string("\xff"));
	assert_int_equal(writer_commit(w, &m, line, FOREVER, &why), -EINVAL);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	(void) json_object_object_add(line, "a", json_object_new_string(big));
	m = (struct store_member){ .n_changes = 1, .changes = { { "coco/x", "x", 1, 0 } } };
	assert_int_equal(writer_commit(w, &m, line, FOREVER, &why), -EINVAL);
	/* The longest one that fits. */
	big[AUDIT_GIVEN_MAX - strlen("{\"a\":\"\"}")] = '\0';
	(void) json_object_object_add(line, "a", json_object_new_string(big));
	assert_int_equal(ok(writer_commit(w, &m, line, FOREVER, &why)), 0);
	/* The line is a part too. */
	m = (struct store_member){ .n_changes = STORE_PARTS_MAX };
	for (unsigned i = 0; i < STORE_PARTS_MAX; i++)
		m.changes[i] = (struct store_change){ &"a\0b\0c\0d\0e\0f"[2 * i], "x", 1, 0 };
	assert_int_equal(writer_commit(w, &m, line, FOREVER, &why), -EINVAL);
	assert_int_equal(ok(writer_commit(w, &m, NULL, FOREVER, &why)), 0);
	json_object_put(line);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_int_equal(claim_in(w, ours[i], true, FOREVER, &done, &why), -EINVAL);
	assert_int_equal(claim_in(w, "a b", true, FOREVER, &done, &why), -EINVAL);
	writer_look(w, &st);
	assert_int_equal(st.batches, 4);
	assert_int_equal(writer_new(store, "", &none, &why), -EINVAL);
	assert_int_equal(writer_new(store, "a/b", &none, &why), -EINVAL);
	assert_int_equal(writer_new(store, "a b", &none, &why), -EINVAL);
	big[64] = '\0';
	assert_int_equal(writer_new(store, big, &none, &why), -EINVAL);
	big[63] = '\0';
	assert_int_equal(ok(writer_new(store, big, &none, &why)), 0);
	assert_true(claim(none, "coco/claim/long"));
	assert_int_equal(check_chain(none, big), 1);
	(void) writer_free(none);
}

/* ---- a chain that somebody changed ---- */

static void change(const char *key, const char *text)
{
	struct store_member m = { .n_changes = 1,
				  .changes = { { key, text, text ? strlen(text) : 0, 0 } } };

	assert_int_equal(ok(store_commit(the_store.real, NULL, &m, 1, &why)), 0);
}

static char *text_of(const char *key)
{
	struct store_value v;
	char *text;

	assert_int_equal(ok(store_get(the_store.real, key, &v, &why)), 0);
	assert_non_null(v.data);
	text = strndup((char *)v.data, v.len);
	store_value_done(&v);
	return text;
}

static void test_broken_chain(void **state)
{
	const char *last = "coco/audit/a/0000000000000002.0000", *fence_key = "coco/instance/a";
	_cleanup_(freep) char *line = NULL, *first = NULL, *fence = NULL;
	struct writer *w = new_writer("a");

	assert_true(claim(w, "coco/claim/1"));
	assert_true(claim(w, "coco/claim/2"));
	w = writer_free(w);
	line = text_of(last);
	first = text_of("coco/audit/a/0000000000000001.0000");
	fence = text_of(fence_key);
	change(last, first);
	assert_int_equal(writer_new(store, "a", &w, &why), -EBADMSG);
	change(last, "{}");
	assert_int_equal(writer_new(store, "a", &w, &why), -EBADMSG);
	change(last, line);
	change("coco/audit/a/0000000000000003.0000", line);
	assert_int_equal(writer_new(store, "a", &w, &why), -EBADMSG);
	change("coco/audit/a/0000000000000003.0000", NULL);
	change(fence_key, "x");
	assert_int_equal(writer_new(store, "a", &w, &why), -EBADMSG);
	/* Without a fence there may be no log. */
	change(fence_key, NULL);
	assert_int_equal(writer_new(store, "a", &w, &why), -EBADMSG);
	change(fence_key, fence);
	change(STORE_LOADING, "1");
	assert_int_equal(writer_new(store, "a", &w, &why), -EPERM);
	change(STORE_LOADING, NULL);
	w = new_writer("a");
	assert_true(claim(w, "coco/claim/3"));
	assert_int_equal(check_chain(w, "a"), 3);
	w = writer_free(w);
}

/* ---- other instances ---- */

static void test_heads(void **state)
{
	struct writer *a = new_writer("a"), *b = new_writer("b");
	_cleanup_(freep) char *line = NULL, *second = NULL, *fence = NULL;

	assert_true(claim(a, "coco/claim/1"));
	fence = text_of("coco/instance/a");
	fence[16 + 1 + 64] = '\0';
	change("coco/instance/../evil\"", "nonsense");
	change("coco/instance/c", "nonsense");
	/* The line that would have them is not there: the next one has them. */
	assert_false(claim(b, "coco/claim/1"));
	assert_true(claim(b, "coco/claim/2"));
	line = text_of("coco/audit/b/0000000000000002.0000");
	assert_memory_equal(member(line, "heads"), "{\"a\":\"", 6);
	assert_memory_equal(member(line, "heads") + 6, fence, strlen(fence));
	assert_null(strstr(line, "nonsense"));
	assert_null(strstr(line, "evil"));
	/* Not with each line. */
	assert_true(claim(b, "coco/claim/3"));
	second = text_of("coco/audit/b/0000000000000003.0000");
	assert_null(strstr(second, "heads"));
	assert_int_equal(check_chain(b, "b"), 2);
	a = writer_free(a);
	b = writer_free(b);
}

/* ---- killed ---- */

/* Claims one key after the other, and says on @fd which ones were confirmed, until it is killed. */
static void claim_until_killed(int fd, unsigned first, unsigned n, enum fault fault)
{
	struct writer *w;
	char key[32];
	bool done;

	open_real();
	if (writer_new(store, "a", &w, &why) < 0)
		_exit(1);
	for (unsigned i = 0; i < n; i++) {
		if (i == n - 1)
			the_store.fault = (int)fault;
		snprintf(key, sizeof(key), "coco/claim/%u", first + i);
		if (claim_in(w, key, true, FOREVER, &done, &why) < 0 || !done)
			_exit(2);
		if (write(fd, "+", 1) != 1)
			_exit(3);
	}
	_exit(4);
}

static void test_killed(void **state)
{
	unsigned confirmed = 0;

	the_store.real = store_close(the_store.real);
	for (unsigned round = 0; round < 12; round++) {
		enum fault fault = round % 2 ? FAULT_DIE_AFTER : FAULT_DIE_BEFORE;
		unsigned n = 1 + round % 4, got = 0;
		int ends[2], status;
		struct writer *w;
		char c, key[32];
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			claim_until_killed(ends[1], 100 * round, n, fault);
		close(ends[1]);
		while (read(ends[0], &c, 1) == 1)
			got++;
		close(ends[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(got, n - 1);
		open_real();
		w = new_writer("a");
		for (unsigned i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "coco/claim/%u", 100 * round + i);
			/* What was confirmed is there; the last one only after its commit. */
			assert_int_equal(exists(key), i < got || fault == FAULT_DIE_AFTER);
		}
		confirmed += got + (fault == FAULT_DIE_AFTER);
		assert_int_equal(check_chain(w, "a"), confirmed);
		snprintf(key, sizeof(key), "coco/claim/%u", 100 * round + n - 1);
		assert_int_equal(claim(w, key), fault == FAULT_DIE_BEFORE);
		confirmed += fault == FAULT_DIE_BEFORE;
		w = writer_free(w);
		the_store.real = store_close(the_store.real);
	}
	open_real();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define LOCAL(f) { #f " (local)", f, setup_local, teardown, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),		TEST(test_restart),	 TEST(test_threads),
		TEST(test_lost_answers), TEST(test_lost_and_changed), TEST(test_much),
		TEST(test_lost_in_threads), TEST(test_full),
		TEST(test_stolen_name),	TEST(test_stolen_batch), TEST(test_timeout),
		TEST(test_form),	TEST(test_broken_chain), TEST(test_heads),
		TEST(test_killed),	TEST(test_alone),	 TEST(test_listen),
		LOCAL(test_one),	LOCAL(test_restart),	 LOCAL(test_threads),
		LOCAL(test_lost_answers), LOCAL(test_lost_and_changed), LOCAL(test_much),
		LOCAL(test_lost_in_threads), LOCAL(test_full),
		LOCAL(test_stolen_name), LOCAL(test_stolen_batch),
		LOCAL(test_form),	LOCAL(test_heads),	 LOCAL(test_killed),
		LOCAL(test_alone),	LOCAL(test_alone_slow),	 LOCAL(test_alone_unknown),
		LOCAL(test_alone_blocked), LOCAL(test_alone_at_the_end),
		LOCAL(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
