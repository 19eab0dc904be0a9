/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/svkl.h"

#define MAX_KEYS 80

struct row {
	uint16_t type, format;
	uint32_t len;
	uint64_t address;
};

static void put_u64le(uint8_t *p, uint64_t v)
{
	put_u32le(p, (uint32_t)v);
	put_u32le(p + 4, (uint32_t)(v >> 32));
}

/* A table in a block of exactly its size, so that a sanitizer sees a read behind it.  Free it. */
static uint8_t *make(const struct row *rows, unsigned n, size_t *ret_len)
{
	size_t len = SVKL_HEADER_LEN + n * SVKL_ENTRY_LEN;
	uint8_t *t = calloc(1, len);

	assert_non_null(t);
	memcpy(t, "SVKL", 4);
	put_u32le(t + 4, (uint32_t)len);
	t[8] = 1;
	put_u32le(t + 36, n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = t + SVKL_HEADER_LEN + i * SVKL_ENTRY_LEN;

		put_u16le(p, rows[i].type);
		put_u16le(p + 2, rows[i].format);
		put_u32le(p + 4, rows[i].len);
		put_u64le(p + 8, rows[i].address);
	}
	*ret_len = len;
	return t;
}

static void expect_keys(const struct row *rows, unsigned n, const int *verdicts)
{
	struct svkl_key key;
	struct svkl t;
	size_t len;
	uint8_t *table = make(rows, n, &len);

	assert_int_equal(svkl_open(table, len, &t), 0);
	assert_int_equal(t.n_keys, n);
	for (unsigned i = 0; i < n; i++) {
		memset(&key, 0xaa, sizeof(key));
		assert_int_equal(svkl_key(&t, i, &key), verdicts[i]);
		if (verdicts[i] == 0) {
			assert_int_equal(key.len, rows[i].len);
			assert_true(key.address == rows[i].address);
		} else {
			assert_int_equal(key.len, 0xaaaaaaaa);
		}
	}
	free(table);
}

static void test_keys(void **state)
{
	static const struct row rows[] = {
		{ 0, 0, 32, 0x1f000000 },
		{ 0, 0, 1, 0x1f000020 },
		{ 0, 0, SVKL_KEY_LEN_MAX, 0x1f001000 },
		{ 0, 0, 16, UINT64_MAX - 15 },
	};

	expect_keys(rows, 4, (const int[]){ 0, 0, 0, 0 });
}

static void test_bad_keys(void **state)
{
	static const struct row rows[] = {
		{ 1, 0, 32, 0x1f000000 },	  { 0, 1, 32, 0x1f000000 },
		{ 0, 0, 0, 0x1f000000 },	  { 0, 0, SVKL_KEY_LEN_MAX + 1, 0x1f000000 },
		{ 0, 0, UINT32_MAX, 0x1f000000 }, { 0, 0, 32, 0 },
		{ 0, 0, 17, UINT64_MAX - 15 },	  { 0, 0, 2, UINT64_MAX },
		{ 0, 0, 32, 0x1f000000 }, /* the bad keys before it share nothing with it */
	};

	expect_keys(rows, 9,
		    (const int[]){ -EOPNOTSUPP, -EOPNOTSUPP, -EMSGSIZE, -EMSGSIZE, -EMSGSIZE,
				   -EBADMSG, -EBADMSG, -EBADMSG, 0 });
}

static void test_overlap(void **state)
{
	static const struct row rows[] = {
		{ 0, 0, 32, 0x1000 },	 { 0, 0, 32, 0x101f }, { 0, 0, 32, 0x2000 },
		{ 0, 0, 32, 0x2000 },	 { 0, 0, 64, 0x3000 }, { 0, 0, 1, 0x3010 },
		{ 0, 0, 8, 0x4000 },	 { 0, 0, 8, 0x4008 },  { 0, 0, 16, UINT64_MAX - 15 },
		{ 0, 0, 1, UINT64_MAX },
	};
	const int n = -ENOTUNIQ;

	expect_keys(rows, 10, (const int[]){ n, n, n, n, n, n, 0, 0, n, n });
}

/* Cut at every byte, and with every count near what fits. */
static void test_table(void **state)
{
	static const struct row rows[MAX_KEYS] = { { 0, 0, 1, 1 } };
	struct svkl t;
	size_t len;
	uint8_t *table = make(rows, 2, &len);

	for (size_t cut = 0; cut <= len; cut++) {
		uint8_t *exact = malloc(cut ? cut : 1);

		memcpy(exact, table, cut);
		assert_int_equal(svkl_open(exact, cut, &t), cut < 4   ? -ENOENT :
							    cut < len ? -EBADMSG :
									0);
		free(exact);
	}
	for (uint32_t n = 0; n < 70; n++) {
		put_u32le(table + 36, n);
		assert_int_equal(svkl_open(table, len, &t), n <= 2	       ? 0 :
							    n <= SVKL_KEYS_MAX ? -EBADMSG :
										 -EMSGSIZE);
	}
	/* Counts that wrap when multiplied by the entry's length. */
	put_u32le(table + 36, 0x10000001);
	assert_int_equal(svkl_open(table, len, &t), -EMSGSIZE);
	put_u32le(table + 36, UINT32_MAX);
	assert_int_equal(svkl_open(table, len, &t), -EMSGSIZE);
	table[3] = 'l';
	assert_int_equal(svkl_open(table, len, &t), -ENOENT);
	free(table);

	table = make(rows, SVKL_KEYS_MAX, &len);
	assert_int_equal(len, SVKL_TABLE_LEN_MAX);
	assert_int_equal(svkl_open(table, len, &t), 0);
	free(table);
	table = make(rows, SVKL_KEYS_MAX + 1, &len);
	assert_int_equal(svkl_open(table, len, &t), -EMSGSIZE);
	free(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
