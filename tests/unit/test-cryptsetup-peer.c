/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include "wire/cryptsetup-peer.h"

#include <cmocka.h>

#define NAME(s) s, sizeof(s) - 1

static void test_volume(void **state)
{
	char v[VOLUME_NAME_MAX + 1], name[128];

	assert_int_equal(cryptsetup_peer_parse(NAME("\0f7f6ed928da017a3/cryptsetup/vol1"), v), 0);
	assert_string_equal(v, "vol1");
	/* The random number has no leading zeros. */
	assert_int_equal(cryptsetup_peer_parse(NAME("\0a/cryptsetup/luks-1234.x"), v), 0);
	assert_string_equal(v, "luks-1234.x");

	memset(name, 'v', sizeof(name));
	memcpy(name, "\0" "1/cryptsetup/", 14);
	assert_int_equal(cryptsetup_peer_parse(name, 14 + VOLUME_NAME_MAX, v), 0);
	assert_int_equal(strlen(v), VOLUME_NAME_MAX);
	assert_int_equal(cryptsetup_peer_parse(name, 15 + VOLUME_NAME_MAX, v), -EINVAL);
}

static void test_no_volume(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} bad[] = {
		{ NAME("") },
		{ NAME("/run/x.sock") },
		{ NAME("\0") },
		{ NAME("\0/cryptsetup/v") },
		{ NAME("\0g/cryptsetup/v") },
		{ NAME("\0A/cryptsetup/v") },
		{ NAME("\0001234567890abcdef0/cryptsetup/v") },
		{ NAME("\0a/cryptsetup/") },
		{ NAME("\0a/cryptsetup-tpm2/v") },
		{ NAME("\0a/unit/x.service/v") },
		{ NAME("\0a/cryptsetup/a/b") },
		{ NAME("\0a/cryptsetup/a b") },
		{ NAME("\0a/cryptsetup/a\n") },
		{ NAME("\0a/cryptsetup/a\0b") },
		{ NAME("\0a/cryptsetup/\xc3\xa9") },
	};
	char v[VOLUME_NAME_MAX + 1] = "untouched";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cryptsetup_peer_parse(bad[i].name, bad[i].len, v), -EINVAL);
	assert_string_equal(v, "untouched");
}

static void test_unit(void **state)
{
	assert_true(cryptsetup_unit_is_for("systemd-cryptsetup@data.service", "data"));
	assert_true(cryptsetup_unit_is_for("systemd-cryptsetup@luks\\x2d12.service", "luks-12"));
	assert_true(cryptsetup_unit_is_for("systemd-cryptsetup@a.b_c:d.service", "a.b_c:d"));

	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data.service", "data2"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data2.service", "data"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data.service.service", "data"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data.scope", "data"));
	assert_false(cryptsetup_unit_is_for("ssh.service", "data"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@", ""));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@luks-12.service", "luks-12"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data\\x00.service", "data"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data\\x2.service", "data"));
	assert_false(cryptsetup_unit_is_for("systemd-cryptsetup@data\\.service", "data"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volume),
		cmocka_unit_test(test_no_volume),
		cmocka_unit_test(test_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
