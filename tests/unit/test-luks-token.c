/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "doctor/luks-token.h"
#include "wire/luks.h"

#include <cmocka.h>

#define SIZE 16384

static uint8_t file[SIZE];

/* A header with this JSON. */
static void make(const char *json)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "LUKS\xba\xbe\0\2\0\0\0\0\0\0\x40", 15);
	strcpy((char *)file + 72, "sha256");
	strcpy((char *)file + 168, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
	strcpy((char *)file + LUKS2_BINARY_LEN, json);
}

static void test_tokens(void **state)
{
	make("{\"keyslots\":{},\"tokens\":{\"0\":{\"type\":\"systemd-tpm2\"},"
	     "\"3\":{\"type\":\"coco\",\"keyslots\":[\"1\"],\"coco-secret\":\"data\"}}}");
	assert_int_equal(luks_token_header_len(file, LUKS_TOKEN_BEGIN), SIZE);
	assert_int_equal(luks_has_token(file, SIZE, "coco"), 1);
	assert_int_equal(luks_has_token(file, SIZE, "systemd-tpm2"), 1);
	assert_int_equal(luks_has_token(file, SIZE, "coc"), 0);
	assert_int_equal(luks_has_token(file, SIZE - 1, "coco"), -EBADMSG);
	make("{\"tokens\":{}}");
	assert_int_equal(luks_has_token(file, SIZE, "coco"), 0);
	make("{}");
	assert_int_equal(luks_has_token(file, SIZE, "coco"), 0);
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = {
		"", "[]", "{\"tokens\":[]}", "{\"tokens\":{\"0\":1}}", "{\"tokens\":{\"0\":{}}}",
		"{\"tokens\":{}} x", "{\"tokens\":{},\"tokens\":{\"0\":{\"type\":\"coco\"}}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		make(texts[i]);
		if (luks_has_token(file, SIZE, "coco") != -EBADMSG)
			fail_msg("%s", texts[i]);
	}
	/* A text to the end, without a NUL. */
	make("{}");
	memset(file + LUKS2_BINARY_LEN + 2, ' ', SIZE - LUKS2_BINARY_LEN - 2);
	assert_int_equal(luks_has_token(file, SIZE, "coco"), 0);
}

static void test_beginnings(void **state)
{
	make("{}");
	assert_int_equal(luks_token_header_len(file, LUKS_TOKEN_BEGIN - 1), -EBADMSG);
	assert_int_equal(luks_token_header_len(file, 0), -EOPNOTSUPP);
	assert_int_equal(luks_has_token((const uint8_t *)"", 0, "coco"), -EOPNOTSUPP);
	file[14] = 0x41;	/* no size of a header */
	assert_int_equal(luks_token_header_len(file, SIZE), -EBADMSG);
	make("{}");
	file[7] = 1;
	assert_int_equal(luks_token_header_len(file, SIZE), 0);
	assert_int_equal(luks_has_token(file, SIZE, "coco"), 0);
	file[7] = 3;
	assert_int_equal(luks_token_header_len(file, SIZE), -EOPNOTSUPP);
	memset(file, 0, SIZE);
	assert_int_equal(luks_token_header_len(file, SIZE), -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_beginnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
