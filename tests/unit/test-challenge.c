/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cookies, salts and nonces, of which nothing is stored. */
#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "broker/core/challenge.h"
#include "tests/unit/broker-keys.h"

#define NOW INT64_C(1800000123)

/* ---- the cookie ---- */

static void test_cookie(void **state)
{
	struct cookie a, b;
	char text[COOKIE_TEXT_LEN];

	assert_int_equal(cookie_new(NOW, &a), 0);
	assert_int_equal(a.expiry, NOW + 300);
	assert_int_equal(cookie_new(NOW, &b), 0);
	assert_memory_not_equal(a.random, b.random, sizeof(a.random));
	cookie_format(&a, text);
	assert_int_equal(strlen(text), 32);
	assert_memory_equal(text, "6b49d3a7", 8);
	assert_int_equal(cookie_parse(text, &b), 0);
	assert_int_equal(b.expiry, a.expiry);
	assert_memory_equal(b.random, a.random, sizeof(a.random));
}

static void test_cookie_clock(void **state)
{
	struct cookie c;

	assert_int_equal(cookie_new(-1, &c), -ERANGE);
	assert_int_equal(cookie_new(INT64_MAX, &c), -ERANGE);
	assert_int_equal(cookie_new(INT64_MIN, &c), -ERANGE);
	assert_int_equal(cookie_new((int64_t)UINT32_MAX - 299, &c), -ERANGE);
	assert_int_equal(cookie_new((int64_t)UINT32_MAX - 300, &c), 0);
	assert_int_equal(c.expiry, UINT32_MAX);
	assert_int_equal(cookie_new(0, &c), 0);
}

static void test_cookie_form(void **state)
{
	static const char *const bad[] = {
		"",
		"6b49d3a7000102030405060708090a0",
		"6b49d3a7000102030405060708090a0b0",
		"6B49D3A7000102030405060708090A0B",
		"6b49d3a7000102030405060708090a0g",
		" 6b49d3a7000102030405060708090a0",
		"6b49d3a7000102030405060708090a0 ",
		"6b49d3a7-0001-0203-0405-06070809",
		"0x6b49d3a70001020304050607080900",
	};
	struct cookie c;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cookie_parse(bad[i], &c), -EBADMSG);
	assert_int_equal(cookie_parse("6b49d3a7000102030405060708090aff", &c), 0);
	assert_int_equal(c.random[11], 0xff);
}

static void test_cookie_life(void **state)
{
	struct cookie c;

	assert_int_equal(cookie_new(NOW, &c), 0);
	assert_int_equal(cookie_check(&c, NOW), 0);
	assert_int_equal(cookie_check(&c, NOW + 330), 0);
	assert_int_equal(cookie_check(&c, NOW + 331), -EKEYEXPIRED);
	/* Made by an instance whose clock is ahead. */
	assert_int_equal(cookie_check(&c, NOW - 30), 0);
	assert_int_equal(cookie_check(&c, NOW - 31), -EKEYEXPIRED);
	assert_int_equal(cookie_check(&c, 0), -EKEYEXPIRED);
	assert_int_equal(cookie_check(&c, INT64_MIN), -EKEYEXPIRED);
	assert_int_equal(cookie_check(&c, INT64_MAX), -EKEYEXPIRED);
	/* Forged: for ever, and long ago. */
	c.expiry = UINT32_MAX;
	assert_int_equal(cookie_check(&c, NOW), -EKEYEXPIRED);
	c.expiry = 0;
	assert_int_equal(cookie_check(&c, NOW), -EKEYEXPIRED);
}

static void test_tee(void **state)
{
	static const char *const bad[] = { "", "sev", "SNP", "snp ", "sample", "tdx\n", "az-snp" };

	for (enum broker_tee t = BROKER_TEE_NONE + 1; t < _BROKER_TEE_MAX; t++)
		assert_int_equal(broker_tee_parse(broker_tee_name(t)), t);
	assert_null(broker_tee_name(BROKER_TEE_NONE));
	assert_null(broker_tee_name(_BROKER_TEE_MAX));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(broker_tee_parse(bad[i]), BROKER_TEE_NONE);
}

/* ---- the challenge ---- */

struct fixture {
	struct keys *k;
	struct cookie c;
	struct net_auth asked;
	uint8_t salt[32], nonce[32];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->k = broker_keys(0x4b);
	assert_int_equal(cookie_new(NOW, &f->c), 0);
	strcpy(f->asked.tee, "tdx");
	f->asked.coco = 1;
	f->asked.n_paths = 2;
	strcpy(f->asked.paths[0], "default/luks/root");
	strcpy(f->asked.paths[1], "+pkcs11/wrap");
	memset(f->asked.boot, 0xb0, sizeof(f->asked.boot));
	assert_int_equal(challenge_make(f->k, &f->c, &f->asked, f->salt, f->nonce), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	keys_free(f->k);
	free(f);
	return 0;
}

/* From its description, with HMAC alone. */
static void test_salt(void **state)
{
	struct fixture *f = *state;
	uint8_t zeros[32] = { 0 }, master[32], prk[32], key[32], salt[32], text[128], bound[32];
	const uint32_t hour = f->c.expiry / 3600;
	uint8_t info[15] = "coco salt";

	memset(master, 0x4b, sizeof(master));
	for (int i = 0; i < 4; i++)
		info[10 + i] = (uint8_t)(hour >> (24 - 8 * i));
	info[14] = 1;
	HMAC(EVP_sha256(), zeros, 32, master, 32, prk, NULL);
	HMAC(EVP_sha256(), prk, 32, info, sizeof(info), key, NULL);
	{
		uint8_t bind[256];
		size_t n = 0;

		memcpy(bind, "coco bind 1", 12);
		memset(bind + 12, 0xb0, 32);
		memcpy(bind + 44, "\0\2\0\x11" "default/luks/root" "\0\x0c" "+pkcs11/wrap", 35);
		n = 44 + 35;
		SHA256(bind, n, bound);
	}
	memcpy(text, "coco salt 1", 12);
	for (int i = 0; i < 4; i++)
		text[12 + i] = (uint8_t)(f->c.expiry >> (24 - 8 * i));
	memcpy(text + 16, f->c.random, 12);
	text[28] = 2;
	memcpy(text + 29, bound, 32);
	HMAC(EVP_sha256(), key, 32, text, 61, salt, NULL);
	assert_memory_equal(salt, f->salt, 32);
}

static void changed(struct fixture *f, const struct cookie *c, const struct net_auth *asked)
{
	uint8_t salt[32], nonce[32];

	assert_int_equal(challenge_make(f->k, c, asked, salt, nonce), 0);
	assert_memory_not_equal(salt, f->salt, 32);
	assert_memory_not_equal(nonce, f->nonce, 32);
}

/* Whatever is another thing makes another nonce. */
static void test_depends(void **state)
{
	struct fixture *f = *state;
	struct net_auth a = f->asked;
	struct cookie c = f->c;
	struct keys *other = broker_keys(0x4b), *strange = broker_keys(0x4c);
	uint8_t salt[32], nonce[32];

	strcpy(a.tee, "snp");
	changed(f, &f->c, &a);
	a = f->asked;
	a.boot[31] ^= 1;
	changed(f, &f->c, &a);
	a = f->asked;
	a.n_paths = 1;
	changed(f, &f->c, &a);
	a = f->asked;
	a.coco = 0;
	changed(f, &f->c, &a);
	c.random[11] ^= 1;
	changed(f, &c, &f->asked);
	c = f->c;
	c.expiry += 3600;
	changed(f, &c, &f->asked);
	/* Another identity with the same master key: the same salt, and another nonce. */
	assert_int_equal(challenge_make(other, &f->c, &f->asked, salt, nonce), 0);
	assert_memory_equal(salt, f->salt, 32);
	assert_memory_not_equal(nonce, f->nonce, 32);
	assert_int_equal(challenge_make(strange, &f->c, &f->asked, salt, nonce), 0);
	assert_memory_not_equal(salt, f->salt, 32);
	assert_int_equal(challenge_make(f->k, &f->c, &f->asked, salt, nonce), 0);
	assert_memory_equal(nonce, f->nonce, 32);
	strcpy(a.tee, "SNP");
	assert_int_equal(challenge_make(f->k, &f->c, &a, salt, nonce), -EINVAL);
	keys_free(other);
	keys_free(strange);
}

static void test_find(void **state)
{
	struct fixture *f = *state;
	enum broker_tee tee = BROKER_TEE_NONE;
	struct net_auth a = f->asked;
	struct cookie c = f->c;
	char *nonce;

	memset(a.tee, 0, sizeof(a.tee));
	assert_int_equal(base64_encode(f->nonce, 32, &nonce), 0);
	assert_int_equal(challenge_find(f->k, &f->c, &a, nonce, &tee), 0);
	assert_int_equal(tee, BROKER_TEE_TDX);
	tee = BROKER_TEE_NONE;
	a.coco = 0;
	assert_int_equal(challenge_find(f->k, &f->c, &a, nonce, &tee), -ESTALE);
	a.coco = 1;
	a.paths[1][0] = '-';
	assert_int_equal(challenge_find(f->k, &f->c, &a, nonce, &tee), -ESTALE);
	a.paths[1][0] = '+';
	c.random[0] ^= 1;
	assert_int_equal(challenge_find(f->k, &c, &a, nonce, &tee), -ESTALE);
	/* The cookie of another hour. */
	c = f->c;
	c.expiry -= 3600;
	assert_int_equal(challenge_find(f->k, &c, &a, nonce, &tee), -ESTALE);
	nonce[0] = nonce[0] == 'A' ? 'B' : 'A';
	assert_int_equal(challenge_find(f->k, &f->c, &a, nonce, &tee), -ESTALE);
	nonce[43] = 'A';
	assert_int_equal(challenge_find(f->k, &f->c, &a, nonce, &tee), -ESTALE);
	assert_int_equal(challenge_find(f->k, &f->c, &a, "", &tee), -ESTALE);
	assert_int_equal(tee, BROKER_TEE_NONE);
	free(nonce);
}

static void test_find_each(void **state)
{
	struct fixture *f = *state;

	for (enum broker_tee t = BROKER_TEE_NONE + 1; t < _BROKER_TEE_MAX; t++) {
		enum broker_tee found = BROKER_TEE_NONE;
		char *nonce;

		strcpy(f->asked.tee, broker_tee_name(t));
		assert_int_equal(challenge_make(f->k, &f->c, &f->asked, f->salt, f->nonce), 0);
		assert_int_equal(base64_encode(f->nonce, 32, &nonce), 0);
		assert_int_equal(challenge_find(f->k, &f->c, &f->asked, nonce, &found), 0);
		assert_int_equal(found, t);
		free(nonce);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_cookie_clock),
		cmocka_unit_test(test_cookie_form),
		cmocka_unit_test(test_cookie_life),
		cmocka_unit_test(test_tee),
		cmocka_unit_test_setup_teardown(test_salt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_depends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_find_each, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
