/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The measurement of a launch beside HMAC() of OpenSSL over bytes that are put together here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "sev/measurement.h"

#include <cmocka.h>

static uint8_t tik[SEV_KEY_LEN], digest[SHA256_LEN], nonce[SEV_NONCE_LEN];

static struct measurer *make(size_t len, int want)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct measurer *m = NULL;

	assert_int_equal(secret_new(len, &s), 0);
	for (size_t i = 0; i < len; i++)
		secret_bytes(s)[i] = tik[i % SEV_KEY_LEN] = (uint8_t)(i + 0x20);
	assert_int_equal(measurer_new(s, &m), want);
	assert_int_equal(m != NULL, want == 0);
	return m;
}

static int setup(void **state)
{
	for (unsigned i = 0; i < SHA256_LEN; i++)
		digest[i] = (uint8_t)(i + 0x60);
	for (unsigned i = 0; i < SEV_NONCE_LEN; i++)
		nonce[i] = (uint8_t)(i + 0xa0);
	return 0;
}

static void assert_measures(struct measurer *m, const struct measured *what)
{
	const uint8_t head[] = { 4,
				 what->api_major,
				 what->api_minor,
				 what->build,
				 (uint8_t)what->policy,
				 (uint8_t)(what->policy >> 8),
				 (uint8_t)(what->policy >> 16),
				 (uint8_t)(what->policy >> 24) };
	uint8_t message[sizeof(head) + sizeof(digest) + sizeof(nonce)], want[32],
		got[SEV_MEASURE_LEN];

	memcpy(message, head, sizeof(head));
	memcpy(message + sizeof(head), digest, sizeof(digest));
	memcpy(message + sizeof(head) + sizeof(digest), nonce, sizeof(nonce));
	assert_non_null(HMAC(EVP_sha256(), tik, sizeof(tik), message, sizeof(message), want, NULL));
	assert_int_equal(measurer_measure(m, what, digest, nonce, got), 0);
	assert_memory_equal(got, want, sizeof(got));
}

/* One after the other with one key: each is as if it were the first. */
static void test_measure(void **state)
{
	_cleanup_(measurer_freep) struct measurer *m = make(SEV_KEY_LEN, 0);

	assert_measures(m, &(struct measured){ 0, 17, 48, 1 });
	assert_measures(m, &(struct measured){ 1, 55, 0xff, 0x81020304 });
	assert_measures(m, &(struct measured){ 0, 17, 48, 1 });
	digest[SHA256_LEN - 1] ^= 1;
	assert_measures(m, &(struct measured){ 0, 17, 48, 1 });
	nonce[SEV_NONCE_LEN - 1] ^= 1;
	assert_measures(m, &(struct measured){ 0, 17, 48, 1 });
}

/* A key of another length is refused. */
static void test_key(void **state)
{
	(void) make(0, -EINVAL);
	(void) make(SEV_KEY_LEN - 1, -EINVAL);
	(void) make(SEV_KEY_LEN + 1, -EINVAL);
	assert_null(measurer_free(NULL));
}

/* Before 0.17 the host could say anything of API, build and policy. */
static void test_bound(void **state)
{
	static const struct {
		uint8_t major, minor;
		bool bound;
	} rows[] = { { 0, 0, false }, { 0, 16, false }, { 0, 17, true }, { 0, 255, true },
		     { 1, 0, true },  { 1, 16, true },	{ 255, 0, true } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(measured_api_is_bound(
					 &(struct measured){ rows[i].major, rows[i].minor, 0, 0 }),
				 rows[i].bound);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_measure, setup),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
