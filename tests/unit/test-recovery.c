/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/core/recovery.h"

#include <cmocka.h>

#define TEXT_LEN 78

static struct secret *secret_of(const void *data, size_t len)
{
	struct secret *s;

	assert_int_equal(secret_new(len, &s), 0);
	memcpy(secret_bytes(s), data, len);
	return s;
}

static struct secret *filled(uint8_t fill)
{
	uint8_t data[RECOVERY_KEY_LEN];

	memset(data, fill, sizeof(data));
	return secret_of(data, sizeof(data));
}

static int parse(const char *text, size_t len, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *s = secret_of(text, len);

	*ret = NULL;
	return recovery_key_parse(s, ret, why);
}

static void test_text(void **state)
{
	struct cause why = { "" };

	for (int i = 0; i < 50; i++) {
		_cleanup_(secret_freep) struct secret *key = NULL, *text = NULL, *again = NULL;

		assert_int_equal(recovery_key_new(&key), 0);
		assert_int_equal(recovery_key_format(key, &text), 0);
		assert_int_equal(secret_len(text), TEXT_LEN);
		assert_int_equal(recovery_key_parse(text, &again, &why), 0);
		assert_true(secret_equal(key, again));
	}
}

/* What the text of a key is must not change: it is on paper. */
static void test_known(void **state)
{
	static const char text[] = "00001-00002-00003-00004-00005-00006-00007-00008-00009-0000A-"
				   "0000B-0000C-0000D\n";
	_cleanup_(secret_freep) struct secret *key = filled(0), *got = NULL, *typed = NULL,
				       *other = filled(0xff), *last = NULL;
	struct cause why;

	assert_int_equal(recovery_key_format(key, &got), 0);
	assert_int_equal(secret_len(got), strlen(text));
	assert_memory_equal(secret_data(got), text, strlen(text));
	assert_int_equal(parse("ooooi 00002 00003\n00004 00005 00006 oooo7 00008 00009 0000a 0000b "
			       "0000c0000d", 76, &typed, &why), 0);
	assert_true(secret_equal(key, typed));
	assert_int_equal(recovery_key_format(other, &last), 0);
	assert_memory_equal(secret_data(last), "ZZZZ1", 4);
}

static void test_mistyped(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	_cleanup_(secret_freep) struct secret *key = filled(0x5a), *text = NULL;
	char typed[TEXT_LEN], wanted[64];
	struct secret *got;
	struct cause why;
	unsigned passed = 0;

	assert_int_equal(recovery_key_format(key, &text), 0);
	for (unsigned i = 0; i < TEXT_LEN - 1; i++) {
		for (const char *c = alphabet; *c; c++) {
			memcpy(typed, secret_data(text), TEXT_LEN);
			if (typed[i] == '-' || typed[i] == *c)
				continue;
			typed[i] = *c;
			if (parse(typed, TEXT_LEN, &got, &why) == 0) {
				/* 0 for Z or Z for 0: the seal finds that. */
				assert_false(secret_equal(key, got));
				got = secret_free(got);
				passed++;
				continue;
			}
			(void) snprintf(wanted, sizeof(wanted), "Group %u of the recovery",
					i / 6 + 1);
			assert_non_null(strstr(why.text, wanted));
			assert_null(strchr(why.text, '-'));
		}
	}
	assert_true(passed <= 2);
}

static void test_malformed(void **state)
{
	_cleanup_(secret_freep) struct secret *key = filled(0x5a), *text = NULL;
	char typed[TEXT_LEN + 1], *group;
	struct secret *got;
	struct cause why;

	assert_int_equal(recovery_key_format(key, &text), 0);
	for (unsigned n = 0; n < TEXT_LEN - 1; n++)
		assert_int_equal(parse((const char *)secret_data(text), n, &got, &why), -EBADMSG);
	memcpy(typed, secret_data(text), TEXT_LEN);
	typed[TEXT_LEN] = '0';
	assert_int_equal(parse(typed, TEXT_LEN + 1, &got, &why), -EBADMSG);
	for (unsigned c = 0; c < 256; c++) {
		if (c && strchr("0123456789abcdefghijklmnopqrstvwxyz"
				"ABCDEFGHIJKLMNOPQRSTVWXYZ- \t\r\n",
				(int)c))
			continue;
		memcpy(typed, secret_data(text), TEXT_LEN);
		typed[7] = (char)c;
		assert_int_equal(parse(typed, TEXT_LEN, &got, &why), -EBADMSG);
		assert_non_null(strstr(why.text, "Group 2 "));
	}
	/* Bits that no key has, with a check that is right. */
	memcpy(typed, secret_data(text), TEXT_LEN);
	group = typed + 12 * 6;
	memcpy(group, "0001", 4);
	for (const char *c = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; *c; c++) {
		group[4] = *c;
		assert_int_equal(parse(typed, TEXT_LEN, &got, &why), -EBADMSG);
	}
}

static void test_copy(void **state)
{
	_cleanup_(secret_freep) struct secret *key = filled(1), *other = filled(2),
				       *master = filled(3), *got = NULL;
	_cleanup_(freep) char *text = NULL, *second = NULL;
	struct secret *none = NULL;

	assert_int_equal(recovery_wrap(key, master, &text), 0);
	assert_int_equal(recovery_wrap(key, master, &second), 0);
	assert_string_not_equal(text, second);
	assert_int_equal(recovery_check(master, text), 0);
	assert_int_equal(recovery_check(other, text), -EKEYREJECTED);
	assert_int_equal(recovery_unwrap(key, text, &got), 0);
	assert_true(secret_equal(got, master));
	assert_int_equal(recovery_unwrap(other, text, &none), -EKEYREJECTED);
	assert_null(none);
}

static void test_copy_changed(void **state)
{
	_cleanup_(secret_freep) struct secret *key = filled(1), *master = filled(3);
	_cleanup_(freep) char *text = NULL;
	struct secret *none = NULL;
	size_t len;
	int r;

	assert_int_equal(recovery_wrap(key, master, &text), 0);
	len = strlen(text) - 1;
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		r = recovery_unwrap(key, text, &none);
		assert_true(r == -EBADMSG || r == -EKEYREJECTED);
		r = recovery_check(master, text);
		assert_true(r == -EBADMSG || r == -EKEYREJECTED);
		text[i] = was;
	}
	assert_null(none);
	text[len / 2] = '\0';
	assert_int_equal(recovery_unwrap(key, text, &none), -EBADMSG);
	assert_int_equal(recovery_check(master, ""), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	 cmocka_unit_test(test_known),
		cmocka_unit_test(test_mistyped), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_copy),	 cmocka_unit_test(test_copy_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
