/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/tdx-quote.h"

#include <cmocka.h>

#define QE_AUTH_LEN 32
#define PEM "-----BEGIN CERTIFICATE-----\n"

struct quote {
	uint8_t b[4096];
	size_t len;
	size_t body, auth_len, qe_cert, qe_auth_len, pck_cert;	/* where they are */
};

static void add(struct quote *q, const void *p, size_t len)
{
	assert_true(q->len + len <= sizeof(q->b));
	memcpy(q->b + q->len, p, len);
	q->len += len;
}

static void add_number(struct quote *q, uint32_t v, size_t len)
{
	uint8_t b[4];

	put_u32le(b, v);
	add(q, b, len);
}

static void add_fill(struct quote *q, int c, size_t len)
{
	uint8_t b[1024];

	assert_true(len <= sizeof(b));
	memset(b, c, len);
	add(q, b, len);
}

/* @kind is the body's kind in version 5; 0 stands for version 4. */
static void make(struct quote *q, unsigned kind)
{
	static const uint8_t vendor[16] = { 0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
					    0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07 };
	size_t body_len = kind == 3 ? 648 : 584;

	q->len = 0;
	add_number(q, kind ? 5 : 4, 2);
	add_number(q, 2, 2);
	add_number(q, 0x81, 4);
	add_number(q, 0, 4);
	add(q, vendor, 16);
	add_fill(q, 'u', 20);
	if (kind) {
		add_number(q, kind, 2);
		add_number(q, (uint32_t)body_len, 4);
	}
	q->body = q->len;
	add_fill(q, 'b', body_len);
	q->auth_len = q->len;
	add_number(q, 64 + 64 + 6 + 384 + 64 + 2 + QE_AUTH_LEN + 6 + sizeof(PEM) - 1, 4);
	add_fill(q, 's', 64);
	add_fill(q, 'k', 64);
	q->qe_cert = q->len;
	add_number(q, 6, 2);
	add_number(q, 384 + 64 + 2 + QE_AUTH_LEN + 6 + sizeof(PEM) - 1, 4);
	add_fill(q, 'r', 384);
	add_fill(q, 'q', 64);
	q->qe_auth_len = q->len;
	add_number(q, QE_AUTH_LEN, 2);
	add_fill(q, 'a', QE_AUTH_LEN);
	q->pck_cert = q->len;
	add_number(q, 5, 2);
	add_number(q, sizeof(PEM) - 1, 4);
	add(q, PEM, sizeof(PEM) - 1);
}

/* In a block of exactly that length, so that a sanitizer sees the first byte read past its end. */
static int parse(const uint8_t *data, size_t len, struct tdx_quote *ret)
{
	const char *problem = NULL;
	uint8_t *exact = malloc(len ? len : 1);
	int r;

	assert_non_null(exact);
	memcpy(exact, data, len);
	r = tdx_quote_parse(exact, len, ret, &problem);
	assert_true((r < 0) == (problem != NULL));
	free(exact);
	return r;
}

static void test_good(void **state)
{
	static const unsigned kinds[] = { 0, 2, 3 };
	const char *problem = NULL;
	struct tdx_quote t;
	struct quote q;

	for (size_t i = 0; i < 3; i++) {
		make(&q, kinds[i]);
		assert_int_equal(tdx_quote_parse(q.b, q.len, &t, &problem), 0);
		assert_int_equal(t.version, kinds[i] ? 5 : 4);
		assert_ptr_equal(t.header, q.b);
		assert_ptr_equal(t.body, q.b + q.body);
		assert_ptr_equal(t.body15, kinds[i] == 3 ? q.b + q.body : NULL);
		assert_ptr_equal(t.signed_part.p, q.b);
		assert_int_equal(t.signed_part.len, q.auth_len);
		assert_ptr_equal(t.signature, q.b + q.auth_len + 4);
		assert_ptr_equal(t.key, t.signature + 64);
		assert_ptr_equal(t.qe_report, q.b + q.qe_cert + 6);
		assert_ptr_equal(t.qe_signature, (const uint8_t *)t.qe_report + 384);
		assert_int_equal(t.qe_auth.len, QE_AUTH_LEN);
		assert_ptr_equal(t.qe_auth.p, q.b + q.qe_auth_len + 2);
		assert_int_equal(t.pck_chain.len, sizeof(PEM) - 1);
		assert_memory_equal(t.pck_chain.p, PEM, sizeof(PEM) - 1);
		assert_int_equal(t.n_trailing, 0);
	}
}

static void test_offsets(void **state)
{
	assert_int_equal(offsetof(struct td_body, mrsignerseam), 0x40);
	assert_int_equal(offsetof(struct td_body, td_attributes), 0x78);
	assert_int_equal(offsetof(struct td_body, mrtd), 0x88);
	assert_int_equal(offsetof(struct td_body, mrconfigid), 0xb8);
	assert_int_equal(offsetof(struct td_body, rtmr), 0x148);
	assert_int_equal(offsetof(struct td_body, report_data), 0x208);
	assert_int_equal(offsetof(struct td_body15, tee_tcb_svn2), 0x248);
	assert_int_equal(offsetof(struct td_body15, mrservicetd), 0x258);
	assert_int_equal(offsetof(struct sgx_report, attributes), 0x30);
	assert_int_equal(offsetof(struct sgx_report, mrenclave), 0x40);
	assert_int_equal(offsetof(struct sgx_report, mrsigner), 0x80);
	assert_int_equal(offsetof(struct sgx_report, isvprodid), 0x100);
	assert_int_equal(offsetof(struct sgx_report, isvsvn), 0x102);
	assert_int_equal(offsetof(struct sgx_report, report_data), 0x140);
	assert_int_equal(offsetof(struct td_report, tcb_info_hash), 0x20);
	assert_int_equal(offsetof(struct td_report, info_hash), 0x50);
	assert_int_equal(offsetof(struct td_report, report_data), 0x80);
	assert_int_equal(offsetof(struct td_report, mac), 0xe0);
	assert_int_equal(offsetof(struct td_report, tee_tcb_svn), 0x108);
	assert_int_equal(offsetof(struct td_report, mrseam), 0x118);
	assert_int_equal(offsetof(struct td_report, td_attributes), 0x200);
	assert_int_equal(offsetof(struct td_report, mrtd), 0x210);
	assert_int_equal(offsetof(struct td_report, rtmr), 0x2d0);
}

static void test_trailing(void **state)
{
	struct tdx_quote t;
	struct quote q;

	make(&q, 3);
	add_fill(&q, 'x', 39);
	assert_int_equal(parse(q.b, q.len, &t), 0);
	assert_int_equal(t.n_trailing, 39);
}

/* A quote that is cut anywhere is refused. */
static void test_cut(void **state)
{
	struct tdx_quote t;
	struct quote q;

	make(&q, 3);
	for (size_t len = 0; len < q.len; len++)
		assert_int_equal(parse(q.b, len, &t), -EBADMSG);
}

static void test_other_quotes(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 0, 3 },	/* an SGX quote */
		{ 0, 6 },
		{ 2, 3 },	/* P-384 */
		{ 4, 0 },	/* SGX */
		{ 12, 0 },	/* another vendor's quoting enclave */
		{ 48, 1 },	/* an enclave's body */
		{ 48, 5 },
	};
	struct tdx_quote t;
	struct quote q;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		make(&q, 3);
		q.b[rows[i].at] = rows[i].value;
		assert_int_equal(parse(q.b, q.len, &t), -EOPNOTSUPP);
	}
	/* A body of type 4 has a length of its own. */
	make(&q, 3);
	q.b[48] = 4;
	assert_int_equal(parse(q.b, q.len, &t), -EBADMSG);
	make(&q, 0);
	q.b[q.qe_cert] = 5;
	assert_int_equal(parse(q.b, q.len, &t), -EOPNOTSUPP);
	make(&q, 0);
	q.b[q.pck_cert] = 1;
	assert_int_equal(parse(q.b, q.len, &t), -EOPNOTSUPP);
}

/* Lengths that wrap, are one off, or reach into what follows. */
static void test_lengths(void **state)
{
	static const int64_t off[] = { -1, 1, -64, 64, INT32_MAX, 0x80000000, 0xffffffff };
	struct tdx_quote t;
	struct quote q;

	make(&q, 2);
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		const size_t at[] = { q.body - 4, q.auth_len, q.qe_cert + 2, q.pck_cert + 2 };

		for (size_t j = 0; j < sizeof(at) / sizeof(at[0]); j++) {
			make(&q, 2);
			add_fill(&q, 0, 100);
			put_u32le(q.b + at[j], (uint32_t)(get_u32le(q.b + at[j]) + off[i]));
			assert_int_equal(parse(q.b, q.len, &t), -EBADMSG);
		}
	}
}

/*
 * The length of the QE authentication data decides where the next type is looked for: in range,
 * other bytes are found there.
 */
static void test_qe_auth_length(void **state)
{
	struct tdx_quote t;
	struct quote q;

	make(&q, 3);
	for (uint32_t n = 0; n <= UINT16_MAX; n++) {
		put_u16le(q.b + q.qe_auth_len, (uint16_t)n);
		assert_true((parse(q.b, q.len, &t) == 0) == (n == QE_AUTH_LEN));
	}
}

static void test_too_long(void **state)
{
	uint8_t *big = calloc(1, TDX_QUOTE_MAX + 1);
	struct tdx_quote t;
	struct quote q;

	assert_non_null(big);
	make(&q, 3);
	memcpy(big, q.b, q.len);
	assert_int_equal(parse(big, TDX_QUOTE_MAX, &t), 0);
	assert_int_equal(parse(big, TDX_QUOTE_MAX + 1, &t), -EMSGSIZE);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_other_quotes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_qe_auth_length),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
