/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>

#include "inject/launch/snp-pages.h"

#include <cmocka.h>

#include "tests/unit/machines.h"

#define PAGE 4096
#define IMAGE_MAX (9 * 64 * PAGE + 3 * PAGE)

static uint8_t data[IMAGE_MAX];
static struct sha sha;

static int set_up(void **state)
{
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i / PAGE * 31 + i % 251);
	return sha_init(&sha, "SHA384");
}

static int tear_down(void **state)
{
	sha_done(&sha);
	return 0;
}

/* By OpenSSL alone, one page after the other. */
static void chain(size_t n, uint8_t ld[static SHA384_LEN])
{
	uint8_t info[0x70];

	memset(ld, 0, SHA384_LEN);
	for (size_t i = 0; i < n; i++) {
		uint64_t gpa = (UINT64_C(1) << 32) - (n - i) * PAGE;

		memset(info, 0, sizeof(info));
		memcpy(info, ld, SHA384_LEN);
		assert_int_equal(EVP_Digest(data + i * PAGE, PAGE, info + 48, NULL, EVP_sha384(),
					    NULL),
				 1);
		info[0x60] = sizeof(info);
		info[0x62] = 1;
		memcpy(info + 0x68, &gpa, sizeof(gpa));
		assert_int_equal(EVP_Digest(info, sizeof(info), ld, NULL, EVP_sha384(), NULL), 1);
	}
}

static int hash_of(const struct bytes *image, uint8_t ret[static SHA384_LEN])
{
	_cleanup_(snp_firmware_freep) struct snp_firmware *f = NULL;
	_cleanup_(pool_done) struct pool pool;

	pool_init(&pool);
	assert_int_equal(snp_firmware_begin(image, &sha, &pool, &f), 0);
	return snp_firmware_end(f, ret);
}

/* ---- tests ---- */

/* However many threads there are, and whether or not the pages fill all stretches. */
static void test_sizes(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 128, 200, IMAGE_MAX / PAGE };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bytes image = { data, sizes[i] * PAGE };
		uint8_t want[SHA384_LEN], got[SHA384_LEN];

		chain(sizes[i], want);
		for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
			machine = &machines[m];
			assert_int_equal(hash_of(&image, got), 0);
			assert_memory_equal(got, want, SHA384_LEN);
		}
	}
}

/* Nobody waits for it. */
static void test_given_up(void **state)
{
	for (size_t m = 0; m < ARRAY_SIZE(machines); m++) {
		struct bytes image = { data, sizeof(data) };
		_cleanup_(snp_firmware_freep) struct snp_firmware *f = NULL;
		struct pool pool;

		machine = &machines[m];
		pool_init(&pool);
		assert_int_equal(snp_firmware_begin(&image, &sha, &pool, &f), 0);
		pool_done(&pool);
	}
	assert_null(snp_firmware_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_given_up),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
