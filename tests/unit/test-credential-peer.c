/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include "wire/credential-peer.h"

#include <cmocka.h>

#define NAME(s) s, sizeof(s) - 1

static void test_good(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *unit, *credential;
	} good[] = {
		{ NAME("\0d01eead4165a1e19/unit/credtest.service/tok"), "credtest.service", "tok" },
		/* The random number has no leading zeros. */
		{ NAME("\0a/unit/a@b.service/x.y"), "a@b.service", "x.y" },
		{ NAME("\0a/unit/a@-\\x2d.b.mount/-"), "a@-\\x2d.b.mount", "-" },
		{ NAME("\0a/unit/x.socket/a@b"), "x.socket", "a@b" },
	};
	struct credential_peer p;
	char name[128];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(credential_peer_parse(good[i].name, good[i].len, &p), 0);
		assert_string_equal(p.unit, good[i].unit);
		assert_string_equal(p.name, good[i].credential);
	}

	/* As long as a name can be, and one more. */
	memset(name, 'u', sizeof(name));
	memcpy(name, "\0" "1/unit/x.service/", 18);
	assert_int_equal(credential_peer_parse(name, 18 + CREDENTIAL_NAME_MAX, &p), 0);
	assert_int_equal(strlen(p.name), CREDENTIAL_NAME_MAX);
	assert_int_equal(credential_peer_parse(name, 19 + CREDENTIAL_NAME_MAX, &p), -EINVAL);
}

static void test_bad(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} bad[] = {
		{ NAME("") },
		{ NAME("/run/x.sock") },
		{ NAME("\0") },
		{ NAME("\0/unit/x.service/t") },
		{ NAME("\0A/unit/x.service/t") },
		{ NAME("\0001234567890abcdef0/unit/x.service/t") },
		{ NAME("\0a/cryptsetup/x.service/t") },
		{ NAME("\0a/unit/") },
		{ NAME("\0a/unit/x.service") },
		{ NAME("\0a/unit/x.service/") },
		{ NAME("\0a/unit//t") },
		{ NAME("\0a/unit/x/t") },
		{ NAME("\0a/unit/.service/t") },
		{ NAME("\0a/unit/x.target/t") },
		{ NAME("\0a/unit/x.slice/t") },
		/* a template does not run */
		{ NAME("\0a/unit/x@.service/t") },
		{ NAME("\0a/unit/@x.service/t") },
		{ NAME("\0a/unit/x@y@z.service/t") },
		{ NAME("\0a/unit/x.service@y/t") },
		{ NAME("\0a/unit/x y.service/t") },
		{ NAME("\0a/unit/x*.service/t") },
		/* another slash could be read in two ways */
		{ NAME("\0a/unit/x.service/t/u") },
		{ NAME("\0a/unit/x.service/y.service/t") },
		{ NAME("\0a/unit/x.service/.") },
		{ NAME("\0a/unit/x.service/..") },
		{ NAME("\0a/unit/x.service/t:u") },
		{ NAME("\0a/unit/x.service/t\n") },
		{ NAME("\0a/unit/x.service/t\0u") },
		{ NAME("\0a/unit/x.service\0y/t") },
		{ NAME("\0a/unit/x.service/\xc3\xa9") },
	};
	struct credential_peer p = { "untouched", "too" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(credential_peer_parse(bad[i].name, bad[i].len, &p), -EINVAL);
	assert_string_equal(p.unit, "untouched");
	assert_string_equal(p.name, "too");
}

static void test_units(void **state)
{
	bool template;

	assert_true(unit_name_is_valid("app@.service", &template));
	assert_true(template);
	assert_true(unit_name_is_valid("app.service", &template));
	assert_false(template);
	assert_false(unit_name_is_valid("", &template));
	assert_false(unit_name_is_valid("app", &template));
	assert_false(unit_name_is_valid("@.service", &template));

	assert_true(unit_name_is_for("app.service", "app.service"));
	assert_true(unit_name_is_for("app@a.service", "app@a.service"));
	assert_true(unit_name_is_for("app@a.b.service", "app@.service"));
	assert_false(unit_name_is_for("app@a.service", "app@b.service"));
	assert_false(unit_name_is_for("app@a.socket", "app@.service"));
	assert_false(unit_name_is_for("app.service", "app@.service"));
	assert_false(unit_name_is_for("apps@a.service", "app@.service"));
	assert_false(unit_name_is_for("app@a.service", "app.service"));
	assert_false(unit_name_is_for("app@a.service.mount", "app@.service"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
