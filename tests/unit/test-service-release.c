/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Releases over a real store and a real writer.  What evidence is worth is the test's, and so is
 * whether an answer of the writer gets lost.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "base/io.h"
#include "broker/core/record-mac.h"
#include "broker/core/secret-policy.h"
#include "crypto/jwe.h"
#include "crypto/locked-heap.h"
/* Not all of it is used here. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "broker/serve/refresh.h"
#include "tests/unit/kbs-fixture.h"

#define HEX_48 "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f" \
	       "000102030405060708090a0b0c0d0e0f"
#define HEX_32 "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define SNP "[snp]\nmeasurement=" HEX_48 "\ncovers=kernel,initrd,cmdline\n"
#define ALWAYS "[Release]\nRelease=always\n" SNP
#define LAUNCH "[Release]\nRelease=once\nPer=launch\n" SNP
#define VM "[Release]\nRelease=once\nPer=vm\nVmField=host_data\n" SNP "host_data=" HEX_32 "\n"
#define APPROVE "[Release]\nRelease=approve\n" SNP
/* An approval has the time of this machine. */
static int64_t t0;
#define T0 t0

static enum judged_result verdict;
static EVP_PKEY *guest;			/* one key serves for all guests */
static uint8_t pack[64];
static size_t pack_len;

/* There is no judge here. */
bool refresher_is_good(struct refresher *r, int64_t now)
{
	return true;
}

int judge_evidence(struct judge *j, enum broker_tee tee, const struct bundle *b,
		   const uint8_t rd[static 48], const char *policy, int64_t now,
		   struct judged *ret, struct verdict **ret_verdict)
{
	assert_non_null(policy);
	assert_null(strstr(policy, "Release="));
	*ret = (struct judged){ .result = verdict, .chip = "c0ffee" };
	strcpy(ret->code, verdict == JUDGED_GOOD ? "OK" : "NO");
	strcpy(ret->reason, "the test says so");
	return 0;
}

/* The transaction is made, and its answer does not come. */
static unsigned lose;
int __real_writer_commit(struct writer *w, struct store_member *m, struct json_object *line,
			 uint64_t timeout_usec, struct cause *why);
int __wrap_writer_commit(struct writer *w, struct store_member *m, struct json_object *line,
			 uint64_t timeout_usec, struct cause *why);

int __wrap_writer_commit(struct writer *w, struct store_member *m, struct json_object *line,
			 uint64_t timeout_usec, struct cause *why)
{
	int r = __real_writer_commit(w, m, line, timeout_usec, why);

	if (!line || lose == 0)
		return r;
	lose--;
	m->done = false;
	return cause_set(why, -EAGAIN, "the answer is lost");
}

/* ---- what is asked ---- */

static struct session_record session(uint8_t launch, uint8_t boot, uint8_t rd)
{
	struct session_record s = { .expiry = (uint32_t)T0 + 300, .tee = BROKER_TEE_SNP,
				    .key = { .kind = TEE_KEY_EC_P256, .x_len = 32, .y_len = 32 },
				    .launch = { .known = launch > 0 },
				    .coco = { .coco = boot > 0 } };
	uint8_t x[BROKER_COORDINATE_MAX], y[BROKER_COORDINATE_MAX];

	assert_int_equal(jwe_key_point(guest, BROKER_P256, x, y), 0);
	memcpy(s.key.x, x, 32);
	memcpy(s.key.y, y, 32);
	memset(s.launch.id, launch, sizeof(s.launch.id));
	memset(s.coco.boot, boot, sizeof(s.coco.boot));
	memset(s.rd, rd, sizeof(s.rd));
	strcpy(s.coco.tee, "snp");
	s.evidence = pack;
	s.evidence_len = pack_len;
	return s;
}

/* The id of the last refusal. */
static char id[32];

static enum release_result ask_session(const struct session_record *s, const char *path,
				       int64_t now)
{
	struct release_request q = { .session = s, .path = path, .peer = "192.0.2.1", .now = now };
	struct release_answer a;

	assert_int_equal(service_release(&service, &q, &a), 0);
	assert_int_equal(a.body != NULL && a.header != NULL, a.result == RELEASE_GOOD);
	assert_int_equal(a.id[0] == '\0', a.result == RELEASE_GOOD);
	assert_int_equal(a.retry_sec > 0, a.result == RELEASE_LATER);
	(void) snprintf(id, sizeof(id), "%s", a.id);
	free(a.body);
	free(a.header);
	return a.result;
}

static enum release_result get(const char *path, uint8_t launch, uint8_t boot, uint8_t rd,
			       int64_t now)
{
	struct session_record s = session(launch, boot, rd);

	s.coco.n_paths = 1;
	strcpy(s.coco.paths[0], path);
	return ask_session(&s, path, now);
}

static int set(const char *path, const char *value, const char *policy, bool create, bool replace)
{
	_cleanup_(secret_freep) struct secret *plain = NULL;
	struct secret_change c = { .path = path, .policy = policy, .create = create,
				   .replace = replace, .who = "uid 0" };
	struct cause why = { "" };
	uint64_t version;
	int r;

	if (value) {
		assert_int_equal(secret_new(strlen(value), &plain), 0);
		memcpy(secret_bytes(plain), value, strlen(value));
	}
	c.value = plain;
	c.policy_len = policy ? strlen(policy) : 0;
	r = service_secret_set(&service, &c, &version, &why);
	assert_int_equal(why.text[0] == '\0', r == 0);
	return r == 0 ? (int)version : r;
}

static void add(const char *path, const char *policy)
{
	assert_int_equal(set(path, "value", policy, true, false), 1);
}

struct wanted {
	const char *what, *path;
	unsigned n;
};

static int count_line(void *userdata, const char *key, const struct store_value *v)
{
	struct wanted *w = userdata;
	char what[64], path[300];

	(void) snprintf(what, sizeof(what), "\"what\":\"%s\"", w->what);
	(void) snprintf(path, sizeof(path), "\"path\":\"%s\"", w->path);
	w->n += memmem(v->data, v->len, what, strlen(what)) &&
		memmem(v->data, v->len, path, strlen(path));
	return 0;
}

static unsigned lines(const char *what, const char *path)
{
	struct wanted w = { what, path, 0 };
	struct cause why;

	assert_int_equal(store_walk(store, "coco/audit/", NULL, 0, count_line, &w, &why), 0);
	return w.n;
}

static void denied_for(const char *code)
{
	struct denial d;

	assert_int_equal(denials_find(service.denials, id, &d), 0);
	assert_string_equal(d.code, code);
	assert_true(d.reason[0]);
}

static int approve(const char *which, bool yes)
{
	struct cause why;

	return service_approve(&service, which, yes, 1000, &why);
}

static unsigned counted(const char *name)
{
	_cleanup_(freep) char *text = NULL;
	const char *p;

	assert_int_equal(metrics_format(service.metrics, &text), 0);
	p = strstr(text, name);
	assert_non_null(p);
	return (unsigned)strtoul(p + strlen(name), NULL, 10);
}

/* How many releases were timed. */
static unsigned timed(void)
{
	return counted("release_seconds_count ");
}

/* ---- tests ---- */

static void test_always(void **state)
{
	unsigned before = timed();

	add("always/a/b", ALWAYS);
	for (uint8_t i = 1; i < 5; i++)
		assert_int_equal(get("always/a/b", i, i, i, T0), RELEASE_GOOD);
	/* Nothing is needed that only a claim needs. */
	assert_int_equal(get("always/a/b", 0, 1, 9, T0), RELEASE_GOOD);
	assert_int_equal(lines("release", "always/a/b"), 5);
	assert_int_equal(timed(), before + 5);
}

static void test_refused(void **state)
{
	struct session_record s = session(1, 1, 1);
	struct release_request q = { .session = &s, .path = "refused/a/b", .now = T0,
				     .bearer = true };
	struct release_answer a;
	unsigned errors, undecided;

	add("refused/a/b", LAUNCH);
	assert_int_equal(get("refused/a/c", 1, 1, 1, T0), RELEASE_ABSENT);
	denied_for("ABSENT");
	verdict = JUDGED_POLICY;
	assert_int_equal(get("refused/a/b", 1, 1, 1, T0), RELEASE_POLICY);
	denied_for("NO");
	verdict = JUDGED_EVIDENCE;
	assert_int_equal(get("refused/a/b", 1, 1, 1, T0), RELEASE_POLICY);
	/* Collateral is lacking, and the store is well. */
	errors = counted("store_errors_total ");
	undecided = counted("verdict=\"undecided\"} ");
	verdict = JUDGED_LATER;
	assert_int_equal(get("refused/a/b", 1, 1, 1, T0), RELEASE_LATER);
	denied_for("NO");
	assert_int_equal(counted("store_errors_total "), errors);
	assert_int_equal(counted("verdict=\"undecided\"} "), undecided + 1);
	verdict = JUDGED_GOOD;
	/* The list of the challenge, empty or another. */
	assert_int_equal(ask_session(&s, "refused/a/b", T0), RELEASE_NOT_LISTED);
	denied_for("NOT-LISTED");
	/* A client without a list, as others' are. */
	s.coco.coco = false;
	s.coco.n_paths = 0;
	assert_int_equal(service_release(&service, &q, &a), 0);
	assert_int_equal(a.result, RELEASE_POLICY);
	(void) snprintf(id, sizeof(id), "%s", a.id);
	denied_for("BEARER");
	assert_int_equal(get("refused/a/b", 0, 1, 1, T0), RELEASE_POLICY);
	denied_for("NO-LAUNCH");
	assert_int_equal(lines("release", "refused/a/b"), 0);
	/* None of this has claimed anything. */
	assert_int_equal(get("refused/a/b", 2, 2, 2, T0), RELEASE_GOOD);
}

static void test_launch(void **state)
{
	add("launch/a/b", LAUNCH);
	assert_int_equal(get("launch/a/b", 1, 1, 1, T0), RELEASE_GOOD);
	assert_int_equal(get("launch/a/b", 1, 1, 1, T0 + 1), RELEASE_GOOD);
	assert_int_equal(get("launch/a/b", 1, 1, 2, T0 + 2), RELEASE_GOOD);
	assert_int_equal(lines("release", "launch/a/b"), 1);
	assert_int_equal(lines("again", "launch/a/b"), 2);
	/* Another kernel of this launch. */
	assert_int_equal(get("launch/a/b", 1, 2, 3, T0 + 3), RELEASE_REBOOTED);
	denied_for("REBOOTED");
	/* Another launch. */
	assert_int_equal(get("launch/a/b", 2, 3, 4, T0 + 4), RELEASE_GOOD);
	/* The window is over. */
	assert_int_equal(get("launch/a/b", 1, 1, 1, T0 + 600), RELEASE_DONE);
	denied_for("RELEASED");
	/* The clock went back. */
	assert_int_equal(get("launch/a/b", 1, 1, 1, T0 - 31), RELEASE_LATER);
}

static void test_approvals(void **state)
{
	char first[32];

	add("approval/a/b", VM);
	assert_int_equal(get("approval/a/b", 1, 1, 1, T0), RELEASE_GOOD);
	assert_int_equal(get("approval/a/b", 2, 2, 2, T0 + 9), RELEASE_DONE);
	strcpy(first, id);
	/* The same is asked again, with another key, and another launch asks for another yes. */
	assert_int_equal(get("approval/a/b", 2, 2, 3, T0 + 10), RELEASE_DONE);
	assert_string_equal(id, first);
	assert_int_equal(get("approval/a/b", 3, 3, 4, T0 + 10), RELEASE_DONE);
	assert_string_not_equal(id, first);
	assert_int_equal(approve("0000-0000-0000", true), -ENOENT);
	assert_int_equal(approve("../x", true), -ENOENT);
	/* No. */
	assert_int_equal(approve(first, false), 0);
	assert_int_equal(get("approval/a/b", 2, 2, 5, T0 + 11), RELEASE_POLICY);
	denied_for("NOT-APPROVED");
	/* Yes, for that launch alone, and once. */
	assert_int_equal(approve(first, true), 0);
	assert_int_equal(get("approval/a/b", 4, 4, 6, T0 + 12), RELEASE_DONE);
	assert_int_equal(get("approval/a/b", 2, 2, 7, T0 + 13), RELEASE_GOOD);
	assert_int_equal(approve(first, true), -ENOENT);
	/* The claim is that launch's now. */
	assert_int_equal(get("approval/a/b", 2, 2, 8, T0 + 14), RELEASE_GOOD);
	assert_int_equal(get("approval/a/b", 1, 1, 1, T0 + 15), RELEASE_DONE);
	assert_int_equal(lines("approve", "approval/a/b"), 1);
	assert_int_equal(lines("refuse", "approval/a/b"), 1);
	assert_int_equal(lines("release", "approval/a/b"), 2);
}

static void test_approve_mode(void **state)
{
	add("mode/a/b", APPROVE);
	assert_int_equal(get("mode/a/b", 1, 1, 1, T0), RELEASE_NEEDS_APPROVAL);
	assert_int_equal(approve(id, true), 0);
	assert_int_equal(get("mode/a/b", 1, 1, 2, T0 + 1), RELEASE_GOOD);
	assert_int_equal(get("mode/a/b", 1, 1, 3, T0 + 2), RELEASE_GOOD);
	assert_int_equal(get("mode/a/b", 2, 2, 4, T0 + 2), RELEASE_NEEDS_APPROVAL);
	/* Nobody can say yes to what has no name. */
	assert_int_equal(get("mode/a/b", 0, 2, 4, T0 + 2), RELEASE_POLICY);
	denied_for("NO-LAUNCH");
}

static void test_restored(void **state)
{
	add("restored/vm/b", VM);
	add("restored/launch/b", LAUNCH);
	service.restored = true;
	assert_int_equal(get("restored/vm/b", 1, 1, 1, T0), RELEASE_NEEDS_APPROVAL);
	assert_int_equal(get("restored/vm/b", 0, 1, 1, T0), RELEASE_POLICY);
	assert_int_equal(get("restored/launch/b", 1, 1, 1, T0), RELEASE_GOOD);
	service.restored = false;
	assert_int_equal(get("restored/vm/b", 1, 1, 1, T0), RELEASE_GOOD);
}

static void test_launches(void **state)
{
	add("limit/a/b", "[Release]\nRelease=once\nPer=launch\nLaunches=2/1h\n" SNP);
	assert_int_equal(get("limit/a/b", 1, 1, 1, T0), RELEASE_GOOD);
	assert_int_equal(get("limit/a/b", 1, 1, 2, T0), RELEASE_GOOD);
	assert_int_equal(get("limit/a/b", 2, 2, 3, T0 + 1), RELEASE_GOOD);
	assert_int_equal(get("limit/a/b", 3, 3, 4, T0 + 2), RELEASE_DONE);
	denied_for("LAUNCHES");
	assert_int_equal(get("limit/a/b", 3, 3, 4, T0 + 3600), RELEASE_DONE);
	/* The first is an hour old. */
	assert_int_equal(get("limit/a/b", 3, 3, 4, T0 + 3601), RELEASE_GOOD);
}

static void test_vtpm(void **state)
{
	static const struct {
		uint32_t resets;
		enum release_result wanted;
	} steps[] = {
		{ 5, RELEASE_GOOD }, { 5, RELEASE_GOOD }, { 6, RELEASE_GOOD },
		{ 5, RELEASE_POLICY }, { 6, RELEASE_GOOD }, { 0x7fffffff, RELEASE_GOOD },
		/* modulo 2^32 */
		{ 0xfffffffe, RELEASE_GOOD }, { 3, RELEASE_GOOD }, { 0xffffffff, RELEASE_POLICY },
	};

	add("vtpm/a/b", LAUNCH);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct session_record s = session((uint8_t)(i + 1), 1, (uint8_t)(i + 1));

		s.launch.has_vtpm = true;
		s.launch.reset_count = steps[i].resets;
		s.coco.n_paths = 1;
		strcpy(s.coco.paths[0], "vtpm/a/b");
		if (ask_session(&s, "vtpm/a/b", T0) != steps[i].wanted)
			fail_msg("step %zu", i);
		if (steps[i].wanted == RELEASE_POLICY)
			denied_for("VTPM-WENT-BACK");
	}
}

/* A reply that is lost, with the broker or its store: the same guest gets it, and no other. */
static void test_lost(void **state)
{
	add("lost/a/b", VM);
	lose = 1;
	assert_int_equal(get("lost/a/b", 1, 1, 1, T0), RELEASE_LATER);
	assert_int_equal(get("lost/a/b", 2, 2, 2, T0), RELEASE_DONE);
	assert_int_equal(get("lost/a/b", 1, 1, 1, T0 + 1), RELEASE_GOOD);
	assert_int_equal(lines("release", "lost/a/b"), 1);
	assert_int_equal(lines("again", "lost/a/b"), 1);
}

static void test_confirm(void **state)
{
	struct session_record s = session(1, 1, 1), other = session(2, 2, 2);
	struct cause why;

	add("confirm/a/b", VM);
	assert_int_equal(service_confirm(&service, &s, "confirm/a/b", &why), -ENOENT);
	assert_int_equal(get("confirm/a/b", 1, 1, 1, T0), RELEASE_GOOD);
	assert_int_equal(service_confirm(&service, &other, "confirm/a/b", &why), -ENOENT);
	assert_int_equal(service_confirm(&service, &s, "confirm/a/b", &why), 0);
	assert_int_equal(service_confirm(&service, &s, "confirm/a/b", &why), 0);
	assert_int_equal(get("confirm/a/b", 1, 1, 1, T0), RELEASE_DONE);
	assert_int_equal(lines("confirm", "confirm/a/b"), 1);
}

/* ---- many at once ---- */

static unsigned good[8];

static void *race(void *userdata)
{
	uint8_t self = *(uint8_t *)userdata;

	for (uint8_t i = 0; i < 10; i++) {
		struct session_record s = session((uint8_t)(1 + self), 1, (uint8_t)(1 + self));
		struct release_request q = { .session = &s, .path = "race/a/b", .now = T0 };
		struct release_answer a = { .result = RELEASE_LATER };

		s.coco.coco = false;
		while (service_release(&service, &q, &a) == 0 && a.result == RELEASE_LATER)
			;
		good[self] += a.result == RELEASE_GOOD;
		free(a.body);
		free(a.header);
	}
	return NULL;
}

static void test_race(void **state)
{
	pthread_t threads[8];
	uint8_t self[8];
	unsigned winners = 0, all = 0;

	add("race/a/b", VM);
	for (uint8_t i = 0; i < 8; i++) {
		self[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, race, &self[i]), 0);
	}
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < 8; i++) {
		winners += good[i] > 0;
		all += good[i];
	}
	assert_int_equal(winners, 1);
	/* Nobody else stood in the way of the one who has it. */
	assert_int_equal(all, 10);
	assert_int_equal(lines("release", "race/a/b"), 1);
	assert_int_equal(lines("again", "race/a/b"), 9);
}

/* ---- who holds the store ---- */

static void put(const char *key, const void *data, size_t len)
{
	struct store_member m = { .n_changes = 1, .changes = { { key, data, len, 0 } } };
	struct cause why;

	assert_int_equal(store_commit(store, NULL, &m, 1, &why), 0);
	assert_true(m.done);
}

static void copy(const char *from, const char *to)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	struct cause why;

	assert_int_equal(store_get(store, from, &v, &why), 0);
	assert_true(v.revision > 0);
	put(to, v.data, v.len);
}

/* Rewrite a secret's record, as somebody without the master key can. */
static void rewrite(const char *path, const char *policy, uint64_t version)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	char key[RECORD_KEY_LEN], *text = NULL;
	struct secret_record r;
	struct cause why;

	key_secret(path, key);
	assert_int_equal(store_get(store, key, &v, &why), 0);
	assert_int_equal(secret_record_parse(v.data, v.len, &r), 0);
	if (policy) {
		free(r.policy);
		r.policy = strdup(policy);
		r.policy_len = strlen(policy);
	}
	if (version)
		r.version = version;
	assert_int_equal(secret_record_format(&r, &text), 0);
	put(key, text, strlen(text));
	free(text);
	secret_record_done(&r);
}

static void test_hostile_store(void **state)
{
	static const uint8_t launch[32] = { 1 };
	char key[RECORD_KEY_LEN], *text = NULL;
	struct approval a = { .id = "x", .path = "hostile/a/b", .has_launch = true,
			      .approved = true, .answered = 1 };

	add("hostile/a/b", APPROVE);
	add("hostile/a/open", ALWAYS);
	/* Another secret in its place, an easier policy, another version, nothing that is read. */
	copy("coco/secret/hostile/a/b", "coco/secret/hostile/a/c");
	assert_int_equal(get("hostile/a/c", 1, 1, 1, T0), RELEASE_LATER);
	rewrite("hostile/a/b", ALWAYS, 0);
	assert_int_equal(get("hostile/a/b", 1, 1, 1, T0), RELEASE_LATER);
	rewrite("hostile/a/b", APPROVE, 2);
	assert_int_equal(get("hostile/a/b", 1, 1, 1, T0), RELEASE_NEEDS_APPROVAL);
	strcpy(a.id, id);
	/* A yes that nobody said. */
	memset(a.launch, 1, sizeof(a.launch));
	key_approval(a.id, key);
	assert_int_equal(approval_format(&a, &text), 0);
	put(key, text, strlen(text));
	free(text);
	assert_int_equal(get("hostile/a/b", 1, 1, 1, T0), RELEASE_LATER);
	/* A yes to another secret. */
	add("hostile/a/d", APPROVE);
	assert_int_equal(get("hostile/a/d", 1, 1, 1, T0), RELEASE_NEEDS_APPROVAL);
	{
		char from[RECORD_KEY_LEN];

		assert_int_equal(approve(id, true), 0);
		key_approval(id, from);
		copy(from, key);
	}
	assert_int_equal(get("hostile/a/b", 1, 1, 1, T0), RELEASE_LATER);
	put("coco/secret/hostile/a/open", "{}", 2);
	assert_int_equal(get("hostile/a/open", 1, 1, 1, T0), RELEASE_LATER);
	/* A claim that is no claim is not a free one. */
	add("hostile/a/e", LAUNCH);
	assert_int_equal(key_claim("hostile/a/e", PER_LAUNCH, launch, key), 0);
	memset(key + strlen(key) - 64, '0', 64);
	for (size_t i = 0; i < 32; i++)
		key[strlen(key) - 64 + 2 * i + 1] = '1';
	put(key, "{}", 2);
	assert_int_equal(get("hostile/a/e", 1, 1, 1, T0), RELEASE_LATER);
}

/* ---- the owner's changes ---- */

static void test_set(void **state)
{
	add("set/a/b", LAUNCH);
	assert_int_equal(set("set/a/b", "v", LAUNCH, true, false), -EEXIST);
	assert_int_equal(set("set/a/c", "v", LAUNCH, false, true), -ENOENT);
	assert_int_equal(set("set/a/c", "v", NULL, true, true), -EBADMSG);
	assert_int_equal(set("set/a/c", NULL, LAUNCH, true, true), -EBADMSG);
	assert_int_equal(set("set/a/c", "v", "[Release]\nRelease=always\n", true, true), -EBADMSG);
	assert_int_equal(set("set/a", "v", LAUNCH, true, true), -EBADMSG);
	assert_int_equal(set("+plugin/a", "v", LAUNCH, true, true), -EBADMSG);
	assert_int_equal(set("set/../c", "v", LAUNCH, true, true), -EBADMSG);
	assert_int_equal(get("set/a/b", 1, 1, 1, T0), RELEASE_GOOD);
	/* A new value, a new policy, both: the claim stays. */
	assert_int_equal(set("set/a/b", "new", NULL, false, true), 2);
	assert_int_equal(get("set/a/b", 1, 1, 1, T0 + 600), RELEASE_DONE);
	assert_int_equal(set("set/a/b", NULL, VM, false, true), 3);
	assert_int_equal(set("set/a/b", "v", LAUNCH, false, true), 4);
	assert_int_equal(get("set/a/b", 1, 1, 1, T0 + 600), RELEASE_DONE);
	assert_int_equal(get("set/a/b", 2, 1, 2, T0 + 600), RELEASE_GOOD);
	assert_int_equal(lines("change", "set/a/b"), 3);
}

static void test_rearm_remove(void **state)
{
	uint8_t launch[32];
	struct cause why;
	unsigned n = 0;

	add("rearm/a/b", LAUNCH);
	for (unsigned i = 1; i <= 150; i++)
		assert_int_equal(get("rearm/a/b", (uint8_t)i, 1, (uint8_t)i, T0), RELEASE_GOOD);
	assert_int_equal(get("rearm/a/b", 7, 1, 7, T0 + 600), RELEASE_DONE);
	memset(launch, 7, sizeof(launch));
	assert_int_equal(service_secret_rearm(&service, "rearm/a/b", launch, "uid 0", &n, &why), 0);
	assert_int_equal(n, 1);
	assert_int_equal(service_secret_rearm(&service, "rearm/a/b", launch, "uid 0", &n, &why),
			 -ENOENT);
	assert_int_equal(get("rearm/a/b", 7, 1, 7, T0 + 600), RELEASE_GOOD);
	assert_int_equal(get("rearm/a/b", 8, 1, 8, T0 + 600), RELEASE_DONE);
	assert_int_equal(service_secret_rearm(&service, "rearm/a/b", NULL, "uid 0", &n, &why), 0);
	assert_int_equal(n, 150);
	assert_int_equal(lines("rearm", "rearm/a/b"), 151);
	assert_int_equal(get("rearm/a/b", 8, 1, 8, T0 + 600), RELEASE_GOOD);
	assert_int_equal(service_secret_rearm(&service, "rearm/a/x", NULL, "uid 0", &n, &why),
			 -ENOENT);
	assert_int_equal(service_secret_remove(&service, "rearm/a/b", "uid 0", &why), 0);
	assert_int_equal(service_secret_remove(&service, "rearm/a/b", "uid 0", &why), -ENOENT);
	assert_int_equal(get("rearm/a/b", 8, 1, 8, T0 + 600), RELEASE_ABSENT);
	add("rearm/a/b", LAUNCH);
	assert_int_equal(get("rearm/a/b", 8, 1, 8, T0 + 1600), RELEASE_GOOD);
}

static int open_all(void **state)
{
	_cleanup_(closep) int fd = memfd_create("pack", MFD_CLOEXEC);
	struct bundle b = { .n_items = 0 };
	int r = open_service(state);

	if (r < 0 || fd < 0 || locked_heap_init(1 << 20) < 0 ||
	    bundle_add_text(&b, BUNDLE_TYPE, "snp") < 0 ||
	    bundle_write_pack(&b, fd) < 0 || denials_new(&service.denials) < 0 ||
	    jwe_key_new(BROKER_P256, &guest) < 0)
		return -1;
	pack_len = (size_t)pread(fd, pack, sizeof(pack), 0);
	bundle_done(&b);
	verdict = JUDGED_GOOD;
	t0 = time(NULL);
	return 0;
}

static int close_all(void **state)
{
	service.denials = denials_free(service.denials);
	EVP_PKEY_free(guest);
	return close_service(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_always),	     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_launch),	     cmocka_unit_test(test_approvals),
		cmocka_unit_test(test_approve_mode), cmocka_unit_test(test_restored),
		cmocka_unit_test(test_launches),     cmocka_unit_test(test_vtpm),
		cmocka_unit_test(test_lost),	     cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_race),	     cmocka_unit_test(test_hostile_store),
		cmocka_unit_test(test_set),	     cmocka_unit_test(test_rearm_remove),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
