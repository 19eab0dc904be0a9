/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "broker/store/lines.h"
#include "broker/store/store.h"
#include "crypto/cleanup.h"
#include "wire/jspan.h"

/*
 * A store as text, the same for each engine:
 *
 *	{"coco-broker-store":1}
 *	{"key":"coco/...","value":"BASE64"}
 *	...
 *	{"entries":N,"sha256":"HEX"}		(of all bytes before this line)
 *
 * The last line tells a whole copy from one that was cut short or damaged.  It is no signature: who
 * can write the file can write that line.  Secrets are sealed, so nobody can exchange those.
 */
#define DUMP_VERSION 1
#define HEADER "{\"coco-broker-store\":1}\n"
#define ENTRIES_MAX INT64_MAX
#define DIGEST_LEN 32
/* A key has no character that JSON writes in more than two; 64 are for the names. */
#define DUMP_LINE_MAX ((STORE_VALUE_MAX + 2) / 3 * 4 + 2 * STORE_KEY_MAX + 64)

static EVP_MD_CTX *digest_new(void)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1)
		return c;
	EVP_MD_CTX_free(c);
	return NULL;
}

/* ---- writing ---- */

struct dump {
	store_sink_t sink;
	void *userdata;
	EVP_MD_CTX *digest;
	uint64_t entries;
	char *line;		/* of DUMP_LINE_MAX + 1 */
	struct cause *why;
};

static int write_line(struct dump *d, const char *line, size_t len)
{
	int r = d->sink(d->userdata, line, len);

	if (r < 0)
		return r;
	return EVP_DigestUpdate(d->digest, line, len) == 1 ? 0 : cause_set_oom(d->why);
}

/* A key as a string of JSON: of what a key may have, two characters are special. */
static char *add_key(char *p, const char *key)
{
	for (; *key; key++) {
		if (*key == '"' || *key == '\\')
			*p++ = '\\';
		*p++ = *key;
	}
	return p;
}

static int dump_entry(void *userdata, const char *key, const struct store_value *v)
{
	_cleanup_(freep) char *base64 = NULL;
	struct dump *d = userdata;
	char *p;

	if (v->has_life || streq(key, STORE_MOVED))
		return 0;
	if (base64_encode(v->data, v->len, &base64) < 0)
		return cause_set_oom(d->why);
	p = add_key(stpcpy(d->line, "{\"key\":\""), key);
	p = stpcpy(stpcpy(stpcpy(p, "\",\"value\":\""), base64), "\"}\n");
	d->entries++;
	return write_line(d, d->line, (size_t)(p - d->line));
}

static int dump_end(struct dump *d)
{
	char hex[2 * DIGEST_LEN + 1], line[160];
	uint8_t digest[DIGEST_LEN];
	int n;

	if (EVP_DigestFinal_ex(d->digest, digest, NULL) != 1)
		return cause_set_oom(d->why);
	format_hex(digest, sizeof(digest), hex);
	n = snprintf(line, sizeof(line), "{\"entries\":%" PRIu64 ",\"sha256\":\"%s\"}\n",
		     d->entries, hex);
	return d->sink(d->userdata, line, (size_t)n);
}

int store_dump_to(struct store *s, store_sink_t sink, void *userdata, struct cause *why)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *digest = digest_new();
	_cleanup_(freep) char *line = malloc(DUMP_LINE_MAX + 1);
	struct dump d = {
		.sink = sink, .userdata = userdata, .digest = digest, .line = line, .why = why
	};
	uint64_t mark = 0;
	int r;

	if (!digest || !line)
		return cause_set_oom(why);
	r = store_revision(s, STORE_LOADING, &mark, why);
	if (r < 0)
		return r;
	if (mark > 0)
		return cause_set(why, -EIO, "The store is half loaded: load it again first");
	r = store_revision(s, STORE_REKEYING, &mark, why);
	if (r < 0)
		return r;
	if (mark > 0)
		return cause_set(why, -EIO, "The master key is being replaced: run 'coco-broker "
					    "rekey' again first");
	r = write_line(&d, HEADER, strlen(HEADER));
	if (r == 0)
		r = store_walk(s, "", NULL, 0, dump_entry, &d, why);
	return r == 0 ? dump_end(&d) : r;
}

struct to_file {
	int fd;
	struct cause *why;
};

static int write_to_file(void *userdata, const void *data, size_t len)
{
	struct to_file *f = userdata;
	int r = write_full(f->fd, data, len);

	return r < 0 ? cause_set_io(f->why, r, "Cannot write the copy of the store: %m") : 0;
}

int store_dump(struct store *s, int fd, struct cause *why)
{
	struct to_file f = { fd, why };

	return store_dump_to(s, write_to_file, &f, why);
}

/* ---- loading ---- */

struct load_line {
	struct bytes version, key, value, entries, digest;	/* p NULL if absent */
};

static const struct jspan_field line_fields[] = {
	{ "coco-broker-store", jspan_read_value, offsetof(struct load_line, version), true },
	{ "key", jspan_read_value, offsetof(struct load_line, key), true },
	{ "value", jspan_read_text, offsetof(struct load_line, value), true },
	{ "entries", jspan_read_value, offsetof(struct load_line, entries), true },
	{ "sha256", jspan_read_value, offsetof(struct load_line, digest), true },
	{ NULL },
};

/* What waits to be committed: one member for each part of the changes. */
struct load {
	struct store *store;
	EVP_MD_CTX *digest;
	uint64_t entries;
	bool began, ended;
	unsigned n;
	size_t bytes;
	struct store_member members[STORE_MEMBERS_MAX];
	char keys[STORE_MEMBERS_MAX][STORE_KEY_MAX + 1];
	uint8_t *values[STORE_MEMBERS_MAX];
	struct lines lines;
	struct cause *why;
};

static int bad_line(const struct load *l, const char *what)
{
	return cause_set(l->why, -EBADMSG, "Line %" PRIu64 " of the copy: %s", l->lines.number,
			 what);
}

static struct load *load_free(struct load *l)
{
	if (!l)
		return NULL;
	for (unsigned i = 0; i < l->n; i++)
		free(l->values[i]);
	EVP_MD_CTX_free(l->digest);
	lines_done(&l->lines);
	free(l);
	return NULL;
}
DEFINE_CLEANUP(struct load *, load_free)

/* Commit what waits.  A key that is there already stood twice in the copy. */
static int load_flush(struct load *l)
{
	bool done = true;
	int r;

	if (l->n == 0)
		return 0;
	r = store_commit(l->store, NULL, l->members, l->n, l->why);
	for (unsigned i = 0; i < l->n; i++) {
		done = done && l->members[i].done;
		free(l->values[i]);
	}
	l->n = 0;
	l->bytes = 0;
	if (r < 0)
		return r;
	return done ? 0 : bad_line(l, "here or before, a key stands twice");
}

static bool waits(const struct load *l, const char *key)
{
	for (unsigned i = 0; i < l->n; i++)
		if (streq(l->keys[i], key))
			return true;
	return false;
}

static int load_entry(struct load *l, const struct load_line *line)
{
	struct store_member *m = &l->members[l->n];
	uint8_t *value;
	size_t key_len;
	ssize_t len;

	if (jspan_string(line->key, l->keys[l->n], sizeof(l->keys[0]), &key_len) < 0)
		return bad_line(l, "the key is none");
	if (waits(l, l->keys[l->n]) || streq(l->keys[l->n], STORE_LOADING) ||
	    streq(l->keys[l->n], STORE_MOVED))
		return bad_line(l, "the key stands twice");
	value = malloc(line->value.len + 1);
	if (!value)
		return cause_set_oom(l->why);
	memcpy(value, line->value.p, line->value.len);
	value[line->value.len] = '\0';
	/* What is written is never in front of what is read. */
	len = base64_decode((const char *)value, value, line->value.len);
	if (len < 0 || len > STORE_VALUE_MAX) {
		free(value);
		return bad_line(l, "the value is not base64, or too long");
	}
	l->values[l->n] = value;
	*m = (struct store_member){ .n_compares = 1, .n_changes = 1 };
	m->compares[0] = (struct store_compare){ l->keys[l->n], 0 };
	m->changes[0] = (struct store_change){ l->keys[l->n], value, (size_t)len, 0 };
	l->n++;
	l->entries++;
	l->bytes += key_len + (size_t)len;
	if (l->n == STORE_MEMBERS_MAX ||
	    l->bytes + STORE_VALUE_MAX + STORE_KEY_MAX > STORE_BYTES_MAX)
		return load_flush(l);
	return 0;
}

static int load_header(struct load *l, const struct load_line *line)
{
	uint64_t version;

	if (!line->version.p || line->key.p || line->value.p || line->entries.p || line->digest.p ||
	    jspan_uint(line->version, UINT64_MAX, &version) < 0)
		return bad_line(l, "this is not a copy of a store");
	if (version != DUMP_VERSION)
		return bad_line(l, "the copy is of a newer version");
	l->began = true;
	return 0;
}

static int load_end(struct load *l, const struct load_line *line)
{
	uint8_t said[DIGEST_LEN], digest[DIGEST_LEN];
	uint64_t entries;

	if (!line->digest.p || jspan_uint(line->entries, ENTRIES_MAX, &entries) < 0 ||
	    jspan_hex(line->digest, said, sizeof(said)) < 0)
		return bad_line(l, "the end is malformed");
	if (EVP_DigestFinal_ex(l->digest, digest, NULL) != 1)
		return cause_set_oom(l->why);
	if (entries != l->entries || memcmp(said, digest, sizeof(said)) != 0)
		return bad_line(l,
				"the copy was changed, or a part is missing: the sum is wrong");
	l->ended = true;
	return load_flush(l);
}

static int load_line(struct load *l, struct bytes text)
{
	struct load_line line = { 0 };
	struct bytes object;
	int r;

	if (l->ended)
		return bad_line(l, "there is something after the end");
	if (jspan_check(text, &object) < 0 ||
	    jspan_object_read(object, line_fields, /* closed= */ true, &line, NULL) < 0)
		return bad_line(l, "it is malformed");
	if (!l->began)
		r = load_header(l, &line);
	else if (line.key.p && line.value.p && !line.version.p && !line.entries.p && !line.digest.p)
		r = load_entry(l, &line);
	else if (line.entries.p && !line.version.p && !line.key.p && !line.value.p)
		return load_end(l, &line);
	else
		return bad_line(l, "it is neither an entry nor the end");
	if (r == 0 && EVP_DigestUpdate(l->digest, text.p, text.len) != 1)
		return cause_set_oom(l->why);
	return r;
}

static int load_lines(struct load *l)
{
	struct bytes text = { 0 };
	int r;

	while ((r = lines_next(&l->lines, &text, l->why)) > 0) {
		r = load_line(l, text);
		if (r < 0)
			return r;
	}
	if (r == 0 && !l->ended)
		return cause_set(l->why, -EBADMSG, "The copy of the store has no end: a part of it "
						   "is missing");
	return r;
}

/* ---- the store around it ---- */

/* The mark is of this @revision: put the value @text instead of it, or remove it. */
static int change_mark(struct store *s, const char *text, uint64_t revision, bool restored,
		       struct cause *why)
{
	struct store_member m = {
		.n_compares = 1,
		.compares = { { STORE_LOADING, revision } },
		.n_changes = restored ? 2 : 1,
		.changes = { { STORE_LOADING, text, text ? strlen(text) : 0, 0 },
			     { STORE_RESTORED, "1", 1, 0 } },
	};
	int r = store_commit(s, NULL, &m, 1, why);

	if (r == 0 && !m.done)
		return cause_set(why, -EEXIST, "Somebody else writes to the store: '%s'",
				 STORE_LOADING);
	return r;
}

struct page {
	unsigned n;
	char keys[STORE_MEMBERS_MAX][STORE_KEY_MAX + 1];
};

static int see_page(void *userdata, const char *key, const struct store_value *v)
{
	struct page *p = userdata;

	if (!streq(key, STORE_LOADING))
		strcpy(p->keys[p->n++], key);
	return 0;
}

static int delete_page(struct store *s, struct page *p, struct store_member *members,
		       struct cause *why)
{
	for (unsigned i = 0; i < p->n; i++)
		members[i] = (struct store_member){ .n_changes = 1,
						    .changes = { { .key = p->keys[i] } } };
	return store_commit(s, NULL, members, p->n, why);
}

/* Delete all but the mark. */
static int empty_store(struct store *s, struct cause *why)
{
	_cleanup_(freep) struct store_member *members = calloc(STORE_MEMBERS_MAX, sizeof(*members));
	_cleanup_(freep) struct page *p = malloc(sizeof(*p));
	int r;

	if (!members || !p)
		return cause_set_oom(why);
	do {
		p->n = 0;
		r = store_walk(s, "", NULL, STORE_MEMBERS_MAX, see_page, p, why);
		if (r == 0 && p->n > 0)
			r = delete_page(s, p, members, why);
	} while (r == 0 && p->n > 0);
	return r;
}

static int see_any(void *userdata, const char *key, const struct store_value *v)
{
	*(bool *)userdata = true;
	return 0;
}

/* Set the mark in an empty store, or in one that was left half loaded. */
static int load_begin(struct store *s, struct cause *why)
{
	bool any = false;
	uint64_t mark = 0;
	int r;

	r = store_revision(s, STORE_LOADING, &mark, why);
	if (r < 0)
		return r;
	if (mark > 0)
		return empty_store(s, why);
	r = store_walk(s, "", NULL, 1, see_any, &any, why);
	if (r < 0)
		return r;
	if (any)
		return cause_set(why, -EEXIST, "The store is not empty");
	return change_mark(s, "1", 0, /* restored= */ false, why);
}

static int remove_mark(struct store *s, bool restored, struct cause *why)
{
	uint64_t mark = 0;
	int r = store_revision(s, STORE_LOADING, &mark, why);

	return r < 0 ? r : change_mark(s, NULL, mark, restored, why);
}

/* After the error that @why tells; the mark stays unless all is gone. */
static void undo(struct store *s, struct cause *why)
{
	struct cause second;
	size_t len = strlen(why->text);
	int r = empty_store(s, &second);

	if (r == 0)
		r = remove_mark(s, /* restored= */ false, &second);
	if (r < 0)
		(void) snprintf(why->text + len, sizeof(why->text) - len,
				"; and the store is not empty again: %.500s", second.text);
}

static int load(struct store *s, int fd, bool restored, struct cause *why)
{
	_cleanup_(load_freep) struct load *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return cause_set_oom(why);
	l->store = s;
	l->lines = (struct lines){ .fd = fd, .max = DUMP_LINE_MAX + 1 };
	l->why = why;
	l->digest = digest_new();
	if (!l->digest)
		return cause_set_oom(why);
	r = load_begin(s, why);
	if (r < 0)
		return r;
	r = load_lines(l);
	if (r == 0)
		r = remove_mark(s, restored, why);
	if (r < 0)
		undo(s, why);
	return r;
}

int store_load(struct store *s, int fd, struct cause *why)
{
	return load(s, fd, /* restored= */ false, why);
}

int store_restore(struct store *s, int fd, struct cause *why)
{
	return load(s, fd, /* restored= */ true, why);
}
