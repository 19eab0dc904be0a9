/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wire/hcl.h"

#include <cmocka.h>

#define JSON "{\"keys\":[]}"
#define JSON_LEN (sizeof(JSON) - 1)
#define LEN (0x4d4 + JSON_LEN + 10)

static void make(uint8_t b[static LEN])
{
	memset(b, 0, LEN);
	memcpy(b, "HCLA", 4);
	put_u32le(b + 4, 2);
	put_u32le(b + 8, 0x4d4 + JSON_LEN);
	put_u32le(b + 0xc, 2);
	memset(b + 0x20, 'h', 1184);
	put_u32le(b + 0x4c0, 20 + JSON_LEN);
	put_u32le(b + 0x4c4, 1);
	put_u32le(b + 0x4c8, HCL_TDX);
	put_u32le(b + 0x4cc, HCL_SHA256);
	put_u32le(b + 0x4d0, JSON_LEN);
	memcpy(b + 0x4d4, JSON, JSON_LEN);
}

static int parse(const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	const char *problem = NULL;
	struct hcl_report h;
	int r;

	assert_non_null(exact);
	memcpy(exact, data, len);
	r = hcl_parse(exact, len, &h, &problem);
	assert_true((r < 0) == (problem != NULL));
	free(exact);
	return r;
}

static void test_good(void **state)
{
	const char *problem;
	struct hcl_report h;
	uint8_t b[LEN];

	make(b);
	assert_int_equal(hcl_parse(b, LEN, &h, &problem), 0);
	assert_int_equal(h.kind, HCL_TDX);
	assert_int_equal(h.hash, HCL_SHA256);
	assert_ptr_equal(h.hw_report.p, b + 0x20);
	assert_int_equal(h.hw_report.len, 1184);
	assert_ptr_equal(h.runtime_json.p, b + 0x4d4);
	assert_int_equal(h.runtime_json.len, JSON_LEN);
	b[4] = 1;
	assert_int_equal(parse(b, LEN), 0);
}

static void test_cut(void **state)
{
	uint8_t b[LEN];

	make(b);
	for (size_t len = 0; len < 0x4d4 + JSON_LEN; len++)
		assert_int_equal(parse(b, len), -EBADMSG);
}

static void test_fields(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		int r;
	} rows[] = {
		{ 0, 0x414c4348, -EBADMSG },
		{ 4, 0, -EOPNOTSUPP },
		{ 4, 9, -EOPNOTSUPP },
		{ 8, LEN + 1, -EBADMSG },
		{ 8, UINT32_MAX, -EBADMSG },
		{ 0xc, 1, -EOPNOTSUPP },
		{ 0x4c0, 0, -EBADMSG },
		{ 0x4c0, 19, -EBADMSG },
		{ 0x4c0, JSON_LEN, -EBADMSG },
		{ 0x4c0, UINT32_MAX, -EBADMSG },
		{ 0x4d0, 0, -EBADMSG },
		{ 0x4d0, UINT32_MAX, -EBADMSG },
		{ 0x4d0, (uint32_t)-20, -EBADMSG },
	};
	uint8_t b[LEN];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(b);
		put_u32le(b + rows[i].at, rows[i].value);
		if (rows[i].at == 0)
			b[0] = 'h';
		assert_int_equal(parse(b, LEN), rows[i].r);
	}
	/* Both lengths claim more bytes than exist, and wrap. */
	make(b);
	put_u32le(b + 0x4c0, 3);
	put_u32le(b + 0x4d0, (uint32_t)3 - 20);
	assert_int_equal(parse(b, LEN), -EBADMSG);
	make(b);
	put_u32le(b + 0x4c0, 20 + JSON_LEN + 11);
	put_u32le(b + 0x4d0, JSON_LEN + 11);
	assert_int_equal(parse(b, LEN), -EBADMSG);
}

static void test_too_long(void **state)
{
	uint8_t *big = calloc(1, HCL_MAX + 1);

	assert_non_null(big);
	make(big);
	assert_int_equal(parse(big, HCL_MAX), 0);
	assert_int_equal(parse(big, HCL_MAX + 1), -EMSGSIZE);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
