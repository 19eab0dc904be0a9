/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crypttab: which lines count, which volume they are for, and which options do not work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "doctor/crypttab-line.h"

#include <cmocka.h>

#define UUID "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

static void test_option(void **state)
{
	static const char options[] = "luks,keyfile-size=8,a=,keyfile-size=16,header";
	size_t len = 99;

	assert_memory_equal(crypttab_line_option(options, "keyfile-size", &len), "16", 2);
	assert_int_equal(len, 2);
	assert_non_null(crypttab_line_option(options, "header", &len));
	assert_int_equal(len, 0);
	assert_non_null(crypttab_line_option(options, "a", &len));
	assert_int_equal(len, 0);
	assert_null(crypttab_line_option(options, "keyfile", &len));
	assert_null(crypttab_line_option(options, "size", &len));
	assert_null(crypttab_line_option("", "luks", &len));
}

static void test_device(void **state)
{
	char path[] = "/tmp/test-crypttab-line.XXXXXX", link[64];
	char other[] = "/tmp/test-crypttab-line.XXXXXX";
	struct stat st;
	int a = mkstemp(path), b = mkstemp(other);

	assert_true(a >= 0 && b >= 0);
	assert_int_equal(fstat(a, &st), 0);
	snprintf(link, sizeof(link), "%s.link", path);
	assert_int_equal(symlink(path, link), 0);
	assert_true(crypttab_is_device("UUID=" UUID, UUID, &st));
	assert_true(crypttab_is_device("UUID=1B4E28BA-2FA1-11D2-883F-0016D3CCA427", UUID, &st));
	assert_false(crypttab_is_device("UUID=" UUID "0", UUID, &st));
	assert_false(crypttab_is_device("UUID=", UUID, &st));
	assert_true(crypttab_is_device(path, UUID, &st));
	assert_true(crypttab_is_device(link, UUID, &st));
	assert_false(crypttab_is_device(other, UUID, &st));
	assert_false(crypttab_is_device("/nowhere/at/all", UUID, &st));
	assert_false(crypttab_is_device("/dev/null", UUID, &st));
	assert_false(crypttab_is_device("LABEL=coco-nothing-has-this", UUID, &st));
	(void) unlink(link);
	(void) unlink(path);
	(void) unlink(other);
	(void) close(a);
	(void) close(b);
}

struct row {
	const char *key, *options;
	const char *why;	/* NULL: it works */
};

static void test_judge(void **state)
{
	static const struct row rows[] = {
		{ "none", "luks,nofail,headless,x-initrd.attach", NULL },
		{ "", "", NULL },
		{ "-", "luks", NULL },
		{ "/run/cocod/cryptsetup.sock", "luks", NULL },
		{ "/run/cryptsetup-keys.d/data.key", "luks", NULL },
		{ "/run/cryptsetup-keys.d/other.key", "luks", "another key file" },
		{ "/run/cryptsetup-keys.d/data", "luks", "another key file" },
		{ "/dev/urandom", "luks", "another key file" },
		{ "none", "luks,keyfile-offset=0", "no offset" },
		{ "none", "luks,keyfile-erase", "remove cocod's socket" },
		{ "none", "luks,keyfile-erase=yes", "remove cocod's socket" },
		{ "none", "luks,swap", "overwritten" },
		{ "none", "tmp", "overwritten" },
		{ "none", "tmp=ext4", "overwritten" },
		{ "none", "plain", "LUKS" },
		{ "none", "tcrypt", "LUKS" },
		{ "none", "bitlk", "LUKS" },
		{ "none", "luks,header=/a:UUID=1", "header" },
		{ "none", "luks,header=/run/cocod.headers/data.hdr,nofail", NULL },
		{ "none", "luks,header=/run/cocod.headers/other.hdr", "header" },
		{ "none", "luks,header=/run/cocod.headers/data.hdrx", "header" },
		{ "none", "luks,tpm2-device=auto", "TPM" },
		{ "none", "luks,fido2-device=auto", "FIDO2" },
		{ "none", "luks,pkcs11-uri=auto", "smart card" },
		{ "none", "luks,keyfile-size=32", NULL },
		{ "none", "luks,keyfile-size=64", NULL },
		{ "none", "luks,keyfile-size=31", "32 bytes" },
		{ "none", "luks,keyfile-size=x", "32 bytes" },
		{ "none", "luks,key-slot=3", NULL },
		{ "none", "luks,key-slot=2", "key-slot=2" },
		{ "none", "luks,key-slot=3,key-slot=4", "key-slot=4" },
		{ "none", "luks,keyscript=/usr/lib/coco-agent/keyscript", NULL },
		{ "data", "luks,keyscript=/usr/lib/coco-agent/keyscript", NULL },
		{ "none", "luks,keyscript=/bin/true", "keyscript=" },
		{ "none", "luks,keyscript=/coco-agent/keyscript,keyscript=x", "keyscript=" },
		{ "none", "luks,keyfile-timeout=3s,tries=1", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct crypttab_line line = {
			.number = 7, .volume = "data", .device = "/dev/a", .key = rows[i].key,
			.options = rows[i].options,
		};
		struct cause c = { "" };
		int r = crypttab_judge(&line, 3, 32, &c);

		if (!!rows[i].why != (r < 0) ||
		    (r < 0 && (!strstr(c.text, rows[i].why) || !strstr(c.text, "line 7"))))
			fail_msg("%s %s: %d %s", rows[i].key, rows[i].options, r, c.text);
	}
}

static void test_judge_before_keyslot(void **state)
{
	const struct crypttab_line line = {
		.number = 1, .volume = "data", .key = "none", .options = "key-slot=1",
	};
	const struct crypttab_line odd = {
		.number = 1, .volume = "da+ta", .key = "none", .options = "",
	};
	struct cause c;

	assert_int_equal(crypttab_judge(&line, -1, 32, &c), -EINVAL);
	assert_int_equal(crypttab_judge(&odd, -1, 32, &c), -EINVAL);
	assert_non_null(strstr(c.text, "/run/cocod/cryptsetup.sock"));
}

static void test_key(void **state)
{
	char unit[CRYPTTAB_UNIT_MAX];

	assert_string_equal(crypttab_key("my-data", unit), "none");
	assert_string_equal(unit, "cocod-cryptsetup@my-data.socket");
	assert_string_equal(crypttab_key("a+b", unit), "/run/cocod/cryptsetup.sock");
	assert_string_equal(unit, "cocod-cryptsetup.socket");
}

static void test_header(void **state)
{
	char path[CRYPTTAB_HEADER_MAX], unit[CRYPTTAB_UNIT_MAX], name[66] = "";
	struct crypttab_line line = { .volume = "data" };

	assert_true(crypttab_header("my-da_t:a.1", path, unit));
	assert_string_equal(path, "/run/cocod.headers/my-da_t:a.1.hdr");
	assert_string_equal(unit, "cocod-header@my\\x2dda_t:a.1.service");
	assert_true(crypttab_header("a+\xc3", path, unit));
	assert_string_equal(unit, "cocod-header@a\\x2b\\xc3.service");
	assert_false(crypttab_header(".data", path, unit));
	/* As long as a name may be, and each character escaped: no unit can be named so. */
	memset(name, '+', sizeof(name) - 2);
	assert_false(crypttab_header(name, path, unit));
	memset(name, 'a', sizeof(name) - 2);
	assert_true(crypttab_header(name, path, unit));

	line.options = "luks,header=/run/cocod.headers/data.hdr";
	assert_true(crypttab_has_copy(&line));
	line.options = "luks,header=/run/cocod.headers/data.hdr,header=/boot/h";
	assert_false(crypttab_has_copy(&line));
	line.options = "luks,header=/run/cocod.headers/data2.hdr";
	assert_false(crypttab_has_copy(&line));
	line.options = "luks,header";
	assert_false(crypttab_has_copy(&line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option),
		cmocka_unit_test(test_device),	cmocka_unit_test(test_judge),
		cmocka_unit_test(test_judge_before_keyslot),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
