/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/secret-table.h"

#define AREA_LEN 3072

static const struct guid other_guid =
	GUID_INIT_TEXT(0x0f2e573e, 0xbe4d, 0xa7d6, 0xbd, 0xc4, 0x90, 0x80, 0x77, 0xd7, 0x62, 0x8d);

/* A table of three entries: 7 bytes, 0 bytes, 33 bytes.  Returns its length before padding. */
static size_t make_table(uint8_t area[static AREA_LEN])
{
	static const uint8_t data[33] = "thirty-three bytes, no blockful.";
	struct guid third = other_guid;
	int r;

	third.b[15] ^= 1;
	memset(area, 0, AREA_LEN);
	assert_int_equal(secret_table_begin(area, AREA_LEN), 20);
	assert_int_equal(secret_table_add(area, AREA_LEN, &secret_luks_guid, data, 7), 47);
	assert_int_equal(secret_table_add(area, AREA_LEN, &other_guid, data, 0), 67);
	r = secret_table_add(area, AREA_LEN, &third, data, sizeof(data));
	assert_int_equal(r, 120);
	assert_int_equal(secret_table_finish(area, AREA_LEN), 128);
	return (size_t)r;
}

/* Returns how many entries a walk finds; @end says how it ends. */
static unsigned walk(const uint8_t *area, size_t len, int *ret_end)
{
	struct secret_table t;
	struct secret_entry e;
	unsigned n = 0;

	*ret_end = secret_table_open(area, len, &t);
	if (*ret_end < 0)
		return 0;
	while ((*ret_end = secret_table_next(&t, &e)) > 0) {
		assert_ptr_equal(e.data.p, area + e.offset);
		assert_true(e.offset + e.data.len <= len);
		n++;
	}
	return n;
}

static void test_layout(void **state)
{
	static const uint8_t first[] = {
		0x42, 0xf5, 0x74, 0x1e, 0xdd, 0x71, 0x66, 0x4d, 0x96, 0x3e, 0xef, 0x42,
		0x87, 0xff, 0x17, 0x3b, 120,  0,    0,	  0,	0xe5, 0x69, 0x68, 0x73,
		0xf0, 0x84, 0x73, 0x49, 0x92, 0xec, 0x06, 0x87, 0x9c, 0xe3, 0xda, 0x0b,
		27,   0,    0,	  0,	't',  'h',  'i',  'r',	't',  'y',  '-',
	};
	uint8_t area[AREA_LEN];

	make_table(area);
	assert_memory_equal(area, first, sizeof(first));
}

static void test_walk(void **state)
{
	uint8_t area[AREA_LEN];
	struct secret_table t;
	struct secret_entry e;
	int end;

	make_table(area);
	assert_int_equal(walk(area, sizeof(area), &end), 3);
	assert_int_equal(end, 0);
	/* An area that ends with the table, padding or not. */
	assert_int_equal(walk(area, 128, &end), 3);
	assert_int_equal(walk(area, 120, &end), 3);
	assert_int_equal(end, 0);

	assert_int_equal(secret_table_open(area, sizeof(area), &t), 0);
	assert_int_equal(secret_table_next(&t, &e), 1);
	assert_true(guid_equal(&e.guid, &secret_luks_guid));
	assert_int_equal(e.data.len, 7);
	assert_int_equal(e.offset, 40);
	assert_int_equal(secret_table_next(&t, &e), 1);
	assert_int_equal(e.data.len, 0);
}

static void test_area_without_table(void **state)
{
	uint8_t area[AREA_LEN] = { 0 };
	struct secret_table t;

	assert_int_equal(secret_table_open(area, sizeof(area), &t), -ENOENT);
	assert_int_equal(secret_table_open(area, 0, &t), -ENOENT);
	assert_int_equal(secret_table_open(area, 15, &t), -ENOENT);
	make_table(area);
	area[0] ^= 1;
	assert_int_equal(secret_table_open(area, sizeof(area), &t), -ENOENT);
}

static void test_table_length(void **state)
{
	static const struct {
		uint32_t len;
		int r;
	} cases[] = { { 0, -EBADMSG }, { 19, -EBADMSG },	   { 20, 0 },
		      { AREA_LEN, 0 }, { AREA_LEN + 1, -EBADMSG }, { 0xffffffff, -EBADMSG } };
	uint8_t area[AREA_LEN];
	struct secret_table t;

	make_table(area);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_u32le(area + 16, cases[i].len);
		assert_int_equal(secret_table_open(area, sizeof(area), &t), cases[i].r);
	}
	for (size_t len = 16; len < 20; len++)
		assert_int_equal(secret_table_open(area, len, &t), -EBADMSG);
}

/*
 * Every length that the second entry may claim: the first entry stays, and an impossible length
 * gives -EBADMSG.
 */
static void test_entry_length(void **state)
{
	uint8_t area[AREA_LEN];
	int end;

	for (uint32_t len = 0; len < 200; len++) {
		make_table(area);
		put_u32le(area + 47 + 16, len);
		assert_true(walk(area, sizeof(area), &end) >= 1);
		if (len < 20 || len > 73)
			assert_int_equal(end, -EBADMSG);
	}
	put_u32le(area + 47 + 16, 0xfffffff0);
	assert_int_equal(walk(area, sizeof(area), &end), 1);
	assert_int_equal(end, -EBADMSG);
}

/* Cut at every byte, with the table's length corrected for the cut. */
static void test_truncated(void **state)
{
	uint8_t area[AREA_LEN];
	int end;

	for (size_t len = 20; len <= 120; len++) {
		unsigned n = len < 47 ? 0 : len < 67 ? 1 : len < 120 ? 2 : 3;
		bool whole = len == 20 || len == 47 || len == 67 || len == 120;

		make_table(area);
		put_u32le(area + 16, (uint32_t)len);
		assert_int_equal(walk(area, len, &end), n);
		assert_int_equal(end, whole ? 0 : -EBADMSG);
	}
}

static void test_padding(void **state)
{
	uint8_t area[AREA_LEN];
	int end;

	/* Zeros inside the table's length, fewer and more than an entry's header. */
	for (uint32_t pad = 0; pad < 64; pad++) {
		make_table(area);
		put_u32le(area + 16, 120 + pad);
		assert_int_equal(walk(area, sizeof(area), &end), 3);
		assert_int_equal(end, 0);
	}
	/* A tail that is not zero is reported, after the good entries. */
	for (uint32_t pad = 1; pad < 64; pad++) {
		make_table(area);
		put_u32le(area + 16, 120 + pad);
		area[120 + pad - 1] = 1;
		assert_int_equal(walk(area, sizeof(area), &end), 3);
		assert_int_equal(end, -EBADMSG);
	}
}

static void test_wiped(void **state)
{
	uint8_t area[AREA_LEN];
	struct secret_table t;
	struct secret_entry e;
	int end;

	make_table(area);
	memset(area + 20, 0, GUID_LEN);
	memset(area + 40, 0, 7);
	assert_int_equal(walk(area, sizeof(area), &end), 3);
	assert_int_equal(end, 0);
	assert_int_equal(secret_table_open(area, sizeof(area), &t), 0);
	assert_int_equal(secret_table_next(&t, &e), 1);
	assert_true(guid_is_zero(&e.guid));
	assert_int_equal(e.data.len, 7);
}

static void test_many(void **state)
{
	enum { N = 4096, LEN = SECRET_TABLE_HEADER_LEN + N * (SECRET_ENTRY_HEADER_LEN + 1) };
	uint8_t *area = calloc(1, LEN + 16);
	struct guid g = other_guid;
	int end;

	assert_non_null(area);
	assert_int_equal(secret_table_begin(area, LEN), 20);
	for (uint32_t i = 0; i < N; i++) {
		put_u32le(g.b, i);
		assert_true(secret_table_add(area, LEN, &g, (const uint8_t *)"x", 1) > 0);
	}
	assert_int_equal(walk(area, LEN, &end), N);
	assert_int_equal(end, 0);
	/* Full to the last byte: there is no room for another entry, nor for padding. */
	put_u32le(g.b, N);
	assert_int_equal(secret_table_add(area, LEN, &g, NULL, 0), -EMSGSIZE);
	assert_int_equal(secret_table_finish(area, LEN), LEN % 16 ? -EMSGSIZE : LEN);
	free(area);
}

static void test_build_refuses(void **state)
{
	static const struct guid zero;
	uint8_t area[AREA_LEN], before[AREA_LEN];

	make_table(area);
	memcpy(before, area, sizeof(area));
	assert_int_equal(secret_table_add(area, AREA_LEN, &zero, (const uint8_t *)"x", 1), -EINVAL);
	assert_int_equal(secret_table_add(area, AREA_LEN, &secret_luks_guid, (const uint8_t *)"x",
					  1),
			 -EEXIST);
	assert_int_equal(secret_table_add(area, 140, &secret_table_guid, (const uint8_t *)"x", 1),
			 -EMSGSIZE);
	assert_int_equal(secret_table_add(area, AREA_LEN, &secret_table_guid, (const uint8_t *)"x",
					  SIZE_MAX),
			 -EMSGSIZE);
	assert_memory_equal(area, before, sizeof(area));
	assert_int_equal(secret_table_begin(area, 19), -EMSGSIZE);
}

static void test_guid_text(void **state)
{
	static const char text[] = "736869e5-84f0-4973-92ec-06879ce3da0b";
	char upper[] = "736869E5-84F0-4973-92EC-06879CE3DA0B", out[GUID_TEXT_LEN + 1];
	struct guid g;

	guid_format(&secret_luks_guid, out);
	assert_string_equal(out, text);
	assert_int_equal(guid_parse(text, 36, &g), 0);
	assert_true(guid_equal(&g, &secret_luks_guid));
	assert_int_equal(guid_parse(upper, 36, &g), 0);
	assert_true(guid_equal(&g, &secret_luks_guid));

	assert_int_equal(guid_parse(text, 35, &g), -EINVAL);
	assert_int_equal(guid_parse("{36869e5-84f0-4973-92ec-06879ce3da0b", 36, &g), -EINVAL);
	for (size_t i = 0; i < 36; i++) {
		char bad[GUID_TEXT_LEN + 1];

		memcpy(bad, text, sizeof(bad));
		bad[i] = 'x';
		assert_int_equal(guid_parse(bad, 36, &g), -EINVAL);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_area_without_table),
		cmocka_unit_test(test_table_length),
		cmocka_unit_test(test_entry_length),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_build_refuses),
		cmocka_unit_test(test_guid_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
