/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LUKS headers, made here byte by byte; each field at its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "wire/luks.h"

#include <cmocka.h>

#define UUID "736869e5-84f0-4973-92ec-06879ce3da0b"

static uint8_t one[LUKS1_HEADER_LEN], two[LUKS2_BINARY_LEN];

static void put_be(uint8_t *p, uint64_t v, unsigned len)
{
	while (len > 0) {
		p[--len] = (uint8_t)v;
		v >>= 8;
	}
}

static int setup(void **state)
{
	memset(one, 0, sizeof(one));
	memcpy(one, "LUKS\xba\xbe\0\1", 8);
	strcpy((char *)one + 8, "aes");
	strcpy((char *)one + 40, "xts-plain64");
	strcpy((char *)one + 72, "sha256");
	put_be(one + 104, 0x01020304, 4);
	put_be(one + 108, 64, 4);
	put_be(one + 164, 0xa1a2a3a4, 4);
	strcpy((char *)one + 168, UUID);
	for (unsigned i = 0; i < LUKS1_KEYSLOTS; i++) {
		put_be(one + 208 + 48 * i, i % 2 ? 0x0000dead : 0x00ac71f3, 4);
		put_be(one + 208 + 48 * i + 4, 1000 + i, 4);
		put_be(one + 208 + 48 * i + 44, 4000 + i, 4);
	}

	memset(two, 0, sizeof(two));
	memcpy(two, "LUKS\xba\xbe\0\2", 8);
	put_be(two + 8, 16384, 8);
	put_be(two + 16, 0x0102030405060708, 8);
	strcpy((char *)two + 72, "sha256");
	strcpy((char *)two + 168, UUID);
	for (unsigned i = 0; i < LUKS2_CHECKSUM_LEN; i++)
		two[LUKS2_CHECKSUM_OFFSET + i] = (uint8_t)(i + 1);
	return 0;
}

static int parse_1(void)
{
	struct luks1_header h, before;
	int r;

	memset(&h, 0x5a, sizeof(h));
	before = h;
	r = luks1_header_parse(one, sizeof(one), &h);
	if (r < 0)
		assert_memory_equal(&h, &before, sizeof(h));
	return r;
}

static int parse_2(uint64_t offset)
{
	struct luks2_header h, before;
	int r;

	memset(&h, 0x5a, sizeof(h));
	before = h;
	r = luks2_header_parse(two, sizeof(two), offset, &h);
	if (r < 0)
		assert_memory_equal(&h, &before, sizeof(h));
	return r;
}

/* ---- which it is ---- */

static void test_version(void **state)
{
	assert_int_equal(luks_version(one, 8), 1);
	assert_int_equal(luks_version(two, sizeof(two)), 2);
	one[6] = 0x12;
	one[7] = 0x34;
	assert_int_equal(luks_version(one, 8), 0x1234);
	assert_int_equal(luks_version(one, 7), -EOPNOTSUPP);
	assert_int_equal(luks_version(one, 0), -EOPNOTSUPP);
	for (unsigned i = 0; i < LUKS_MAGIC_LEN; i++) {
		one[i] ^= 1;
		assert_int_equal(luks_version(one, 8), -EOPNOTSUPP);
		one[i] ^= 1;
	}
	/* The second header of a volume does not begin one. */
	memcpy(two, "SKUL", 4);
	assert_int_equal(luks_version(two, sizeof(two)), -EOPNOTSUPP);
}

static void test_tokens(void **state)
{
	assert_true(luks_token_opens("systemd-tpm2") && luks_token_opens("systemd-fido2") &&
		    luks_token_opens("systemd-pkcs11"));
	for (const char *const *s =
		     (const char *const[]){ "", "systemd", "systemd-tpm", "systemd-tpm2x",
					    "Systemd-tpm2", "systemd-recovery", "clevis", NULL };
	     *s; s++)
		assert_false(luks_token_opens(*s));
}

/* ---- version 1 ---- */

static void test_luks1(void **state)
{
	struct luks1_header h;

	assert_int_equal(luks1_header_parse(one, sizeof(one), &h), 0);
	assert_string_equal(h.cipher, "aes");
	assert_string_equal(h.mode, "xts-plain64");
	assert_string_equal(h.hash, "sha256");
	assert_string_equal(h.uuid, UUID);
	assert_int_equal(h.payload_offset, 0x01020304);
	assert_int_equal(h.key_len, 64);
	assert_int_equal(h.digest_iterations, 0xa1a2a3a4);
	for (unsigned i = 0; i < LUKS1_KEYSLOTS; i++) {
		assert_int_equal(h.keyslots[i].active, i % 2 == 0);
		assert_int_equal(h.keyslots[i].iterations, 1000 + i);
		assert_int_equal(h.keyslots[i].stripes, 4000 + i);
	}
	assert_int_equal(luks1_header_parse(one, sizeof(one) - 1, &h), -EBADMSG);
	assert_int_equal(luks1_header_parse(one, 7, &h), -EOPNOTSUPP);
	assert_int_equal(luks1_header_parse(two, sizeof(two), &h), -EOPNOTSUPP);
}

/* A keyslot is in use or not; a third state is refused. */
static void test_keyslots(void **state)
{
	for (unsigned i = 0; i < LUKS1_KEYSLOTS; i++)
		for (unsigned byte = 0; byte < 4; byte++) {
			one[208 + 48 * i + byte] ^= 1;
			assert_int_equal(parse_1(), -EBADMSG);
			one[208 + 48 * i + byte] ^= 1;
		}
	assert_int_equal(parse_1(), 0);
}

/* A text ends within its field, and has nothing that is not printable. */
static void test_texts(void **state)
{
	static const struct {
		size_t at, size;
	} fields[] = { { 8, 32 }, { 40, 32 }, { 72, 32 } };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint8_t *p = one + fields[i].at;

		memset(p, '~', fields[i].size);
		assert_int_equal(parse_1(), -EBADMSG);
		p[fields[i].size - 1] = '\0';
		assert_int_equal(parse_1(), 0);
		memset(p, 0, fields[i].size);
		assert_int_equal(parse_1(), 0);
		for (const char *bad = "\x01\x1f\x7f\x80\xff\n\t"; *bad; bad++) {
			p[0] = 'a';
			p[1] = (uint8_t)*bad;
			assert_int_equal(parse_1(), -EBADMSG);
		}
		/* What stands behind the end does not matter, and is not copied. */
		memset(p, 0xff, fields[i].size);
		memcpy(p, " ok", 4);
		assert_int_equal(parse_1(), 0);
	}
}

static void test_uuid(void **state)
{
	static const char *const bad[] = { "",
					   "736869e5",
					   (UUID "0"),
					   "736869e5-84f0-4973-92ec-06879ce3da0",
					   "736869e5_84f0-4973-92ec-06879ce3da0b",
					   "g36869e5-84f0-4973-92ec-06879ce3da0b",
					   (" " UUID) };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(one + 168, 0, LUKS_UUID_LEN);
		memcpy(one + 168, bad[i], strlen(bad[i]));
		memcpy(two + 168, one + 168, LUKS_UUID_LEN);
		assert_int_equal(parse_1(), -EBADMSG);
		assert_int_equal(parse_2(0), -EBADMSG);
	}
	memset(one + 168, '0', LUKS_UUID_LEN);
	assert_int_equal(parse_1(), -EBADMSG);
}

/* ---- version 2 ---- */

static void test_luks2(void **state)
{
	struct luks2_header h;

	assert_int_equal(luks2_header_parse(two, sizeof(two), 0, &h), 0);
	assert_int_equal(h.hdr_size, 16384);
	assert_true(h.seqid == 0x0102030405060708);
	assert_string_equal(h.checksum_name, "sha256");
	assert_string_equal(h.uuid, UUID);
	assert_memory_equal(h.checksum, two + LUKS2_CHECKSUM_OFFSET, LUKS2_CHECKSUM_LEN);
	assert_int_equal(luks2_header_parse(two, sizeof(two) - 1, 0, &h), -EBADMSG);
	assert_int_equal(luks2_header_parse(two, 7, 0, &h), -EOPNOTSUPP);
	assert_int_equal(luks2_header_parse(one, sizeof(one), 0, &h), -EOPNOTSUPP);
	two[72] = 0x7f;
	assert_int_equal(parse_2(0), -EBADMSG);
}

/* Each header has its own magic, and says where it lies. */
static void test_offset(void **state)
{
	assert_int_equal(parse_2(16384), -EOPNOTSUPP);
	put_be(two + 256, 16384, 8);
	assert_int_equal(parse_2(0), -EBADMSG);
	memcpy(two, "SKUL", 4);
	assert_int_equal(parse_2(0), -EOPNOTSUPP);
	assert_int_equal(parse_2(16384), 0);
	assert_int_equal(parse_2(32768), -EBADMSG);
	/* All eight bytes count. */
	for (unsigned i = 0; i < 8; i++) {
		two[256 + i] ^= 1;
		assert_int_equal(parse_2(16384), -EBADMSG);
		two[256 + i] ^= 1;
	}
	two[7] = 3;
	assert_int_equal(parse_2(16384), -EOPNOTSUPP);
}

static void test_size(void **state)
{
	for (uint64_t size = 1; size; size <<= 1) {
		bool legal = size >= 16384 && size <= LUKS2_HEADER_MAX;

		put_be(two + 8, size, 8);
		assert_int_equal(parse_2(0), legal ? 0 : -EBADMSG);
		put_be(two + 8, size + 1, 8);
		assert_int_equal(parse_2(0), -EBADMSG);
		put_be(two + 8, size - 1, 8);
		/* One less than a power of two is one for 1 and 2 alone. */
		assert_int_equal(parse_2(0), -EBADMSG);
		put_be(two + 8, size + (size >> 1), 8);
		if (size > 1)
			assert_int_equal(parse_2(0), -EBADMSG);
	}
	/* The upper half is not cut off. */
	put_be(two + 8, (UINT64_C(1) << 32) + 16384, 8);
	assert_int_equal(parse_2(0), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_version, setup),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test_setup(test_luks1, setup),
		cmocka_unit_test_setup(test_keyslots, setup),
		cmocka_unit_test_setup(test_texts, setup),
		cmocka_unit_test_setup(test_uuid, setup),
		cmocka_unit_test_setup(test_luks2, setup),
		cmocka_unit_test_setup(test_offset, setup),
		cmocka_unit_test_setup(test_size, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
