/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: store-client FOLDER ADDRESS PREFIX VERB [ARGUMENT...]
 *
 * What tests/run/etcd and tests/bench/bench-broker-etcd do with a store, over broker/store/store.h
 * and writer.h as coco-broker would.  FOLDER has ca.pem, CERTIFICATE.pem, CERTIFICATE.key and
 * password, as tests/run/etcdcluster.py makes them; the user is "broker".
 *
 *	engine				what every engine must do, as TAP
 *	get KEY				"0" or the name of an error, and why
 *	look				the store's id and revision
 *	fill KEY			large values until there is an error, which is printed
 *	copy ADDRESS			dump, and load into ADDRESS; both are printed as dumps' sums
 *	claims INSTANCE RUN THREADS SECONDS [TICK_MS]
 *
 * claims: each thread claims coco/claim/RUN/THREAD.NUMBER, one after the other, as fast as it can,
 * or one each TICK_MS; other processes with other INSTANCEs claim the same keys.  A claim that
 * nobody has decided is asked for again, until it is known who has it.  Prints "won KEY" and
 * "lost KEY", and at the end "end CLAIMS GAP_MS", where nothing was decided for GAP_MS at most.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/store/writer.h"
#include "tests/store-engine.h"

#include <cmocka.h>

#define SEC UINT64_C(1000000)
#define PATIENCE_USEC (60 * SEC)

static struct store *store;
static struct cause why;

static const char *name_of(int r)
{
	return r == 0 ? "0" : strerrorname_np(-r);
}

static int open_or_fail(const char *address, const struct store_options *options,
			struct store **ret)
{
	int r = store_open(address, options, ret, &why);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", name_of(r), why.text);
	return r;
}

static int say(int r)
{
	printf("%s %s\n", name_of(r), r < 0 ? why.text : "");
	return 0;
}

static int do_get(const char *key)
{
	struct store_value v = { 0 };
	int r = store_get(store, key, &v, &why);

	store_value_done(&v);
	return say(r);
}

static int do_look(void)
{
	struct store_state state;
	int r = store_look(store, &state, &why);

	if (r < 0)
		return say(r);
	for (unsigned i = 0; i < STORE_ID_LEN; i++)
		printf("%02x", state.id[i]);
	printf(" %" PRIu64 " %" PRIu64 "\n", state.revision, state.bytes);
	return 0;
}

static int do_fill(const char *key)
{
	static uint8_t data[STORE_VALUE_MAX];
	struct writer *w;
	int r = writer_new(store, "fill", &w, &why);

	for (unsigned i = 0; r == 0 && i < 1000; i++) {
		struct store_member m = { .n_changes = 1,
					  .changes = { { key, data, sizeof(data), 0 } } };

		memset(data, (int)i, sizeof(data));
		r = writer_commit(w, &m, NULL, 10 * SEC, &why);
	}
	(void) say(r);
	writer_free(w);
	return 0;
}

static int dump(struct store *s, int *ret_fd)
{
	int r;

	*ret_fd = memfd_create("dump", MFD_CLOEXEC);
	if (*ret_fd < 0)
		return -errno;
	r = store_dump(s, *ret_fd, &why);
	return r < 0 ? r : lseek(*ret_fd, 0, SEEK_SET) == 0 ? 0 : -errno;
}

static void print_sum(int fd)
{
	uint64_t sum = 0xcbf29ce484222325u, n = 0;
	uint8_t c[4096];
	ssize_t len;

	(void) lseek(fd, 0, SEEK_SET);
	while ((len = read(fd, c, sizeof(c))) > 0)
		for (ssize_t i = 0; i < len; i++, n++)
			sum = (sum ^ c[i]) * 0x100000001b3u;
	printf("%" PRIu64 " %016" PRIx64 "\n", n, sum);
}

static int do_copy(const char *address, const struct store_options *options)
{
	struct store *other = NULL;
	int first, second, r = open_or_fail(address, options, &other);

	if (r == 0)
		r = dump(store, &first);
	if (r == 0)
		r = store_load(other, first, &why);
	if (r == 0)
		r = dump(other, &second);
	if (r < 0)
		return say(r);
	print_sum(first);
	print_sum(second);
	store_close(other);
	return 0;
}

/* ---- claims ---- */

static struct {
	struct writer *writer;
	const char *instance, *run;
	uint64_t end_usec, tick_usec;
	unsigned n_threads;

	pthread_mutex_t lock;
	uint64_t n_claims, last_usec, gap_usec;
} load;

static void decided(const char *word, const char *key)
{
	uint64_t now;

	(void) pthread_mutex_lock(&load.lock);
	now = now_usec();
	load.n_claims++;
	load.gap_usec = MAX(load.gap_usec, now - load.last_usec);
	load.last_usec = now;
	printf("%s %s\n", word, key);
	(void) pthread_mutex_unlock(&load.lock);
}

/* Returns 1 if it is ours, 0 if it is another's, or an error. */
static int claim(const char *key, struct cause *ret_why)
{
	struct store_member m = {
		.n_compares = 1, .n_changes = 1, .n_reads = 1,
		.compares = { { key, 0 } },
		.changes = { { key, load.instance, strlen(load.instance), 0 } },
		.reads = { key },
	};
	struct json_object *line = json_object_new_object();
	int r;

	json_object_object_add(line, "claim", json_object_new_string(key));
	r = writer_commit(load.writer, &m, line, 10 * SEC, ret_why);
	json_object_put(line);
	if (r == 0)
		r = m.read[0].len == strlen(load.instance) &&
		    memcmp(m.read[0].data, load.instance, m.read[0].len) == 0;
	store_value_done(&m.read[0]);
	return r;
}

/*
 * The number of the claim after the @i-th.  With a tick it is that of the tick, for which all wait:
 * whoever runs this claims the same at the same moment.
 */
static unsigned next_claim(unsigned i)
{
	uint64_t now, tick;

	if (load.tick_usec == 0)
		return i + 1;
	now = now_usec();
	tick = now / load.tick_usec + 1;
	(void) usleep((useconds_t)(tick * load.tick_usec - now));
	return (unsigned)tick;
}

static void *claim_all(void *userdata)
{
	unsigned thread = (unsigned)(uintptr_t)userdata;

	for (unsigned i = 0; now_usec() < load.end_usec; i = next_claim(i)) {
		struct cause c = { "" };
		char key[128];
		int r;

		(void) snprintf(key, sizeof(key), "coco/claim/%s/%u.%u", load.run, thread, i);
		do
			r = claim(key, &c);
		while ((r == -EAGAIN || r == -EBUSY) && now_usec() < load.end_usec + PATIENCE_USEC);
		if (r < 0) {
			fprintf(stderr, "%s: %s: %s\n", key, name_of(r), c.text);
			return (void *)1;
		}
		decided(r ? "won" : "lost", key);
	}
	return NULL;
}

static int do_claims(char **a)
{
	pthread_t threads[256];
	bool failed = false;
	void *result;

	load.instance = a[0];
	load.run = a[1];
	load.n_threads = (unsigned)MIN(strtoul(a[2], NULL, 10), ARRAY_SIZE(threads));
	(void) pthread_mutex_init(&load.lock, NULL);
	if (writer_new(store, load.instance, &load.writer, &why) < 0)
		return fprintf(stderr, "writer_new: %s\n", why.text), 1;
	printf("begin\n");
	(void) fflush(stdout);
	load.last_usec = now_usec();
	load.end_usec = now_usec() + (uint64_t)(strtod(a[3], NULL) * (double)SEC);
	load.tick_usec = a[4] ? strtoul(a[4], NULL, 10) * 1000 : 0;
	for (unsigned i = 0; i < load.n_threads; i++)
		(void) pthread_create(&threads[i], NULL, claim_all, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < load.n_threads; i++) {
		(void) pthread_join(threads[i], &result);
		failed = failed || result;
	}
	writer_free(load.writer);
	printf("end %" PRIu64 " %" PRIu64 "\n", load.n_claims, load.gap_usec / 1000);
	return failed;
}

/* ---- the command line ---- */

static char files[4][512];

static void set_files(const char *folder, struct store_options *o)
{
	const char *name = getenv("CERTIFICATE");

	(void) snprintf(files[0], sizeof(files[0]), "%s/ca.pem", folder);
	(void) snprintf(files[1], sizeof(files[1]), "%s/%s.pem", folder, name ? name : "client");
	(void) snprintf(files[2], sizeof(files[2]), "%s/%s.key", folder, name ? name : "client");
	(void) snprintf(files[3], sizeof(files[3]), "%s/password", folder);
	o->authority = files[0];
	o->certificate = files[1];
	o->key = files[2];
	o->user = "broker";
	o->password_file = files[3];
}

int main(int argc, char **argv)
{
	struct store_options options = { NULL };
	const char *verb = argc > 4 ? argv[4] : "";
	int r = 2;

	if (argc < 5)
		return 2;
	set_files(argv[1], &options);
	options.prefix = argv[3];
	if (streq(verb, "engine"))
		return store_engine_run("etcd", argv[2], &options, /* again= */ 2);
	if (open_or_fail(argv[2], &options, &store) < 0)
		return 1;
	if (streq(verb, "get") && argc == 6)
		r = do_get(argv[5]);
	else if (streq(verb, "look"))
		r = do_look();
	else if (streq(verb, "fill") && argc == 6)
		r = do_fill(argv[5]);
	else if (streq(verb, "copy") && argc == 6)
		r = do_copy(argv[5], &options);
	else if (streq(verb, "claims") && (argc == 9 || argc == 10))
		r = do_claims(argv + 5);
	store_close(store);
	return r;
}
