/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Token buckets by address, and whether a crowd can change somebody else's. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/serve/limits.h"

#include <cmocka.h>

#define SEC UINT64_C(1000000)
#define START (1000 * SEC)

static struct limits *make(const struct limits_setup *s)
{
	struct limits *l = NULL;
	struct cause why;

	assert_int_equal(limits_new(s, &l, &why), 0);
	return l;
}

static bool enter_at(struct limits *l, const char *address, uint64_t now, struct limits_place *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		return limits_enter(l, (struct sockaddr *)&v4, now, ret);
	assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
	return limits_enter(l, (struct sockaddr *)&v6, now, ret);
}

static struct limits_place enter(struct limits *l, const char *address)
{
	struct limits_place p;

	assert_true(enter_at(l, address, START, &p));
	return p;
}

/* How many requests are good at one moment, at most @max. */
static unsigned take_all(struct limits *l, const struct limits_place *p, uint64_t now, unsigned max)
{
	uint32_t retry;
	unsigned n = 0;

	while (n < max && limits_take(l, p, now, &retry) == LIMITS_GOOD)
		n++;
	return n;
}

static void test_bucket(void **state)
{
	struct limits *l = make(&(struct limits_setup){ .rate = 2, .burst = 5, .connections = 9 });
	struct limits_place p = enter(l, "192.0.2.1");
	uint32_t retry = 0;

	assert_int_equal(take_all(l, &p, START, 100), 5);
	assert_int_equal(limits_take(l, &p, START, &retry), LIMITS_ADDRESS);
	assert_int_equal(retry, 1);
	/* Refused requests cost nothing; half a second makes one. */
	assert_int_equal(take_all(l, &p, START + SEC / 2 - 1, 100), 0);
	assert_int_equal(take_all(l, &p, START + SEC / 2, 100), 1);
	assert_int_equal(take_all(l, &p, START + SEC, 100), 1);
	assert_int_equal(take_all(l, &p, START + 100 * SEC, 100), 5);
	/* The clock of a test may go back, the monotonic one does not; nothing opens. */
	assert_int_equal(take_all(l, &p, START, 100), 0);
	limits_leave(l, &p);
	limits_free(l);
}

static void test_retry(void **state)
{
	struct limits *l = make(&(struct limits_setup){ .rate = 1, .burst = 1, .connections = 9 });
	struct limits_place p = enter(l, "192.0.2.1");
	uint32_t retry = 0;

	assert_int_equal(take_all(l, &p, START, 100), 1);
	assert_int_equal(limits_take(l, &p, START, &retry), LIMITS_ADDRESS);
	assert_int_equal(retry, 2);
	assert_int_equal(take_all(l, &p, START + retry * SEC, 100), 1);
	limits_free(l);
}

/* Who shares a bucket, also over several connections. */
static void test_addresses(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "2001:db8::1", "2001:db8::2", true },
		{ "2001:db8::1", "2001:db8:0:0:ffff::2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "0.0.0.0", "::", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct limits *l =
			make(&(struct limits_setup){ .rate = 1, .burst = 4, .connections = 9 });
		struct limits_place a = enter(l, cases[i].a), b = enter(l, cases[i].b);

		assert_int_equal(take_all(l, &a, START, 100), 4);
		assert_int_equal(take_all(l, &b, START, 100), cases[i].same ? 0 : 4);
		limits_leave(l, &a);
		limits_leave(l, &b);
		/* To go and come back does not help. */
		a = enter(l, cases[i].a);
		assert_int_equal(take_all(l, &a, START, 100), 0);
		limits_free(l);
	}
}

static void test_relays(void **state)
{
	static const char *const relays[] = { "192.0.2.9", "2001:db8::9", NULL };
	struct limits *l = make(&(struct limits_setup){
		.rate = 1, .burst = 1, .connections = 1, .relays = relays });
	struct limits_place p;

	for (unsigned i = 0; i < 100; i++) {
		p = enter(l, i % 2 ? "192.0.2.9" : "2001:db8::9");
		assert_int_equal(take_all(l, &p, START, 10), 10);
	}
	/* The neighbour in the /64 is no relay. */
	p = enter(l, "2001:db8::8");
	assert_int_equal(take_all(l, &p, START, 10), 1);
	p = enter(l, "::ffff:192.0.2.9");
	assert_int_equal(take_all(l, &p, START, 10), 10);
	limits_free(l);
}

static void test_wrong_relays(void **state)
{
	static const char *const wrong[] = {
		"", "192.0.2", "192.0.2.0/24", "a.example.org", "::1 "
	};
	const char *relays[] = { NULL, NULL };
	struct limits *l = NULL;
	struct cause why;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		relays[0] = wrong[i];
		assert_int_equal(limits_new(&(struct limits_setup){ .relays = relays }, &l, &why),
				 -EINVAL);
		assert_null(l);
	}
}

static void test_all(void **state)
{
	struct limits *l = make(&(struct limits_setup){
		.rate = 10, .burst = 10, .rate_all = 1, .burst_all = 25, .connections = 9 });
	struct limits_place a = enter(l, "192.0.2.1"), b = enter(l, "192.0.2.2"),
			    c = enter(l, "192.0.2.3"), unix_socket;
	struct sockaddr other = { .sa_family = AF_UNIX };
	uint32_t retry = 0;

	assert_int_equal(take_all(l, &a, START, 100), 10);
	assert_int_equal(take_all(l, &b, START, 100), 10);
	assert_int_equal(take_all(l, &c, START, 100), 5);
	assert_int_equal(limits_take(l, &c, START, &retry), LIMITS_ALL);
	assert_true(retry >= 1);
	assert_true(limits_enter(l, &other, START, &unix_socket));
	assert_int_equal(limits_take(l, &unix_socket, START, &retry), LIMITS_ALL);
	/* What all were refused, the address did not pay. */
	assert_int_equal(take_all(l, &c, START + 100 * SEC, 100), 10);
	limits_free(l);
}

static void test_connections(void **state)
{
	struct limits *l = make(&(struct limits_setup){ .connections = 2 });
	struct limits_place a = enter(l, "192.0.2.1"), b = enter(l, "192.0.2.1"), c;

	assert_false(enter_at(l, "192.0.2.1", START, &c));
	assert_true(enter_at(l, "192.0.2.2", START, &c));
	limits_leave(l, &a);
	a = enter(l, "192.0.2.1");
	assert_false(enter_at(l, "192.0.2.1", START, &c));
	limits_leave(l, &b);
	limits_free(l);
}

/*
 * A million addresses come, ask once and go.  The one that has used up its bucket is still known
 * afterwards.
 */
static void test_crowd(void **state)
{
	struct limits *l = make(&(struct limits_setup){
		.rate = 1, .burst = 100, .rate_all = 100000000, .burst_all = 100000000,
		.connections = 1 });
	struct limits_place hot = enter(l, "192.0.2.1"), p;
	unsigned refused = 0;

	assert_int_equal(take_all(l, &hot, START, 1000), 100);
	limits_leave(l, &hot);
	for (unsigned i = 0; i < 1000000; i++) {
		char address[40];

		snprintf(address, sizeof(address), "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
		if (enter_at(l, address, START, &p)) {
			refused += take_all(l, &p, START, 1) == 0;
			limits_leave(l, &p);
		}
	}
	/* The table was full long before, and further ones had to share. */
	assert_true(refused > 100);
	hot = enter(l, "192.0.2.1");
	assert_int_equal(take_all(l, &hot, START, 1000), 0);
	limits_leave(l, &hot);
	/* Later, when all buckets are full, everybody has one again. */
	assert_true(enter_at(l, "198.51.100.7", START + 1000 * SEC, &p));
	assert_false(p.shared);
	assert_int_equal(take_all(l, &p, START + 1000 * SEC, 1000), 100);
	limits_free(l);
}

/* Connections that stay keep their entries; whoever shares leaves what it entered. */
static void test_full_table(void **state)
{
	static struct limits_place places[100000];
	struct limits *l = make(&(struct limits_setup){ .connections = 2 });
	unsigned n = 0, shared = 0, i = 0;

	for (; i < ARRAY_SIZE(places); i++) {
		char address[40];

		snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		if (enter_at(l, address, START, &places[n]))
			shared += places[n++].shared;
	}
	assert_true(n < i && shared > 0);
	while (n > 0)
		limits_leave(l, &places[--n]);
	for (i = 0; i < 2; i++)
		assert_false(enter(l, "10.1.2.3").shared);
	limits_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),	    cmocka_unit_test(test_retry),
		cmocka_unit_test(test_addresses),   cmocka_unit_test(test_relays),
		cmocka_unit_test(test_wrong_relays), cmocka_unit_test(test_all),
		cmocka_unit_test(test_connections), cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_full_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
