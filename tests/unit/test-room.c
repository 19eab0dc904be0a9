/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many peers a limit of descriptors allows: never so many that cocod has none left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/keeper/room.h"

#include <cmocka.h>

/* What cocod and all peers may use at most. */
static uint64_t all_of(const struct room *r, unsigned n_passed)
{
	return 192 + n_passed + 32 * 8 + r->clients + r->users + 4ull * r->waiting;
}

static void test_limits(void **state)
{
	struct room r, more;

	for (uint64_t n = 0; n < 70000; n += 37)
		for (unsigned passed = 0; passed <= 1000; passed += 500) {
			bool fits = room_share(n, passed, &r);

			assert_int_equal(fits, all_of(&r, passed) <= n);
			assert_true(r.clients >= 32 && r.users >= 16 && r.waiting >= 64);
			assert_true(r.clients <= 1024 && r.users <= 512 && r.waiting <= 4096);
			(void) room_share(n + 1000, passed, &more);
			assert_true(more.clients >= r.clients && more.users >= r.users &&
				    more.waiting >= r.waiting);
		}
	/* systemd's default. */
	assert_true(room_share(1024, 10, &r));
	assert_true(r.waiting > 64);
	/* cocod.service. */
	assert_true(room_share(16384, 1000, &r));
	assert_true(r.waiting >= 3000);
	assert_true(room_share(UINT64_MAX, UINT32_MAX, &r));
	assert_int_equal(r.waiting, 4096);
	assert_false(room_share(0, 0, &r));
	assert_false(room_share(256, UINT32_MAX, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
