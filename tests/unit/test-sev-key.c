/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A signature that could not be checked is not good: OpenSSL's calls fail here when told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "crypto/cleanup.h"
#include "inject/sev/sev-key.h"

static enum { GOOD, NO_CONTEXT, NO_INIT } openssl;

EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
int __real_EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, ENGINE *e,
				EVP_PKEY *key);
int __wrap_EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, ENGINE *e,
				EVP_PKEY *key);

EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void)
{
	return openssl == NO_CONTEXT ? NULL : __real_EVP_MD_CTX_new();
}

int __wrap_EVP_DigestVerifyInit(EVP_MD_CTX *ctx, EVP_PKEY_CTX **pctx, const EVP_MD *type, ENGINE *e,
				EVP_PKEY *key)
{
	return openssl == NO_INIT ? 0 : __real_EVP_DigestVerifyInit(ctx, pctx, type, e, key);
}

EVP_PKEY_CTX *__real_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *e);
EVP_PKEY_CTX *__wrap_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *e);
int __real_EVP_PKEY_verify_init(EVP_PKEY_CTX *ctx);
int __wrap_EVP_PKEY_verify_init(EVP_PKEY_CTX *ctx);

EVP_PKEY_CTX *__wrap_EVP_PKEY_CTX_new(EVP_PKEY *key, ENGINE *e)
{
	return openssl == NO_CONTEXT ? NULL : __real_EVP_PKEY_CTX_new(key, e);
}

int __wrap_EVP_PKEY_verify_init(EVP_PKEY_CTX *ctx)
{
	return openssl == NO_INIT ? 0 : __real_EVP_PKEY_verify_init(ctx);
}

static void test_unseen(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-384");
	const struct {
		EVP_PKEY *key;
		uint32_t algo;
	} rows[] = {
		{ rsa, SEV_ALGO_RSA_SHA256 }, { rsa, SEV_ALGO_RSA_SHA384 },
		{ ec, SEV_ALGO_ECDSA_SHA256 }, { ec, SEV_ALGO_ECDSA_SHA384 },
	};
	uint8_t signature[SEV_SIGNATURE_LEN] = { 1 };

	assert_true(rsa && ec);
	signature[SEV_NUMBER_LEN] = 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		openssl = GOOD;
		assert_int_equal(sev_key_verify(rows[i].key, rows[i].algo, signature, 8, signature),
				 -EKEYREJECTED);
		for (openssl = NO_CONTEXT; openssl <= NO_INIT; openssl++)
			assert_int_equal(sev_key_verify(rows[i].key, rows[i].algo, signature, 8,
							signature),
					 -ENOMEM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_unseen) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
