/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/macro.h"
#include "wire/snp-report.h"

#include <cmocka.h>

static void put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void test_open(void **state)
{
	uint8_t b[SNP_REPORT_LEN + 1] = { 3 };
	struct snp_report r;

	put_u32le(b + 0x04, 0x01020304);
	put_u64(b + 0x08, 0x1122334455667788);
	put_u32le(b + 0x30, 0xffffffff);
	put_u32le(b + 0x34, 1);
	put_u32le(b + 0x48, 1 | 2 | SNP_KEY_VLEK << 2);
	put_u64(b + 0x180, 0xdb18000000000004);
	memcpy(b + 0x188, "\x19\x11\x02", 3);
	memcpy(b + 0x1e8, "\x1d\x37\x01\x00\x1c\x36\x02", 7);
	put_u64(b + 0x1f8, 5);

	assert_int_equal(snp_report_open(b, SNP_REPORT_LEN - 1, &r), -EBADMSG);
	assert_int_equal(snp_report_open(b, sizeof(b), &r), 0);
	assert_int_equal(r.version, 3);
	assert_int_equal(r.guest_svn, 0x01020304);
	assert_true(r.policy == 0x1122334455667788);
	assert_int_equal(r.vmpl, UINT32_MAX);
	assert_true(r.author_key_en && r.mask_chip_key && r.signing_key == SNP_KEY_VLEK);
	assert_int_equal(r.family, 0x19);
	assert_int_equal(r.model, 0x11);
	assert_int_equal(r.stepping, 2);
	assert_int_equal(r.current_version, 0x01371d);
	assert_int_equal(r.committed_version, 0x02361c);
	assert_int_equal(r.launch_mit_vector, 0);	/* not before version 5 */
	assert_ptr_equal(r.chip_id, b + 0x1a0);

	b[0] = 5;
	assert_int_equal(snp_report_open(b, sizeof(b), &r), 0);
	assert_int_equal(r.launch_mit_vector, 5);
	b[0] = 2;
	assert_int_equal(snp_report_open(b, sizeof(b), &r), 0);
	assert_int_equal(r.family, 0);
}

/* Each byte of the signed part alone: reserved or not, in each version. */
static void test_reserved(void **state)
{
	static const struct snp_range ranges[] = {
		{ 0x4c, 4 }, { 0x18b, 21 }, { 0x1eb, 1 }, { 0x1ef, 1 }, { 0x208, 152 }
	};
	struct snp_range found;
	struct snp_report r;

	for (uint8_t version = 2; version <= 5; version++)
		for (size_t at = 4; at < SNP_SIGNED_LEN; at++) {
			uint8_t b[SNP_REPORT_LEN] = { version };
			bool expected = (version < 3 && at >= 0x188 && at < 0x18b) ||
					(version < 5 && at >= 0x1f8 && at < 0x208) ||
					(at >= 0x48 && at < 0x4c);

			for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
				expected = expected ||
					   (at >= ranges[i].offset &&
					    at < (size_t)ranges[i].offset + ranges[i].len);
			b[at] = 0x80;
			assert_int_equal(snp_report_open(b, sizeof(b), &r), 0);
			assert_int_equal(snp_report_reserved(b, &r, &found), expected);
			if (expected)
				assert_true(at >= found.offset &&
					    at < (size_t)found.offset + found.len);
		}
}

static void test_signature(void **state)
{
	uint8_t b[SNP_REPORT_LEN] = { 3 }, n[2][48];
	struct snp_report r;

	for (int i = 0; i < 48; i++) {
		b[SNP_SIGNED_LEN + i] = (uint8_t)i;
		b[SNP_SIGNED_LEN + 72 + i] = (uint8_t)(100 + i);
	}
	assert_int_equal(snp_report_open(b, sizeof(b), &r), 0);
	assert_int_equal(snp_report_signature(&r, n[0], n[1]), 0);
	for (int i = 0; i < 48; i++) {
		assert_int_equal(n[0][i], 47 - i);
		assert_int_equal(n[1][i], 147 - i);
	}
	for (size_t at = SNP_SIGNED_LEN; at < SNP_REPORT_LEN; at++) {
		size_t i = at - SNP_SIGNED_LEN;
		bool used = i < 48 || (i >= 72 && i < 72 + 48);
		uint8_t saved = b[at];

		b[at] ^= 0x40;
		assert_int_equal(snp_report_signature(&r, n[0], n[1]), used ? 0 : -EBADMSG);
		b[at] = saved;
	}
}

static void test_products(void **state)
{
	static const struct {
		unsigned family, model;
		int product;	/* -1: none */
	} cpus[] = {
		{ 0x19, 0x00, SNP_MILAN }, { 0x19, 0x0f, SNP_MILAN }, { 0x19, 0x10, SNP_GENOA },
		{ 0x19, 0x1f, SNP_GENOA }, { 0x19, 0x20, -1 },	      { 0x19, 0x9f, -1 },
		{ 0x19, 0xa0, SNP_GENOA }, { 0x19, 0xaf, SNP_GENOA }, { 0x19, 0xb0, -1 },
		{ 0x1a, 0x00, SNP_TURIN }, { 0x1a, 0x11, SNP_TURIN }, { 0x1a, 0x12, -1 },
		{ 0x1a, 0x50, -1 },	   { 0x17, 0x01, -1 },	      { 0, 0, -1 },
	};
	enum snp_product p;

	for (size_t i = 0; i < ARRAY_SIZE(cpus); i++) {
		int r = snp_product_by_cpuid(cpus[i].family, cpus[i].model, &p);

		assert_int_equal(r, cpus[i].product < 0 ? -ENOENT : 0);
		if (r == 0)
			assert_int_equal(p, cpus[i].product);
	}
	assert_int_equal(snp_product_by_name("Milan-B0", 5, &p), 0);
	assert_int_equal(p, SNP_MILAN);
	assert_int_equal(snp_product_by_name("Milan-B0", 8, &p), -ENOENT);
	assert_int_equal(snp_product_by_name("Mila", 4, &p), -ENOENT);
	assert_int_equal(snp_product_by_name("", 0, &p), -ENOENT);
}

static void test_tcb(void **state)
{
	struct snp_tcb milan = snp_tcb_decode(SNP_MILAN, 0x8877665544332211),
		       turin = snp_tcb_decode(SNP_TURIN, 0x8877665544332211);
	struct snp_tcb a = { { 0, 4, 0, 24, 219 } }, b = a;

	assert_memory_equal(milan.svn, "\x00\x11\x22\x77\x88", 5);
	assert_memory_equal(turin.svn, "\x11\x22\x33\x44\x88", 5);
	assert_int_equal(snp_tcb_bytes(SNP_MILAN), 0xc3);
	assert_int_equal(snp_tcb_bytes(SNP_GENOA), 0xc3);
	assert_int_equal(snp_tcb_bytes(SNP_TURIN), 0x8f);
	assert_true(snp_tcb_le(&a, &b));
	b.svn[SNP_TCB_MICROCODE] = 255;
	assert_true(snp_tcb_le(&a, &b));
	assert_false(snp_tcb_le(&b, &a));
	b.svn[SNP_TCB_BOOTLOADER] = 3;	/* neither is at most the other */
	assert_false(snp_tcb_le(&a, &b));
	assert_false(snp_tcb_le(&b, &a));
}

static void entry(uint8_t *p, const char *guid, uint32_t offset, uint32_t len)
{
	memcpy(p, guid, 16);
	put_u32le(p + 16, offset);
	put_u32le(p + 20, len);
}

#define VCEK_GUID "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"
#define OTHER_GUID "0123456789abcdef"

static void test_table(void **state)
{
	uint8_t b[24 * 3 + 8] = { 0 };
	struct snp_table t;

	assert_int_equal(snp_table_parse(b, 0, &t), -EBADMSG);
	assert_int_equal(snp_table_parse(b, 23, &t), -EBADMSG);
	assert_int_equal(snp_table_parse(b, 24, &t), 0);
	assert_null(t.piece[SNP_TABLE_VCEK].p);

	entry(b, VCEK_GUID, 72, 8);
	entry(b + 24, OTHER_GUID, 79, 1);
	assert_int_equal(snp_table_parse(b, sizeof(b), &t), 0);
	assert_ptr_equal(t.piece[SNP_TABLE_VCEK].p, b + 72);
	assert_int_equal(t.piece[SNP_TABLE_VCEK].len, 8);
	assert_int_equal(t.n_unknown, 1);

	static const struct {
		uint32_t offset, len;
	} bad[] = { { 71, 1 }, { 80, 1 },	  { 81, 0 },	      { 72, 9 },
		    { 72, 0 }, { 0xffffffff, 1 }, { 72, 0xffffffff }, { 0xffffffb8, 0x50 } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		entry(b, VCEK_GUID, bad[i].offset, bad[i].len);
		assert_int_equal(snp_table_parse(b, sizeof(b), &t), -EBADMSG);
	}
	entry(b, VCEK_GUID, 72, 1);
	entry(b + 24, VCEK_GUID, 73, 1);
	assert_int_equal(snp_table_parse(b, sizeof(b), &t), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),	  cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_signature), cmocka_unit_test(test_products),
		cmocka_unit_test(test_tcb),	  cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
