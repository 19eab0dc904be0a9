/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "wire/unit-cgroup.h"

#include <cmocka.h>

static const struct {
	const char *text, *unit;	/* NULL: none */
} cases[] = {
	{ "0::/system.slice/app.service\n", "app.service" },
	{ "0::/system.slice/app.service", "app.service" },
	{ "0::/app.service\n", "app.service" },
	{ "0::/system.slice/system-systemd\\x2dcryptsetup.slice/systemd-cryptsetup@data.service\n",
	  "systemd-cryptsetup@data.service" },
	/* What is below a unit is the unit's own choice. */
	{ "0::/system.slice/app.service/other.service\n", "app.service" },
	{ "0::/system.slice/app.service/system.slice/other.service\n", "app.service" },
	{ "0::/system.slice/app.service/\n", "app.service" },
	{ "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app.service\n",
	  "user@1000.service" },
	/* Escaped, as "cgroup.service" would be a file of the kernel's. */
	{ "0::/system.slice/_cgroup.service\n", "cgroup.service" },
	{ "0::/system.slice/__app.service\n", "_app.service" },
	/* Version 1, with and without the hierarchies of controllers; and both. */
	{ "12:cpu,cpuacct:/system.slice/other.service\n1:name=systemd:/system.slice/app.service\n",
	  "app.service" },
	{ "1:name=systemd:/system.slice/other.service\n0::/system.slice/app.service\n",
	  "app.service" },
	{ "0::/\n1:name=systemd:/system.slice/other.service\n", NULL },
	/* None. */
	{ "", NULL },
	{ "\n", NULL },
	{ "0::\n", NULL },
	{ "0::/\n", NULL },
	{ "::/app.service\n", NULL },
	{ "0:/app.service\n", NULL },
	{ "0:x:/app.service\n", NULL },
	{ "1:name=systemd2:/app.service\n", NULL },
	{ "0::app.service\n", NULL },
	{ "0::/system.slice\n", NULL },
	{ "0::/system.slice/\n", NULL },
	{ "0::/system.slice/system-x.slice\n", NULL },
	{ "0::/init.scope\n", NULL },
	{ "0::/docker/0123/system.slice/app.service\n", NULL },
	{ "0::/system.slice//app.service\n", NULL },
	{ "0::/../app.service\n", NULL },
	{ "0::/system.slice/../app.service\n", NULL },
	{ "0::/.slice/app.service\n", NULL },
	{ "0::/system.slice/app.service (deleted)\n", NULL },
	{ "0::/system.slice/app@.service\n", NULL },
	{ "0::/system.slice/@x.service\n", NULL },
	{ "0::/system.slice/a@b@c.service\n", NULL },
	{ "0::/system.slice/.service\n", NULL },
	{ "0::/system.slice/_\n", NULL },
	{ "0::/system.slice/app.Service\n", NULL },
	{ "0::/system.slice/app\n0::/system.slice/app.service\n", NULL },
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char unit[UNIT_NAME_MAX + 1] = "before";
		int r = unit_of_cgroup(cases[i].text, unit);

		if (r != (cases[i].unit ? 0 : -ENXIO) ||
		    strcmp(unit, cases[i].unit ? cases[i].unit : "before") != 0)
			fail_msg("'%s': %d, '%s'", cases[i].text, r, unit);
	}
}

static void test_long(void **state)
{
	char text[512], unit[UNIT_NAME_MAX + 1];

	for (int len = 245; len <= 250; len++) {
		snprintf(text, sizeof(text), "0::/system.slice/%0*d.service\n", len, 1);
		assert_int_equal(unit_of_cgroup(text, unit),
				 len + strlen(".service") <= UNIT_NAME_MAX ? 0 : -ENXIO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
