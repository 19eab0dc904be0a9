/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/record-mac.h"
#include "crypto/cleanup.h"

static struct keys *make_keys(uint8_t byte)
{
	struct secret *master = NULL;
	struct keys *k = NULL;

	assert_int_equal(secret_new(MASTER_KEY_LEN, &master), 0);
	memset(secret_bytes(master), byte, MASTER_KEY_LEN);
	assert_int_equal(keys_new(master, EVP_EC_gen("P-256"), &k), 0);
	return k;
}

static void test_mac(void **state)
{
	_cleanup_(keys_freep) struct keys *ours = make_keys(1), *others = make_keys(2);
	static const char *const texts[] = { "", "{\"v\":1}", "a\nb" };
	size_t len = 12345;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *text = NULL;
		size_t whole;

		assert_int_equal(record_sign(ours, "coco/session/1", texts[i], &text), 0);
		whole = strlen(text);
		assert_int_equal(whole, strlen(texts[i]) + RECORD_MAC_LEN);
		assert_int_equal(record_verify(ours, "coco/session/1", text, whole, &len), 0);
		assert_int_equal(len, strlen(texts[i]));
		/* Another place, another broker, less, more. */
		assert_int_equal(record_verify(ours, "coco/session/2", text, whole, &len),
				 -EKEYREJECTED);
		assert_int_equal(record_verify(others, "coco/session/1", text, whole, &len),
				 -EKEYREJECTED);
		for (size_t n = 0; n < whole; n++)
			assert_int_equal(record_verify(ours, "coco/session/1", text, n, &len),
					 -EKEYREJECTED);
		assert_int_equal(record_verify(ours, "coco/session/1", text, whole + 1, &len),
				 -EKEYREJECTED);
		/* Each byte counts. */
		for (size_t n = 0; n < whole; n++) {
			text[n] ^= 1;
			assert_int_equal(record_verify(ours, "coco/session/1", text, whole, &len),
					 -EKEYREJECTED);
			text[n] ^= 1;
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_mac) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
