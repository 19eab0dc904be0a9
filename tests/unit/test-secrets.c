/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the owner changes, while others change it too, and over a store in wrong hands. */
#include "tests/unit/release-fixture.h"

static const struct guest first = { 1, 1, 1 };

static void read_record(struct secret_record *ret)
{
	struct store_value v;
	struct cause why;
	char key[RECORD_KEY_LEN];

	key_secret(PATH, key);
	assert_int_equal(store_get(store, key, &v, &why), 0);
	assert_int_equal(secret_record_parse(v.data, v.len, ret), 0);
	store_value_done(&v);
}

/* Write the record as somebody without the master key can. */
static void write_record(const struct secret_record *r)
{
	char key[RECORD_KEY_LEN], *text;

	key_secret(PATH, key);
	assert_int_equal(secret_record_format(r, &text), 0);
	memory_store_put(store, key, text, strlen(text));
	free(text);
}

static void exchange_policy(const char *policy, uint64_t version)
{
	struct secret_record r;

	read_record(&r);
	if (policy) {
		free(r.policy);
		r.policy = strdup(policy);
		r.policy_len = strlen(policy);
	}
	if (version)
		r.version = version;
	write_record(&r);
	secret_record_done(&r);
}

/* ---- a store in wrong hands ---- */

/*
 * Whoever brings a new value relies on the policy that is there: an easier one that somebody put
 * beside the old value may not get the new one.
 */
static void test_policy_exchanged(void **state)
{
	assert_int_equal(set("value", APPROVE, true, false), 1);
	exchange_policy(ALWAYS, 0);
	assert_int_equal(set("new", NULL, false, true), -EBADMSG);
	assert_int_equal(get(&first, T0, NULL), RELEASE_LATER);
	/* A new value with its policy owes nothing to what was there. */
	assert_int_equal(set("new", APPROVE, false, true), 2);
	assert_int_equal(get(&first, T0, NULL), RELEASE_NEEDS_APPROVAL);
}

static void test_value_exchanged(void **state)
{
	struct secret_record old, r;

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	read_record(&old);
	assert_int_equal(set("new", NULL, false, true), 2);
	/* The old value under the new version. */
	read_record(&r);
	free(r.sealed);
	r.sealed = old.sealed;
	r.sealed_len = old.sealed_len;
	write_record(&r);
	assert_int_equal(get(&first, T0, NULL), RELEASE_LATER);
	assert_int_equal(set(NULL, VM, false, true), -EBADMSG);
	assert_int_equal(memory_store_lines(store, "release", PATH), 0);
	r.sealed = NULL;
	secret_record_done(&r);
	secret_record_done(&old);
}

/* A record of another secret, without claims, in its place: what is confirmed is not that one's. */
static void test_record_exchanged(void **state)
{
	struct session_record session;
	struct secret_record r;
	struct cause why;

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	assert_int_equal(get(&first, T0, NULL), RELEASE_GOOD);
	read_record(&r);
	strcpy(r.path, "d/e/f");
	free(r.policy);
	r.policy = strdup(ALWAYS);
	r.policy_len = strlen(ALWAYS);
	write_record(&r);
	secret_record_done(&r);
	session_of(&first, &session);
	assert_int_equal(service_confirm(&service, &session, PATH, &why), -EBADMSG);
	assert_int_equal(get(&first, T0, NULL), RELEASE_LATER);
	assert_int_equal(set("new", NULL, false, true), -EBADMSG);
	assert_int_equal(set("new", LAUNCH, false, true), -EBADMSG);
	/* The owner can always begin anew. */
	assert_int_equal(remove_secret(), 0);
	assert_int_equal(set("new", LAUNCH, true, false), 1);
}

/* A version that cannot be counted up would make a record that nobody can read. */
static void test_last_version(void **state)
{
	assert_int_equal(set("value", LAUNCH, true, false), 1);
	exchange_policy(NULL, INT64_MAX);
	assert_int_equal(set("new", LAUNCH, false, true), -EBADMSG);
	assert_int_equal(remove_secret(), 0);
	assert_int_equal(set("new", LAUNCH, true, false), 1);
	assert_int_equal(get(&first, T0, NULL), RELEASE_GOOD);
}

/* ---- policies ---- */

static void test_ended(void **state)
{
	static const char rest[] = "\ncovers=kernel,initrd,cmdline\n";
	char value[128], policy[512];

	(void) snprintf(value, sizeof(value), "%s%.32s", HEX_32, HEX_32);
	(void) snprintf(policy, sizeof(policy),
			"[Release]\nRelease=always\n[snp]\nmeasurement=%s until=2020-01-01%s",
			value, rest);
	assert_int_equal(set("value", policy, true, true), -EBADMSG);
	/* One that is good now is enough. */
	(void) snprintf(policy, sizeof(policy),
			"[Release]\nRelease=always\n[snp]\nmeasurement=%s until=2020-01-01,"
			"ff%s until=2099-01-01%s",
			value, value + 2, rest);
	assert_int_equal(set("value", policy, true, true), 1);
}

/* ---- two at once ---- */

static void other_policy(void *userdata)
{
	assert_int_equal(set(NULL, APPROVE, false, true), 2);
}

static void other_value(void *userdata)
{
	assert_true(set("other", NULL, false, true) > 1);
}

static void other_remove(void *userdata)
{
	assert_int_equal(remove_secret(), 0);
}

static void other_add(void *userdata)
{
	assert_int_equal(set("other", LAUNCH, true, false), 1);
}

static void test_two_admins(void **state)
{
	struct secret_record r;

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	memory_store_before(store, other_policy, NULL);
	assert_int_equal(set("new", NULL, false, true), 3);
	read_record(&r);
	assert_string_equal(r.policy, APPROVE);
	secret_record_done(&r);
	assert_int_equal(memory_store_lines(store, "change", PATH), 2);
	/* One removes what the other changes, and one adds what the other adds. */
	memory_store_before(store, other_remove, NULL);
	assert_int_equal(set("new", NULL, false, true), -ENOENT);
	memory_store_before(store, other_add, NULL);
	assert_int_equal(set("new", LAUNCH, true, false), -EEXIST);
	memory_store_before(store, other_value, NULL);
	assert_int_equal(remove_secret(), 0);
	assert_int_equal(set("new", NULL, false, true), -ENOENT);
}

static void test_outrun(void **state)
{
	assert_int_equal(set("value", LAUNCH, true, false), 1);
	memory_store_fail(store, 0, 8, MEMORY_OUTRUN, 0);
	assert_int_equal(set("new", NULL, false, true), -EAGAIN);
	memory_store_fail(store, 0, 8, MEMORY_OUTRUN, 0);
	assert_int_equal(remove_secret(), -EAGAIN);
	memory_store_fail(store, 0, 7, MEMORY_OUTRUN, 0);
	assert_int_equal(set("new", NULL, false, true), 2);
	assert_int_equal(memory_store_lines(store, "change", PATH), 1);
}

/* The reply is lost: who asks again hears how it is. */
static void test_lost(void **state)
{
	memory_store_fail(store, 0, 1, MEMORY_AFTER, -EAGAIN);
	assert_int_equal(set("value", LAUNCH, true, false), -EAGAIN);
	assert_int_equal(set("value", LAUNCH, true, false), -EEXIST);
	memory_store_fail(store, 0, 1, MEMORY_AFTER, -EAGAIN);
	assert_int_equal(remove_secret(), -EAGAIN);
	assert_int_equal(remove_secret(), -ENOENT);
	assert_int_equal(memory_store_lines(store, NULL, PATH), 2);
}

/* ---- claims ---- */

static void other_get(void *userdata)
{
	assert_int_equal(get(userdata, T0 + 1, NULL), RELEASE_GOOD);
}

/* The claim is counted up in the same moment: it goes all the same, or rearm would be a lie. */
static void test_rearm_outrun(void **state)
{
	static struct guest same = { 1, 1, 9 };

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	assert_int_equal(get(&first, T0, NULL), RELEASE_GOOD);
	memory_store_before(store, other_get, &same);
	assert_int_equal(rearm(1), 1);
	assert_int_equal(get(&first, T0 + 601, NULL), RELEASE_GOOD);
	memory_store_fail(store, 0, 1, MEMORY_OUTRUN, 0);
	assert_int_equal(rearm(0), 1);
	assert_int_equal(get(&first, T0 + 2000, NULL), RELEASE_GOOD);
	assert_int_equal(memory_store_lines(store, "rearm", PATH), 2);
	memory_store_fail(store, 0, 8, MEMORY_OUTRUN, 0);
	assert_int_equal(rearm(1), -EAGAIN);
	memory_store_fail(store, 0, 8, MEMORY_OUTRUN, 0);
	assert_int_equal(rearm(0), -EAGAIN);
}

static void add_and_get(void *userdata)
{
	static const struct guest second = { 2, 2, 2 };

	assert_int_equal(set("other", VM, true, false), 1);
	assert_int_equal(get(&second, T0, NULL), RELEASE_GOOD);
}

static void nothing_then_add(void *userdata)
{
	/* The next call of the writer is the one that deletes a claim. */
	memory_store_before(store, add_and_get, NULL);
}

/* A new secret of the name has claims of its own, which the removal of the old one spares. */
static void test_add_while_removing(void **state)
{
	assert_int_equal(set("value", LAUNCH, true, false), 1);
	assert_int_equal(get(&first, T0, NULL), RELEASE_GOOD);
	memory_store_before(store, nothing_then_add, NULL);
	assert_int_equal(remove_secret(), -EAGAIN);
	assert_int_equal(get(&first, T0 + 601, NULL), RELEASE_DONE);
	assert_int_equal(memory_store_lines(store, "release", PATH), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_service, close_service)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_policy_exchanged), TEST(test_value_exchanged),
		TEST(test_record_exchanged), TEST(test_last_version),
		TEST(test_ended),	     TEST(test_two_admins),
		TEST(test_outrun),	     TEST(test_lost),
		TEST(test_rearm_outrun),     TEST(test_add_while_removing),
	};

	return locked_heap_init(1 << 20) < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
