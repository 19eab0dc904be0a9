/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json.h>

#include "base/io.h"
#include "wire/ovmf-table.h"

#include <cmocka.h>

#include "tests/unit/vectors.h"

/* The footer's GUID as it lies in memory, written independently of the code. */
static const uint8_t footer[16] = {
	0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
	0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d,
};

/* The end of an image, built from the front: entries, then the footer, then 32 bytes. */
struct image {
	uint8_t b[1024];
	size_t len;
};

static void add(struct image *m, const void *p, size_t len)
{
	assert_true(m->len + len <= sizeof(m->b));
	memcpy(m->b + m->len, p, len);
	m->len += len;
}

static void add_u16(struct image *m, unsigned v)
{
	add(m, (const uint8_t[]){ v & 0xff, v >> 8 & 0xff }, 2);
}

static void add_entry(struct image *m, const struct guid *guid, const void *data, size_t len,
		      unsigned claim)
{
	add(m, data, len);
	add_u16(m, claim);
	add(m, guid->b, 16);
}

static void add_area(struct image *m, const struct guid *guid, uint32_t base, uint32_t size)
{
	uint8_t data[8];

	put_u32le(data, base);
	put_u32le(data + 4, size);
	add_entry(m, guid, data, 8, 26);
}

static void add_footer(struct image *m, unsigned claim)
{
	add_u16(m, claim);
	add(m, footer, 16);
	add(m, (const uint8_t[32]){ 0 }, 32);
}

static void make_image(struct image *m)
{
	m->len = 0;
	add(m, "code", 4);
	add_area(m, &ovmf_hash_area_guid, 0x80cc00, 0x400);
	add_area(m, &ovmf_secret_area_guid, 0x80c000, 0xc00);
	add_entry(m, &ovmf_es_reset_guid, "\x04\xb0\x80", 4, 22);
	add_footer(m, 26 + 26 + 22 + 18);
}

static void test_find(void **state)
{
	static const struct guid other = GUID_INIT_TEXT(0xdeadbeef, 0, 0x4000, 0x80, 0, 0, 0, 0, 0,
							0, 1);
	struct ovmf_area area;
	struct bytes data = { NULL, 7 };
	struct image m;

	make_image(&m);
	assert_int_equal(ovmf_table_find(m.b, m.len, &other, &data), -ENOENT);
	assert_true(data.p == NULL && data.len == 7);
	assert_int_equal(ovmf_table_find(m.b, m.len, &ovmf_es_reset_guid, &data), 0);
	assert_int_equal(data.len, 4);
	assert_int_equal(get_u32le(data.p), 0x80b004);
	assert_int_equal(ovmf_table_find(m.b, m.len, &ovmf_hash_area_guid, &data), 0);
	assert_ptr_equal(data.p, m.b + 4);
	assert_int_equal(ovmf_secret_area(m.b, m.len, &area), 0);
	assert_int_equal(area.base, 0x80c000);
	assert_int_equal(area.size, 0xc00);
	/* Only the end of the image, as short as possible. */
	assert_int_equal(ovmf_secret_area(m.b + 4, m.len - 4, &area), 0);
	assert_int_equal(ovmf_secret_area(m.b + 5, m.len - 5, &area), -EBADMSG);
}

static void test_no_table(void **state)
{
	static const uint8_t zero[200];
	struct ovmf_area area;
	struct bytes data;
	struct image m;

	for (size_t len = 0; len <= sizeof(zero); len++)
		assert_int_equal(ovmf_secret_area(zero, len, &area), -ENOENT);
	make_image(&m);
	for (size_t i = 1; i < 50; i++)
		assert_int_equal(ovmf_secret_area(m.b + m.len - i, i, &area), -ENOENT);

	/* The oldest images have the reset address alone, and nothing before it is an entry. */
	m.len = 0;
	add_area(&m, &ovmf_secret_area_guid, 0x80c000, 0xc00);
	add_entry(&m, &ovmf_es_reset_guid, "\x04\xb0\x80", 4, 22);
	add(&m, zero, 32);
	assert_int_equal(ovmf_table_find(m.b, m.len, &ovmf_es_reset_guid, &data), 0);
	assert_int_equal(data.len, 4);
	assert_int_equal(ovmf_secret_area(m.b, m.len, &area), -ENOENT);
}

/* Every length that the table may claim. */
static void test_table_length(void **state)
{
	struct ovmf_area area;
	struct image m;

	make_image(&m);
	for (unsigned claim = 0; claim <= 0xffff; claim++) {
		/* 4 bytes lie in front of the table */
		int want = claim < 18 || claim > 96 ? -EBADMSG :
			   claim < 18 + 22 ? (claim < 36 ? -ENOENT : -EBADMSG) :
			   claim < 18 + 22 + 26 ? (claim < 18 + 22 + 18 ? -ENOENT : -EBADMSG) :
			   claim < 92 && claim >= 66 + 18 ? -EBADMSG : 0;

		put_u16le(m.b + m.len - 50, (uint16_t)claim);
		assert_int_equal(ovmf_secret_area(m.b, m.len, &area), want);
	}
}

/* Every length that an entry may claim, on either side of the entry that is sought. */
static void test_entry_length(void **state)
{
	struct bytes data;
	struct image m;

	for (unsigned claim = 0; claim <= 0xffff; claim++) {
		make_image(&m);
		put_u16le(m.b + m.len - 50 - 18, (uint16_t)claim);	/* the reset address */
		if (claim < 18 || claim > 74)
			assert_int_equal(ovmf_table_find(m.b, m.len, &ovmf_es_reset_guid, &data),
					 -EBADMSG);
		make_image(&m);
		/* the hashes, the last to be read */
		put_u16le(m.b + 4 + 8, (uint16_t)claim);
		assert_int_equal(ovmf_table_find(m.b, m.len, &ovmf_secret_area_guid, &data),
				 claim < 18 || claim > 26 ? -EBADMSG : 0);
	}
}

static void test_duplicate(void **state)
{
	struct ovmf_area area;
	struct image m = { .len = 0 };

	add_area(&m, &ovmf_secret_area_guid, 0x1000, 0x1000);
	add_area(&m, &ovmf_secret_area_guid, 0x2000, 0x800);
	add_footer(&m, 70);
	assert_int_equal(ovmf_secret_area(m.b, m.len, &area), 0);
	assert_int_equal(area.base, 0x2000);
	assert_int_equal(area.size, 0x800);
}

static void test_area(void **state)
{
	static const struct {
		uint32_t base, size;
		int r;
	} cases[] = {
		{ 0, 0, -ENOENT },
		{ 0, 0xc00, -ENOENT },
		{ 0x80c000, 0, -EBADMSG },
		{ 1, 1, 0 },
		{ 0xfffff000, 0x1000, 0 },
		{ 0xfffff000, 0x1001, -EBADMSG },
		{ 1, 0xffffffff, 0 },
		{ 2, 0xffffffff, -EBADMSG },
		{ 0xffffffff, 0xffffffff, -EBADMSG },
	};
	struct ovmf_area area;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image m = { .len = 0 };

		add_area(&m, &ovmf_secret_area_guid, cases[i].base, cases[i].size);
		add_footer(&m, 44);
		assert_int_equal(ovmf_secret_area(m.b, m.len, &area), cases[i].r);
	}
	for (size_t len = 0; len < 20; len++) {
		struct image m = { .len = 0 };

		add_entry(&m, &ovmf_secret_area_guid, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", len,
			  (unsigned)len + 18);
		add_footer(&m, (unsigned)len + 36);
		assert_int_equal(ovmf_secret_area(m.b, m.len, &area), len == 8 ? 0 : -EBADMSG);
	}
}

/* ---- images of others: $COCO_VECTORS/sev ---- */

static void check_area(const uint8_t *image, size_t len, const struct guid *guid,
		       struct json_object *want)
{
	struct bytes data;
	int r;

	r = ovmf_table_find(image, len, guid, &data);
	if (want) {
		assert_int_equal(r, 0);
		assert_int_equal(get_u32le(data.p),
				 json_object_get_int64(json_object_array_get_idx(want, 0)));
		assert_int_equal(get_u32le(data.p + 4),
				 json_object_get_int64(json_object_array_get_idx(want, 1)));
	} else if (r == 0)
		assert_int_equal(get_u32le(data.p), 0);
	else
		assert_int_equal(r, -ENOENT);
}

static void check_case(const char *dir, struct json_object *c)
{
	_cleanup_(freep) char *image = NULL;
	struct json_object *v;
	struct ovmf_area area;
	const uint8_t *p;
	char path[2 * PATH_MAX];
	size_t len;
	int r;

	assert_true(json_object_object_get_ex(c, "file", &v));
	snprintf(path, sizeof(path), "%s/%s", dir, json_object_get_string(v));
	print_message("# %s\n", path);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &image, &len), 0);
	p = (const uint8_t *)image;

	r = ovmf_secret_area(p, len, &area);
	if (json_object_object_get_ex(c, "error", &v)) {
		assert_int_equal(r, -EBADMSG);
		return;
	}
	assert_true(json_object_object_get_ex(c, "secret", &v));
	assert_int_equal(r, v ? 0 : -ENOENT);
	if (v)
		check_area(p, len, &ovmf_secret_area_guid, v);
	assert_true(json_object_object_get_ex(c, "hashes", &v));
	check_area(p, len, &ovmf_hash_area_guid, v);
	if (json_object_object_get_ex(c, "es_reset", &v)) {
		struct bytes data;

		r = ovmf_table_find(p, len, &ovmf_es_reset_guid, &data);
		assert_int_equal(r, v ? 0 : -ENOENT);
		if (v)
			assert_int_equal(get_u32le(data.p), json_object_get_int64(v));
	}
}

static void test_vectors(void **state)
{
	/* Real images and images that look real, from the table in the vectors' README. */
	static const char fw_cases[] =
		"[{\"file\":\"ovmf-amdsev-suffix.bin\",\"secret\":[8454144,3072],\"hashes\":["
		"8457216,1024],\"es_reset\":8433668},"
		"{\"file\":\"ovmf-amdsev-el9-suffix.bin\",\"secret\":[8437760,3072],\"hashes\":["
		"8440832,1024],\"es_reset\":8433668},"
		"{\"file\":\"ovmf-x64-suffix.bin\",\"secret\":null,\"hashes\":null},"
		"{\"file\":\"syn-a.fd\",\"secret\":[8437760,3072],\"hashes\":[8440832,1024],\"es_"
		"reset\":8433668},"
		"{\"file\":\"syn-b.fd\",\"secret\":[8454144,3072],\"hashes\":[8457216,1024],\"es_"
		"reset\":8433668}]";
	struct json_object *cases;
	char path[PATH_MAX], dir[PATH_MAX];

	cases = json_object_from_file(vectors_path(path, "sev/footer/f-cases.json"));
	assert_non_null(cases);
	assert_true(json_object_array_length(cases) >= 11);
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		check_case(vectors_path(dir, "sev/footer"), json_object_array_get_idx(cases, i));
	json_object_put(cases);

	cases = json_tokener_parse(fw_cases);
	assert_non_null(cases);
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		check_case(vectors_path(dir, "sev/fw"), json_object_array_get_idx(cases, i));
	json_object_put(cases);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),	     cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_table_length), cmocka_unit_test(test_entry_length),
		cmocka_unit_test(test_duplicate),    cmocka_unit_test(test_area),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/footer/f-cases.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
