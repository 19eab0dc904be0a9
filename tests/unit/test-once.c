/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/once.h"

#define T0 1800000000

static struct once_request request(uint8_t launch, uint8_t boot, uint8_t rd, int64_t now)
{
	struct once_request q = { .has_launch = launch, .has_boot = boot, .now = now };

	memset(q.launch, launch, sizeof(q.launch));
	memset(q.boot, boot, sizeof(q.boot));
	memset(q.rd, rd, sizeof(q.rd));
	return q;
}

static enum once_answer decide(enum release_per per, const struct claim *old,
			       const struct once_request *q, struct claim *ret)
{
	const char *why = NULL;
	enum once_answer answer;

	memset(ret, 0xee, sizeof(*ret));
	answer = once_decide(per, old, q, ret, &why);
	assert_non_null(why);
	assert_int_equal(why[0] == '\0', answer == ONCE_CLAIM || answer == ONCE_AGAIN);
	if (answer != ONCE_CLAIM && answer != ONCE_AGAIN)
		assert_int_equal(ret->n, 0xeeeeeeee);
	return answer;
}

static struct claim first(enum release_per per)
{
	struct once_request q = request(1, 1, 1, T0);
	struct claim c;

	assert_int_equal(decide(per, NULL, &q, &c), ONCE_CLAIM);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.at, T0);
	assert_false(c.confirmed);
	assert_memory_equal(c.launch, q.launch, 32);
	assert_memory_equal(c.boot, q.boot, 32);
	assert_memory_equal(c.rd, q.rd, 48);
	return c;
}

/* Each row of the table, at its boundaries. */
static void test_table(void **state)
{
	static const struct {
		enum release_per per;
		uint8_t launch, boot, rd;
		int64_t after;
		bool confirmed;
		unsigned n;
		enum once_answer wanted;
	} rows[] = {
		/* a lost reply */
		{ PER_LAUNCH, 1, 1, 1, 0, false, 1, ONCE_AGAIN },
		{ PER_LAUNCH, 1, 1, 1, 599, false, 1, ONCE_AGAIN },
		{ PER_LAUNCH, 1, 1, 1, 599, false, 5, ONCE_AGAIN },
		{ PER_LAUNCH, 1, 1, 1, 600, false, 1, ONCE_RELEASED },
		{ PER_LAUNCH, 1, 1, 1, 0, true, 1, ONCE_RELEASED },
		/* a crash */
		{ PER_LAUNCH, 1, 1, 2, 599, false, 1, ONCE_AGAIN },
		{ PER_LAUNCH, 1, 1, 2, 599, false, 4, ONCE_AGAIN },
		{ PER_LAUNCH, 1, 1, 2, 599, false, 5, ONCE_RELEASED },
		{ PER_LAUNCH, 1, 1, 2, 600, false, 1, ONCE_RELEASED },
		{ PER_LAUNCH, 1, 1, 2, 1, true, 1, ONCE_RELEASED },
		/* kexec, whatever else there is */
		{ PER_LAUNCH, 1, 2, 2, 1, false, 1, ONCE_REBOOTED },
		{ PER_LAUNCH, 1, 2, 1, 1, false, 1, ONCE_REBOOTED },
		{ PER_LAUNCH, 1, 2, 2, 700, true, 1, ONCE_REBOOTED },
		/* no boot: nothing tells a crash from a kexec */
		{ PER_LAUNCH, 1, 0, 2, 1, false, 1, ONCE_RELEASED },
		{ PER_LAUNCH, 1, 0, 1, 1, false, 1, ONCE_AGAIN },
		/* no launch: never turned into anything */
		{ PER_LAUNCH, 0, 1, 1, 1, false, 1, ONCE_NO_LAUNCH },
		/* per VM */
		{ PER_VM, 1, 1, 2, 1, false, 1, ONCE_AGAIN },
		{ PER_VM, 2, 1, 2, 1, false, 1, ONCE_RELEASED },
		{ PER_VM, 2, 1, 1, 1, false, 1, ONCE_RELEASED },
		{ PER_VM, 2, 2, 2, 1, false, 1, ONCE_RELEASED },
		{ PER_VM, 0, 1, 2, 1, false, 1, ONCE_RELEASED },
		{ PER_VM, 0, 1, 1, 1, false, 1, ONCE_AGAIN },
		/* the clock */
		{ PER_LAUNCH, 1, 1, 1, -30, false, 1, ONCE_AGAIN },
		{ PER_LAUNCH, 1, 1, 1, -31, false, 1, ONCE_CLOCK },
		{ PER_VM, 2, 2, 2, -31, true, 1, ONCE_CLOCK },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct claim old = first(rows[i].per), c;
		struct once_request q = request(rows[i].launch, rows[i].boot, rows[i].rd,
						T0 + rows[i].after);
		enum once_answer answer;

		old.confirmed = rows[i].confirmed;
		old.n = rows[i].n;
		strcpy(old.release, "id");
		answer = decide(rows[i].per, &old, &q, &c);
		if (answer != rows[i].wanted)
			fail_msg("row %zu: %d", i, answer);
		if (answer == ONCE_AGAIN) {
			/* The window is the first release's, and so is its name. */
			assert_int_equal(c.at, T0);
			assert_string_equal(c.release, "id");
			assert_int_equal(c.n, rows[i].n + (rows[i].rd != 1));
			assert_memory_equal(c.rd, q.rd, 48);
		}
	}
}

static void test_approved(void **state)
{
	struct claim old = first(PER_VM), c;
	struct once_request q = request(2, 2, 2, T0 + 5000);

	q.approved = true;
	assert_int_equal(decide(PER_VM, &old, &q, &c), ONCE_CLAIM);
	assert_int_equal(c.at, T0 + 5000);
	assert_int_equal(c.n, 1);
	assert_string_equal(c.release, "");
	/* No approval makes up for these. */
	q.now = T0 - 31;
	assert_int_equal(decide(PER_VM, &old, &q, &c), ONCE_CLOCK);
	q.has_launch = false;
	assert_int_equal(decide(PER_LAUNCH, NULL, &q, &c), ONCE_NO_LAUNCH);
	/* It is not what makes "again" possible, so it need not be used up. */
	q = request(1, 1, 1, T0 + 1);
	q.approved = true;
	assert_int_equal(decide(PER_VM, &old, &q, &c), ONCE_AGAIN);
}

/*
 * A second, simpler account of what went out: for each key that got it, launch, boot and time.
 * What the rules promise is checked against that history, not against the claim.
 */
#define HISTORY_MAX 64

static void check_history(const struct once_request *all, unsigned n, enum release_per per,
			  int64_t confirmed_at)
{
	const struct once_request *last = &all[n - 1];
	unsigned keys = 0;

	for (unsigned i = 0; i + 1 < n; i++) {
		bool other_key = memcmp(all[i].rd, last->rd, 48) != 0;

		/* One launch, one kernel. */
		assert_memory_equal(all[i].launch, last->launch, 32);
		assert_memory_equal(all[i].boot, last->boot, 32);
		keys += other_key && (i == 0 || memcmp(all[i].rd, all[i - 1].rd, 48) != 0);
	}
	assert_true(keys < CLAIM_TIMES_MAX);
	/* In the window of the first, and not behind a confirmation. */
	assert_true(last->now < all[0].now + CLAIM_WINDOW_SEC);
	assert_true(confirmed_at == 0 || n == 1);
	assert_true(per == PER_LAUNCH || per == PER_VM);
}

static void test_histories(void **state)
{
	srand(20261128);
	for (unsigned round = 0; round < 20000; round++) {
		enum release_per per = rand() % 2 ? PER_LAUNCH : PER_VM;
		struct once_request history[HISTORY_MAX];
		struct claim claim, next;
		unsigned n = 0, n_releases = 0;
		int64_t now = T0, confirmed_at = 0;
		bool has_claim = false;

		for (unsigned step = 0; step < 40; step++) {
			struct once_request q;
			enum once_answer answer;

			now += rand() % 4 == 0 ? rand() % 300 : rand() % 3;
			/* A claim of Per=launch is found by its launch. */
			q = request(per == PER_LAUNCH ? 1 : (uint8_t)(1 + rand() % 8 / 7),
				    (uint8_t)(1 + rand() % 8 / 7), (uint8_t)(1 + rand() % 9), now);
			if (has_claim && rand() % 30 == 0) {
				claim.confirmed = true;
				confirmed_at = now;
				continue;
			}
			answer = decide(per, has_claim ? &claim : NULL, &q, &next);
			if (answer != ONCE_CLAIM && answer != ONCE_AGAIN)
				continue;
			assert_int_equal(answer == ONCE_CLAIM, !has_claim);
			claim = next;
			has_claim = true;
			assert_true(n < HISTORY_MAX);
			history[n++] = q;
			n_releases++;
			check_history(history, n, per, confirmed_at);
		}
		assert_true(n_releases >= 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_approved),
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
