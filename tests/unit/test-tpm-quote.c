/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wire/tpm-quote.h"

#include <cmocka.h>

/* magic, type, name of 3, nonce of 5, clock 17, firmware 8, one selection, digest of 4 */
static const uint8_t good[] =
	"\xff\x54\x43\x47\x80\x18" "\0\3key" "\0\5nonce"
	"\0\0\0\0\0\0\1\0" "\0\0\0\2" "\0\0\0\3" "\1" "\1\2\3\4\5\6\7\10"
	"\0\0\0\1" "\0\x0b\3\x81\0\1" "\0\4dige";
#define LEN (sizeof(good) - 1)
#define AT_COUNT (6 + 5 + 7 + 17 + 8)

static int parse(const uint8_t *data, size_t len, struct tpm_quote *ret)
{
	uint8_t *exact = malloc(len ? len : 1);
	const char *problem = NULL;
	int r;

	assert_non_null(exact);
	memcpy(exact, data, len);
	r = tpm_quote_parse(exact, len, ret, &problem);
	assert_true((r < 0) == (problem != NULL));
	free(exact);
	return r;
}

static void test_good(void **state)
{
	const char *problem;
	struct tpm_quote q;

	assert_int_equal(tpm_quote_parse(good, LEN, &q, &problem), 0);
	assert_int_equal(q.signer.len, 3);
	assert_int_equal(q.extra.len, 5);
	assert_memory_equal(q.extra.p, "nonce", 5);
	assert_int_equal(q.clock, 0x100);
	assert_int_equal(q.n_resets, 2);
	assert_int_equal(q.n_restarts, 3);
	assert_int_equal(q.safe, 1);
	assert_true(q.firmware == UINT64_C(0x0102030405060708));
	assert_int_equal(q.n_banks, 1);
	assert_int_equal(q.hash, TPM_ALG_SHA256_ID);
	assert_int_equal(q.pcrs, 0x010081);
	assert_int_equal(q.digest.len, 4);
	assert_memory_equal(q.digest.p, "dige", 4);
}

static void test_cut(void **state)
{
	struct tpm_quote q;

	for (size_t len = 0; len < LEN; len++)
		assert_int_equal(parse(good, len, &q), -EBADMSG);
	/* The NUL of the string is one byte too many. */
	assert_int_equal(parse(good, LEN + 1, &q), -EBADMSG);
}

static void test_not_a_quote(void **state)
{
	struct tpm_quote q;
	uint8_t b[LEN];

	memcpy(b, good, LEN);
	b[0] = 0xfe;
	assert_int_equal(parse(b, LEN, &q), -ENOMSG);
	memcpy(b, good, LEN);
	b[5] = 0x17;
	assert_int_equal(parse(b, LEN, &q), -ENOMSG);
}

/* Parse the quote with other selections, into @q. */
static int with_selections(const char *bytes, size_t len, struct tpm_quote *ret)
{
	uint8_t b[256];

	memcpy(b, good, AT_COUNT);
	memcpy(b + AT_COUNT, bytes, len);
	memcpy(b + AT_COUNT + len, "\0\4dige", 6);
	return parse(b, AT_COUNT + len + 6, ret);
}

#define SELECTIONS(s, q) with_selections(s, sizeof(s) - 1, q)

static void test_selections(void **state)
{
	struct tpm_quote q;

	assert_int_equal(SELECTIONS("\0\0\0\0", &q), 0);
	assert_int_equal(q.n_banks, 0);
	assert_int_equal(q.pcrs, 0);
	/* An empty selection of another bank, beside the bank that counts. */
	assert_int_equal(SELECTIONS("\0\0\0\2" "\0\x0b\3\1\0\0" "\0\4\3\0\0\0", &q), 0);
	assert_int_equal(q.n_banks, 1);
	assert_int_equal(q.hash, TPM_ALG_SHA256_ID);
	assert_int_equal(q.pcrs, 1);
	assert_int_equal(SELECTIONS("\0\0\0\2" "\0\x0b\3\1\0\0" "\0\4\3\1\0\0", &q), 0);
	assert_int_equal(q.n_banks, 2);
	assert_int_equal(SELECTIONS("\0\0\0\1" "\0\x0b\4\1\0\0\0", &q), 0);
	assert_int_equal(SELECTIONS("\0\0\0\1" "\0\x0b\4\1\0\0\1", &q), -EBADMSG);
	assert_int_equal(SELECTIONS("\0\0\0\1" "\0\x0b\5\1\0\0\0\0", &q), -EBADMSG);
	assert_int_equal(SELECTIONS("\xff\xff\xff\xff", &q), -EBADMSG);
	assert_int_equal(SELECTIONS("\0\0\0\1" "\0\x0b\xff\1", &q), -EBADMSG);
}

static void test_too_long(void **state)
{
	uint8_t b[TPM_QUOTE_MAX + 1] = { 0 };
	struct tpm_quote q;

	memcpy(b, good, LEN);
	assert_int_equal(parse(b, TPM_QUOTE_MAX, &q), -EBADMSG);
	assert_int_equal(parse(b, TPM_QUOTE_MAX + 1, &q), -EMSGSIZE);
}

static void test_signature(void **state)
{
	struct bytes s = { 0 };
	uint8_t b[6 + 256 + 1] = { 0x00, 0x14, 0x00, 0x0b, 0x01, 0x00, 's' };

	assert_int_equal(tpm_signature_rsassa(b + 6, 256, 256, &s), 0);
	assert_ptr_equal(s.p, b + 6);
	assert_int_equal(tpm_signature_rsassa(b, 262, 256, &s), 0);
	assert_ptr_equal(s.p, b + 6);
	assert_int_equal(s.len, 256);
	assert_int_equal(tpm_signature_rsassa(b, 263, 256, &s), -EBADMSG);
	assert_int_equal(tpm_signature_rsassa(b, 261, 256, &s), -EBADMSG);
	assert_int_equal(tpm_signature_rsassa(b, 262, 384, &s), -EBADMSG);
	assert_int_equal(tpm_signature_rsassa(b, 0, 256, &s), -EBADMSG);
	assert_int_equal(tpm_signature_rsassa(b, 0, 0, &s), -EBADMSG);
	b[1] = 0x16;	/* RSAPSS */
	assert_int_equal(tpm_signature_rsassa(b, 262, 256, &s), -EBADMSG);
	b[1] = 0x14;
	b[3] = 0x04;	/* SHA-1 */
	assert_int_equal(tpm_signature_rsassa(b, 262, 256, &s), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_not_a_quote),
		cmocka_unit_test(test_selections),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
