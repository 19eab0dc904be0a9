/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public keys of guests: from anybody, until evidence is over them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/jwe.h"
#include "crypto/tee-key.h"

static struct tee_key ec(unsigned curve)
{
	struct tee_key k = { .kind = curve == BROKER_P256 ? TEE_KEY_EC_P256 : TEE_KEY_EC_P521 };
	EVP_PKEY *key;

	assert_int_equal(jwe_key_new(curve, &key), 0);
	assert_int_equal(jwe_key_point(key, curve, k.x, k.y), 0);
	k.x_len = k.y_len = (unsigned)broker_curve_len(curve);
	EVP_PKEY_free(key);
	return k;
}

static struct tee_key rsa(unsigned len, unsigned e)
{
	struct tee_key k = { .kind = TEE_KEY_RSA_OAEP_256, .x_len = len };

	memset(k.x, 0xc5, len);
	do
		k.y[k.y_len++] = (uint8_t)(e >> 24);
	while ((e <<= 8) != 0);
	for (; k.y_len > 1 && k.y[0] == 0; k.y_len--)
		memmove(k.y, k.y + 1, k.y_len - 1);
	return k;
}

static int result(const struct tee_key *k)
{
	EVP_PKEY *key = NULL;
	int r = tee_key_public(k, &key);

	assert_int_equal(r == 0, key != NULL);
	EVP_PKEY_free(key);
	return r;
}

static void test_ec(void **state)
{
	for (unsigned curve = 0; curve < _BROKER_CURVE_MAX; curve++) {
		struct tee_key k = ec(curve);
		uint8_t x[66], y[66], anything[64] = { 1 };
		/* What was there before is not a key. */
		EVP_PKEY *key = (EVP_PKEY *)anything;

		assert_int_equal(tee_key_public(&k, &key), 0);
		assert_int_equal(jwe_key_point(key, curve, x, y), 0);
		assert_memory_equal(x, k.x, k.x_len);
		assert_memory_equal(y, k.y, k.y_len);
		EVP_PKEY_free(key);
	}
}

static void test_ec_bad(void **state)
{
	for (unsigned curve = 0; curve < _BROKER_CURVE_MAX; curve++) {
		const struct tee_key good = ec(curve);
		struct tee_key k = good;

		k.x[k.x_len - 1] ^= 1;
		assert_int_equal(result(&k), -EINVAL);
		k = good;
		k.x_len--;
		assert_int_equal(result(&k), -EINVAL);
		k = good;
		k.y_len++;
		assert_int_equal(result(&k), -EINVAL);
		k = good;
		k.kind = curve == BROKER_P256 ? TEE_KEY_EC_P521 : TEE_KEY_EC_P256;
		assert_int_equal(result(&k), -EINVAL);
		/* The point at infinity has no coordinates; zeros are not on the curve. */
		memset(k.x, 0, sizeof(k.x));
		memset(k.y, 0, sizeof(k.y));
		k.kind = good.kind;
		assert_int_equal(result(&k), -EINVAL);
		/* Numbers beyond the field. */
		memset(k.x, 0xff, sizeof(k.x));
		memset(k.y, 0xff, sizeof(k.y));
		assert_int_equal(result(&k), -EINVAL);
		k = good;
		k.kind = _TEE_KEY_MAX;
		assert_int_equal(result(&k), -EINVAL);
	}
}

static void test_rsa(void **state)
{
	static const struct {
		unsigned len, e;
		int r;
	} cases[] = {
		{ 256, 65537, 0 },	{ 384, 3, 0 },	      { 512, 65537, 0 },
		{ 256, 0xffffffff, 0 }, { 64, 65537, -EINVAL }, { 255, 65537, -EINVAL },
		{ 256, 1, -EINVAL },	{ 256, 0, -EINVAL },  { 256, 2, -EINVAL },
		{ 256, 65536, -EINVAL },
	};
	struct tee_key k;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		k = rsa(cases[i].len, cases[i].e);
		if (result(&k) != cases[i].r)
			fail_msg("%u bytes, exponent %u", cases[i].len, cases[i].e);
	}
	k = rsa(256, 65537);
	k.x_len = 513;
	assert_int_equal(result(&k), -EINVAL);
	k = rsa(256, 65537);
	k.x[0] = 0x7f;
	assert_int_equal(result(&k), -EINVAL);
	k = rsa(384, 65537);
	k.x[0] = 0;
	assert_int_equal(result(&k), -EINVAL);
	k = rsa(256, 65537);
	k.x[255] = 0xc4;
	assert_int_equal(result(&k), -EINVAL);
	k = rsa(256, 65537);
	k.y_len = 5;
	assert_int_equal(result(&k), -EINVAL);
	k = rsa(256, 65537);
	memmove(k.y + 1, k.y, k.y_len++);
	k.y[0] = 0;
	assert_int_equal(result(&k), -EINVAL);
	k.y_len = 0;
	assert_int_equal(result(&k), -EINVAL);
}

static void test_text(void **state)
{
	struct tee_key k = { .kind = TEE_KEY_EC_P256, .x_len = 32, .y_len = 32 };
	char *text;

	memset(k.x, 0xff, 32);
	assert_int_equal(tee_key_text(&k, &text), 0);
	assert_string_equal(text, "{\"alg\":\"ECDH-ES+A256KW\",\"crv\":\"P-256\",\"kty\":\"EC\","
				  "\"x\":\"__________________________________________8\","
				  "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
	free(text);
	k.kind = TEE_KEY_EC_P521;
	assert_int_equal(tee_key_text(&k, &text), 0);
	assert_non_null(strstr(text, "\"crv\":\"P-521\""));
	free(text);
	k = (struct tee_key){ .kind = TEE_KEY_RSA_OAEP_256, .x_len = 3, .y_len = 3,
			      .x = { 1, 2, 3 }, .y = { 1, 0, 1 } };
	assert_int_equal(tee_key_text(&k, &text), 0);
	assert_string_equal(text, "{\"alg\":\"RSA-OAEP-256\",\"e\":\"AQAB\",\"kty\":\"RSA\","
				  "\"n\":\"AQID\"}");
	free(text);
	k.kind = _TEE_KEY_MAX;
	assert_int_equal(tee_key_text(&k, &text), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ec),
		cmocka_unit_test(test_ec_bad),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
