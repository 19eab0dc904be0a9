/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of Keyring...= and File...=, and what becomes of them in an order to cocod-place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "secrets/place-rules.h"

static void assert_rights(const char *text, uint32_t want)
{
	struct place_rules p = { 0 };

	assert_int_equal(place_set_rights(&p, text), want ? 0 : -EINVAL);
	assert_int_equal(p.key_rights, want);
}

/* The owner can always revoke, and nobody can change rights, or the expiry. */
static void test_rights(void **state)
{
	assert_rights("view", 0x01150000);
	assert_rights("read", 0x02160000);
	assert_rights(" view\tread  search ", 0x0b1f0000);
	assert_rights("search", 0x081c0000);
	assert_rights("", 0);
	assert_rights("  ", 0);
	assert_rights("write", 0);
	assert_rights("setattr", 0);
	assert_rights("link", 0);
	assert_rights("view,read", 0);
	assert_rights("view view", 0);
	assert_rights("rea", 0);
	assert_rights("READ", 0);
	assert_rights("0x3f3f0000", 0);
}

static void test_types(void **state)
{
	static const char *const bad[] = { "", "User", "user ", "keyring", "big_key", "encrypted" };
	struct place_rules p = { 0 };

	assert_int_equal(place_set_type(&p, "user"), 0);
	assert_int_equal(p.type, KEYRING_USER);
	assert_int_equal(place_set_type(&p, "logon"), 0);
	assert_int_equal(p.type, KEYRING_LOGON);
	assert_int_equal(place_set_type(&p, "cryptsetup"), 0);
	assert_int_equal(p.type, KEYRING_CRYPTSETUP);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(place_set_type(&p, bad[i]), -EINVAL);
	assert_int_equal(p.type, KEYRING_CRYPTSETUP);
}

static void test_description(void **state)
{
	struct place_rules p = { 0 };
	char text[PLACE_NAME_LEN + 1];

	assert_int_equal(place_set_description(&p, "app:db"), 0);
	assert_string_equal(p.description, "app:db");
	assert_int_equal(place_set_description(&p, ""), -EINVAL);
	assert_int_equal(place_set_description(&p, "a b"), -EINVAL);
	assert_int_equal(place_set_description(&p, "a\tb"), -EINVAL);
	assert_int_equal(place_set_description(&p, "\xc3\xa4"), -EINVAL);
	memset(text, 'x', sizeof(text));
	text[PLACE_NAME_LEN] = '\0';
	assert_int_equal(place_set_description(&p, text), -E2BIG);
	text[PLACE_NAME_LEN - 1] = '\0';
	assert_int_equal(place_set_description(&p, text), 0);
	assert_string_equal(p.description, text);
}

static void test_expiry(void **state)
{
	static const char *const bad[] = { "", "0", "0s", "500ms", "1500ms", "-1", "never",
					   "50000d", "4294967296s", "1s " };
	struct place_rules p = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(place_set_expiry(&p, bad[i]), -EINVAL);
	assert_int_equal(p.expires_sec, 0);
	assert_int_equal(place_set_expiry(&p, "90"), 0);
	assert_int_equal(p.expires_sec, 90);
	assert_int_equal(place_set_expiry(&p, "2h"), 0);
	assert_int_equal(p.expires_sec, 7200);
	assert_int_equal(place_set_expiry(&p, "4294967295s"), 0);
	assert_int_equal(p.expires_sec, UINT32_MAX);
}

static void test_modes(void **state)
{
	static const char *const bad[] = { "", "0", "40", "000", "0040", "0200", "0404", "0444",
					   "0500", "0755", "04400", "1400", "4400", "0o400",
					   "0x100",
					   "0400 ", "-400", "u=r" };
	struct place_rules p = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(place_set_mode(&p, bad[i]), -EINVAL);
	assert_non_null(place_file_wrong(&p));
	assert_int_equal(place_set_mode(&p, "0400"), 0);
	assert_int_equal(p.file_mode, 0400);
	assert_int_equal(place_set_mode(&p, "640"), 0);
	assert_int_equal(p.file_mode, 0640);
	assert_null(place_file_wrong(&p));
}

static void test_ids(void **state)
{
	static const char *const bad[] = { "", "-1", "01", "0x10", "root", "4294967295",
					   "4294967296", " 1", "1 " };
	uint32_t id = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(place_set_id(&id, bad[i]), -EINVAL);
	assert_int_equal(id, 7);
	assert_int_equal(place_set_id(&id, "0"), 0);
	assert_int_equal(id, 0);
	assert_int_equal(place_set_id(&id, "4294967294"), 0);
	assert_int_equal(id, 4294967294u);
}

static void assert_wrong(const struct place_rules *p, const char *what)
{
	const char *why = place_key_wrong(p);

	if (!what)
		assert_null(why);
	else
		assert_non_null(why ? strstr(why, what) : NULL);
}

static void test_keys(void **state)
{
	struct place_rules p = { .description = "cocod:db" };

	assert_wrong(&p, "needs KeyringType=");
	p.type = KEYRING_USER;
	assert_wrong(&p, "needs KeyringPermissions=");
	assert_int_equal(place_set_rights(&p, "view read search"), 0);
	assert_wrong(&p, NULL);
	p.type = KEYRING_LOGON;
	assert_wrong(&p, "cannot have 'read'");
	assert_int_equal(place_set_rights(&p, "search"), 0);
	assert_wrong(&p, NULL);
	strcpy(p.description, "db");
	assert_wrong(&p, "prefix");
	strcpy(p.description, ":db");
	assert_wrong(&p, "prefix");
	p.type = KEYRING_CRYPTSETUP;
	assert_wrong(&p, NULL);
	p.key_owner = 1000;
	assert_wrong(&p, "is for root");
}

static void test_orders(void **state)
{
	const struct place_rules p = {
		.type = KEYRING_LOGON, .description = "app:db", .key_owner = 1000,
		.key_rights = 0x080d0000, .expires_sec = 60, .file_owner = 5, .file_group = 6,
		.file_mode = 0440,
	};
	char consumer[128];
	struct place_order o;

	place_order_fill(&p, PLACE_KEYRING, "db", 9, &o);
	assert_string_equal(o.name, "app:db");
	assert_int_equal(o.owner, 1000);
	assert_int_equal(o.group, 0);
	assert_int_equal(o.rights, 0x080d0000);
	assert_int_equal(o.logon, 1);
	assert_int_equal(o.expires_sec, 60);
	assert_int_equal(o.len, 9);
	assert_int_equal(o.old, 0);
	place_consumer(&p, PLACE_KEYRING, "db", consumer);
	assert_string_equal(consumer, "keyring:1000");
	assert_int_equal(place_order_remove(consumer, 77, &o), 0);
	assert_int_equal(o.owner, 1000);
	assert_int_equal(o.old, 77);

	place_order_fill(&p, PLACE_FILE, "db", 9, &o);
	assert_string_equal(o.name, "db");
	assert_int_equal(o.owner, 5);
	assert_int_equal(o.group, 6);
	assert_int_equal(o.rights, 0440);
	assert_int_equal(o.logon, 0);
	assert_int_equal(o.expires_sec, 0);
	place_consumer(&p, PLACE_FILE, "db", consumer);
	assert_string_equal(consumer, "file:db");
	assert_int_equal(place_order_remove(consumer, 0, &o), 0);
	assert_string_equal(o.name, "db");
}

static void test_consumers(void **state)
{
	static const char *const none[] = { "", "keyring", "file", "filed:x", "get",
					    "credential:keyring:1", "cryptsetup:file:x" };
	enum place_kind kind = _PLACE_KIND_MAX;
	struct place_order o;
	const char *rest;

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		assert_false(place_consumer_parse(none[i], &kind, &rest));
		assert_int_equal(place_order_remove(none[i], 1, &o), -EINVAL);
	}
	assert_int_equal(place_order_remove("keyring:root", 1, &o), -EINVAL);
	assert_int_equal(place_order_remove("keyring:", 1, &o), -EINVAL);
	assert_true(place_consumer_parse("keyring:0", &kind, &rest));
	assert_int_equal(kind, PLACE_KEYRING);
	assert_string_equal(rest, "0");
	assert_true(place_consumer_parse("file:a", &kind, &rest));
	assert_int_equal(kind, PLACE_FILE);
	assert_string_equal(rest, "a");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_description),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_consumers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
