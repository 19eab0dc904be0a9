/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets that a broker has, beside launch secrets: neither stands in for the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/store.h"

#include <cmocka.h>

#define LUKS "736869e5-84f0-4973-92ec-06879ce3da0b"
#define LAUNCH "0f2e573e-be4d-a7d6-bdc4-908077d7628d"
#define REMOTE "947b7564-ba1f-83b3-9b2d-e77f5666d784"	/* as if made from a path */
#define BOTH "11111111-2222-3333-4444-555555555555"

#define MAX_POLICIES 4

struct fixture {
	char dir[64], journal[80];
	struct secret_source source;
	struct secret_policy policies[MAX_POLICIES];
	size_t n_policies;
	struct store *store;
};

static void put(struct fixture *f, const char *name, const char *content)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(write_file_atomic(path, content, strlen(content), 0400, false), 0);
}

static bool is_there(struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return access(path, F_OK) == 0;
}

/* A policy with its name.  @path is NULL for a launch secret. */
static struct secret_policy *add(struct fixture *f, const char *guid, const char *path,
				 const char *consumers, const char *name)
{
	struct secret_policy *p = &f->policies[f->n_policies++];

	assert_true(f->n_policies <= MAX_POLICIES);
	assert_int_equal(guid_parse(guid, 36, &p->guid), 0);
	if (path)
		strcpy(p->path, path);
	p->no_launch = streq(guid, REMOTE);
	strcpy(p->name, name);
	assert_int_equal(secret_policy_set_consumers(p, consumers), 0);
	return p;
}

static struct secret_policy *add_remote(struct fixture *f, const char *consumers)
{
	return add(f, REMOTE, "default/luks/root", consumers, "remote");
}

static void start(struct fixture *f)
{
	f->store = store_free(f->store);
	assert_int_equal(store_new(f->policies, f->n_policies, &f->source, f->journal, &f->store),
			 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/test-store.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->journal, sizeof(f->journal), "%s.journal", f->dir);
	f->source = (struct secret_source){ "directory", f->dir };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[512];

	store_free(f->store);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s' '%s'", f->dir, f->journal);
	assert_int_equal(system(cmd), 0);
	free(f);
	return 0;
}

static void assert_origins(struct fixture *f, const struct store_entry *e, int first, int second)
{
	enum secret_origin o = 77;

	assert_int_equal(store_origin(f->store, e, 0, &o), first >= 0);
	assert_int_equal(o, first >= 0 ? first : 77);
	o = 77;
	assert_int_equal(store_origin(f->store, e, 1, &o), second >= 0);
	assert_int_equal(o, second >= 0 ? second : 77);
	assert_int_equal(store_origin(f->store, e, 2, &o), 0);
}

static void assert_for(struct fixture *f, const char *volume, const char *name)
{
	const struct store_entry *e = store_for_volume(f->store, volume);

	if (!name)
		assert_null(e);
	else if (!e || !streq(e->policy.name, name))
		fail_msg("'%s' gets '%s', not '%s'", volume, e ? e->policy.name : "nothing", name);
}

/* ---- one secret ---- */

static void test_remote(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct fixture *f = *state;
	struct store_entry *e;
	int result;

	add_remote(f, "cryptsetup:root");
	start(f);
	e = store_get(f->store, 0);
	assert_non_null(e);
	assert_true(e->configured);
	assert_int_equal(e->state, SECRET_PRESENT);
	assert_true(e->since_usec[SECRET_PRESENT] > 0);
	assert_string_equal(e->source->name, "kbs");
	assert_true(store_is_remote(e));
	assert_origins(f, e, ORIGIN_BROKER, -1);
	assert_int_equal(store_read(f->store, e, &s), -EREMOTE);
	assert_for(f, "root", "remote");
	assert_for(f, "other", NULL);
	assert_ptr_equal(store_find(f->store, "remote"), e);
	assert_ptr_equal(store_find(f->store, REMOTE), e);
	/* It is nothing new, and a folder that is missing stays missing. */
	assert_int_equal(store_scan(f->store), 0);
	assert_string_equal(store_source(f->store, 1, &result)->name, "kbs");
	assert_int_equal(result, 1);
	assert_null(store_source(f->store, 2, NULL));
	assert_int_equal(rmdir(f->dir), 0);
	assert_int_equal(store_scan(f->store), -ENOENT);
	assert_int_equal(e->state, SECRET_PRESENT);
	assert_for(f, "root", "remote");
}

static void test_no_broker(void **state)
{
	struct fixture *f = *state;
	int result;

	add(f, LAUNCH, NULL, "get", "launch");
	start(f);
	assert_null(store_get(f->store, 0));
	(void) store_scan(f->store);
	assert_string_equal(store_source(f->store, 1, &result)->name, "kbs");
	assert_int_equal(result, -ENOENT);
}

/* Wiped: nobody asks the broker again, also not after a restart. */
static void test_wiped(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct fixture *f = *state;
	struct store_entry *e;

	add_remote(f, "cryptsetup:root");
	start(f);
	e = store_get(f->store, 0);
	assert_int_equal(store_deliver(f->store, e, "cryptsetup:root", DELIVERY_OPENED), 0);
	start(f);
	e = store_get(f->store, 0);
	assert_null(store_get(f->store, 1));
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_true(store_is_remote(e));
	assert_origins(f, e, ORIGIN_BROKER, -1);
	assert_string_equal(e->delivered_to, "cryptsetup:root");
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_int_equal(store_wipe(f->store, e), 0);
	for (unsigned i = 0; i < 2; i++) {
		e = store_get(f->store, 0);
		assert_int_equal(e->state, SECRET_WIPED);
		assert_false(e->returned);
		assert_origins(f, e, -1, -1);
		assert_int_equal(store_read(f->store, e, &s), -ENOKEY);
		assert_ptr_equal(store_for_volume(f->store, "root"), e);
		(void) store_scan(f->store);
		start(f);
	}
}

/* A file with the GUID that was made from the path is not the broker's secret. */
static void test_impostor(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;

	add_remote(f, "cryptsetup:root");
	put(f, REMOTE, "evil");
	start(f);
	assert_int_equal(store_scan(f->store), 0);
	e = store_get(f->store, 0);
	assert_null(store_get(f->store, 1));
	assert_true(store_is_remote(e));
	assert_int_equal(e->size, 0);
	assert_origins(f, e, ORIGIN_BROKER, -1);
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_int_equal(store_scan(f->store), 0);
	assert_false(e->returned);
	assert_true(is_there(f, REMOTE));
}

/* The policy changes while the journal stays. */
static void test_forgotten(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;

	add_remote(f, "cryptsetup:root");
	start(f);
	f->n_policies = 0;
	start(f);
	assert_null(store_get(f->store, 0));
	f->n_policies = 1;
	start(f);
	assert_int_equal(store_deliver(f->store, store_get(f->store, 0), "cryptsetup:root",
				       DELIVERY_READ),
			 0);
	f->n_policies = 0;
	start(f);
	e = store_get(f->store, 0);
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_false(store_is_remote(e));
	assert_false(e->configured);
	assert_origins(f, e, -1, -1);
}

/* ---- one secret of two origins ---- */

static void test_both(void **state)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct fixture *f = *state;
	struct store_entry *e;

	add(f, BOTH, "default/luks/root", "cryptsetup:root", "both");
	start(f);
	e = store_get(f->store, 0);
	assert_true(store_is_remote(e));
	assert_origins(f, e, ORIGIN_BROKER, -1);
	put(f, BOTH, "pass");
	assert_int_equal(store_scan(f->store), 1);
	assert_int_equal(store_scan(f->store), 0);
	assert_null(store_get(f->store, 1));
	assert_false(store_is_remote(e));
	assert_int_equal(e->size, 4);
	assert_origins(f, e, ORIGIN_LAUNCH, ORIGIN_BROKER);
	f->policies[0].broker_first = true;
	start(f);
	e = store_get(f->store, 0);
	assert_origins(f, e, ORIGIN_BROKER, ORIGIN_LAUNCH);
	assert_int_equal(store_read(f->store, e, &s), 0);
	assert_int_equal(secret_len(s), 4);
	/* When its source does not count, the broker is left. */
	store_believe(f->store, &f->source, false);
	assert_origins(f, e, ORIGIN_BROKER, -1);
	assert_for(f, "root", "both");
	store_believe(f->store, &f->source, true);
	/* Wiped is wiped, wherever it came from. */
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_false(is_there(f, BOTH));
	assert_origins(f, e, -1, -1);
	put(f, BOTH, "pass");
	assert_int_equal(store_scan(f->store), 0);
	assert_true(e->returned);
	assert_origins(f, e, -1, -1);
}

/* ---- two secrets ---- */

static void wipe(struct fixture *f, const char *name)
{
	assert_int_equal(store_wipe(f->store, store_find(f->store, name)), 0);
}

/* Named for the same volume by different policies, which a configuration may not do. */
static void test_named_by_two(void **state)
{
	struct fixture *f = *state;

	add_remote(f, "cryptsetup:root");
	add(f, LAUNCH, NULL, "cryptsetup:root", "launch");
	put(f, LAUNCH, "pass");
	start(f);
	assert_int_equal(store_scan(f->store), 1);
	assert_for(f, "root", "launch");
	wipe(f, "launch");
	assert_for(f, "root", "launch");
	assert_int_equal(store_for_volume(f->store, "root")->state, SECRET_WIPED);
}

/* A launch secret for the volume is configured and was not injected. */
static void test_launch_is_missing(void **state)
{
	struct fixture *f = *state;

	add_remote(f, "cryptsetup");
	add(f, LAUNCH, NULL, "cryptsetup:root", "launch");
	start(f);
	(void) store_scan(f->store);
	assert_for(f, "root", NULL);
	assert_for(f, "data", "remote");
	put(f, LAUNCH, "pass");
	(void) store_scan(f->store);
	assert_for(f, "root", "launch");
	wipe(f, "launch");
	assert_int_equal(store_for_volume(f->store, "root")->state, SECRET_WIPED);
	assert_for(f, "root", "launch");
}

/* The broker has the keys of all volumes: a launch secret that nobody configured is no key. */
static void test_unconfigured_launch(void **state)
{
	struct fixture *f = *state;

	add_remote(f, "cryptsetup");
	put(f, LUKS, "evil");
	start(f);
	assert_int_equal(store_scan(f->store), 1);
	assert_for(f, "root", "remote");
	wipe(f, "remote");
	assert_for(f, "root", "remote");
	assert_int_equal(store_for_volume(f->store, "root")->state, SECRET_WIPED);
}

/* The broker has the key of one volume: for the others all is as without a broker. */
static void test_other_volumes(void **state)
{
	struct fixture *f = *state;

	add_remote(f, "cryptsetup:root");
	put(f, LUKS, "pass");
	start(f);
	assert_int_equal(store_scan(f->store), 1);
	assert_for(f, "root", "remote");
	assert_for(f, "data", "luks");
	wipe(f, "remote");
	assert_for(f, "root", "remote");
	wipe(f, "luks");
	assert_for(f, "data", "luks");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_remote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_broker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wiped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_impostor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_by_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_launch_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unconfigured_launch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_volumes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
