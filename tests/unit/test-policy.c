/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "secrets/policy.h"
#include "wire/credential-peer.h"
#include "wire/secret-table.h"

#include <cmocka.h>

static void test_defaults(void **state)
{
	struct guid other = secret_luks_guid;
	struct secret_policy p;

	secret_policy_default(&secret_luks_guid, &p);
	assert_string_equal(p.name, "luks");
	assert_int_equal(p.wipe, WIPE_CONFIRMED);
	assert_int_equal(secret_policy_allows(&p, "cryptsetup:data"), 1);
	assert_int_equal(secret_policy_allows(&p, "get"), 2);

	other.b[0] ^= 1;
	secret_policy_default(&other, &p);
	assert_string_equal(p.name, "736869e4-84f0-4973-92ec-06879ce3da0b");
	assert_int_equal(p.wipe, WIPE_DELIVERED);
	assert_int_equal(secret_policy_allows(&p, "cryptsetup:data"), 0);
	assert_int_equal(secret_policy_allows(&p, "get"), 2);
}

static void test_consumers(void **state)
{
	char volume[MSG_NAME_LEN + 1], text[MSG_CONSUMERS_LEN + 64];
	struct secret_policy p = { 0 };

	assert_int_equal(secret_policy_set_consumers(&p, "  cryptsetup:data\tcryptsetup:home get "),
			 0);
	assert_string_equal(p.consumers, "cryptsetup:data cryptsetup:home get");
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_CONFIRMED);
	assert_int_equal(secret_policy_allows(&p, "cryptsetup:data"), 2);
	assert_int_equal(secret_policy_allows(&p, "cryptsetup:dat"), 0);
	assert_int_equal(secret_policy_allows(&p, "cryptsetup:data2"), 0);
	assert_int_equal(secret_policy_allows(&p, "get"), 2);
	assert_int_equal(secret_policy_volume(&p, 0, volume), 1);
	assert_string_equal(volume, "data");
	assert_int_equal(secret_policy_volume(&p, 1, volume), 1);
	assert_string_equal(volume, "home");
	assert_int_equal(secret_policy_volume(&p, 2, volume), 0);

	for (const char *const *s =
		     (const char *const[]){ "", " ", "cryptsetup:", "cryptsetup:a/b", "crypt",
					    "get get2", "cryptsetup:\x01", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_consumers(&p, *s), -EINVAL);
	assert_string_equal(p.consumers, "cryptsetup:data cryptsetup:home get");

	assert_int_equal(secret_policy_set_consumers(&p, "get cryptsetup:a get"), -EEXIST);
	assert_int_equal(secret_policy_set_consumers(&p, "cryptsetup:a cryptsetup:a"), -EEXIST);
	assert_string_equal(p.consumers, "cryptsetup:data cryptsetup:home get");

	text[0] = '\0';
	for (unsigned i = 10; strlen(text) < MSG_CONSUMERS_LEN + 32; i++)
		sprintf(text + strlen(text), "cryptsetup:%u ", i);
	assert_int_equal(secret_policy_set_consumers(&p, text), -E2BIG);
	assert_int_equal(secret_policy_set_consumers(&p, "get"), 0);
	assert_string_equal(p.allow_tokens, "");
	assert_int_equal(secret_policy_set_allow_tokens(&p, " clevis\tubuntu-fde "), 0);
	assert_string_equal(p.allow_tokens, "clevis ubuntu-fde");
	for (const char *const *s =
		     (const char *const[]){ "", " ", "clevis systemd-tpm2", "systemd-fido2",
					    "systemd-pkcs11", "a/b", "*", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_allow_tokens(&p, *s), -EINVAL);
	assert_string_equal(p.allow_tokens, "clevis ubuntu-fde");
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_DELIVERED);
}

#define UUID "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
#define HEX_20 "000102030405060708090a0b0c0d0e0f10111213"
#define HEX_32 "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"

static void test_pins(void **state)
{
	static const char *const wrong[] = {
		"", " ", "uuid:", "uuid:" UUID "0", "uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca42",
		"uuid:1B4e28ba-2fa1-11d2-883f-0016d3cca427",
		"uuid:1b4e28ba02fa1-11d2-883f-0016d3cca427",
		"digest:", "digest:0011", "digest:" HEX_20 "0", "digest:" HEX_32 HEX_32 "00",
		"digest:00 11", "header:" HEX_20, "header:" HEX_32 "00", "label:data", UUID,
		"UUID:" UUID, "uuid:" UUID ",digest:" HEX_20,
	};
	struct secret_policy p = { 0 };

	assert_int_equal(secret_policy_set_volume_pins(&p, " uuid:" UUID "  digest:" HEX_20
						       " digest:" HEX_32 HEX_32
						       " header:" HEX_32), 0);
	assert_string_equal(p.volume_pins, "uuid:" UUID " digest:" HEX_20 " digest:" HEX_32 HEX_32
			    " header:" HEX_32);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (secret_policy_set_volume_pins(&p, wrong[i]) != -EINVAL)
			fail_msg("'%s' is taken", wrong[i]);
	assert_int_equal(secret_policy_set_volume_pins(&p, "uuid:" UUID " uuid:" UUID), -EEXIST);
	assert_non_null(strstr(p.volume_pins, "header:"));
	strcpy(p.consumers, "get uid:7");
	assert_false(secret_policy_has_volume(&p));
	strcpy(p.consumers, "get cryptsetup:data");
	assert_true(secret_policy_has_volume(&p));
	strcpy(p.consumers, "token");
	assert_true(secret_policy_has_volume(&p));
}

static void test_words(void **state)
{
	enum trailing_nul nul;
	enum secret_wipe w;

	for (unsigned i = 0; i < _SECRET_WIPE_MAX; i++) {
		assert_int_equal(secret_wipe_parse(secret_wipe_name(i), &w), 0);
		assert_int_equal(w, i);
	}
	assert_int_equal(secret_wipe_parse("Confirmed", &w), -EINVAL);
	assert_int_equal(trailing_nul_parse("strip", &nul), 0);
	assert_int_equal(trailing_nul_parse("", &nul), -EINVAL);
	assert_string_equal(secret_state_name(SECRET_WIPED), "wiped");
	assert_string_equal(secret_state_name(99), "unknown");

	assert_true(volume_name_is_valid("luks-1234"));
	for (const char *const *s = (const char *const[]){ "", ".", "..", "a b", "a/b", "a\\x2d",
							   "\x7f", "\xc3\xa9", NULL };
	     *s; s++)
		assert_false(volume_name_is_valid(*s));
}

static void test_trailing_nul(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, by_auto, by_strip;
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "\0", 1, 1, 0 },
		{ "pass", 4, 4, 4 },
		{ "pass\0", 5, 4, 4 },
		{ "pass\0\0", 6, 6, 5 },	/* two NULs are not a C string */
		{ "p\0ss\0", 5, 5, 4 },
		{ "\xc3\xa9\0", 3, 2, 2 },
		{ "\xc3\0", 2, 2, 1 },		/* half a UTF-8 sequence: binary */
		{ "\xff\xfe\0", 3, 3, 2 },
		/* The first and last bytes that may begin a sequence, and those beside them. */
		{ "\xc2\xa9\0", 3, 2, 2 },
		{ "\xc1\xbf\0", 3, 3, 2 },
		{ "\xf4\x80\x80\x80\0", 5, 4, 4 },
		{ "\xf5\x80\x80\x80\0", 5, 5, 4 },
		/* What decodes to no character, or to one that another sequence is for: binary. */
		{ "\xe0\x80\x80\0", 4, 4, 3 },
		{ "\xed\xa0\x80\0", 4, 4, 3 },
		{ "\xf4\x90\x80\x80\0", 5, 5, 4 },
		{ "a\x7f\0", 3, 3, 2 },
		{ "a\tb\0", 4, 3, 3 },
		{ "pass\n\0", 6, 6, 5 },	/* a control character: binary */
		{ "\x01\x02\x03\0", 4, 4, 3 },
		{ "pass\n", 5, 5, 5 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(secret_freep) struct secret *s = NULL;
		struct secret_policy p = { 0 };

		assert_int_equal(secret_new(cases[i].len, &s), 0);
		memcpy(secret_bytes(s), cases[i].bytes, cases[i].len);
		p.trailing_nul = TRAILING_NUL_AUTO;
		assert_int_equal(secret_policy_passphrase_len(&p, s), cases[i].by_auto);
		p.trailing_nul = TRAILING_NUL_STRIP;
		assert_int_equal(secret_policy_passphrase_len(&p, s), cases[i].by_strip);
		p.trailing_nul = TRAILING_NUL_KEEP;
		assert_int_equal(secret_policy_passphrase_len(&p, s), cases[i].len);
	}
}

static void test_uri(void **state)
{
	static const char *const bad[] = { "", "default/luks/root", "kbs://host/a/b/c",
					   "kbs:///a/b", "kbs:///a/b/.c", "init-data2" };
	struct secret_policy p = { 0 }, before;
	char text[BROKER_PATH_LEN + 16] = "kbs:///a/b/";

	assert_int_equal(secret_policy_set_uri(&p, "kbs:///default/luks/root"), 0);
	assert_string_equal(p.path, "default/luks/root");
	assert_false(p.init_data);
	before = p;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(secret_policy_set_uri(&p, bad[i]), -EINVAL);
	memset(text + strlen(text), 'c', BROKER_PATH_LEN);
	assert_int_equal(secret_policy_set_uri(&p, text), -E2BIG);
	assert_memory_equal(&p, &before, sizeof(p));
	assert_int_equal(secret_policy_set_uri(&p, "init-data"), 0);
	assert_true(p.init_data);
	assert_string_equal(p.path, SECRET_PATH_INIT_DATA);
	assert_int_equal(secret_policy_set_uri(&p, "kbs+p:///a"), 0);
	assert_false(p.init_data);
	assert_string_equal(p.path, "+p/a");
}

static void assert_origins(const struct secret_policy *p, int first, int second)
{
	enum secret_origin o = 77;

	assert_int_equal(secret_policy_origin(p, 0, &o), first >= 0);
	assert_int_equal(o, first >= 0 ? first : 77);
	o = 77;
	assert_int_equal(secret_policy_origin(p, 1, &o), second >= 0);
	assert_int_equal(o, second >= 0 ? second : 77);
	assert_int_equal(secret_policy_origin(p, 2, &o), 0);
}

static void test_origins(void **state)
{
	struct secret_policy p = { 0 };

	assert_origins(&p, ORIGIN_LAUNCH, -1);
	p.broker_first = true;
	assert_origins(&p, ORIGIN_LAUNCH, -1);
	strcpy(p.path, "a/b/c");
	assert_origins(&p, ORIGIN_BROKER, ORIGIN_LAUNCH);
	p.broker_first = false;
	assert_origins(&p, ORIGIN_LAUNCH, ORIGIN_BROKER);
	p.no_launch = true;
	assert_origins(&p, ORIGIN_BROKER, -1);
	p.path[0] = '\0';
	assert_origins(&p, -1, -1);
}

static void test_same_origins(void **state)
{
	const struct secret_policy policies[] = {
		{ .path = "" }, { .path = "a/b/c", .no_launch = true }, { .path = "a/b/c" }
	};
	struct secret_policy p = { .path = "d/e/f", .broker_first = true };

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(policies); k++)
			assert_int_equal(secret_policy_same_origins(&policies[i], &policies[k]),
					 i == k);
		assert_int_equal(secret_policy_same_origins(&policies[i], &p), i == 2);
	}
}

/* Users and groups have one name each, in digits. */
static void test_users(void **state)
{
	struct secret_policy p = { 0 };

	assert_int_equal(secret_policy_set_consumers(&p, "uid:1000 gid:4294967294"), 0);
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_DELIVERED);
	assert_int_equal(secret_policy_allows(&p, "uid:1000"), 2);
	assert_int_equal(secret_policy_allows(&p, "gid:4294967294"), 2);
	for (const char *const *s =
		     (const char *const[]){ "uid:100", "uid:10000", "gid:1000", "uid:4294967294",
					    "get", "uid:", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_allows(&p, *s), 0);
	for (const char *const *s =
		     (const char *const[]){ "uid", "uid:", "uid:0", "gid:0", "uid:01", "uid:0x10",
					    "uid:-1", "uid:+1", "uid:1000a", "uid:root",
					    "uid:4294967295", "uid:4294967296", "gid:1 uid:x",
					    NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_consumers(&p, *s), -EINVAL);
}

/* A user has over the REST what says so, and nothing else; nor does that give more elsewhere. */
static void test_rest(void **state)
{
	struct secret_policy p = { 0 };

	assert_null(secret_policy_rest_path(&p));
	assert_int_equal(secret_policy_set_consumers(&p, "rest:0 rest:1000 uid:5"), 0);
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_MANUAL);
	assert_int_equal(secret_policy_allows(&p, "rest:0"), 2);
	assert_int_equal(secret_policy_allows(&p, "rest:1000"), 2);
	for (const char *const *s = (const char *const[]){ "rest:5", "rest:100", "rest:10000",
							   "rest", "uid:1000", "uid:0", "get",
							   "cryptsetup:rest", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_allows(&p, *s), 0);
	for (const char *const *s =
		     (const char *const[]){ "rest", "rest:", "rest:00", "rest:01", "rest:-1",
					    "rest:root", "rest:65534", "rest:4294967295", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_consumers(&p, *s), -EINVAL);

	/* What the owner writes for it comes before the name at the broker. */
	assert_int_equal(secret_policy_set_uri(&p, "kbs:///a/b/c"), 0);
	assert_string_equal(secret_policy_rest_path(&p), "a/b/c");
	assert_int_equal(secret_policy_set_rest_path(&p, "d/e/f"), 0);
	assert_string_equal(secret_policy_rest_path(&p), "d/e/f");
	for (const char *const *s = (const char *const[]){ "", "a/b", "+x/y/z", "a/b/c?d", "/a/b/c",
							   "a/../c", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_rest_path(&p, *s), -EINVAL);
	assert_string_equal(secret_policy_rest_path(&p), "d/e/f");
	/* What the host may have chosen, and what a plugin makes, has no path. */
	p.rest_path[0] = '\0';
	assert_int_equal(secret_policy_set_uri(&p, "init-data"), 0);
	assert_null(secret_policy_rest_path(&p));
	assert_int_equal(secret_policy_set_uri(&p, "kbs+pkcs11:///x/y/z"), 0);
	assert_null(secret_policy_rest_path(&p));
}

/* A unit has what names it, or its template; nothing else stands for it. */
static void test_units(void **state)
{
	struct secret_policy p = { 0 };
	char text[MSG_CONSUMERS_LEN];

	assert_int_equal(secret_policy_set_consumers(&p, "credential:a.service "
						     "credential:b@.service credential:c@d.mount"),
			 0);
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_MANUAL);
	assert_int_equal(secret_policy_allows(&p, "credential:a.service"), 2);
	assert_int_equal(secret_policy_allows(&p, "credential:b@x.service"), 1);
	assert_int_equal(secret_policy_allows(&p, "credential:c@d.mount"), 2);
	for (const char *const *s =
		     (const char *const[]){ "credential:a.servic", "credential:aa.service",
					    "credential:b.service", "credential:c@e.mount",
					    "credential:c@.mount", "cryptsetup:a.service",
					    "cryptsetup:data", "get", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_allows(&p, *s), 0);
	assert_int_equal(secret_policy_consumer(&p, CONSUMER_CREDENTIAL, 1, text), 1);
	assert_string_equal(text, "b@.service");
	assert_int_equal(secret_policy_consumer(&p, CONSUMER_CREDENTIAL, 3, text), 0);
	assert_int_equal(secret_policy_consumer(&p, CONSUMER_CRYPTSETUP, 0, text), 0);

	/* Who wants it when is not said by the volume. */
	assert_int_equal(secret_policy_set_consumers(&p, "cryptsetup credential:a.service"), 0);
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_MANUAL);
	assert_int_equal(secret_policy_allows(&p, "credential:z.service"), 0);

	for (const char *const *s =
		     (const char *const[]){ "credential", "credential:", "credential:a",
					    "credential:a.target", "credential:*.service",
					    "credential:@.service", "credential:a/b.service",
					    "Credential:a.service", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_consumers(&p, *s), -EINVAL);
	memset(text, 'u', sizeof(text));
	memcpy(text, "credential:", 11);
	strcpy(text + 11 + CREDENTIAL_NAMES_MAX - 8, ".service");
	assert_int_equal(secret_policy_set_consumers(&p, text), -EINVAL);
	strcpy(text + 11 + CREDENTIAL_NAMES_MAX - 9, ".service");
	assert_int_equal(secret_policy_set_consumers(&p, text), 0);
}

/* A token is a consumer where the owner says so: nothing else stands for it, and it for nothing. */
static void test_token(void **state)
{
	struct secret_policy p;

	secret_policy_default(&secret_luks_guid, &p);
	assert_int_equal(secret_policy_allows(&p, CONSUMER_TOKEN), 0);
	for (const char *const *s =
		     (const char *const[]){ "cryptsetup", "cryptsetup:token", "get",
					    "credential:token.service", "uid:1 gid:1", NULL };
	     *s; s++) {
		assert_int_equal(secret_policy_set_consumers(&p, *s), 0);
		assert_int_equal(secret_policy_allows(&p, CONSUMER_TOKEN), 0);
	}
	assert_int_equal(secret_policy_set_consumers(&p, "cryptsetup:data token"), 0);
	assert_int_equal(secret_policy_allows(&p, CONSUMER_TOKEN), 2);
	assert_int_equal(secret_policy_allows(&p, "cryptsetup:data"), 2);
	assert_int_equal(secret_policy_default_wipe(&p), WIPE_MANUAL);
	assert_int_equal(secret_policy_set_consumers(&p, "token"), 0);
	for (const char *const *s =
		     (const char *const[]){ "cryptsetup", "cryptsetup:token", "get", "tokens",
					    "credential:a.service", "uid:1", "", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_allows(&p, *s), 0);
	for (const char *const *s =
		     (const char *const[]){ "token:", "token:data", "Token", "tokens", NULL };
	     *s; s++)
		assert_int_equal(secret_policy_set_consumers(&p, *s), -EINVAL);
	assert_int_equal(secret_policy_set_consumers(&p, "token token"), -EEXIST);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_consumers),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_trailing_nul),
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_same_origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
