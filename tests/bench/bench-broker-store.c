/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many releases the broker's writer commits in a second, beside a bare client of SQLite that
 * does the same in the same transactions, in turns:
 *
 *	bench-broker-store [--rounds=N]
 *
 * A release compares and puts a claim, adds a line to the log, and reads the secret.  The bare
 * client has one thread and no callers.  It does each release in a transaction of its own, and, as
 * a bound that no server reaches, exactly 16 in each: of the 16 callers the writer commits those
 * together that wait.  Ratios are medians of the pairs'; that of the processors' time for a release
 * is shown too, for where others wait for a processor, so does the writer for its caller.  The file
 * is in /var/tmp, which should be a disk.  Nothing is asserted.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/store/writer.h"
#include "tests/bench/turns.h"

#define CALLERS 16
#define TURN_USEC 500000ull
#define WAIT_USEC 60000000ull
#define SECRET "coco/secret/default/luks/root"

static char dir[] = "/var/tmp/bench-store.XXXXXX";
static char secret[512], padding[200];

/* ---- ours ---- */

static struct store *store;
static struct writer *writer;
static atomic_ulong next_claim, reads;
static atomic_bool stop;

static void release(uint64_t secret_revision)
{
	struct json_object *line = json_object_new_object();
	struct store_member m = {
		.n_compares = 2, .compares = { { SECRET, secret_revision } },
		.n_changes = 1, .n_reads = 1, .reads = { SECRET },
	};
	struct cause why;
	char key[64];

	snprintf(key, sizeof(key), "coco/claim/%016lx", next_claim++ * 2654435761ul);
	m.compares[1] = (struct store_compare){ key, 0 };
	m.changes[0] = (struct store_change){ key, padding, 100, 0 };
	(void) json_object_object_add(line, "event", json_object_new_string(padding));
	must(writer_commit(writer, &m, line, WAIT_USEC, &why) == 0 && m.done, "A release");
	store_value_done(&m.read[0]);
	json_object_put(line);
}

static void *call(void *userdata)
{
	unsigned long n = 0;

	while (!stop) {
		release(*(uint64_t *)userdata);
		n++;
	}
	return (void *)n;
}

static void *read_secret(void *userdata)
{
	struct store_value v;
	struct cause why;

	while (!stop) {
		must(store_get(store, SECRET, &v, &why) == 0 && v.data, "A read");
		store_value_done(&v);
		reads++;
	}
	return NULL;
}

/* Of releases. */
struct rate {
	double per_sec, cpu_usec;
};

static uint64_t cpu_usec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct rate rate_of(unsigned long n, uint64_t begin, uint64_t cpu_begin)
{
	return (struct rate){ (double)n * 1e6 / (double)(now_usec() - begin),
			      (double)(cpu_usec() - cpu_begin) / (double)n };
}

/* @readers read beside them. */
static struct rate ours(uint64_t revision, unsigned callers, unsigned readers)
{
	pthread_t threads[CALLERS + 2];
	uint64_t begin = now_usec(), cpu = cpu_usec();
	unsigned long n = 0;
	void *ret;

	stop = false;
	for (unsigned i = 0; i < callers + readers; i++)
		must(pthread_create(&threads[i], NULL, i < callers ? call : read_secret,
				    &revision) == 0,
		     "A thread");
	(void) usleep(TURN_USEC);
	stop = true;
	for (unsigned i = 0; i < callers + readers; i++) {
		(void) pthread_join(threads[i], &ret);
		n += (unsigned long)ret;
	}
	return rate_of(n, begin, cpu);
}

/* ---- a bare client ---- */

static sqlite3 *db;
static sqlite3_stmt *st_begin, *st_commit, *st_get, *st_put;

static void run(sqlite3_stmt *st, int expected)
{
	must(sqlite3_step(st) == expected, "A statement");
	(void) sqlite3_reset(st);
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *st;

	must(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "Preparing");
	return st;
}

static void bare_open(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/bare", dir);
	must(sqlite3_open(path, &db) == SQLITE_OK &&
		     sqlite3_exec(db,
				  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				  "CREATE TABLE entries(key TEXT PRIMARY KEY, value BLOB, "
				  "revision INTEGER) WITHOUT ROWID",
				  NULL, NULL, NULL) == SQLITE_OK,
	     "The bare store");
	st_begin = prepare("BEGIN IMMEDIATE");
	st_commit = prepare("COMMIT");
	st_get = prepare("SELECT value, revision FROM entries WHERE key = ?1");
	st_put = prepare("INSERT OR REPLACE INTO entries VALUES (?1, ?2, 1)");
}

static void bare_get(const char *key, int expected)
{
	(void) sqlite3_bind_text(st_get, 1, key, -1, SQLITE_STATIC);
	run(st_get, expected);
}

static void bare_put(const char *key, const void *data, int len)
{
	(void) sqlite3_bind_text(st_put, 1, key, -1, SQLITE_STATIC);
	(void) sqlite3_bind_blob(st_put, 2, data, len, SQLITE_STATIC);
	run(st_put, SQLITE_DONE);
}

static void bare_batch(unsigned n)
{
	static unsigned long claim, batch;
	char line[400], key[64];

	memset(line, 'x', sizeof(line));
	batch++;
	run(st_begin, SQLITE_DONE);
	for (unsigned i = 0; i < n; i++) {
		bare_get(SECRET, SQLITE_ROW);
		snprintf(key, sizeof(key), "coco/claim/%016lx", claim++ * 2654435761ul);
		bare_get(key, SQLITE_DONE);
		bare_put(key, padding, 100);
		snprintf(key, sizeof(key), "coco/audit/a/%016lx.%04x", batch, i);
		bare_put(key, line, sizeof(line));
		bare_get(SECRET, SQLITE_ROW);
	}
	run(st_commit, SQLITE_DONE);
}

static struct rate bare(unsigned n)
{
	uint64_t begin = now_usec(), cpu = cpu_usec();
	unsigned long done = 0;

	while (now_usec() - begin < TURN_USEC) {
		bare_batch(n);
		done += n;
	}
	return rate_of(done, begin, cpu);
}

/* ---- in turns ---- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
	qsort(values, n, sizeof(values[0]), compare_doubles);
	return values[n / 2];
}

static void measure(const char *name, uint64_t revision, unsigned callers, unsigned readers,
		    unsigned together, unsigned rounds, const char *goal)
{
	double *a = calloc(rounds, sizeof(*a)), *b = calloc(rounds, sizeof(*b));
	double *ratios = calloc(rounds, sizeof(*ratios)), *cpu = calloc(rounds, sizeof(*cpu));
	struct rate x = { 0 }, y = { 0 };

	must(a && b && ratios && cpu, "Getting memory");
	/* A disk that others use too is another one after a second: what is compared is a pair. */
	for (unsigned i = 0; i < rounds; i++) {
		if (i % 2)
			y = bare(together);
		x = ours(revision, callers, readers);
		if (i % 2 == 0)
			y = bare(together);
		a[i] = x.per_sec;
		b[i] = y.per_sec;
		ratios[i] = x.per_sec / y.per_sec;
		cpu[i] = x.cpu_usec / y.cpu_usec;
	}
	printf("%-32s  %9.0f  %9.0f  %6.3f  %5s  %10.2f\n", name, median(a, rounds),
	       median(b, rounds), median(ratios, rounds), goal, median(cpu, rounds));
	free(a);
	free(b);
	free(ratios);
	free(cpu);
}

static uint64_t ours_open(void)
{
	struct store_member m = {
		.n_changes = 1, .changes = { { SECRET, secret, sizeof(secret), 0 } },
		.n_reads = 1, .reads = { SECRET },
	};
	struct cause why;
	char address[128];
	uint64_t revision;

	snprintf(address, sizeof(address), "sqlite:%s/store", dir);
	must(store_open(address, NULL, &store, &why) == 0 &&
		     writer_new(store, "a", &writer, &why) == 0 &&
		     writer_commit(writer, &m, NULL, WAIT_USEC, &why) == 0,
	     "Our store");
	revision = m.read[0].revision;
	store_value_done(&m.read[0]);
	return revision;
}

int main(int argc, char **argv)
{
	unsigned rounds;
	uint64_t revision;
	char cmd[128];

	(void) turns_options(argc, argv, "bench-broker-store", "files", 0, &rounds);
	rounds = MIN(rounds, 9u);
	memset(padding, 'p', sizeof(padding) - 1);
	must(mkdtemp(dir) != NULL, "A folder");
	revision = ours_open();
	bare_open();
	bare_put(SECRET, secret, sizeof(secret));
	printf("%-32s  %9s  %9s  %6s  %5s  %10s\n", "releases in a second, medians", "ours",
	       "SQLite", "ratio", "goal", "processors");
	measure("one caller", revision, 1, 0, 1, rounds, "0.8");
	measure("16 callers", revision, CALLERS, 0, 1, rounds, "0.8");
	measure("16 callers, beside 16 together", revision, CALLERS, 0, CALLERS, rounds, "");
	reads = 0;
	measure("16 callers, 2 readers beside", revision, CALLERS, 2, 1, rounds, "");
	printf("reads beside them, in a second: %.0f\n",
	       (double)reads * 1e6 / (double)(rounds * TURN_USEC));
	writer = writer_free(writer);
	store = store_close(store);
	(void) sqlite3_close_v2(db);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) != 0;
}
