/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/store/audit.h"
#include "broker/store/lines.h"
#include "wire/jspan.h"

/*
 * The records are read twice.  The first reading follows the chains, and collects what they claim
 * about heads: a claim may stand before the chain that it is about.  The second one follows them
 * again and compares the claims.
 */
#define BACK 64			/* claims that are looked at to see whether one stands there */
#define BY_KEPT UINT16_MAX	/* who claims it is a checkpoint that was kept */

/* "The head of @about before the batch @number - 1 was @head." */
struct claim {
	uint16_t about, by;
	uint64_t number;
	uint8_t head[AUDIT_HEAD_LEN];
};

struct verifier {
	const struct audit_check *check;
	struct cause *why;
	bool second;		/* reading */
	uint64_t record;
	int problems;

	unsigned n_names;
	char names[AUDIT_INSTANCES_MAX][AUDIT_INSTANCE_MAX + 1];
	bool has_chain[AUDIT_INSTANCES_MAX];
	size_t n_claims, room;
	struct claim *claims;

	/* The chain that is being read. */
	bool open, has_records, fence_seen;
	unsigned me;
	struct audit_chain chain;
	uint64_t batch, index;		/* of the last line; 0: none yet */
	struct audit_hash hash;
	size_t next_claim;
	bool expected;			/* the head is among the chains' */
};

/* ---- what is found ---- */

static void vtell(struct verifier *v, const char *format, va_list ap)
{
	char text[512];

	(void) vsnprintf(text, sizeof(text), format, ap);
	if (v->problems < INT32_MAX)
		v->problems++;
	v->check->problem(v->check->userdata, v->chain.instance, text);
}

/* A problem of the chain itself: the first reading tells it. */
static void problem(struct verifier *v, const char *format, ...) _printf_(2, 3);
static void problem(struct verifier *v, const char *format, ...)
{
	va_list ap;

	if (v->second)
		return;
	va_start(ap, format);
	vtell(v, format, ap);
	va_end(ap);
}

/* A claim that does not hold: the second reading tells it. */
static void claim_problem(struct verifier *v, const char *format, ...) _printf_(2, 3);
static void claim_problem(struct verifier *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vtell(v, format, ap);
	va_end(ap);
}

static void see_head(struct verifier *v, const uint8_t *head)
{
	if (v->check->expect && memcmp(v->check->expect, head, AUDIT_HEAD_LEN) == 0)
		v->expected = true;
}

/* ---- names and claims ---- */

static int name_index(struct verifier *v, const char *name, unsigned *ret)
{
	unsigned i = 0;

	while (i < v->n_names && !streq(v->names[i], name))
		i++;
	if (i == AUDIT_INSTANCES_MAX)
		return cause_set(v->why, -EMSGSIZE, "There are more than %d instances",
				 AUDIT_INSTANCES_MAX);
	if (i == v->n_names)
		strcpy(v->names[v->n_names++], name);
	*ret = i;
	return 0;
}

static bool is_known(const struct verifier *v, const struct claim *c)
{
	for (size_t i = v->n_claims; i > 0 && v->n_claims - i < BACK; i--) {
		const struct claim *old = &v->claims[i - 1];

		if (old->about == c->about && old->by == c->by && old->number == c->number &&
		    memcmp(old->head, c->head, sizeof(old->head)) == 0)
			return true;
	}
	return false;
}

static int add_claim(struct verifier *v, unsigned about, uint64_t number, const uint8_t *head)
{
	struct claim c = { .about = (uint16_t)about, .by = (uint16_t)v->me, .number = number };
	struct claim *more;

	memcpy(c.head, head, sizeof(c.head));
	if (v->second || is_known(v, &c))
		return 0;
	if (v->n_claims == AUDIT_CLAIMS_MAX)
		return cause_set(v->why, -EMSGSIZE, "There are too many heads of other instances");
	if (v->n_claims == v->room) {
		v->room = v->room ? 2 * v->room : 64;
		more = reallocarray(v->claims, v->room, sizeof(*more));
		if (!more)
			return cause_set_oom(v->why);
		v->claims = more;
	}
	v->claims[v->n_claims++] = c;
	return 0;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->about != y->about)
		return x->about < y->about ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void check_claim(struct verifier *v, const struct claim *c, const uint8_t *head)
{
	/* What was before the beginning nobody can tell any longer. */
	if (c->number - 1 < v->chain.from || memcmp(c->head, head, sizeof(c->head)) == 0)
		return;
	if (c->by == BY_KEPT)
		claim_problem(v, "a checkpoint that was kept has another head before batch %" PRIu64
				 ": lines before it were changed, or are missing",
			      c->number - 1);
	else if (c->by == c->about)
		claim_problem(v, "the end is not that of its fence: the lines before batch %" PRIu64
				 " were changed, or some are missing",
			      c->number - 1);
	else
		claim_problem(v, "'%s' saw another head before batch %" PRIu64
				 ": lines before it were changed, or are missing",
			      v->names[c->by], c->number - 1);
}

/* Compare the claims about heads before the batches up to @batch; @head is what there was. */
static void check_claims(struct verifier *v, uint64_t batch, const uint8_t *head)
{
	if (!v->second)
		return;
	while (v->next_claim < v->n_claims && v->claims[v->next_claim].about == v->me &&
	       v->claims[v->next_claim].number - 1 <= batch)
		check_claim(v, &v->claims[v->next_claim++], head);
}

/* ---- the chain ---- */

static int open_chain(struct verifier *v, const char *instance)
{
	int r = name_index(v, instance, &v->me);

	if (r < 0)
		return r;
	v->open = true;
	v->has_records = v->fence_seen = false;
	v->batch = v->index = 0;
	memset(&v->chain, 0, sizeof(v->chain));
	strcpy(v->chain.instance, instance);
	v->chain.from = 1;
	if (!v->second && v->has_chain[v->me])
		problem(v, "its records stand in two places");
	v->has_chain[v->me] = true;
	v->next_claim = 0;
	while (v->next_claim < v->n_claims && v->claims[v->next_claim].about < v->me)
		v->next_claim++;
	see_head(v, v->chain.head);
	return 0;
}

/* The head after the batch that was read. */
static int close_batch(struct verifier *v)
{
	if (v->batch && audit_hash_end(&v->hash, v->chain.head) < 0)
		return cause_set_oom(v->why);
	see_head(v, v->chain.head);
	return 0;
}

static int close_chain(struct verifier *v)
{
	int r;

	if (!v->open)
		return 0;
	r = close_batch(v);
	if (r < 0)
		return r;
	v->open = false;
	if (!v->fence_seen)
		problem(v, "its fence is missing, and maybe the end of its lines");
	for (; v->second && v->next_claim < v->n_claims &&
	       v->claims[v->next_claim].about == v->me;
	     v->next_claim++) {
		const struct claim *c = &v->claims[v->next_claim];

		if (v->fence_seen && c->by == BY_KEPT && c->number - 1 > v->chain.next)
			claim_problem(v, "a checkpoint that was kept is before batch %" PRIu64
					 ", and this chain ends before",
				      c->number - 1);
		else if (v->fence_seen && c->by != BY_KEPT && c->number > v->chain.next)
			claim_problem(v, "'%s' saw batch %" PRIu64 ", and this chain ends before",
				      v->names[c->by], c->number - 1);
		else
			check_claim(v, c, v->chain.head);
	}
	if (v->second && v->check->chain)
		v->check->chain(v->check->userdata, &v->chain);
	return 0;
}

/* ---- records ---- */

static int read_heads(struct verifier *v, struct bytes heads)
{
	char name[AUDIT_INSTANCE_MAX + 1];
	uint8_t head[AUDIT_HEAD_LEN];
	uint64_t number;
	unsigned about;
	int r;

	while ((r = audit_heads_next(&heads, name, &number, head)) > 0) {
		if (number < 2)
			return -EBADMSG;
		r = name_index(v, name, &about);
		if (r == 0)
			r = add_claim(v, about, number, head);
		if (r < 0)
			return r;
	}
	return r;
}

static int begin_batch(struct verifier *v, const struct audit_line *line)
{
	int r = close_batch(v);

	if (r < 0)
		return r;
	if (memcmp(line->prev, v->chain.head, sizeof(line->prev)) != 0)
		problem(v, "batch %" PRIu64 " does not follow what stands before it: lines before "
			   "it were changed, added, or are missing",
			line->batch);
	/* One damage is told once: what follows is judged by what the line says. */
	memcpy(v->chain.head, line->prev, sizeof(line->prev));
	v->batch = line->batch;
	check_claims(v, line->batch, line->prev);
	return audit_hash_begin(&v->hash, line->prev, line->batch) < 0 ? cause_set_oom(v->why) : 0;
}

static int read_line(struct verifier *v, const struct audit_line *line, struct bytes text)
{
	int r = 0;

	/* A rest of what was trimmed. */
	if (line->batch < v->chain.from)
		return 0;
	if (v->fence_seen) {
		problem(v, "the line %" PRIu64 ".%" PRIu64 " stands behind the end", line->batch,
			line->index);
		return 0;
	}
	if (line->batch < v->batch || (line->batch == v->batch && line->index <= v->index)) {
		problem(v, "the line %" PRIu64 ".%" PRIu64 " does not stand in its order",
			line->batch, line->index);
		return 0;
	}
	if (line->batch > v->batch)
		r = begin_batch(v, line);
	else if (memcmp(line->prev, v->hash.before, sizeof(line->prev)) != 0)
		problem(v, "the line %" PRIu64 ".%" PRIu64 " does not belong to its batch",
			line->batch, line->index);
	if (r < 0)
		return r;
	v->index = line->index;
	v->chain.lines++;
	if (audit_hash_line(&v->hash, (unsigned)line->index, text) < 0)
		return cause_set_oom(v->why);
	r = line->heads.p ? read_heads(v, line->heads) : 0;
	if (r != -EBADMSG)
		return r;
	problem(v, "the line %" PRIu64 ".%" PRIu64 " has heads that are malformed", line->batch,
		line->index);
	return 0;
}

static int read_fence(struct verifier *v, struct bytes value)
{
	struct audit_fence f;
	struct bytes text;

	if (jspan_text(value, &text) < 0 || audit_fence_read(text.p, text.len, &f) < 0) {
		problem(v, "its fence is malformed");
		return 0;
	}
	if (v->fence_seen)
		problem(v, "it has two fences");
	v->fence_seen = true;
	v->chain.next = f.number;
	if (v->batch >= f.number)
		problem(v, "batch %" PRIu64 " is later than its fence", v->batch);
	return add_claim(v, v->me, f.number, f.before);
}

static int read_checkpoint(struct verifier *v, struct bytes text)
{
	struct checkpoint c;
	int r;

	r = checkpoint_read(text, v->check->keys, &c);
	if (r == -ENOMEM)
		return cause_set_oom(v->why);
	if (r == -EKEYREJECTED)
		problem(v, "another key signed the checkpoint that it begins with");
	else if (r < 0)
		problem(v, "the checkpoint that it begins with is malformed");
	else if (!v->check->keys)
		problem(v, "it begins with a checkpoint, which nobody verified: the key is needed");
	if (v->has_records)
		problem(v, "a checkpoint stands behind its beginning");
	if (r < 0 || v->has_records)
		return 0;
	v->chain.from = c.batch;
	memcpy(v->chain.head, c.head, sizeof(c.head));
	see_head(v, c.head);
	return 0;
}

/* The instance of a record, or "" when the record is none. */
static void instance_of(struct bytes object, char ret[static AUDIT_INSTANCE_MAX + 1])
{
	struct bytes value, text;

	ret[0] = '\0';
	if (jspan_member(object, "instance", &value) < 0 || jspan_text(value, &text) < 0 ||
	    text.len > AUDIT_INSTANCE_MAX)
		return;
	memcpy(ret, text.p, text.len);
	ret[text.len] = '\0';
	if (!audit_instance_is_valid(ret))
		ret[0] = '\0';
}

static int read_in_chain(struct verifier *v, struct bytes object, struct bytes text)
{
	struct audit_line line;
	struct bytes value;
	int r = 0;

	if (jspan_member(object, "prev", &value) == 0) {
		if (audit_line_read(text, &line) < 0)
			problem(v, "record %" PRIu64 " is malformed", v->record);
		else
			r = read_line(v, &line, text);
	} else if (jspan_member(object, "fence", &value) == 0) {
		r = read_fence(v, value);
	} else {
		r = read_checkpoint(v, text);
	}
	v->has_records = true;
	return r;
}

static int read_record(void *userdata, struct bytes text)
{
	char instance[AUDIT_INSTANCE_MAX + 1];
	struct verifier *v = userdata;
	struct bytes object;
	int r = 0;

	v->record++;
	instance[0] = '\0';
	if (jspan_check(text, &object) == 0 && jspan_type(object) == JSPAN_OBJECT)
		instance_of(object, instance);
	if (!instance[0]) {
		problem(v, "record %" PRIu64 " is malformed", v->record);
		return 0;
	}
	if (v->check->instance && !streq(instance, v->check->instance))
		return 0;
	if (!v->open || !streq(instance, v->chain.instance)) {
		r = close_chain(v);
		if (r == 0)
			r = open_chain(v, instance);
	}
	return r < 0 ? r : read_in_chain(v, object, text);
}

/* ---- both readings ---- */

struct source {
	struct store *s;	/* or NULL, and the file */
	int fd;
	off_t start;
};

static int read_file(const struct source *from, struct verifier *v)
{
	struct lines l = { .fd = from->fd, .max = AUDIT_LINE_MAX + 1 };
	struct bytes text;
	int r;

	if (lseek(from->fd, from->start, SEEK_SET) < 0)
		return cause_set_io(v->why, errno, "Cannot read the file: %m");
	while ((r = lines_next(&l, &text, v->why)) > 0) {
		text.len--;
		r = read_record(v, text);
		if (r < 0)
			break;
	}
	lines_done(&l);
	return r;
}

static int read_all(const struct source *from, struct verifier *v)
{
	int r;

	v->record = 0;
	v->open = false;
	r = from->s ? audit_export(from->s, v->check->instance, read_record, v, v->why) :
		      read_file(from, v);
	return r == 0 ? close_chain(v) : r;
}

/* Before the first batch there was nothing, and maybe no chain. */
static int add_kept(struct verifier *v)
{
	for (size_t i = 0; i < v->check->n_kept; i++) {
		const struct checkpoint *c = &v->check->kept[i];
		unsigned about;
		int r;

		if (c->batch < 2 ||
		    (v->check->instance && !streq(v->check->instance, c->instance)))
			continue;
		r = name_index(v, c->instance, &about);
		v->me = BY_KEPT;
		if (r == 0)
			r = add_claim(v, about, c->batch + 1, c->head);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Chains that others know, and that are gone altogether. */
static void check_missing(struct verifier *v)
{
	for (unsigned i = 0; i < v->n_names; i++)
		if (!v->has_chain[i] &&
		    (!v->check->instance || streq(v->check->instance, v->names[i]))) {
			strcpy(v->chain.instance, v->names[i]);
			claim_problem(v, "another instance or a checkpoint knows its chain, which "
					 "is missing");
		}
}

static int verify(const struct source *from, struct verifier *v)
{
	int r;

	if (audit_hash_init(&v->hash) < 0)
		return cause_set_oom(v->why);
	r = add_kept(v);
	if (r == 0)
		r = read_all(from, v);
	if (r < 0)
		return r;
	if (v->n_claims > 0)
		qsort(v->claims, v->n_claims, sizeof(v->claims[0]), compare_claims);
	v->second = true;
	r = read_all(from, v);
	if (r < 0)
		return r;
	check_missing(v);
	if (v->check->expect && !v->expected) {
		v->chain.instance[0] = '\0';
		claim_problem(v, "the head that was expected is in no chain: the end was cut off, "
				 "or lines were changed");
	}
	return v->problems;
}

static int verify_from(const struct source *from, const struct audit_check *check,
		       struct cause *why)
{
	struct verifier *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		return cause_set_oom(why);
	v->check = check;
	v->why = why;
	r = verify(from, v);
	audit_hash_done(&v->hash);
	free(v->claims);
	free(v);
	return r;
}

int audit_verify(struct store *s, const struct audit_check *check, struct cause *why)
{
	return verify_from(&(struct source){ .s = s }, check, why);
}

int audit_verify_file(int fd, const struct audit_check *check, struct cause *why)
{
	struct source from = { .fd = fd, .start = lseek(fd, 0, SEEK_CUR) };

	if (from.start < 0)
		return cause_set(why, -ESPIPE, "The file is read twice, so it cannot be a pipe");
	return verify_from(&from, check, why);
}
