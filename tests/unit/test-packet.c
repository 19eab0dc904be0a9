/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <json.h>

#include "base/base64.h"
#include "base/parse.h"
#include "sev/packet.h"
#include "wire/secret-table.h"

#include <cmocka.h>

#include "tests/unit/vectors.h"

static struct secret *secret_of(const void *p, size_t len)
{
	struct secret *s;

	assert_int_equal(secret_new(len, &s), 0);
	memcpy(secret_bytes(s), p, len);
	return s;
}

static void test_layout(void **state)
{
	_cleanup_(secret_freep) struct secret *tek = secret_of("0123456789abcdef", 16),
					      *tik = secret_of("fedcba9876543210", 16),
					      *text = NULL;
	struct packet_keys keys = { tek, tik };
	uint8_t iv[PACKET_IV_LEN], measure[SEV_MEASURE_LEN] = { 1 };
	struct packet p, q;

	assert_int_equal(secret_new(48, &text), 0);
	memset(iv, 0xa5, sizeof(iv));
	assert_int_equal(packet_build(&keys, measure, iv, text, &p), 0);
	assert_int_equal(p.len, 48);
	assert_memory_equal(p.header, "\0\0\0\0", 4);
	assert_memory_equal(p.header + 4, iv, sizeof(iv));

	/* Another measurement changes the MAC alone; another IV changes everything. */
	measure[31] ^= 1;
	assert_int_equal(packet_build(&keys, measure, iv, text, &q), 0);
	assert_memory_equal(p.payload, q.payload, 48);
	assert_memory_not_equal(p.header + 20, q.header + 20, 32);
	packet_done(&q);
	iv[15] ^= 1;
	assert_int_equal(packet_build(&keys, measure, iv, text, &q), 0);
	assert_memory_not_equal(p.payload, q.payload, 16);
	packet_done(&q);
	packet_done(&p);
}

static void test_refuses(void **state)
{
	static const size_t lens[] = { 0, 1, 15, 17, 16383, 16385, 16400, 65536 };
	_cleanup_(secret_freep) struct secret *key = secret_of("0123456789abcdef", 16),
					      *key15 = secret_of("0123456789abcde", 15),
					      *key32 = secret_of("0123456789abcdef0123456789abcdef",
								 32),
					      *most = NULL;
	uint8_t iv[PACKET_IV_LEN] = { 0 }, measure[SEV_MEASURE_LEN] = { 0 };
	struct packet p;

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		_cleanup_(secret_freep) struct secret *text = NULL;

		assert_int_equal(secret_new(lens[i], &text), 0);
		assert_int_equal(packet_build(&(struct packet_keys){ key, key }, measure, iv, text,
					      &p),
				 lens[i] == 0 || lens[i] % 16 ? -EINVAL : -EMSGSIZE);
	}
	assert_int_equal(secret_new(PACKET_MAX_LEN, &most), 0);
	assert_int_equal(packet_build(&(struct packet_keys){ key, key15 }, measure, iv, most, &p),
			 -EINVAL);
	assert_int_equal(packet_build(&(struct packet_keys){ key32, key }, measure, iv, most, &p),
			 -EINVAL);
	assert_int_equal(packet_build(&(struct packet_keys){ key, key }, measure, iv, most, &p), 0);
	packet_done(&p);
}

static void test_random_iv(void **state)
{
	uint8_t a[PACKET_IV_LEN], b[PACKET_IV_LEN];

	assert_int_equal(packet_random_iv(a), 0);
	assert_int_equal(packet_random_iv(b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
}

/* ---- known answers: $COCO_VECTORS/sev/secret ---- */

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	assert_true(json_object_object_get_ex(o, key, &v));
	return json_object_get_string(v);
}

/*
 * Build the padded table of the case's entries; NULL when an entry is refused, with the error in
 * @ret_r.
 */
static struct secret *build_table(struct json_object *c, size_t size, int *ret_r)
{
	struct json_object *entries, *e;
	struct secret *table;

	assert_int_equal(secret_new(size, &table), 0);
	assert_true(json_object_object_get_ex(c, "entries", &entries));
	*ret_r = secret_table_begin(secret_bytes(table), size);
	for (size_t i = 0; *ret_r >= 0 && i < json_object_array_length(entries); i++) {
		const char *hex;
		uint8_t *data;
		struct guid g;
		size_t len;

		e = json_object_array_get_idx(entries, i);
		hex = text_of(e, "data");
		len = strlen(hex) / 2;
		data = malloc(len + 1);
		assert_non_null(data);
		assert_int_equal(parse_hex(hex, data, len), 0);
		assert_int_equal(guid_parse(text_of(e, "guid"), 36, &g), 0);
		*ret_r = secret_table_add(secret_bytes(table), size, &g, data, len);
		free(data);
	}
	if (*ret_r >= 0)
		*ret_r = secret_table_finish(secret_bytes(table), size);
	if (*ret_r < 0)
		return secret_free(table);
	secret_truncate(table, (size_t)*ret_r);
	return table;
}

static void check_build(struct json_object *c)
{
	_cleanup_(secret_freep) struct secret *table = NULL, *tek = NULL, *tik = NULL;
	_cleanup_(freep) char *header = NULL, *payload = NULL;
	uint8_t measure[SEV_MEASURE_LEN], iv[PACKET_IV_LEN], k[SEV_KEY_LEN];
	struct json_object *v;
	struct packet p;
	int r;

	print_message("# %s\n", text_of(c, "name"));
	table = build_table(c, 3072, &r);
	assert_non_null(table);
	if (json_object_object_get_ex(c, "table", &v)) {
		uint8_t want[3072];

		assert_int_equal(strlen(json_object_get_string(v)), 2 * secret_len(table));
		assert_int_equal(parse_hex(json_object_get_string(v), want, secret_len(table)), 0);
		assert_memory_equal(want, secret_data(table), secret_len(table));
	}
	assert_int_equal(parse_hex(text_of(c, "measurement"), measure, sizeof(measure)), 0);
	assert_int_equal(parse_hex(text_of(c, "iv"), iv, sizeof(iv)), 0);
	assert_int_equal(parse_hex(text_of(c, "tek"), k, sizeof(k)), 0);
	tek = secret_of(k, sizeof(k));
	assert_int_equal(parse_hex(text_of(c, "tik"), k, sizeof(k)), 0);
	tik = secret_of(k, sizeof(k));

	assert_int_equal(packet_build(&(struct packet_keys){ tek, tik }, measure, iv, table, &p),
			 0);
	assert_int_equal(base64_encode(p.header, sizeof(p.header), &header), 0);
	assert_int_equal(base64_encode(p.payload, p.len, &payload), 0);
	assert_string_equal(header, text_of(c, "header"));
	assert_string_equal(payload, text_of(c, "payload"));
	packet_done(&p);
}

static void test_vectors(void **state)
{
	struct json_object *all, *cases;
	char path[PATH_MAX];

	all = json_object_from_file(vectors_path(path, "sev/secret/c-cases.json"));
	assert_non_null(all);
	assert_true(json_object_object_get_ex(all, "build", &cases));
	assert_true(json_object_array_length(cases) >= 8);
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		check_build(json_object_array_get_idx(cases, i));
	json_object_put(all);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_random_iv),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/secret/c-cases.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
