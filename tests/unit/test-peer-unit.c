/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unit of each process that runs here, as libsystemd finds it: the same, where it is one that
 * runs something, and none otherwise.  What texts there are is in tests/unit/test-unit-cgroup.c.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "agent/keeper/peer-unit.h"
#include "base/macro.h"
#include "wire/credential-peer.h"

#include <cmocka.h>

static void check(pid_t pid)
{
	char unit[UNIT_NAME_MAX + 1] = "", *expected = NULL;
	bool template;
	int r = peer_unit(pid, unit), e = sd_pid_get_unit(pid, &expected);

	if (e >= 0 && unit_name_is_valid(expected, &template)) {
		/* It may have gone in between. */
		if (r != -ESRCH) {
			assert_int_equal(r, 0);
			assert_string_equal(unit, expected);
		}
	} else {
		assert_true(r < 0);
		assert_string_equal(unit, "");
	}
	free(expected);
}

static void test_all(void **state)
{
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	unsigned n = 0;

	assert_non_null(proc);
	while ((d = readdir(proc))) {
		pid_t pid = atoi(d->d_name);

		if (pid <= 0 || (pid != getpid() && kill(pid, 0) < 0))
			continue;
		check(pid);
		n++;
	}
	assert_true(n > 0);
	(void) closedir(proc);
}

static void test_none(void **state)
{
	char unit[UNIT_NAME_MAX + 1] = "";

	assert_int_equal(peer_unit(INT32_MAX, unit), -ESRCH);
	assert_int_equal(peer_unit(-1, unit), -EINVAL);
	assert_int_equal(peer_unit(0, unit), -EINVAL);
	assert_string_equal(unit, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
