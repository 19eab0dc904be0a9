/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures as two numbers, and hashes.  OpenSSL signs; what it writes is taken apart. */
#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cleanup.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"

#include <cmocka.h>

static const struct bytes data = { (const uint8_t *)"what is signed", 14 };

static const struct {
	const char *group;
	size_t len;	/* of its numbers */
} curves[] = { { "P-256", 32 }, { "P-384", 48 }, { "P-521", 66 } };

static const EVP_MD *hash(size_t len)
{
	return len == 32 ? digest_sha256() : digest_sha384();
}

static void reverse(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		uint8_t c = p[i];

		p[i] = p[len - 1 - i];
		p[len - 1 - i] = c;
	}
}

/* Both orders of bytes, and zeros before the numbers, as in the structures of SEV. */
static void verify_all(EVP_PKEY *key, size_t len, const uint8_t *both, int want)
{
	uint8_t r[ECDSA_NUMBER_MAX], s[ECDSA_NUMBER_MAX];

	for (size_t room = len; room <= ECDSA_NUMBER_MAX; room += ECDSA_NUMBER_MAX - len) {
		memset(r, 0, sizeof(r));
		memset(s, 0, sizeof(s));
		memcpy(r + room - len, both, len);
		memcpy(s + room - len, both + len, len);
		assert_int_equal(ecdsa_verify(key, hash(len), r, s, room, ECDSA_BIG_ENDIAN, data),
				 want);
		reverse(r, room);
		reverse(s, room);
		assert_int_equal(ecdsa_verify(key, hash(len), r, s, room, ECDSA_LITTLE_ENDIAN,
					      data),
				 want);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* So many that some numbers begin with zeros, and half of them with a bit that would be a sign. */
static void test_numbers(void **state)
{
	uint8_t both[2 * ECDSA_NUMBER_MAX];

	for (size_t c = 0; c < ARRAY_SIZE(curves); c++) {
		_cleanup_(pkey_freep) EVP_PKEY *key = EVP_EC_gen(curves[c].group);
		size_t len = curves[c].len;
		unsigned short_ones = 0;

		assert_non_null(key);
		for (int i = 0; i < 2000 && (i < 20 || short_ones < 2); i++) {
			assert_int_equal(ecdsa_sign(key, hash(len), data, both, 2 * len), 0);
			short_ones += both[0] == 0 || both[len] == 0;
			verify_all(key, len, both, 0);
			both[(size_t)i % (2 * len)] ^= 0x01;
			verify_all(key, len, both, -EKEYREJECTED);
		}
		assert_true(short_ones >= 2);
	}
}

/* No number of a signature is 0, or as large as the order. */
static void test_edges(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t good[64], both[64];

	assert_int_equal(ecdsa_sign(key, digest_sha256(), data, good, sizeof(good)), 0);
	for (size_t half = 0; half < 64; half += 32)
		for (int fill = 0x00; fill <= 0xff; fill += 0xff) {
			memcpy(both, good, sizeof(both));
			memset(both + half, fill, 32);
			verify_all(key, 32, both, -EKEYREJECTED);
		}
	memset(both, 0, sizeof(both));
	verify_all(key, 32, both, -EKEYREJECTED);
}

/* The form of OpenSSL: what it would not write itself, and other hashes, are refused. */
static void test_der(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256"),
					 *rsa = EVP_RSA_gen(2048);
	uint8_t digest[32], der[100];
	struct bytes d = { digest, sizeof(digest) }, whole;
	_cleanup_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t len = sizeof(der) - 10;

	assert_int_equal(digest_sha256_of(data, digest), 0);
	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(c, der, &len, data.p, data.len), 1);
	whole = (struct bytes){ der, len };
	assert_int_equal(ecdsa_verify_digest(key, d, whole), 0);
	assert_int_equal(ecdsa_verify_digest(other, d, whole), -EKEYREJECTED);
	/* With an RSA key, OpenSSL would look for padding. */
	assert_int_equal(ecdsa_verify_digest(rsa, d, whole), -EKEYREJECTED);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(ecdsa_verify_digest(key, d, (struct bytes){ der, n }),
				 -EKEYREJECTED);
	der[len] = 0;
	assert_int_equal(ecdsa_verify_digest(key, d, (struct bytes){ der, len + 1 }),
			 -EKEYREJECTED);
	/* The length in a longer form. */
	memmove(der + 2, der + 1, len - 1);
	der[1] = 0x81;
	assert_int_equal(ecdsa_verify_digest(key, d, (struct bytes){ der, len + 1 }),
			 -EKEYREJECTED);
	memmove(der + 1, der + 2, len - 1);
	assert_int_equal(ecdsa_verify_digest(key, d, whole), 0);
	digest[31] ^= 1;
	assert_int_equal(ecdsa_verify_digest(key, d, whole), -EKEYREJECTED);
	assert_int_equal(ERR_peek_error(), 0);
}

/* The same as OpenSSL's by name, and the same object each time. */
static void test_digests(void **state)
{
	uint8_t got[64], want[64];

	assert_true(digest_sha256() && digest_sha256() == digest_sha256());
	assert_true(digest_sha384() && digest_sha384() == digest_sha384());
	assert_int_equal(digest_sha256_of(data, got), 0);
	assert_true(EVP_Q_digest(NULL, "SHA256", NULL, data.p, data.len, want, NULL));
	assert_memory_equal(got, want, 32);
	assert_true(EVP_Digest(data.p, data.len, got, NULL, digest_sha384(), NULL));
	assert_true(EVP_Q_digest(NULL, "SHA384", NULL, data.p, data.len, want, NULL));
	assert_memory_equal(got, want, 48);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_der),
		cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
