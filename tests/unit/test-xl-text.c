/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record's .probe/xl: what it says, and what nonsense becomes. */
#include <setjmp.h>
#include <stdarg.h>

#include "doctor/xl-text.h"

#include <cmocka.h>

static const char dom0[] =
	"$ xl info\n"
	"host                   : dom0\n"
	"xen_scheduler          : credit2\n"
	"xen_commandline        : placeholder sched=null  \n"
	"virt_caps              :\n"
	"xen_scheduler          : null\n"
	"$ xenhypfs cat /buildinfo/config\n"
	"CONFIG_PV=y\n"
	"# CONFIG_SCHED_NULL is not set\n"
	"CONFIG_PHYS=\"a: b\"\n";

static void test_info(void **state)
{
	char value[64];

	assert_int_equal(xl_info(dom0, "xen_scheduler", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "credit2");
	assert_int_equal(xl_info(dom0, "xen_commandline", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "placeholder sched=null  ");
	assert_int_equal(xl_info(dom0, "virt_caps", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "");
	/* A name's beginning is not the name, nor is a name of another command's. */
	assert_int_equal(xl_info(dom0, "xen", value, sizeof(value)), PROBE_SILENT);
	assert_int_equal(xl_info(dom0, "CONFIG_PHYS", value, sizeof(value)), PROBE_SILENT);
}

static void test_build(void **state)
{
	char value[64];

	assert_int_equal(xl_build(dom0, "CONFIG_PV", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "y");
	assert_int_equal(xl_build(dom0, "CONFIG_SCHED_NULL", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "n");
	assert_int_equal(xl_build(dom0, "CONFIG_P", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "n");
	/* Without a configuration nothing is off. */
	assert_int_equal(xl_build("$ xenhypfs cat /buildinfo/config\nno such file\n", "CONFIG_PV",
				  value, sizeof(value)),
			 PROBE_SILENT);
	assert_int_equal(xl_build("CONFIG_PV=y\n", "CONFIG_PV", value, sizeof(value)),
			 PROBE_SILENT);
}

static void test_noise(void **state)
{
	static const char *const texts[] = {
		"", "$", "$ ", "$ xl info", "$ xl info\n", "$ xl info\nxen_scheduler",
		"$ xl info\nxen_scheduler :", "$ xl infox\nxen_scheduler : a\n",
		"xen_scheduler : a\n", "$ xl info\n$ \nxen_scheduler : a\n",
	};
	char value[4];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		enum probe_said said = xl_info(texts[i], "xen_scheduler", value, sizeof(value));

		assert_int_equal(said, i == 6 ? PROBE_SAYS : PROBE_SILENT);
	}
	/* It is cut. */
	assert_int_equal(xl_info(dom0, "host", value, sizeof(value)), PROBE_SAYS);
	assert_string_equal(value, "dom");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
