/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets in the store, whose holder may write what he likes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/core/seal.h"
#include "tests/unit/broker-keys.h"

#define PATH "default/luks/root"
#define PLAIN "correct horse battery staple"

struct fixture {
	struct keys *k;
	struct secret *plain, *got;
	uint8_t rules[32];
	uint8_t *sealed;
	size_t len;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->k = broker_keys(0x5e);
	memset(f->rules, 0x77, sizeof(f->rules));
	assert_int_equal(secret_new(strlen(PLAIN), &f->plain), 0);
	memcpy(secret_bytes(f->plain), PLAIN, strlen(PLAIN));
	assert_int_equal(seal(f->k, PATH, 3, f->rules, f->plain, &f->sealed, &f->len), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	keys_free(f->k);
	secret_free(f->plain);
	secret_free(f->got);
	free(f->sealed);
	free(f);
	return 0;
}

static int open_it(struct fixture *f)
{
	return unseal(f->k, PATH, 3, f->rules, f->sealed, f->len, &f->got);
}

static void rejected(struct fixture *f, int r)
{
	assert_int_equal(r, -EKEYREJECTED);
	assert_null(f->got);
}

static void test_seal(void **state)
{
	struct fixture *f = *state;
	uint8_t *again;
	size_t len;

	assert_int_equal(f->len, strlen(PLAIN) + SEAL_OVERHEAD);
	assert_null(memmem(f->sealed, f->len, "horse", 5));
	assert_int_equal(open_it(f), 0);
	assert_true(secret_equal(f->got, f->plain));
	/* The same secret again: nothing tells that it is. */
	assert_int_equal(seal(f->k, PATH, 3, f->rules, f->plain, &again, &len), 0);
	assert_int_equal(len, f->len);
	assert_memory_not_equal(again, f->sealed, 12);
	assert_memory_not_equal(again + 12, f->sealed + 12, len - 12);
	free(again);
}

/* The form is the contract: what one version of the program sealed, the next one opens. */
static void test_form(void **state)
{
	struct fixture *f = *state;
	uint8_t key[32], aad[14 + 32 + 8 + 32] = "coco secret 1", out[64];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	assert_int_equal(keys_derive(f->k, "coco seal", NULL, 0, key), 0);
	EVP_Digest(PATH, strlen(PATH), aad + 14, NULL, EVP_sha256(), NULL);
	aad[14 + 32 + 7] = 3;
	memcpy(aad + 14 + 32 + 8, f->rules, 32);
	assert_int_equal(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, f->sealed), 1);
	assert_int_equal(EVP_DecryptUpdate(c, NULL, &n, aad, sizeof(aad)), 1);
	assert_int_equal(EVP_DecryptUpdate(c, out, &n, f->sealed + 12, strlen(PLAIN)), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16,
					     f->sealed + 12 + strlen(PLAIN)),
			 1);
	assert_int_equal(EVP_DecryptFinal_ex(c, out + n, &n), 1);
	assert_memory_equal(out, PLAIN, strlen(PLAIN));
	EVP_CIPHER_CTX_free(c);
}

/* Swapped with another secret, an old version, another policy, another broker. */
static void test_other_place(void **state)
{
	struct fixture *f = *state;
	struct keys *other = broker_keys(0x5f);

	rejected(f, unseal(f->k, "default/luks/home", 3, f->rules, f->sealed, f->len, &f->got));
	rejected(f, unseal(f->k, "", 3, f->rules, f->sealed, f->len, &f->got));
	rejected(f, unseal(f->k, PATH, 2, f->rules, f->sealed, f->len, &f->got));
	rejected(f, unseal(f->k, PATH, 3 | UINT64_C(1) << 63, f->rules, f->sealed, f->len,
			   &f->got));
	f->rules[31] ^= 1;
	rejected(f, open_it(f));
	f->rules[31] ^= 1;
	rejected(f, unseal(other, PATH, 3, f->rules, f->sealed, f->len, &f->got));
	assert_int_equal(open_it(f), 0);
	keys_free(other);
}

static void test_changed(void **state)
{
	struct fixture *f = *state;

	for (size_t bit = 0; bit < 8 * f->len; bit++) {
		f->sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		rejected(f, open_it(f));
		f->sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_length(void **state)
{
	struct fixture *f = *state;
	uint8_t *longer = calloc(1, JWE_CIPHERTEXT_MAX + SEAL_OVERHEAD + 1);

	for (size_t len = 0; len < SEAL_OVERHEAD; len++)
		assert_int_equal(unseal(f->k, PATH, 3, f->rules, f->sealed, len, &f->got),
				 -EBADMSG);
	for (size_t len = SEAL_OVERHEAD; len < f->len; len++)
		rejected(f, unseal(f->k, PATH, 3, f->rules, f->sealed, len, &f->got));
	memcpy(longer, f->sealed, f->len);
	rejected(f, unseal(f->k, PATH, 3, f->rules, longer, f->len + 1, &f->got));
	assert_int_equal(unseal(f->k, PATH, 3, f->rules, longer,
				JWE_CIPHERTEXT_MAX + SEAL_OVERHEAD + 1, &f->got),
			 -EBADMSG);
	free(longer);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 16, 4096, JWE_CIPHERTEXT_MAX };
	struct fixture *f = *state;
	struct secret *s;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct secret *got = NULL;
		uint8_t *sealed;
		size_t len;

		assert_int_equal(secret_new(sizes[i], &s), 0);
		memset(secret_bytes(s), 'x', sizes[i]);
		assert_int_equal(seal(f->k, PATH, 1, f->rules, s, &sealed, &len), 0);
		assert_int_equal(unseal(f->k, PATH, 1, f->rules, sealed, len, &got), 0);
		assert_true(secret_equal(s, got));
		secret_free(s);
		secret_free(got);
		free(sealed);
	}
	assert_int_equal(secret_new(JWE_CIPHERTEXT_MAX + 1, &s), 0);
	assert_int_equal(seal(f->k, PATH, 1, f->rules, s, &f->sealed, &f->len), -EMSGSIZE);
	secret_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_seal),    TEST(test_form),   TEST(test_other_place),
		TEST(test_changed), TEST(test_length), TEST(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
