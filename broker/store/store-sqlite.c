/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <sqlite3.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "broker/store/sqlite-place.h"
#include "broker/store/store.h"

/*
 * The store in a file of SQLite.  One connection writes.  Readers have connections of their own, so
 * that nobody who reads waits for the disk that flushes a commit.
 */
#define APPLICATION_ID 0x636f6b62	/* "cokb" */
#define SCHEMA_VERSION 1
#define BUSY_MSEC 2000			/* for somebody who looks at the file with sqlite3(1) */
#define IDLE_READERS_MAX 8
#define SWEEP_MAX 256			/* values whose life is over, in one commit */

#define NUMBER_TEXT_(n) #n
#define NUMBER_TEXT(n) NUMBER_TEXT_(n)

/* In the order of their names, and exactly as sqlite_schema has them. */
static const char *const schema[] = {
	"CREATE TABLE entries(key TEXT PRIMARY KEY, value BLOB NOT NULL, "
	"revision INTEGER NOT NULL, expires INTEGER) STRICT, WITHOUT ROWID",
	"CREATE INDEX entries_expires ON entries(expires) WHERE expires IS NOT NULL",
	"CREATE TABLE state(one INTEGER PRIMARY KEY CHECK (one = 1), store BLOB NOT NULL, "
	"revision INTEGER NOT NULL) STRICT",
};

enum statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_GET,
	SQL_PUT,
	SQL_DELETE,
	SQL_SWEEP,
	SQL_STATE,
	SQL_COUNT,
	SQL_WALK,
	SQL_NUMBER,
	_SQL_MAX,
};

#define ALIVE "(expires IS NULL OR expires > ?2)"

static const char *const texts[_SQL_MAX] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_GET] = "SELECT value, revision, expires FROM entries WHERE key = ?1 AND " ALIVE,
	[SQL_PUT] = "INSERT OR REPLACE INTO entries(key, value, revision, expires) "
		    "VALUES (?1, ?2, ?3, ?4)",
	[SQL_DELETE] = "DELETE FROM entries WHERE key = ?1",
	[SQL_SWEEP] = "DELETE FROM entries WHERE key IN (SELECT key FROM entries "
		      "WHERE expires IS NOT NULL AND expires <= ?1 "
		      "LIMIT " NUMBER_TEXT(SWEEP_MAX) ")",
	[SQL_STATE] = "SELECT store, revision FROM state",
	[SQL_COUNT] = "UPDATE state SET revision = ?1",
	[SQL_WALK] = "SELECT value, revision, expires, key FROM entries "
		     "WHERE key >= ?1 AND key < ?3 AND key <> ?4 AND " ALIVE
		     " ORDER BY key LIMIT ?5",
	[SQL_NUMBER] = "SELECT count(*) FROM entries WHERE key >= ?1 AND key < ?3 AND " ALIVE,
};

struct connection {
	sqlite3 *db;
	sqlite3_stmt *statements[_SQL_MAX];
	struct connection *next;
};

struct store_in_sqlite {
	struct store store;
	char *path;
	struct sqlite_place place;

	pthread_mutex_t writing;	/* for the writer's connection */
	struct connection *writer;
	int64_t swept;			/* second of the last sweep */

	pthread_mutex_t pool;		/* for the two below */
	struct connection *idle;
	unsigned n_idle;
};

static struct store_in_sqlite *of(struct store *s)
{
	return (struct store_in_sqlite *)s;
}

/* ---- errors ---- */

static int errno_of(sqlite3 *db, int code)
{
	int system = sqlite3_system_errno(db);

	switch (code & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EAGAIN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_IOERR:
		if (code == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		return system == ENOSPC || system == EDQUOT ? -ENOSPC : -EIO;
	default:
		return -EIO;
	}
}

static int db_error(sqlite3 *db, struct cause *why)
{
	int code = sqlite3_extended_errcode(db);

	return cause_set(why, errno_of(db, code), "SQLite says of the store '%s': %s (%d)",
			 sqlite3_db_filename(db, "main"), sqlite3_errmsg(db), code);
}

static int damaged(sqlite3 *db, struct cause *why)
{
	return cause_set(why, -EBADMSG, "The store '%s' is damaged",
			 sqlite3_db_filename(db, "main"));
}

/* After opening, a file that is damaged is a disk that does not work. */
static int in_use(int r)
{
	return r == -EBADMSG ? -EIO : r;
}

/* ---- statements ---- */

/* Returns 1 with a row, 0 at the end, or an error. */
static int step(struct connection *c, enum statement s, struct cause *why)
{
	switch (sqlite3_step(c->statements[s])) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_error(c->db, why);
	}
}

/* A statement that is not reset keeps its transaction open. */
static void reset(struct connection *c, enum statement s)
{
	(void) sqlite3_reset(c->statements[s]);
	(void) sqlite3_clear_bindings(c->statements[s]);
}

static int run(struct connection *c, enum statement s, struct cause *why)
{
	int r = step(c, s, why);

	reset(c, s);
	return r < 0 ? r : 0;
}

/* @rcs are what the binds returned, in one: only SQLITE_OK is 0. */
static int bound(struct connection *c, enum statement s, int rcs, struct cause *why)
{
	if (rcs == SQLITE_OK)
		return 0;
	reset(c, s);
	return cause_set_oom(why);
}

static int bind_text(struct connection *c, enum statement s, int at, const char *text)
{
	return sqlite3_bind_text(c->statements[s], at, text, -1, SQLITE_STATIC);
}

static int bind_number(struct connection *c, enum statement s, int at, int64_t n)
{
	return sqlite3_bind_int64(c->statements[s], at, n);
}

/* The row's value, revision and expiry; the bytes are SQLite's and good until the next step. */
static int borrow_value(struct connection *c, enum statement s, struct store_value *ret,
			struct cause *why)
{
	static uint8_t nothing[1];
	sqlite3_stmt *st = c->statements[s];
	int64_t revision = sqlite3_column_int64(st, 1);
	const void *data = sqlite3_column_blob(st, 0);
	int len = sqlite3_column_bytes(st, 0);

	if (sqlite3_column_type(st, 0) != SQLITE_BLOB || revision <= 0 || len > STORE_VALUE_MAX)
		return damaged(c->db, why);
	if (!data && len > 0)
		return cause_set_oom(why);
	*ret = (struct store_value){
		.data = len > 0 ? (uint8_t *)(uintptr_t)data : nothing,
		.len = (size_t)len,
		.revision = (uint64_t)revision,
		.has_life = sqlite3_column_type(st, 2) != SQLITE_NULL,
	};
	return 0;
}

static int copy_value(const struct store_value *v, struct store_value *ret, struct cause *why)
{
	uint8_t *data = malloc(v->len + 1);

	if (!data)
		return cause_set_oom(why);
	memcpy(data, v->data, v->len);
	data[v->len] = '\0';
	*ret = *v;
	ret->data = data;
	return 0;
}

/* ---- what a transaction consists of ---- */

static int read_value(struct connection *c, const char *key, int64_t now, struct store_value *ret,
		      struct cause *why)
{
	struct store_value v;
	int r;

	r = bound(c, SQL_GET, bind_text(c, SQL_GET, 1, key) | bind_number(c, SQL_GET, 2, now),
		  why);
	if (r < 0)
		return r;
	r = step(c, SQL_GET, why);
	if (r == 0)
		*ret = (struct store_value){ 0 };
	if (r > 0)
		r = borrow_value(c, SQL_GET, &v, why);
	else
		v.revision = 0;
	if (r == 0 && v.revision > 0)
		r = copy_value(&v, ret, why);
	reset(c, SQL_GET);
	return r;
}

static int read_revision(struct connection *c, const char *key, int64_t now, uint64_t *ret,
			 struct cause *why)
{
	int r;

	r = bound(c, SQL_GET, bind_text(c, SQL_GET, 1, key) | bind_number(c, SQL_GET, 2, now),
		  why);
	if (r < 0)
		return r;
	r = step(c, SQL_GET, why);
	if (r >= 0)
		*ret = r > 0 ? (uint64_t)sqlite3_column_int64(c->statements[SQL_GET], 1) : 0;
	reset(c, SQL_GET);
	return r < 0 ? r : 0;
}

static int put_value(struct connection *c, const char *key, const void *data, size_t len,
		     uint64_t revision, int64_t expires, struct cause *why)
{
	sqlite3_stmt *st = c->statements[SQL_PUT];
	int rcs;

	/* A pointer that is NULL would bind NULL. */
	rcs = bind_text(c, SQL_PUT, 1, key) |
	      sqlite3_bind_blob64(st, 2, len > 0 ? data : "", len, SQLITE_STATIC) |
	      bind_number(c, SQL_PUT, 3, (int64_t)revision) |
	      (expires ? bind_number(c, SQL_PUT, 4, expires) : sqlite3_bind_null(st, 4));
	rcs = bound(c, SQL_PUT, rcs, why);
	return rcs < 0 ? rcs : run(c, SQL_PUT, why);
}

static int delete_value(struct connection *c, const char *key, struct cause *why)
{
	int r = bound(c, SQL_DELETE, bind_text(c, SQL_DELETE, 1, key), why);

	return r < 0 ? r : run(c, SQL_DELETE, why);
}

static int run_with_number(struct connection *c, enum statement s, int64_t n, struct cause *why)
{
	int r = bound(c, s, bind_number(c, s, 1, n), why);

	return r < 0 ? r : run(c, s, why);
}

static int read_state(struct connection *c, uint8_t ret_id[static STORE_ID_LEN],
		      uint64_t *ret_revision, struct cause *why)
{
	sqlite3_stmt *st = c->statements[SQL_STATE];
	int64_t revision;
	int r;

	r = step(c, SQL_STATE, why);
	revision = r > 0 ? sqlite3_column_int64(st, 1) : -1;
	if (r >= 0 && (revision < 0 || sqlite3_column_bytes(st, 0) != STORE_ID_LEN))
		r = damaged(c->db, why);
	if (r > 0) {
		const void *id = sqlite3_column_blob(st, 0);

		if (id)
			memcpy(ret_id, id, STORE_ID_LEN);
		r = id ? 0 : cause_set_oom(why);
		*ret_revision = (uint64_t)revision;
	}
	reset(c, SQL_STATE);
	return r;
}

/* ---- connections ---- */

static struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < _SQL_MAX; i++)
		(void) sqlite3_finalize(c->statements[i]);
	(void) sqlite3_close(c->db);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct connection *, connection_free)

static int execute(sqlite3 *db, const char *sql, struct cause *why)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(db, why);
}

/* The file may have been written by somebody else: its schema is data, and calls nothing. */
static int configure(sqlite3 *db, struct cause *why)
{
	(void) sqlite3_extended_result_codes(db, 1);
	(void) sqlite3_busy_timeout(db, BUSY_MSEC);
	if (sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK)
		return db_error(db, why);
	return execute(db,
		       "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; "
		       "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; "
		       "PRAGMA journal_size_limit = 16777216",
		       why);
}

static int connection_new(const char *path, bool writes, struct connection **ret,
			  struct cause *why)
{
	_cleanup_(connection_freep) struct connection *c = calloc(1, sizeof(*c));
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int r;

	if (!c)
		return cause_set_oom(why);
	flags |= writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK)
		return c->db ? db_error(c->db, why) : cause_set_oom(why);
	r = configure(c->db, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

static int prepare_all(struct connection *c, struct cause *why)
{
	for (size_t i = 0; i < _SQL_MAX; i++)
		if (sqlite3_prepare_v3(c->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &c->statements[i], NULL) != SQLITE_OK)
			return db_error(c->db, why);
	return 0;
}

/*
 * A walk keeps its connection while the caller's function runs, which may itself read: so there is
 * no limit but the number of threads.
 */
static int borrow_reader(struct store_in_sqlite *s, struct connection **ret, struct cause *why)
{
	_cleanup_(connection_freep) struct connection *c = NULL;
	int r;

	(void) pthread_mutex_lock(&s->pool);
	c = s->idle;
	if (c) {
		s->idle = c->next;
		s->n_idle--;
	}
	(void) pthread_mutex_unlock(&s->pool);
	if (!c) {
		r = connection_new(s->path, /* writes= */ false, &c, why);
		if (r == 0)
			r = prepare_all(c, why);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

static void return_reader(struct store_in_sqlite *s, struct connection *c)
{
	bool keep;

	(void) pthread_mutex_lock(&s->pool);
	keep = s->n_idle < IDLE_READERS_MAX;
	if (keep) {
		c->next = s->idle;
		s->idle = c;
		s->n_idle++;
	}
	(void) pthread_mutex_unlock(&s->pool);
	if (!keep)
		(void) connection_free(c);
}

/* ---- committing ---- */

static int check_fence(struct connection *c, const struct store_fence *fence, int64_t now,
		       struct cause *why)
{
	struct store_value v = { 0 };
	bool good;
	int r;

	r = read_value(c, fence->key, now, &v, why);
	if (r < 0)
		return r;
	good = fence->expected ? v.data && v.len == strlen(fence->expected) &&
					 memcmp(v.data, fence->expected, v.len) == 0 :
				 !v.data;
	store_value_done(&v);
	return good ? 0 : cause_set(why, -ESTALE, "'%s' is not as expected", fence->key);
}

static int compare_all(struct connection *c, struct store_member *m, int64_t now,
		       struct cause *why)
{
	m->done = true;
	for (unsigned i = 0; i < m->n_compares && m->done; i++) {
		uint64_t revision;
		int r = read_revision(c, m->compares[i].key, now, &revision, why);

		if (r < 0)
			return r;
		m->done = revision == m->compares[i].revision;
	}
	return 0;
}

static int change_all(struct connection *c, const struct store_member *m, uint64_t revision,
		      int64_t now, struct cause *why)
{
	int r = 0;

	for (unsigned i = 0; i < m->n_changes && r == 0; i++) {
		const struct store_change *change = &m->changes[i];
		int64_t expires = change->ttl_sec ? now + change->ttl_sec : 0;

		if (!change->data)
			r = delete_value(c, change->key, why);
		else
			r = put_value(c, change->key, change->data, change->len, revision,
				      expires, why);
	}
	return r;
}

static int read_all(struct connection *c, struct store_member *m, int64_t now, struct cause *why)
{
	int r = 0;

	for (unsigned i = 0; i < m->n_reads && r == 0; i++)
		r = read_value(c, m->reads[i], now, &m->read[i], why);
	return r;
}

static int do_member(struct connection *c, struct store_member *m, uint64_t revision, int64_t now,
		     struct cause *why)
{
	int r = compare_all(c, m, now, why);

	if (r == 0 && m->done)
		r = change_all(c, m, revision, now, why);
	return r == 0 ? read_all(c, m, now, why) : r;
}

static int do_batch(struct connection *c, const struct store_fence *fence,
		    struct store_member *members, unsigned n, struct cause *why)
{
	int64_t now = (int64_t)time(NULL);
	uint8_t id[STORE_ID_LEN];
	uint64_t revision;
	int r;

	r = fence ? check_fence(c, fence, now, why) : 0;
	if (r == 0)
		r = read_state(c, id, &revision, why);
	/* Not with RETURNING: SQLite makes a table of what that returns. */
	if (r == 0)
		r = run_with_number(c, SQL_COUNT, (int64_t)++revision, why);
	for (unsigned i = 0; i < n && r == 0; i++)
		r = do_member(c, &members[i], revision, now, why);
	if (r == 0 && fence)
		r = put_value(c, fence->key, fence->next, strlen(fence->next), revision,
			      /* expires= */ 0, why);
	return r;
}

/* What is over is no longer seen; it is removed once a second, or when there is much of it. */
static int sweep(struct store_in_sqlite *s, struct cause *why)
{
	int64_t now = (int64_t)time(NULL);
	int r;

	if (now == s->swept)
		return 0;
	r = run_with_number(s->writer, SQL_SWEEP, now, why);
	if (r == 0 && sqlite3_changes(s->writer->db) < SWEEP_MAX)
		s->swept = now;
	return r;
}

/*
 * When the disk cannot flush, the transaction is undone in here, but the log may have it, and after
 * a crash SQLite may find it there: nobody knows.  When it cannot write, the end is missing.
 */
static int finish(struct connection *c, struct cause *why)
{
	int r = run(c, SQL_COMMIT, why);

	if (r == -EIO && sqlite3_extended_errcode(c->db) != SQLITE_IOERR_WRITE)
		return -EAGAIN;
	return r;
}

static int sqlite_commit(struct store *store, const struct store_fence *fence,
			 struct store_member *members, unsigned n, struct cause *why)
{
	struct store_in_sqlite *s = of(store);
	struct cause ignored;
	int r;

	(void) pthread_mutex_lock(&s->writing);
	r = run(s->writer, SQL_BEGIN, why);
	if (r == 0)
		r = do_batch(s->writer, fence, members, n, why);
	if (r == 0)
		r = sweep(s, why);
	if (r == 0)
		r = finish(s->writer, why);
	/* Some errors have undone it already. */
	if (r < 0 && !sqlite3_get_autocommit(s->writer->db))
		(void) run(s->writer, SQL_ROLLBACK, &ignored);
	(void) pthread_mutex_unlock(&s->writing);
	return in_use(r);
}

/* ---- reading ---- */

static int sqlite_get(struct store *store, const char *key, struct store_value *ret,
		      struct cause *why)
{
	struct store_in_sqlite *s = of(store);
	struct connection *c;
	int r;

	r = borrow_reader(s, &c, why);
	if (r < 0)
		return in_use(r);
	r = read_value(c, key, (int64_t)time(NULL), ret, why);
	return_reader(s, c);
	return in_use(r);
}

static int bind_walk(struct connection *c, const char *prefix, const char *after,
		     const char *end, unsigned max, struct cause *why)
{
	const char *first = after && strcmp(after, prefix) > 0 ? after : prefix;
	int rcs;

	rcs = bind_text(c, SQL_WALK, 1, first) | bind_number(c, SQL_WALK, 2, (int64_t)time(NULL)) |
	      bind_text(c, SQL_WALK, 3, end) | bind_text(c, SQL_WALK, 4, after ? after : "") |
	      bind_number(c, SQL_WALK, 5, max ? (int64_t)max : -1);
	return bound(c, SQL_WALK, rcs, why);
}

static int walk_rows(struct connection *c, store_each_t each, void *userdata, struct cause *why)
{
	struct store_value v;
	int r;

	for (;;) {
		const char *key;

		r = step(c, SQL_WALK, why);
		if (r > 0)
			r = borrow_value(c, SQL_WALK, &v, why) < 0 ? -EBADMSG : 1;
		if (r <= 0)
			return in_use(r);
		key = (const char *)sqlite3_column_text(c->statements[SQL_WALK], 3);
		if (!key)
			return cause_set_oom(why);
		r = each(userdata, key, &v);
		if (r != 0)
			return r;
	}
}

/* No character of a key is as high. */
static void end_of(const char *prefix, char ret[static STORE_KEY_MAX + 2])
{
	(void) stpcpy(stpcpy(ret, prefix), "\x7f");
}

static int sqlite_walk(struct store *store, const char *prefix, const char *after, unsigned max,
		       store_each_t each, void *userdata, struct cause *why)
{
	struct store_in_sqlite *s = of(store);
	char end[STORE_KEY_MAX + 2];
	struct connection *c;
	int r;

	r = borrow_reader(s, &c, why);
	if (r < 0)
		return in_use(r);
	end_of(prefix, end);
	r = bind_walk(c, prefix, after, end, max, why);
	if (r == 0) {
		r = walk_rows(c, each, userdata, why);
		reset(c, SQL_WALK);
	}
	return_reader(s, c);
	return r;
}

static int count_rows(struct connection *c, const char *prefix, uint64_t *ret, struct cause *why)
{
	char end[STORE_KEY_MAX + 2];
	int r;

	end_of(prefix, end);
	r = bound(c, SQL_NUMBER,
		  bind_text(c, SQL_NUMBER, 1, prefix) |
			  bind_number(c, SQL_NUMBER, 2, (int64_t)time(NULL)) |
			  bind_text(c, SQL_NUMBER, 3, end),
		  why);
	if (r < 0)
		return r;
	r = step(c, SQL_NUMBER, why);
	if (r > 0)
		*ret = (uint64_t)sqlite3_column_int64(c->statements[SQL_NUMBER], 0);
	reset(c, SQL_NUMBER);
	return MIN(r, 0);
}

static int sqlite_count(struct store *store, const char *prefix, uint64_t *ret, struct cause *why)
{
	struct store_in_sqlite *s = of(store);
	struct connection *c;
	int r;

	r = borrow_reader(s, &c, why);
	if (r == 0) {
		r = count_rows(c, prefix, ret, why);
		return_reader(s, c);
	}
	return in_use(r);
}

static int sqlite_look(struct store *store, struct store_state *ret, struct cause *why)
{
	struct store_in_sqlite *s = of(store);
	struct connection *c;
	struct statvfs fs;
	struct stat st;
	int r;

	if (fstat(s->place.file_fd, &st) < 0 || fstatvfs(s->place.file_fd, &fs) < 0)
		return cause_set_io(why, errno, "Cannot look at '%s': %m", s->path);
	r = borrow_reader(s, &c, why);
	if (r < 0)
		return in_use(r);
	r = read_state(c, ret->id, &ret->revision, why);
	return_reader(s, c);
	ret->bytes = (uint64_t)st.st_size;
	ret->max_bytes = ret->bytes + (uint64_t)fs.f_bavail * fs.f_frsize;
	return in_use(r);
}

/* ---- opening ---- */

static int ask_number(sqlite3 *db, const char *sql, int64_t *ret, struct cause *why)
{
	sqlite3_stmt *st = NULL;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return db_error(db, why);
	r = sqlite3_step(st) == SQLITE_ROW ? 0 : db_error(db, why);
	*ret = sqlite3_column_int64(st, 0);
	(void) sqlite3_finalize(st);
	return r;
}

static int insert_state(sqlite3 *db, struct cause *why)
{
	uint8_t id[STORE_ID_LEN];
	sqlite3_stmt *st = NULL;
	int r;

	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return cause_set_io(why, errno, "Cannot make an id: %m");
	if (sqlite3_prepare_v2(db, "INSERT INTO state VALUES (1, ?1, 0)", -1, &st, NULL) !=
		    SQLITE_OK ||
	    sqlite3_bind_blob(st, 1, id, sizeof(id), SQLITE_STATIC) != SQLITE_OK)
		r = db_error(db, why);
	else
		r = sqlite3_step(st) == SQLITE_DONE ? 0 : db_error(db, why);
	(void) sqlite3_finalize(st);
	return r;
}

static int create_in_transaction(sqlite3 *db, struct cause *why)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(schema) && r == 0; i++)
		r = execute(db, schema[i], why);
	if (r == 0)
		r = insert_state(db, why);
	if (r == 0)
		r = execute(db,
			    "PRAGMA application_id = " NUMBER_TEXT(APPLICATION_ID) ";"
			    "PRAGMA user_version = " NUMBER_TEXT(SCHEMA_VERSION),
			    why);
	return r;
}

static int create(sqlite3 *db, struct cause *why)
{
	struct cause ignored;
	int r;

	r = execute(db, "BEGIN IMMEDIATE", why);
	if (r < 0)
		return r;
	r = create_in_transaction(db, why);
	if (r == 0)
		r = execute(db, "COMMIT", why);
	if (r < 0)
		(void) execute(db, "ROLLBACK", &ignored);
	return r;
}

/* Nothing else may be there: a trigger would be somebody else's program. */
static int check_schema(sqlite3 *db, struct cause *why)
{
	const char *sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
	sqlite3_stmt *st = NULL;
	bool same = true;
	size_t n = 0;
	int rc;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return db_error(db, why);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && same) {
		const char *text = (const char *)sqlite3_column_text(st, 0);

		same = text && n < ARRAY_SIZE(schema) && streq(text, schema[n]);
		n++;
	}
	(void) sqlite3_finalize(st);
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return db_error(db, why);
	return same && n == ARRAY_SIZE(schema) ? 0 : damaged(db, why);
}

/* A file without tables is a new one, or was made by us and not finished. */
static int check_kind(sqlite3 *db, bool *ret_new, struct cause *why)
{
	int64_t id, version, n;
	int r;

	r = ask_number(db, "PRAGMA application_id", &id, why);
	if (r == 0)
		r = ask_number(db, "PRAGMA user_version", &version, why);
	if (r == 0)
		r = ask_number(db, "SELECT count(*) FROM sqlite_schema", &n, why);
	if (r < 0)
		return r;
	*ret_new = id == 0 && version == 0 && n == 0;
	if (*ret_new)
		return 0;
	if (id != APPLICATION_ID)
		return cause_set(why, -EBADMSG, "'%s' is a database, but not a store of ours",
				 sqlite3_db_filename(db, "main"));
	if (version > SCHEMA_VERSION)
		return cause_set(why, -EOPNOTSUPP,
				 "The store is of a newer version: %lld, and we know %d",
				 (long long)version, SCHEMA_VERSION);
	return version == SCHEMA_VERSION ? check_schema(db, why) : damaged(db, why);
}

/* In a file of somebody else nothing is changed, not even its mode. */
static int begin_to_write(sqlite3 *db, struct cause *why)
{
	sqlite3_stmt *st = NULL;
	const char *mode;
	bool is_new;
	int r;

	r = check_kind(db, &is_new, why);
	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &st, NULL) != SQLITE_OK)
		return db_error(db, why);
	r = sqlite3_step(st) == SQLITE_ROW ? 0 : db_error(db, why);
	mode = r == 0 ? (const char *)sqlite3_column_text(st, 0) : NULL;
	if (r == 0 && (!mode || !streq(mode, "wal")))
		r = cause_set(why, -EIO, "SQLite has no write-ahead log here");
	(void) sqlite3_finalize(st);
	return r == 0 && is_new ? create(db, why) : r;
}

static int open_all(struct store_in_sqlite *s, struct cause *why)
{
	uint8_t id[STORE_ID_LEN];
	uint64_t revision;
	int r;

	r = sqlite_place_take(s->path, &s->place, why);
	if (r == 0)
		r = connection_new(s->path, /* writes= */ true, &s->writer, why);
	if (r == 0)
		r = begin_to_write(s->writer->db, why);
	if (r == 0)
		r = prepare_all(s->writer, why);
	return r == 0 ? read_state(s->writer, id, &revision, why) : r;
}

static void sqlite_close(struct store *store)
{
	struct store_in_sqlite *s = of(store);

	while (s->idle) {
		struct connection *c = s->idle;

		s->idle = c->next;
		(void) connection_free(c);
	}
	s->writer = connection_free(s->writer);
	sqlite_place_leave(&s->place);
	(void) pthread_mutex_destroy(&s->writing);
	(void) pthread_mutex_destroy(&s->pool);
	free(s->path);
	free(s);
}

static int sqlite_open(const char *rest, const struct store_options *options, struct store **ret,
		       struct cause *why)
{
	struct store_in_sqlite *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return cause_set_oom(why);
	s->store.engine = &store_sqlite;
	s->place = (struct sqlite_place){ .lock_fd = -EBADF, .file_fd = -EBADF };
	(void) pthread_mutex_init(&s->writing, NULL);
	(void) pthread_mutex_init(&s->pool, NULL);
	s->path = strdup(rest);
	r = s->path ? open_all(s, why) : cause_set_oom(why);
	if (r < 0) {
		sqlite_close(&s->store);
		return r;
	}
	*ret = &s->store;
	return 0;
}

const struct store_engine store_sqlite = {
	.name = "sqlite",
	.local = true,
	.open = sqlite_open,
	.close = sqlite_close,
	.commit = sqlite_commit,
	.get = sqlite_get,
	.walk = sqlite_walk,
	.count = sqlite_count,
	.look = sqlite_look,
};
