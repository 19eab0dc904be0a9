/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Intel's extension of a PCK certificate: which parts are required, and that no part may repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "attest/tdx/pck.h"

#include <cmocka.h>

static size_t put_der(uint8_t *ret, uint8_t tag, const uint8_t *value, size_t len)
{
	size_t n = 0;

	ret[n++] = tag;
	if (len > 0x7f) {
		ret[n++] = 0x82;
		ret[n++] = (uint8_t)(len >> 8);
	}
	ret[n++] = (uint8_t)len;
	memcpy(ret + n, value, len);
	return n + len;
}

/* SEQUENCE { OID of SGX's extension . @arcs, @value } */
static size_t put_part(uint8_t *ret, const uint8_t *arcs, size_t n_arcs, const uint8_t *value,
		       size_t len)
{
	static const uint8_t prefix[] = { 0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01 };
	uint8_t oid[16], inner[1024];
	size_t n;

	memcpy(oid, prefix, sizeof(prefix));
	memcpy(oid + sizeof(prefix), arcs, n_arcs);
	n = put_der(inner, 0x06, oid, sizeof(prefix) + n_arcs);
	memcpy(inner + n, value, len);
	return put_der(ret, 0x30, inner, n + len);
}

static size_t put_octets(uint8_t *ret, uint8_t arc, size_t len)
{
	uint8_t zeros[16] = { 0 }, value[32];

	return put_part(ret, &arc, 1, value, put_der(value, 0x04, zeros, len));
}

static size_t put_tcb(uint8_t *ret)
{
	uint8_t list[1024], value[1100], zeros[16] = { 0 };
	size_t n = 0;

	for (uint8_t i = 1; i <= 18; i++) {
		size_t len = i == 18 ? put_der(value, 0x04, zeros, 16) :
				       put_der(value, 0x02, &i, 1);

		n += put_part(list + n, (const uint8_t[]){ 2, i }, 2, value, len);
	}
	return put_part(ret, (const uint8_t[]){ 2 }, 1, value, put_der(value, 0x30, list, n));
}

/*
 * Parse a certificate with all required parts, and with parts of the numbers in @more whose
 * content is not read.
 */
static int parse_pck(const uint8_t *more, size_t n_more)
{
	uint8_t list[2048], der[2100], value[3];
	size_t n = put_octets(list, 1, 16);
	struct pck pck;
	int r;

	n += put_tcb(list + n);
	n += put_octets(list + n, 3, 2);
	n += put_octets(list + n, 4, 6);
	n += put_part(list + n, (const uint8_t[]){ 5 }, 1, value,
		      put_der(value, 0x0a, (const uint8_t[]){ 1 }, 1));
	for (size_t i = 0; i < n_more; i++)
		n += put_part(list + n, more + i, 1, value,
			      put_der(value, 0x0a, (const uint8_t[]){ 1 }, 1));
	r = pck_parse((struct bytes){ der, put_der(der, 0x30, list, n) }, &pck);
	if (r == 0) {
		assert_int_equal(pck.pcesvn, 17);
		for (unsigned i = 0; i < 16; i++)
			assert_int_equal(pck.components[i], i + 1);
		assert_int_equal(pck.sgx_type, 1);
		assert_false(pck.has_instance);
	}
	return r;
}

static void test_pck_parts(void **state)
{
	assert_int_equal(parse_pck(NULL, 0), 0);
	assert_int_equal(parse_pck((const uint8_t[]){ 8, 31 }, 2), 0);
	/* No part may repeat, known or not. */
	assert_int_equal(parse_pck((const uint8_t[]){ 5 }, 1), -EBADMSG);
	assert_int_equal(parse_pck((const uint8_t[]){ 8, 8 }, 2), -EBADMSG);
	assert_int_equal(parse_pck((const uint8_t[]){ 31, 31 }, 2), -EBADMSG);
	/* A part without a known number is ignored. */
	assert_int_equal(parse_pck((const uint8_t[]){ 0, 0, 32, 32, 127, 127 }, 6), 0);
	/* A number that continues past the end. */
	assert_int_equal(parse_pck((const uint8_t[]){ 0x81 }, 1), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pck_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
