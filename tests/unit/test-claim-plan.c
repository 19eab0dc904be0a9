/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often a secret goes out when a transaction fails at any point, when its reply is lost, when
 * another instance is faster, and when many ask at once.
 */
#include <pthread.h>

#include "broker/serve/claim-plan.h"
#include "tests/unit/release-fixture.h"

/* ---- one fault at any point ---- */

/* A guest asks again with the same key until it is told yes or no. */
static enum release_result get_patiently(const struct guest *g, char *ret_id)
{
	enum release_result r = RELEASE_LATER;

	for (unsigned i = 0; i < 3 && r == RELEASE_LATER; i++)
		r = get(g, T0 + i, ret_id);
	return r;
}

static void approve_patiently(const char *id)
{
	struct cause why;
	int r = -EAGAIN;

	for (unsigned i = 0; i < 3 && r < 0; i++)
		r = service_approve(&service, id, true, 1000, &why);
	assert_int_equal(r, 0);
}

static void add_patiently(const char *policy)
{
	int r = set("value", policy, true, false);

	if (r < 0)
		r = set("value", policy, true, false);
	assert_true(r == 1 || r == -EEXIST);
}

/*
 * Two launches of one VM, the second with an approval; both have a vTPM.  Each call of the writer
 * is one point.
 */
static void run_history(void)
{
	static const struct guest first = { 1, 1, 1, true, 5 }, second = { 2, 2, 2, true, 6 },
				  third = { 3, 3, 3, true, 7 };
	struct cause why = { "" };
	char id[32], other[32];
	struct session_record s;
	int r;

	add_patiently(VM);
	assert_int_equal(get_patiently(&first, NULL), RELEASE_GOOD);
	assert_int_equal(get_patiently(&second, id), RELEASE_DONE);
	approve_patiently(id);
	/* The yes is to the second. */
	assert_int_equal(get_patiently(&third, other), RELEASE_DONE);
	assert_string_not_equal(id, other);
	assert_int_equal(get_patiently(&second, NULL), RELEASE_GOOD);
	session_of(&second, &s);
	r = service_confirm(&service, &s, PATH, &why);
	if (r < 0)
		r = service_confirm(&service, &s, PATH, &why);
	assert_int_equal(r, 0);
	/* Whatever failed: twice, no more. */
	assert_int_equal(memory_store_lines(store, "release", PATH), 2);
	assert_true(memory_store_lines(store, "again", PATH) <= 2);
	assert_int_equal(memory_store_lines(store, "confirm", PATH), 1);
	assert_int_not_equal(get_patiently(&first, NULL), RELEASE_GOOD);
	assert_int_not_equal(get_patiently(&second, NULL), RELEASE_GOOD);
	assert_int_not_equal(get_patiently(&third, NULL), RELEASE_GOOD);
	assert_int_equal(memory_store_lines(store, "release", PATH), 2);
}

static void test_every_point(void **state)
{
	static const struct {
		enum memory_fault fault;
		int error;
	} faults[] = {
		{ MEMORY_BEFORE, -EAGAIN }, { MEMORY_BEFORE, -ENOSPC }, { MEMORY_BEFORE, -EBUSY },
		{ MEMORY_AFTER, -EAGAIN },  { MEMORY_OUTRUN, 0 },
	};
	unsigned points;

	run_history();
	points = memory_store_commits(store);
	assert_true(points >= 6);
	for (size_t f = 0; f < ARRAY_SIZE(faults); f++)
		for (unsigned i = 0; i < points; i++) {
			(void) close_service(NULL);
			assert_int_equal(open_service(NULL), 0);
			memory_store_fail(store, i, 1, faults[f].fault, faults[f].error);
			run_history();
		}
}

/* Somebody else is faster, again and again: it is decided anew, but not for ever. */
static void test_outrun(void **state)
{
	static const struct guest g = { 1, 1, 1 };

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	memory_store_fail(store, 0, 7, MEMORY_OUTRUN, 0);
	assert_int_equal(get(&g, T0, NULL), RELEASE_GOOD);
	memory_store_fail(store, 0, 8, MEMORY_OUTRUN, 0);
	assert_int_equal(get(&g, T0, NULL), RELEASE_LATER);
	memory_store_fail(store, 0, 0, MEMORY_NO_FAULT, 0);
	assert_int_equal(memory_store_lines(store, NULL, PATH), 2);
}

/* ---- what happens between the decision and the transaction ---- */

static enum release_result other_result;

static void other_guest(void *userdata)
{
	other_result = get(userdata, T0, NULL);
}

static void remove_it(void *userdata)
{
	assert_int_equal(remove_secret(), 0);
}

static void change_policy(void *userdata)
{
	assert_int_equal(set(NULL, userdata, false, true), 2);
}

static void test_between(void **state)
{
	static struct guest first = { 1, 1, 1 }, second = { 2, 2, 2 };

	assert_int_equal(set("value", VM, true, false), 1);
	memory_store_before(store, other_guest, &second);
	assert_int_equal(get(&first, T0, NULL), RELEASE_DONE);
	assert_int_equal(other_result, RELEASE_GOOD);
	assert_int_equal(memory_store_lines(store, "release", PATH), 1);
}

static void test_removed_between(void **state)
{
	static const struct guest first = { 1, 1, 1 };

	assert_int_equal(set("value", VM, true, false), 1);
	memory_store_before(store, remove_it, NULL);
	assert_int_equal(get(&first, T0, NULL), RELEASE_ABSENT);
	assert_int_equal(memory_store_lines(store, "release", PATH), 0);
}

static void test_policy_between(void **state)
{
	static const struct guest first = { 1, 1, 1 };

	assert_int_equal(set("value", ALWAYS, true, false), 1);
	memory_store_before(store, change_policy, (void *)APPROVE);
	assert_int_equal(get(&first, T0, NULL), RELEASE_NEEDS_APPROVAL);
	assert_int_equal(memory_store_lines(store, "release", PATH), 0);
}

/* ---- many at once ---- */

#define N_GUESTS 8
#define N_ROUNDS 6

struct racer {
	struct guest guest;
	unsigned n_good;
	pthread_t thread;
};

static void *run_racer(void *userdata)
{
	struct racer *r = userdata;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		enum release_result result;

		do
			result = get(&r->guest, T0, NULL);
		while (result == RELEASE_LATER);
		r->n_good += result == RELEASE_GOOD;
	}
	return NULL;
}

/* Returns how many guests have got it. */
static unsigned race(struct racer racers[static N_GUESTS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_GUESTS; i++)
		assert_int_equal(pthread_create(&racers[i].thread, NULL, run_racer, &racers[i]), 0);
	for (unsigned i = 0; i < N_GUESTS; i++)
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
	for (unsigned i = 0; i < N_GUESTS; i++)
		n += racers[i].n_good > 0;
	return n;
}

static void make(struct racer racers[static N_GUESTS], bool launches, bool boots)
{
	for (uint8_t i = 0; i < N_GUESTS; i++)
		racers[i] = (struct racer){ .guest = { .launch = launches ? i + 1 : 1,
						       .boot = boots ? i + 1 : 1,
						       .rd = i + 1 } };
}

static void test_race_vm(void **state)
{
	struct racer racers[N_GUESTS];

	assert_int_equal(set("value", VM, true, false), 1);
	make(racers, true, true);
	assert_int_equal(race(racers), 1);
	assert_int_equal(memory_store_lines(store, "release", PATH), 1);
	assert_int_equal(memory_store_lines(store, "again", PATH), N_ROUNDS - 1);
}

static void test_race_boots(void **state)
{
	struct racer racers[N_GUESTS];

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	make(racers, false, true);
	assert_int_equal(race(racers), 1);
	assert_int_equal(memory_store_lines(store, "release", PATH), 1);
}

/* New keys of one boot: each new one counts, whoever comes when. */
static void test_race_keys(void **state)
{
	struct racer racers[N_GUESTS];

	assert_int_equal(set("value", LAUNCH, true, false), 1);
	make(racers, false, false);
	assert_true(race(racers) <= CLAIM_TIMES_MAX);
	assert_int_equal(memory_store_lines(store, "release", PATH), 1);
}

static void test_race_launches(void **state)
{
	struct racer racers[N_GUESTS];

	assert_int_equal(set("value", LIMITED, true, false), 1);
	make(racers, true, true);
	assert_int_equal(race(racers), 3);
	assert_int_equal(memory_store_lines(store, "release", PATH), 3);
}

static void test_race_approval(void **state)
{
	struct racer racers[N_GUESTS];
	struct cause why;
	char id[32];

	assert_int_equal(set("value", APPROVE, true, false), 1);
	make(racers, false, true);
	assert_int_equal(get(&racers[0].guest, T0, id), RELEASE_NEEDS_APPROVAL);
	assert_int_equal(service_approve(&service, id, true, 0, &why), 0);
	assert_int_equal(race(racers), 1);
	assert_int_equal(memory_store_lines(store, "release", PATH), 1);
}

/* ---- an approval is for a time ---- */

/* Put the record at @key back as it was. */
static void put_back(const char *key, const struct store_value *v)
{
	assert_int_equal(memory_store_revision(store, key), 0);
	memory_store_put(store, key, v->data, v->len);
}

static void test_old_approval(void **state)
{
	static const struct guest g = { 1, 1, 1 };
	struct store_value v;
	struct cause why;
	char id[32], key[RECORD_KEY_LEN];

	assert_int_equal(set("value", APPROVE, true, false), 1);
	assert_int_equal(get(&g, T0, id), RELEASE_NEEDS_APPROVAL);
	assert_int_equal(service_approve(&service, id, true, 0, &why), 0);
	key_approval(id, key);
	assert_int_equal(store_get(store, key, &v, &why), 0);
	assert_int_equal(get(&g, T0, NULL), RELEASE_GOOD);
	/* Somebody kept the yes, and puts it back when its time is over. */
	put_back(key, &v);
	assert_int_equal(get(&g, T0 + 2 * APPROVAL_LIFE_SEC, NULL), RELEASE_DONE);
	assert_int_equal(memory_store_lines(store, "release", PATH), 1);
	/* It is asked anew, and the answer is as good as the first. */
	assert_int_equal(service_approve(&service, id, true, 0, &why), 0);
	assert_int_equal(get(&g, T0 + APPROVAL_LIFE_SEC, NULL), RELEASE_GOOD);
	assert_int_equal(memory_store_lines(store, "release", PATH), 2);
	store_value_done(&v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_service, close_service)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_point),	   TEST(test_outrun),	     TEST(test_between),
		TEST(test_removed_between), TEST(test_policy_between), TEST(test_race_vm),
		TEST(test_race_boots),	   TEST(test_race_keys),     TEST(test_race_launches),
		TEST(test_race_approval),  TEST(test_old_approval),
	};

	return locked_heap_init(1 << 20) < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
