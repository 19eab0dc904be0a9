/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "wire/ovmf-metadata.h"
#include "wire/ovmf-table.h"

#include <cmocka.h>

#define IMAGE_LEN 8192
#define SEV_AT 4096		/* from the end */
#define TDX_AT 6144

/* The GUIDs as they lie in memory, written independently of the code. */
static const uint8_t sev_guid[] = { 0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47,
				    0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc };
static const uint8_t tdx_guid[] = { 0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47,
				    0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2 };
static const uint8_t front_guid[] = { 0xf3, 0xf9, 0xea, 0xe9, 0x8e, 0x16, 0xd5, 0x44,
				      0xa8, 0xeb, 0x7f, 0x4d, 0x87, 0x38, 0xf6, 0xae };
static const uint8_t footer[] = { 0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
				  0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d };

static void put64(uint8_t *p, uint64_t v)
{
	put_u32le(p, (uint32_t)v);
	put_u32le(p + 4, (uint32_t)(v >> 32));
}

static uint8_t *header_of(uint8_t *image, size_t at, const char *signature, size_t section_len,
			  uint32_t n)
{
	uint8_t *p = image + IMAGE_LEN - at;

	memcpy(p, signature, 4);
	put_u32le(p + 4, 16 + (uint32_t)section_len * n);
	put_u32le(p + 8, 1);
	put_u32le(p + 12, n);
	return p + 16;
}

static void put_sev(uint8_t *p, uint32_t gpa, uint32_t size, uint32_t type)
{
	put_u32le(p, gpa);
	put_u32le(p + 4, size);
	put_u32le(p + 8, type);
}

static void put_tdx(uint8_t *p, uint32_t offset, uint32_t len, uint64_t gpa, uint64_t size,
		    uint32_t attributes)
{
	put_u32le(p, offset);
	put_u32le(p + 4, len);
	put64(p + 8, gpa);
	put64(p + 16, size);
	put_u32le(p + 24, 3);
	put_u32le(p + 28, attributes);
}

/* Two sections each. */
static void make_image(uint8_t *image)
{
	uint8_t *p = image + IMAGE_LEN - 32 - 18 - 2 * 22;

	memset(image, 0, IMAGE_LEN);
	put_u32le(p, SEV_AT);
	put_u16le(p + 4, 22);
	memcpy(p + 6, sev_guid, 16);
	put_u32le(p + 22, TDX_AT);
	put_u16le(p + 26, 22);
	memcpy(p + 28, tdx_guid, 16);
	put_u16le(p + 44, 18 + 2 * 22);
	memcpy(p + 46, footer, 16);

	p = header_of(image, SEV_AT, "ASEV", 12, 2);
	put_sev(p, 0x800000, 0x2000, 1);
	put_sev(p + 12, 0xfffff000, 0x1000, 99);
	p = header_of(image, TDX_AT, "TDVF", 32, 2);
	memcpy(p - 32, front_guid, 16);
	put_tdx(p, 100, 4097, 0xffff0000, 0x2000, 1);
	put_tdx(p + 32, 0, 0, UINT64_C(1) << 40, UINT64_C(1) << 50, 2);
}

static uint8_t image[IMAGE_LEN];
static uint8_t *const sev = image + IMAGE_LEN - SEV_AT, *const tdx = image + IMAGE_LEN - TDX_AT;

static void test_good(void **state)
{
	struct ovmf_sev_section s;
	struct ovmf_tdx_section t;
	struct bytes all;

	make_image(image);
	assert_int_equal(ovmf_sev_sections(image, IMAGE_LEN, &all), 0);
	assert_true(ovmf_sev_next(&all, &s));
	assert_true(s.gpa == 0x800000 && s.size == 0x2000 && s.type == OVMF_SEV_MEMORY);
	assert_true(ovmf_sev_next(&all, &s));
	assert_true(s.gpa == 0xfffff000 && s.size == 0x1000 && s.type == 99);
	assert_false(ovmf_sev_next(&all, &s));

	assert_int_equal(ovmf_tdx_sections(image, IMAGE_LEN, &all), 0);
	assert_true(ovmf_tdx_next(image, &all, &t));
	assert_ptr_equal(t.data.p, image + 100);
	assert_true(t.data.len == 4097 && t.gpa == 0xffff0000 && t.size == 0x2000 && t.type == 3 &&
		    t.attributes == OVMF_TDX_EXTEND);
	assert_true(ovmf_tdx_next(image, &all, &t));
	assert_true(t.data.len == 0 && t.gpa == UINT64_C(1) << 40 && t.attributes == OVMF_TDX_AUG);
	assert_false(ovmf_tdx_next(image, &all, &t));
}

static void expect_sev(int want)
{
	struct bytes all = { NULL, 7 };

	assert_int_equal(ovmf_sev_sections(image, IMAGE_LEN, &all), want);
	if (want < 0)
		assert_true(all.p == NULL && all.len == 7);
	make_image(image);
}

static void expect_tdx(int want)
{
	struct bytes all = { NULL, 7 };

	assert_int_equal(ovmf_tdx_sections(image, IMAGE_LEN, &all), want);
	if (want < 0)
		assert_true(all.p == NULL && all.len == 7);
	make_image(image);
}

static void test_offsets(void **state)
{
	uint8_t *entry = image + IMAGE_LEN - 32 - 18 - 2 * 22;
	static const struct {
		uint32_t distance;
		int r;
	} cases[] = { { 0, -ENOENT },
		      { 1, -EBADMSG },
		      { 15, -EBADMSG },
		      { IMAGE_LEN, -EBADMSG },
		      { IMAGE_LEN + 1, -EBADMSG },
		      { 0xffffffff, -EBADMSG } };

	make_image(image);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_u32le(entry, cases[i].distance);
		expect_sev(cases[i].r);
		put_u32le(entry + 22, cases[i].distance);
		expect_tdx(cases[i].r);
	}
	memset(image, 0, IMAGE_LEN);
	expect_sev(-ENOENT);
	/* The GUID in front of the header would lie in front of the image. */
	memmove(image, tdx, IMAGE_LEN / 4);
	put_u32le(entry + 22, IMAGE_LEN);
	expect_tdx(-EBADMSG);
	tdx[-16] ^= 1;
	expect_tdx(-EBADMSG);
}

static void test_headers(void **state)
{
	make_image(image);
	sev[0] = 'a';
	expect_sev(-EBADMSG);
	put_u32le(sev + 8, 2);
	expect_sev(-EBADMSG);
	put_u32le(sev + 4, 16 + 23);
	expect_sev(-EBADMSG);
	put_u32le(sev + 4, SEV_AT + 1);
	expect_sev(-EBADMSG);
	put_u32le(sev + 4, 0xffffffff);
	expect_sev(-EBADMSG);
	for (uint32_t n = 3; n; n <<= 1) {
		put_u32le(sev + 12, n);
		expect_sev(-EBADMSG);
	}
	put_u32le(sev + 12, 0x15555556);	/* 12 times this is 8 in 32 bits */
	expect_sev(-EBADMSG);
	put_u32le(sev + 12, 0);
	expect_sev(0);
}

static void test_sev_sections(void **state)
{
	static const struct {
		uint32_t gpa, size;
		int r;
	} cases[] = {
		{ 1, 0x1000, -EBADMSG },	   { 0x1000, 0, -EBADMSG },
		{ 0x1000, 0x1001, -EBADMSG },	   { 0xfffff000, 0x2000, -EBADMSG },
		{ 0, 0x3ffff000, -EMSGSIZE },	   { 0, 0x3fffd000, 0 },
		{ 0x1000, 0xfffff000, -EMSGSIZE },
	};

	make_image(image);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_sev(sev + 28, cases[i].gpa, cases[i].size, 1);
		expect_sev(cases[i].r);
	}
}

static void test_tdx_sections(void **state)
{
	static const struct {
		uint32_t offset, len;
		uint64_t gpa, size;
		uint32_t attributes;
		int r;
		uint32_t type;
	} cases[] = {
		{ 0, IMAGE_LEN, 0, IMAGE_LEN, 1, 0 },
		{ 1, IMAGE_LEN, 0, IMAGE_LEN, 1, -EBADMSG },
		{ 0xffffffff, 1, 0, 0x1000, 1, -EBADMSG },
		{ 0, 0xffffffff, 0, 0x1000, 1, -EBADMSG },
		{ 0, 0x1001, 0, 0x1000, 1, -EBADMSG },		/* more data than memory */
		{ 0, 0, 1, 0x1000, 0, -EBADMSG },
		{ 0, 0, 0, 0x1001, 0, -EBADMSG },
		{ 0, 0, 0, 0, 0, 0 },
		{ 0, 0, 1, 0, 0, -EBADMSG },
		{ 0, 0, 0, 0x40001000, 0, -EMSGSIZE },
		{ 0, 0, 0, UINT64_C(0xfffffffffffff000), 0, -EMSGSIZE },
		{ 0, 0, UINT64_C(0xfffffffffffff000), 0x2000, 0, -EBADMSG },
		{ 0, 0, UINT64_C(0xfffffffffffff000), 0x2000, 2, -EBADMSG },
		{ 0, 0, 0, UINT64_C(0xfffffffffffff000), 2, 0 },
		{ 0, 0, 1, 0x1000, 2, -EBADMSG },
		{ 0, 0, 0, 0x1000, 3, -EBADMSG },		/* measured, but does not exist */
		{ 0, 0x1000, 0, 0, 0, 0, OVMF_TDX_TD_INFO },
		{ 0, IMAGE_LEN, 0, 0, 1, 0, OVMF_TDX_TD_PARAMS },
		{ 0, 0x1000, 0, 0, 0, -EBADMSG, OVMF_TDX_PAYLOAD },
		{ 0, 0x1000, 0, 0, 0, -EBADMSG, 9 },
		{ 0, 0x1000, 0, 0x1000, 0, -EBADMSG, OVMF_TDX_TD_INFO },
		{ 0, 0, 0, UINT64_C(0xfffffffffffff000), 2, -EBADMSG, OVMF_TDX_TD_INFO },
		{ 1, IMAGE_LEN, 0, 0, 0, -EBADMSG, OVMF_TDX_TD_INFO },
		{ 0, 0, 1, 0, 0, -EBADMSG, OVMF_TDX_TD_PARAMS },
		{ 0, 0x1000, 0, 0x1000, 0, 0, 9 },		/* others judge this */
	};

	make_image(image);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_tdx(tdx + 48, cases[i].offset, cases[i].len, cases[i].gpa, cases[i].size,
			cases[i].attributes);
		if (cases[i].type)
			put_u32le(tdx + 48 + 24, cases[i].type);
		expect_tdx(cases[i].r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	     cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_headers),	     cmocka_unit_test(test_sev_sections),
		cmocka_unit_test(test_tdx_sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
