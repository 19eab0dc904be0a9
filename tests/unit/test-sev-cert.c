/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/macro.h"
#include "wire/sev-cert.h"

#include <cmocka.h>

static void test_fields(void **state)
{
	uint8_t bytes[SEV_CERT_LEN];
	struct sev_cert c;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	put_u32le(bytes, 1);
	bytes[4] = 1;
	bytes[5] = 55;
	put_u32le(bytes + 8, SEV_USAGE_PEK);
	put_u32le(bytes + 12, SEV_ALGO_ECDSA_SHA384);
	put_u32le(bytes + 16, SEV_CURVE_P256);
	put_u32le(bytes + 0x414, SEV_USAGE_OCA);
	put_u32le(bytes + 0x418, SEV_ALGO_ECDSA_SHA256);
	put_u32le(bytes + 0x61c, SEV_USAGE_CEK);
	put_u32le(bytes + 0x620, 0xdeadbeef);
	assert_int_equal(sev_cert_parse(bytes, sizeof(bytes), &c), 0);
	assert_ptr_equal(c.bytes, bytes);
	assert_int_equal(c.api_major, 1);
	assert_int_equal(c.api_minor, 55);
	assert_int_equal(c.usage, SEV_USAGE_PEK);
	assert_int_equal(c.algo, SEV_ALGO_ECDSA_SHA384);
	assert_int_equal(c.curve, SEV_CURVE_P256);
	assert_ptr_equal(c.x, bytes + 0x14);
	assert_ptr_equal(c.y, bytes + 0x5c);
	assert_int_equal(c.signatures[0].usage, SEV_USAGE_OCA);
	assert_int_equal(c.signatures[0].algo, SEV_ALGO_ECDSA_SHA256);
	assert_ptr_equal(c.signatures[0].value, bytes + 0x41c);
	assert_int_equal(c.signatures[1].usage, SEV_USAGE_CEK);
	assert_int_equal(c.signatures[1].algo, 0xdeadbeef);
	assert_ptr_equal(c.signatures[1].value, bytes + 0x624);
	assert_ptr_equal(c.signatures[1].value + SEV_SIGNATURE_LEN, bytes + SEV_CERT_LEN);
}

static void test_refused(void **state)
{
	uint8_t bytes[SEV_CERT_LEN + 1] = { 0 };
	struct sev_cert c;

	put_u32le(bytes, 1);
	put_u32le(bytes + 16, SEV_CURVE_P384);
	assert_int_equal(sev_cert_parse(bytes, SEV_CERT_LEN, &c), 0);
	for (size_t len = 0; len < SEV_CERT_LEN; len++)
		assert_int_equal(sev_cert_parse(bytes, len, &c), -EBADMSG);
	assert_int_equal(sev_cert_parse(bytes, SEV_CERT_LEN + 1, &c), -EBADMSG);
	put_u32le(bytes, 0x101);
	assert_int_equal(sev_cert_parse(bytes, SEV_CERT_LEN, &c), -EBADMSG);
	put_u32le(bytes, 1);
	for (uint32_t curve = 0; curve < 600; curve++) {
		put_u32le(bytes + 16, curve);
		assert_int_equal(sev_cert_parse(bytes, SEV_CERT_LEN, &c),
				 curve == 1 || curve == 2 ? 0 : -EBADMSG);
	}
}

static size_t make_amd(uint32_t bits, uint8_t *ret)
{
	memset(ret, 0, AMD_CERT_MAX_LEN);
	put_u32le(ret, 1);
	put_u32le(ret + 0x24, SEV_USAGE_ASK);
	put_u32le(ret + 0x38, bits);
	put_u32le(ret + 0x3c, bits);
	put_u32le(ret + 0x40, 65537);
	return AMD_CERT_HEADER_LEN + 3 * bits / 8;
}

static void test_amd_fields(void **state)
{
	static const size_t sizes[] = { 2048, 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t bytes[AMD_CERT_MAX_LEN];
		size_t len = make_amd((uint32_t)sizes[i], bytes), n = sizes[i] / 8;
		struct bytes b = { bytes, len };
		struct amd_cert c;

		assert_int_equal(amd_cert_next(&b, &c), 1);
		assert_int_equal(c.len, len);
		assert_int_equal(c.signed_len, len - n);
		assert_int_equal(c.n, n);
		assert_int_equal(c.usage, SEV_USAGE_ASK);
		assert_ptr_equal(c.key_id, bytes + 4);
		assert_ptr_equal(c.certifying_id, bytes + 20);
		assert_ptr_equal(c.exponent, bytes + 64);
		assert_ptr_equal(c.modulus, bytes + 64 + n);
		assert_ptr_equal(c.signature, bytes + 64 + 2 * n);
		assert_int_equal(b.len, 0);
		assert_int_equal(amd_cert_next(&b, &c), 0);
	}
}

static void test_amd_lengths(void **state)
{
	uint8_t bytes[AMD_CERT_MAX_LEN];

	for (size_t bits = 2048; bits <= 4096; bits += 2048) {
		size_t len = make_amd((uint32_t)bits, bytes);

		for (size_t cut = 1; cut < len; cut++) {
			struct bytes b = { bytes, cut };
			struct amd_cert c;
			bool without = bits == 2048 && cut == 576;

			assert_int_equal(amd_cert_next(&b, &c), without ? 1 : -EBADMSG);
			assert_int_equal(b.len, without ? 0 : cut);
			if (without)
				assert_null(c.signature);
		}
	}
}

static void test_amd_refused(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
	} cases[] = {
		{ 0, 0 },	{ 0, 2 },    { 0x38, 4096 }, { 0x3c, 4096 }, { 0x38, 0 },
		{ 0x3c, 3072 }, { 0x40, 3 }, { 0x40, 0 },    { 0x44, 1 },    { 0x13c, 0x80000000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t bytes[AMD_CERT_MAX_LEN];
		size_t len = make_amd(2048, bytes);
		struct bytes b = { bytes, len };
		struct amd_cert c;

		put_u32le(bytes + cases[i].offset, cases[i].value);
		assert_int_equal(amd_cert_next(&b, &c), -EBADMSG);
		assert_int_equal(b.len, len);
	}
	for (uint32_t bits = 0; bits < 8192; bits += 8) {
		uint8_t bytes[8192] = { 0 };
		struct bytes b = { bytes, sizeof(bytes) };
		struct amd_cert c;

		make_amd(2048, bytes);
		put_u32le(bytes + 0x38, bits);
		put_u32le(bytes + 0x3c, bits);
		assert_int_equal(amd_cert_next(&b, &c),
				 bits == 2048 || bits == 4096 ? 1 : -EBADMSG);
	}
}

static void test_godh(void **state)
{
	uint8_t x[SEV_P384_LEN], y[SEV_P384_LEN], bytes[SEV_CERT_LEN];
	struct sev_cert c;

	for (size_t i = 0; i < SEV_P384_LEN; i++) {
		x[i] = (uint8_t)i;
		y[i] = (uint8_t)(100 + i);
	}
	sev_cert_write_godh(x, y, bytes);
	assert_int_equal(sev_cert_parse(bytes, sizeof(bytes), &c), 0);
	assert_int_equal(c.usage, SEV_USAGE_PDH);
	assert_int_equal(c.algo, SEV_ALGO_ECDH_SHA256);
	assert_int_equal(c.curve, SEV_CURVE_P384);
	assert_int_equal(c.x[0], 47);
	assert_int_equal(c.x[47], 0);
	assert_int_equal(c.y[0], 147);
	assert_int_equal(c.y[47], 100);
	for (size_t i = SEV_P384_LEN; i < SEV_NUMBER_LEN; i++)
		assert_true(c.x[i] == 0 && c.y[i] == 0);
	for (size_t i = 0; i < SEV_CERT_SLOTS; i++) {
		assert_int_equal(c.signatures[i].usage, SEV_USAGE_NONE);
		assert_int_equal(c.signatures[i].algo, SEV_ALGO_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_amd_fields),
		cmocka_unit_test(test_amd_lengths),
		cmocka_unit_test(test_amd_refused),
		cmocka_unit_test(test_godh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
