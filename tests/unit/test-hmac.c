/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HMAC-SHA256 by the values of RFC 4231, whole and in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/parse.h"
#include "sev/hmac.h"

#include <cmocka.h>

static struct secret *key_of(const void *data, size_t len)
{
	struct secret *s = NULL;

	assert_int_equal(secret_new(len, &s), 0);
	memcpy(secret_bytes(s), data, len);
	return s;
}

static void assert_mac(const struct secret *key, const struct bytes *parts, size_t n,
		       const char *hex)
{
	uint8_t got[HMAC_LEN], want[HMAC_LEN];

	assert_int_equal(parse_hex(hex, want, sizeof(want)), 0);
	assert_int_equal(hmac_sha256(key, parts, n, got), 0);
	assert_memory_equal(got, want, HMAC_LEN);
}

static void test_rfc_4231(void **state)
{
	static const char text[] = "what do ya want for nothing?";
	_cleanup_(secret_freep) struct secret *jefe = key_of("Jefe", 4), *other = NULL;
	static const char want[] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384"
				   "3";
	struct bytes hi = { (const uint8_t *)"Hi There", 8 };
	uint8_t b[20];

	memset(b, 0x0b, sizeof(b));
	other = key_of(b, sizeof(b));
	assert_mac(other, &hi, 1,
		   "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	/* In two parts, wherever they meet. */
	for (size_t n = 0; n <= strlen(text); n++) {
		const struct bytes parts[] = { { (const uint8_t *)text, n },
					       { (const uint8_t *)text + n, strlen(text) - n } };

		assert_mac(jefe, parts, ARRAY_SIZE(parts), want);
	}
}

/* A key that is longer than a block is hashed first: case 6. */
static void test_long_key(void **state)
{
	static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	_cleanup_(secret_freep) struct secret *key = NULL;
	struct bytes part = { (const uint8_t *)text, strlen(text) };
	uint8_t b[131];

	memset(b, 0xaa, sizeof(b));
	key = key_of(b, sizeof(b));
	assert_mac(key, &part, 1,
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* Nothing at all has a MAC too, and each key another one. */
static void test_nothing(void **state)
{
	_cleanup_(secret_freep) struct secret *a = key_of("a", 1), *b = key_of("b", 1);
	const struct bytes empty = { NULL, 0 };
	uint8_t none[HMAC_LEN], one[HMAC_LEN], other[HMAC_LEN];

	assert_int_equal(hmac_sha256(a, NULL, 0, none), 0);
	assert_int_equal(hmac_sha256(a, &empty, 1, one), 0);
	assert_int_equal(hmac_sha256(b, NULL, 0, other), 0);
	assert_memory_equal(none, one, HMAC_LEN);
	assert_memory_not_equal(none, other, HMAC_LEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_4231),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
