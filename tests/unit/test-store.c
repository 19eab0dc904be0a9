/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "secrets/store.h"
#include "wire/secret-table.h"

#include <cmocka.h>

#define LUKS "736869e5-84f0-4973-92ec-06879ce3da0b"
#define OTHER "0f2e573e-be4d-a7d6-bdc4-908077d7628d"

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
	assert_int_equal(policy_set_consumers(&f->policies[0], "cryptsetup:home"), 0);
	put(f, LUKS, "pass");
	put(f, "README", "not a secret");
	start(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[256];

	store_free(f->store);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s' '%s'", f->dir, f->journal);
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

static void test_for_volume(void **state)
{
	struct fixture *f = *state;

	put(f, OTHER, "x");
	assert_int_equal(store_scan(f->store), 2);
	assert_string_equal(store_for_volume(f->store, "data")->policy.name, "luks");
	assert_string_equal(store_for_volume(f->store, "home")->policy.name, "home");
	/*
	 * The one that names it is wiped: the one for any volume is tried rather than a wiped
	 * one.
	 */
	assert_int_equal(store_wipe(f->store, store_find(f->store, "home")), 0);
	assert_string_equal(store_for_volume(f->store, "home")->policy.name, "luks");
	assert_int_equal(store_wipe(f->store, store_find(f->store, "luks")), 0);
	assert_string_equal(store_for_volume(f->store, "home")->policy.name, "home");
}

static void test_life_and_restart(void **state)
{
	struct fixture *f = *state;
	struct store_entry *e;
	struct secret *s;

	assert_int_equal(store_scan(f->store), 1);
	e = store_find(f->store, "luks");
	assert_int_equal(store_read(e, &s), 0);
	assert_int_equal(secret_len(s), 4);
	assert_memory_equal(secret_data(s), "pass", 4);
	secret_free(s);
	assert_int_equal(store_advance(f->store, e, SECRET_DELIVERED, "cryptsetup:data"), 0);

	start(f);
	assert_int_equal(store_scan(f->store), 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_DELIVERED);
	assert_string_equal(e->delivered_to, "cryptsetup:data");
	assert_int_equal(store_reject(f->store, e), 0);

	start(f);
	assert_int_equal(store_scan(f->store), 0);
	e = store_find(f->store, "luks");
	assert_true(e->rejected);
	assert_int_equal(store_advance(f->store, e, SECRET_CONFIRMED, NULL), 0);
	/* Never back. */
	assert_int_equal(store_advance(f->store, e, SECRET_DELIVERED, NULL), 0);
	assert_int_equal(e->state, SECRET_CONFIRMED);
	assert_int_equal(store_wipe(f->store, e), 0);
	assert_int_equal(store_read(e, &s), -ENOKEY);

	start(f);
	assert_int_equal(store_scan(f->store), 0);
	e = store_find(f->store, "luks");
	assert_int_equal(e->state, SECRET_WIPED);
	for (unsigned i = 0; i < _SECRET_STATE_MAX; i++)
		assert_true(e->since_usec[i] > 0);
}

/* The keeper died between the unlink and the journal, or somebody else unlinked. */
static void test_gone_behind_our_back(void **state)
{
	struct fixture *f = *state;
	char path[128];

	assert_int_equal(store_scan(f->store), 1);
	snprintf(path, sizeof(path), "%s/%s", f->dir, LUKS);
	assert_int_equal(unlink(path), 0);
	start(f);
	assert_int_equal(store_scan(f->store), 0);
	assert_int_equal(store_find(f->store, "luks")->state, SECRET_WIPED);
	/* And one that comes after is another secret. */
	put(f, LUKS, "other");
	assert_int_equal(store_scan(f->store), 1);
	assert_int_equal(store_find(f->store, "luks")->state, SECRET_PRESENT);
	assert_int_equal(store_find(f->store, "luks")->size, 5);
}

/* No driver (any more) is no reason to call a secret wiped. */
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

/* Keys that have numbers instead of GUIDs, as those of the ACPI table SVKL. */
static void test_numbered(void **state)
{
	static const char *const none[] = { "01", "+1", " 1", "-1", "4294967296", "18446744073709551617", "x", "1x" };
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
	assert_int_equal(store_read(e, &s), 0);
	assert_memory_equal(secret_data(s), "thirty-one", 10);
	secret_free(s);

	/* After a restart it is still the same one. */
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
		cmocka_unit_test_setup_teardown(test_for_volume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life_and_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_behind_our_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_source_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbered_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
