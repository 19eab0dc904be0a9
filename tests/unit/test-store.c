/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/store.h"
#include "wire/secret-table.h"

#include <cmocka.h>

#define LUKS "736869e5-84f0-4973-92ec-06879ce3da0b"
#define OTHER "0f2e573e-be4d-a7d6-bdc4-908077d7628d"

/* Like mainline's files in securityfs: each says that it has 0 bytes. */
static bool says_no_size;
static unsigned n_opened, n_stats;

/* What else happens between opening and reading a file, as in the kernel's own efi_secret. */
static enum { NOTHING, WIPED, HALF_WIPED } meanwhile;

int __real_fstatat(int dir, const char *name, struct stat *ret, int flags);
int __wrap_fstatat(int dir, const char *name, struct stat *ret, int flags);
int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);

int __wrap_fstatat(int dir, const char *name, struct stat *ret, int flags)
{
	int r = __real_fstatat(dir, name, ret, flags);

	n_stats++;
	if (r == 0 && says_no_size)
		ret->st_size = 0;
	return r;
}

/* Somebody unlinks the file: who has it open already reads zeros from it. */
static void unlink_meanwhile(int dir, const char *name)
{
	static const char zeros[16];
	int fd = __real_openat(dir, name, O_WRONLY | O_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, zeros, meanwhile == HALF_WIPED ? 2 : 4),
			 meanwhile == HALF_WIPED ? 2 : 4);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlinkat(dir, name, 0), 0);
}

int __wrap_openat(int dir, const char *name, int flags, ...)
{
	int fd = __real_openat(dir, name, flags, 0);

	n_opened++;
	if (meanwhile != NOTHING)
		unlink_meanwhile(dir, name);
	return fd;
}

struct fixture {
	char dir[64], journal[80];
	struct secret_source source;
	struct secret_policy policies[1];
	struct store *store;
};

static void put(struct fixture *f, const char *name, const char *content)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(write_file_atomic(path, content, strlen(content), 0400, false), 0);
}

static void start(struct fixture *f)
{
	f->store = store_free(f->store);
	assert_int_equal(store_new(f->policies, ARRAY_SIZE(f->policies), &f->source, f->journal,
				   &f->store),
			 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test-store.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->journal, sizeof(f->journal), "%s.journal", f->dir);
	f->source = (struct secret_source){ "directory", f->dir };
	assert_int_equal(guid_parse(OTHER, 36, &f->policies[0].guid), 0);
	strcpy(f->policies[0].name, "home");
	assert_int_equal(secret_policy_set_consumers(&f->policies[0], "cryptsetup:home"), 0);
	put(f, LUKS, "pass");
	put(f, "README", "not a secret");
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct fixture *f = *state;
	char cmd[512];

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);

	store_free(f->store);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s' '%s' '%s.bad'", f->dir, f->journal, f->journal);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

static void test_scan(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;

	assert_int_equal(store_scan(f->store), 1);
	assert_int_equal(store_scan(f->store), 0);
	e = store_get(f->store, 0);
	assert_non_null(e);
	assert_null(store_get(f->store, 1));
	assert_string_equal(e->policy.name, "luks");
	assert_int_equal(e->size, 4);
	assert_int_equal(e->state, SECRET_PRESENT);
	assert_true(e->since_usec[SECRET_PRESENT] > 0);
	put(f, OTHER, "x");
	assert_int_equal(store_scan(f->store), 1);
	assert_ptr_equal(store_get(f->store, 0), e);
	assert_ptr_equal(store_find(f->store, "luks"), e);
	assert_ptr_equal(store_find(f->store, LUKS), e);
	assert_string_equal(store_find(f->store, OTHER)->policy.name, "home");
	assert_null(store_find(f->store, "nothing"));
}

/*
 * A directory without a change is not taken anew, so that a change must not be missed: by others,
 * by us, or while the source did not count.
 */
static void test_unchanged(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	char path[128];
	int fd, n;

	snprintf(path, sizeof(path), "%s/" LUKS, f->dir);
	put(f, OTHER, "x");
	assert_int_equal(store_scan(f->store), 2);
	n_stats = 0;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(store_scan(f->store), 0);
		assert_ptr_equal(store_source(f->store, 0, &n), &f->source);
		assert_int_equal(n, 2);
	}
	assert_int_equal(n_stats, 0);
	/* One has changed: the other is not looked at. */
	put(f, OTHER, "three");
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(n_stats, 1);
	assert_int_equal(store_find(f->store, OTHER)->size, 5);
	/* One that is written to has another size when it is looked at. */
	e = store_find(f->store, "luks");
	assert_int_equal(chmod(path, 0600), 0);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "words", 5), 5);
	assert_int_equal(close(fd), 0);
	assert_int_equal(store_scan(f->store), 0);
	store_look(f->store, e);
	assert_int_equal(e->size, 9);

	/* It is wiped, and made again before the next scan: most likely with the same inode. */
	assert_int_equal(store_wipe(f->store, e), 0);
	put(f, LUKS, "pass");
	assert_int_equal(store_scan(f->store), 0);
	assert_true(e->returned);
	assert_int_equal(store_wipe(f->store, e), 0);

	/* What went away while it did not count is gone when it counts again. */
	e = store_find(f->store, OTHER);
	store_believe(f->store, &f->source, false);
	assert_int_equal(store_scan(f->store), -ENOENT);
	assert_int_equal(e->state, SECRET_PRESENT);
	store_believe(f->store, &f->source, true);
	assert_int_equal(store_scan(f->store), 0);
	snprintf(path, sizeof(path), "%s/" OTHER, f->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(e->state, SECRET_WIPED);
}

/* In between nothing is written; all of it is afterwards. */
static void test_hold(void **state)
{
	struct fixture *f = *state;

	put(f, OTHER, "x");
	assert_int_equal(store_scan(f->store), 2);
	assert_int_equal(unlink(f->journal), 0);
	store_hold(f->store);
	store_hold(f->store);
	assert_int_equal(store_wipe(f->store, store_find(f->store, "luks")), 0);
	assert_int_equal(store_set_wipe_due(f->store, store_find(f->store, "home")), 0);
	assert_int_equal(store_let_go(f->store), 0);
	assert_int_equal(access(f->journal, F_OK), -1);
	assert_int_equal(store_let_go(f->store), 0);
	start(f);
	assert_int_equal(store_find(f->store, "luks")->state, SECRET_WIPED);
	assert_true(store_find(f->store, "home")->wipe_due);
}

/* Plaintext is read once to find its size, not for each listing. */
static void test_size(void **state)
{
	struct fixture *f = *state;

	says_no_size = true;
	n_opened = 0;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(store_scan(f->store), i == 0);
		assert_int_equal(store_get(f->store, 0)->size, 4);
		assert_int_equal(n_opened, 1);
	}
	put(f, OTHER, "three");
	assert_int_equal(store_scan(f->store), 1);
	assert_int_equal(store_find(f->store, OTHER)->size, 5);
	assert_int_equal(n_opened, 2);
	/* After a restart it is not read either, because the journal has the size. */
	start(f);
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(store_find(f->store, OTHER)->size, 5);
	assert_int_equal(n_opened, 2);
	/* A file that says its size is not read at all. */
	says_no_size = false;
	start(f);
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(n_opened, 2);
}

static void restart(struct fixture *f, int n_new);

/* Zeros are no secret: neither all of them nor some. */
static void test_wiped_while_read(void **state)
{
	struct fixture *f = *state;
	struct secret *s = NULL;

	for (int i = WIPED; i <= HALF_WIPED; i++) {
		put(f, LUKS, "pass");
		assert_true(store_scan(f->store) >= 0);
		meanwhile = i;
		assert_int_equal(store_read(f->store, store_find(f->store, "luks"), &s), -ENOKEY);
		meanwhile = NOTHING;
		assert_null(s);
	}
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(store_find(f->store, "luks")->state, SECRET_WIPED);

	/* A file that does not say its size is read for it: then it is not there either. */
	put(f, OTHER, "home");
	says_no_size = true;
	meanwhile = WIPED;
	assert_int_equal(store_scan(f->store), 0);
	meanwhile = NOTHING;
	says_no_size = false;
	assert_null(store_find(f->store, OTHER));
}

/*
 * Somebody else has removed a secret before its wipe: then it is wiped.  A secret that cannot be
 * removed is not wiped.
 */
static void test_wipe_finds_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	char path[128];

	snprintf(path, sizeof(path), "%s/" LUKS, f->dir);
	assert_int_equal(store_scan(f->store), 1);
	e = store_get(f->store, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_int_equal(e->state, SECRET_WIPED);
	/* To wipe it again is no error. */
	assert_int_equal(store_wipe(f->store, e), 0);
	restart(f, 0);
	assert_int_equal(store_get(f->store, 0)->state, SECRET_WIPED);
}

static void test_wipe_fails(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	char path[128];

	snprintf(path, sizeof(path), "%s/" LUKS, f->dir);
	assert_int_equal(store_scan(f->store), 1);
	e = store_get(f->store, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(store_wipe(f->store, e) < 0);
	assert_int_equal(e->state, SECRET_PRESENT);
	assert_int_equal(rmdir(path), 0);
}

static void restart(struct fixture *f, int n_new)
{
	start(f);
	assert_int_equal(store_scan(f->store), n_new);
}

static enum delivery_outcome outcome(const struct store_entry *e, const char *consumer)
{
	const struct store_delivery *d = store_delivery_find(e, consumer);

	return d ? d->outcome : DELIVERY_NONE;
}

static void test_for_volume(void **state)
{
	struct fixture *f = *state;

	put(f, OTHER, "x");
	assert_int_equal(store_scan(f->store), 2);
	assert_string_equal(store_for_volume(f->store, "data")->policy.name, "luks");
	assert_string_equal(store_for_volume(f->store, "home")->policy.name, "home");
	/* The secret that names the volume is wiped: no other takes its place. */
	assert_int_equal(store_wipe(f->store, store_find(f->store, "home")), 0);
	assert_string_equal(store_for_volume(f->store, "home")->policy.name, "home");
	assert_string_equal(store_for_volume(f->store, "data")->policy.name, "luks");
	assert_int_equal(store_wipe(f->store, store_find(f->store, "luks")), 0);
	assert_string_equal(store_for_volume(f->store, "data")->policy.name, "luks");
}

/* A key in a keyring: which one it is, and that it is gone, must not be forgotten. */
static void test_placed(void **state)
{
	const struct delivery_peer first = { .placed = 41 }, second = { .placed = 0x7fffffff };
	struct fixture *f = *state;
	struct store_entry *e;

	assert_int_equal(store_scan(f->store), 1);
	e = store_find(f->store, "luks");
	assert_int_equal(store_forget(f->store, e, "keyring:0"), 0);
	assert_int_equal(store_offer(f->store, e, "keyring:0", &first), 0);
	assert_int_equal(store_offer(f->store, e, "file:luks", &(struct delivery_peer){ 0 }), 0);
	assert_int_equal(store_offer(f->store, e, "keyring:0", &second), 0);
	assert_int_equal(store_deliver(f->store, e, "keyring:0", DELIVERY_TAKEN), 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(store_delivery_find(e, "keyring:0")->peer.placed, 0x7fffffff);
	assert_int_equal(outcome(e, "keyring:0"), DELIVERY_TAKEN);
	assert_int_equal(outcome(e, "file:luks"), DELIVERY_OFFERED);
	/* They outlive the secret, until they are removed. */
	assert_int_equal(store_wipe(f->store, e), 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_WIPED);
	assert_int_equal(store_delivery_find(e, "keyring:0")->peer.placed, 0x7fffffff);
	assert_int_equal(store_forget(f->store, e, "keyring:0"), 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_null(store_delivery_find(e, "keyring:0"));
	assert_int_equal(outcome(e, "file:luks"), DELIVERY_OFFERED);
	assert_int_equal(e->state, SECRET_WIPED);
}

static void assert_same_peer(const struct delivery_peer *a, const struct delivery_peer *b)
{
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->start, b->start);
	assert_int_equal(a->asked_inode, b->asked_inode);
	assert_int_equal(a->asked_nsec, b->asked_nsec);
	assert_int_equal(a->other_means, b->other_means);
	assert_int_equal(a->placed, b->placed);
}

static void test_life_and_restart(void **state)
{
	struct delivery_peer peer = {
		.pid = 77, .start = 88, .asked_inode = 5, .asked_nsec = 6, .other_means = true,
		.placed = 99,
	};
	struct fixture *f = *state;
	const struct store_delivery *d;
	struct store_entry *e;
	struct secret *s;

	assert_int_equal(store_scan(f->store), 1);
	e = store_find(f->store, "luks");
	assert_int_equal(store_read(f->store, e, &s), 0);
	assert_int_equal(secret_len(s), 4);
	assert_memory_equal(secret_data(s), "pass", 4);
	secret_free(s);
	assert_int_equal(store_offer(f->store, e, "cryptsetup:data", &peer), 0);

	/* The keeper dies before it knows that the secret was read. */
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_PRESENT);
	d = store_delivery_find(e, "cryptsetup:data");
	assert_non_null(d);
	assert_int_equal(d->outcome, DELIVERY_OFFERED);
	assert_same_peer(&d->peer, &peer);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_READ), 0);

	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_string_equal(e->delivered_to, "cryptsetup:data");
	assert_int_equal(outcome(e, "cryptsetup:data"), DELIVERY_READ);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_REJECTED), 0);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:home", DELIVERY_OPENED), 0);

	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(outcome(e, "cryptsetup:data"), DELIVERY_REJECTED);
	assert_int_equal(outcome(e, "cryptsetup:home"), DELIVERY_OPENED);
	assert_true(store_delivery_find(e, "cryptsetup:home")->outcome_usec > 0);
	/* Offered again and withdrawn: the earlier outcome counts. */
	assert_int_equal(store_offer(f->store, e, "cryptsetup:data", &peer), 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(outcome(e, "cryptsetup:data"), DELIVERY_OFFERED);
	assert_int_equal(store_withdraw(f->store, e, "cryptsetup:data"), 0);
	assert_int_equal(outcome(e, "cryptsetup:data"), DELIVERY_REJECTED);
	assert_int_equal(store_offer(f->store, e, "cryptsetup:new", &peer), 0);
	assert_int_equal(store_withdraw(f->store, e, "cryptsetup:new"), 0);
	assert_null(store_delivery_find(e, "cryptsetup:new"));
	assert_int_equal(store_advance(f->store, e, SECRET_CONFIRMED), 0);
	/* A state never goes back. */
	assert_int_equal(store_advance(f->store, e, SECRET_DELIVERED), 0);
	assert_int_equal(e->state, SECRET_CONFIRMED);
	assert_int_equal(store_set_wipe_due(f->store, e), 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_true(e->wipe_due);
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_int_equal(store_read(f->store, e, &s), -ENOKEY);

	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_WIPED);
	for (unsigned i = 0; i < _SECRET_STATE_MAX; i++)
		assert_true(e->since_usec[i] > 0);
}

/* The keeper died between the unlink and the journal, or somebody else unlinked. */
static void test_gone_behind_our_back(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	struct secret *s;
	char path[128];

	assert_int_equal(store_scan(f->store), 1);
	snprintf(path, sizeof(path), "%s/%s", f->dir, LUKS);
	assert_int_equal(unlink(path), 0);
	restart(f, 0);
	assert_int_equal(store_find(f->store, "luks")->state, SECRET_WIPED);

	/*
	 * A secret that appears later is not the owner's: nobody gets it, not even after a
	 * restart.
	 */
	for (unsigned i = 0; i < 2; i++) {
		put(f, LUKS, "other");
		restart(f, 0);
		e = store_find(f->store, "luks");
		assert_int_equal(e->state, SECRET_WIPED);
		assert_true(e->returned);
		assert_int_equal(store_read(f->store, e, &s), -ENOKEY);
		assert_int_equal(store_for_volume(f->store, "data")->state, SECRET_WIPED);
	}
	/* It can be wiped nevertheless. */
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_false(e->returned);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_scan(f->store), 0);
	assert_false(e->returned);
}

static off_t journal_size(const struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->journal, &st), 0);
	return st.st_size;
}

/*
 * Offered, and the keeper dies before it knows whether the secret was read: it is neither given
 * away nor forgotten.
 */
static void test_rejected_unread(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;

	assert_int_equal(store_scan(f->store), 1);
	e = store_find(f->store, "luks");
	assert_int_equal(store_offer(f->store, e, "cryptsetup:data",
				     &(struct delivery_peer){ .pid = 1 }),
			 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_REJECTED), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(e->state, SECRET_PRESENT);
		assert_string_equal(e->delivered_to, "");
		assert_int_equal(outcome(e, "cryptsetup:data"), DELIVERY_REJECTED);
		restart(f, 0);
		e = store_find(f->store, "luks");
	}
}

/* 40330 calls of `cococtl secrets get` used to fill the journal.  Changes are also cheap. */
static void test_50000_deliveries(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	struct stat before, after;

	assert_int_equal(store_scan(f->store), 1);
	e = store_find(f->store, "luks");
	assert_int_equal(store_deliver(f->store, e, "get", DELIVERY_TAKEN), 0);
	assert_int_equal(stat(f->journal, &before), 0);
	for (unsigned i = 0; i < 50000; i++) {
		assert_int_equal(store_deliver(f->store, e, "get", DELIVERY_TAKEN), 0);
		assert_int_equal(store_advance(f->store, e, SECRET_DELIVERED), 0);
		if (i % 500 == 0)
			assert_int_equal(store_scan(f->store), 0);
	}
	assert_int_equal(stat(f->journal, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_size, before.st_size);
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(store_offer(f->store, e, "cryptsetup:data",
					     &(struct delivery_peer){ .pid = 1 }),
				 0);
		assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_READ), 0);
		assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_REJECTED),
				 0);
		assert_int_equal(store_deliver(f->store, e, "get", DELIVERY_TAKEN), 0);
	}
	assert_int_equal(journal_size(f), 3 * sizeof(struct journal_record));
	restart(f, 0);
	assert_int_equal(outcome(store_find(f->store, "luks"), "cryptsetup:data"),
			 DELIVERY_REJECTED);
}

/*
 * The journal cannot be written: the store goes on, and the next change that can be written
 * writes everything.
 */
static void test_no_room(void **state)
{
	struct fixture *f = *state;
	struct rlimit none = { 0, RLIM_INFINITY }, some = { RLIM_INFINITY, RLIM_INFINITY };
	struct store_entry *e;

	put(f, OTHER, "x");
	(void) signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(store_scan(f->store), 2);
	e = store_find(f->store, "luks");
	assert_int_equal(store_sync(f->store), -EFBIG);
	assert_int_equal(store_offer(f->store, e, "cryptsetup:data",
				     &(struct delivery_peer){ .pid = 1 }),
			 -EFBIG);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_READ), -EFBIG);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_REJECTED), -EFBIG);
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_int_equal(store_wipe(f->store, store_find(f->store, "home")), 0);
	assert_int_equal(store_sync(f->store), -EFBIG);
	/* A start in that state is such a change too. */
	start(f);
	assert_int_equal(store_scan(f->store), 1);
	e = store_find(f->store, "luks");
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_REJECTED), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:data", DELIVERY_REJECTED), 0);
	restart(f, 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_int_equal(outcome(e, "cryptsetup:data"), DELIVERY_REJECTED);
}

/* Whatever lies in place of the journal: the store opens, reports it, and goes on. */
static void test_odd_journals(void **state)
{
	struct fixture *f = *state;
	char bad[128];

	snprintf(bad, sizeof(bad), "%s.bad", f->journal);
	for (unsigned i = 0; i < 3; i++) {
		f->store = store_free(f->store);
		(void) unlink(f->journal);
		if (i == 0)
			assert_int_equal(mkdir(f->journal, 0700), 0);
		if (i == 1)
			assert_int_equal(symlink("/nowhere", f->journal), 0);
		if (i == 2)
			assert_int_equal(write_file_atomic(f->journal, "garbage", 7, 0600, false),
					 0);
		assert_int_equal(store_new(f->policies, 1, &f->source, f->journal, &f->store) >= 0,
				 i == 2);
		assert_non_null(f->store);
		assert_true(store_is_lossy(f->store));
		assert_int_equal(store_scan(f->store), 1);
		assert_int_equal(store_sync(f->store), 0);
		/* The loss is still known after the next restart. */
		restart(f, 0);
		assert_true(store_is_lossy(f->store));
		(void) remove(bad);
	}
}

/* ---- several sources ---- */

/* A GUID is a GUID, even if a secret has such a name. */
static void test_name_like_a_guid(void **state)
{
	struct fixture *f = *state;

	strcpy(f->policies[0].name, LUKS);
	put(f, OTHER, "x");
	restart(f, 2);
	assert_true(guid_equal(&store_find(f->store, LUKS)->policy.guid, &secret_luks_guid));
	assert_true(guid_equal(&store_find(f->store, OTHER)->policy.guid, &f->policies[0].guid));
}

/* A source that does not count is treated as missing, except for wiped secrets. */
static void test_not_believed(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	struct secret *s;

	put(f, OTHER, "x");
	f->source.host_table = true;
	start(f);
	assert_false(store_believes(f->store, &f->source));
	assert_int_equal(store_scan(f->store), -ENOENT);
	assert_null(store_get(f->store, 0));
	store_believe(f->store, &f->source, true);
	assert_int_equal(store_scan(f->store), 2);
	assert_string_equal(store_for_volume(f->store, "data")->policy.name, "luks");
	e = store_find(f->store, "home");
	assert_int_equal(store_wipe(f->store, store_find(f->store, "luks")), 0);

	restart(f, -ENOENT);
	assert_null(store_find(f->store, "nothing"));
	e = store_find(f->store, "home");
	assert_int_equal(e->state, SECRET_PRESENT);
	assert_int_equal(store_read(f->store, e, &s), -EACCES);
	assert_int_equal(store_for_volume(f->store, "home")->state, SECRET_WIPED);
	assert_int_equal(store_for_volume(f->store, "data")->state, SECRET_WIPED);
}

/* A missing driver is no reason to call a secret wiped. */
static void test_source_away(void **state)
{
	struct fixture *f = *state;
	char away[80];

	assert_int_equal(store_scan(f->store), 1);
	snprintf(away, sizeof(away), "%s.away", f->dir);
	assert_int_equal(rename(f->dir, away), 0);
	assert_int_equal(store_scan(f->store), -ENOENT);
	assert_int_equal(store_find(f->store, "luks")->state, SECRET_PRESENT);
	assert_int_equal(rename(away, f->dir), 0);
	assert_int_equal(store_scan(f->store), 0);
}

/* Keys with numbers instead of GUIDs, as in the ACPI table SVKL. */
static void test_numbered(void **state)
{
	static const char *const none[] = { "01", "+1",		" 1",
					    "-1", "4294967296", "18446744073709551617",
					    "x",  "1x" };
	struct fixture *f = *state;
	struct store_entry *e;
	struct secret *s;
	char path[128];

	put(f, "0", "zero");
	put(f, "31", "thirty-one");
	put(f, "4294967295", "last");
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		put(f, none[i], "none");
	f->source.numbered = true;
	start(f);
	assert_int_equal(store_scan(f->store), 3);
	assert_non_null(store_find(f->store, "53564b4c-0000-8000-8000-000000000000"));
	assert_non_null(store_find(f->store, "53564b4c-0000-8000-8000-0000ffffffff"));
	e = store_find(f->store, "53564b4c-0000-8000-8000-00000000001f");
	assert_non_null(e);
	assert_int_equal(e->size, 10);
	assert_int_equal(store_read(f->store, e, &s), 0);
	assert_memory_equal(secret_data(s), "thirty-one", 10);
	secret_free(s);

	/* After a restart it is still the same secret. */
	start(f);
	assert_int_equal(store_scan(f->store), 0);
	e = store_find(f->store, "53564b4c-0000-8000-8000-00000000001f");
	assert_int_equal(store_wipe(f->store, e), 0);
	snprintf(path, sizeof(path), "%s/31", f->dir);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(e->state, SECRET_WIPED);
}

/* A table with GUIDs cannot speak for a numbered key. */
static void test_numbered_name(void **state)
{
	struct fixture *f = *state;

	put(f, "53564b4c-0000-8000-8000-000000000000", "x");
	assert_int_equal(store_scan(f->store), 1);
	assert_null(store_get(f->store, 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_scan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unchanged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wiped_while_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wipe_finds_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wipe_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_for_volume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_placed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life_and_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_behind_our_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rejected_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_50000_deliveries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_journals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_like_a_guid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_believed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_source_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbered_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
