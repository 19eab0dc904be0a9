/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "wire/bytes.h"
#include "wire/igvm.h"

#include <cmocka.h>

#define HEADERS 32	/* where the headers begin: behind the longer header of version 2 */

/* Make @n headers, each for one of @platforms, and a header of another type. */
static size_t make_file(uint8_t ret[static 256], const uint8_t *platforms, size_t n)
{
	uint8_t *p = ret + HEADERS;

	memset(ret, 0, 256);
	memcpy(ret, "IGVM", 4);
	put_u32le(ret + 4, 2);
	put_u32le(ret + 8, HEADERS);
	for (size_t i = 0; i < n; i++, p += 24) {
		put_u32le(p, 1);
		put_u32le(p + 4, 16);
		p[8 + 5] = platforms[i];
	}
	put_u32le(p, 0x302);
	put_u32le(p + 4, 16);
	p[8 + 5] = IGVM_SEV;
	return (size_t)(p - ret) + 24;
}

static void test_platforms(void **state)
{
	static const uint8_t both[] = { IGVM_SNP, IGVM_NATIVE }, unknown[] = { 6, 255, IGVM_TDX };
	uint8_t file[256];
	size_t len = make_file(file, both, 2);

	assert_true(igvm_is(file, len));
	assert_int_equal(igvm_platforms(file, len), 1 << IGVM_SNP | 1 << IGVM_NATIVE);
	assert_int_equal(igvm_platforms(file, HEADERS + 24), 1 << IGVM_SNP);
	assert_int_equal(igvm_platforms(file, HEADERS + 23), 0);
	len = make_file(file, unknown, 3);
	assert_int_equal(igvm_platforms(file, len), 1 << IGVM_TDX);
	len = make_file(file, NULL, 0);
	assert_int_equal(igvm_platforms(file, len), 0);
}

static void test_broken(void **state)
{
	static const uint8_t snp[] = { IGVM_SNP };
	static const uint32_t offsets[] = { 0, 23, 257, 0xffffffff };
	uint8_t file[256];

	make_file(file, snp, 1);
	assert_false(igvm_is(file, 3));
	assert_true(igvm_is(file, 4));
	assert_int_equal(igvm_platforms(file, 23), 0);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		put_u32le(file + 8, offsets[i]);
		assert_int_equal(igvm_platforms(file, 256), 0);
	}
	make_file(file, snp, 1);
	put_u32le(file + HEADERS + 4, 8);
	assert_int_equal(igvm_platforms(file, 256), 0);
	make_file(file, snp, 1);
	file[3] = 'm';
	assert_false(igvm_is(file, 256));
	assert_int_equal(igvm_platforms(file, 256), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
