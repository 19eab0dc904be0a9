/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>

#include <json.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "crypto/cleanup.h"
#include "inject/sev/session.h"
#include "inject/sev/sev-key.h"

#include <cmocka.h>

#include "tests/unit/vectors.h"

/* The call, counted from 1, that encrypts a byte less than it was given; 0 for none. */
static unsigned short_call, n_calls;

int __real_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *ret_len,
			     const unsigned char *in, int len);
int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *ret_len,
			     const unsigned char *in, int len);
int __wrap_EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *ret_len,
			     const unsigned char *in, int len)
{
	return __real_EVP_EncryptUpdate(ctx, out, ret_len, in, len - (++n_calls == short_call));
}

static struct secret *secret_of(const void *p, size_t len)
{
	struct secret *s;

	assert_int_equal(secret_new(len, &s), 0);
	memcpy(secret_bytes(s), p, len);
	return s;
}

static void test_lengths(void **state)
{
	_cleanup_(secret_freep) struct secret *z = secret_of("z", 1),
					      *key = secret_of("0123456789abcdef", 16),
					      *key15 = secret_of("0123456789abcde", 15);
	struct session_fresh fresh = { .nonce = { 0 } };
	uint8_t blob[SESSION_LEN];

	assert_int_equal(session_wrap(z, 0, &fresh, key, key15, blob), -EINVAL);
	assert_int_equal(session_wrap(z, 0, &fresh, key15, key, blob), -EINVAL);
	assert_int_equal(session_wrap(z, 0, &fresh, key, key, blob), 0);
}

/* Keys that are not encrypted whole do not leave. */
static void test_half_encrypted(void **state)
{
	_cleanup_(secret_freep) struct secret *z = secret_of("z", 1),
					      *key = secret_of("0123456789abcdef", 16);
	struct session_fresh fresh = { .nonce = { 0 } };
	uint8_t blob[SESSION_LEN], before[SESSION_LEN];

	memset(blob, 0xee, sizeof(blob));
	memcpy(before, blob, sizeof(blob));
	for (short_call = 1; short_call <= 2; short_call++) {
		n_calls = 0;
		assert_int_equal(session_wrap(z, 0, &fresh, key, key, blob), -EIO);
		assert_memory_equal(blob, before, sizeof(blob));
	}
	short_call = n_calls = 0;
	assert_int_equal(session_wrap(z, 0, &fresh, key, key, blob), 0);
	assert_int_equal(n_calls, 2);
}

/* The dependencies: the policy is under the TIK alone, the keys under Z and the nonce. */
static void test_parts(void **state)
{
	_cleanup_(secret_freep) struct secret *z = secret_of("some z", 6),
					      *tek = secret_of("0123456789abcdef", 16),
					      *tik = secret_of("fedcba9876543210", 16);
	struct session_fresh fresh = { .nonce = { 1 }, .iv = { 2 } };
	uint8_t a[SESSION_LEN], b[SESSION_LEN];

	assert_int_equal(session_wrap(z, 3, &fresh, tek, tik, a), 0);
	assert_memory_equal(a, fresh.nonce, 16);
	assert_memory_equal(a + 48, fresh.iv, 16);
	assert_int_equal(session_wrap(z, 0x100, &fresh, tek, tik, b), 0);
	assert_memory_equal(a, b, 96);
	assert_memory_not_equal(a + 96, b + 96, 32);
	fresh.nonce[15] = 9;
	assert_int_equal(session_wrap(z, 3, &fresh, tek, tik, b), 0);
	assert_memory_not_equal(a + 16, b + 16, 32);
	assert_memory_not_equal(a + 64, b + 64, 32);
	assert_memory_equal(a + 96, b + 96, 32);
}

static void test_new(void **state)
{
	_cleanup_(pkey_freep) EVP_PKEY *pdh = EVP_EC_gen("P-384"), *p256 = EVP_EC_gen("P-256"),
				       *godh = NULL;
	_cleanup_(session_done) struct session a = { .tek = NULL }, b = { .tek = NULL };
	_cleanup_(secret_freep) struct secret *z = NULL;
	struct session_fresh fresh;
	uint8_t blob[SESSION_LEN], godh_bytes[SEV_CERT_LEN];
	struct sev_cert c;

	assert_int_equal(session_new(pdh, 7, &a), 0);
	assert_int_equal(session_new(pdh, 7, &b), 0);
	assert_false(secret_equal(a.tek, b.tek) || secret_equal(a.tik, b.tik) ||
		     secret_equal(a.tek, a.tik));
	assert_memory_not_equal(a.blob, b.blob, 16);
	assert_memory_not_equal(a.blob + 48, b.blob + 48, 16);
	assert_memory_not_equal(a.godh, b.godh, SEV_CERT_LEN);

	/* The other side computes the same. */
	assert_int_equal(sev_cert_parse(a.godh, SEV_CERT_LEN, &c), 0);
	assert_int_equal(sev_cert_key(&c, &godh), 0);
	assert_int_equal(session_agree(pdh, godh, &z), 0);
	memcpy(fresh.nonce, a.blob, 16);
	memcpy(fresh.iv, a.blob + 48, 16);
	assert_int_equal(session_wrap(z, 7, &fresh, a.tek, a.tik, blob), 0);
	assert_memory_equal(blob, a.blob, SESSION_LEN);

	assert_int_equal(session_agree(p256, pdh, &z), -EKEYREJECTED);
	assert_int_equal(session_new(p256, 7, &b), -EKEYREJECTED);
	assert_int_equal(session_godh(p256, godh_bytes), -EINVAL);
}

/* ---- known answers: $COCO_VECTORS/sev/session ---- */

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	assert_true(json_object_object_get_ex(o, key, &v));
	return json_object_get_string(v);
}

static uint32_t policy_of(struct json_object *o)
{
	struct json_object *v;

	assert_true(json_object_object_get_ex(o, "policy", &v));
	return (uint32_t)json_object_get_uint64(v);
}

static void hex_of(struct json_object *o, const char *key, uint8_t *ret, size_t len)
{
	assert_int_equal(parse_hex(text_of(o, key), ret, len), 0);
}

static struct secret *secret_hex(struct json_object *o, const char *key)
{
	size_t len = strlen(text_of(o, key)) / 2;
	struct secret *s;

	assert_int_equal(secret_new(len, &s), 0);
	hex_of(o, key, secret_bytes(s), len);
	return s;
}

static char *read_text(const char *name, const char *suffix, size_t *ret_len)
{
	char path[PATH_MAX], both[128], *text;

	snprintf(both, sizeof(both), "sev/session/%s%s", name, suffix);
	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, both), 65536, &text, ret_len),
			 0);
	return text;
}

static EVP_PKEY *read_private(const char *name)
{
	_cleanup_(freep) char *text = NULL;
	EVP_PKEY *key;
	size_t len;
	BIO *bio;

	text = read_text(name, ".godh.pem", &len);
	bio = BIO_new_mem_buf(text, (int)len);
	assert_non_null(bio);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(key);
	return key;
}

static EVP_PKEY *read_pdh(const char *name)
{
	_cleanup_(freep) char *bytes = NULL;
	struct sev_cert c;
	EVP_PKEY *key;
	size_t len;

	bytes = read_text(name, ".pdh.cert", &len);
	assert_int_equal(sev_cert_parse((const uint8_t *)bytes, len, &c), 0);
	assert_int_equal(sev_cert_key(&c, &key), 0);
	return key;
}

static void check_base64(const char *name, const char *suffix, const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *want = NULL, *got = NULL;
	size_t n;

	want = read_text(name, suffix, &n);
	assert_int_equal(base64_encode(data, len, &got), 0);
	assert_string_equal(got, want);
}

static void check_wrap(struct json_object *o, const struct secret *z,
		       uint8_t ret[static SESSION_LEN])
{
	_cleanup_(secret_freep) struct secret *tek = secret_hex(o, "tek"),
					      *tik = secret_hex(o, "tik");
	struct session_fresh fresh;
	uint8_t want[32];

	hex_of(o, "nonce", fresh.nonce, sizeof(fresh.nonce));
	hex_of(o, "wrap_iv", fresh.iv, sizeof(fresh.iv));
	assert_int_equal(session_wrap(z, policy_of(o), &fresh, tek, tik, ret), 0);
	hex_of(o, "wrap_tk", want, 32);
	assert_memory_equal(ret + 16, want, 32);
	hex_of(o, "wrap_mac", want, 32);
	assert_memory_equal(ret + 64, want, 32);
	hex_of(o, "policy_mac", want, 32);
	assert_memory_equal(ret + 96, want, 32);
}

static void check_case(struct json_object *o)
{
	const char *name = text_of(o, "name");
	_cleanup_(pkey_freep) EVP_PKEY *own = read_private(name), *pdh = read_pdh(name);
	_cleanup_(secret_freep) struct secret *want = secret_hex(o, "z"), *z = NULL;
	uint8_t blob[SESSION_LEN], godh[SEV_CERT_LEN];

	assert_int_equal(session_agree(own, pdh, &z), 0);
	assert_true(secret_equal(z, want));
	check_wrap(o, z, blob);
	check_base64(name, ".session.b64", blob, sizeof(blob));
	assert_int_equal(session_godh(own, godh), 0);
	check_base64(name, ".godh.b64", godh, sizeof(godh));
}

static void test_vectors(void **state)
{
	_cleanup_(freep) char *text = NULL;
	struct json_object *cases;
	uint8_t blob[SESSION_LEN];
	size_t len;

	text = read_text("cases", ".json", &len);
	cases = json_tokener_parse(text);
	assert_true(json_object_array_length(cases) >= 8);
	for (size_t i = 0; i < json_object_array_length(cases); i++)
		check_case(json_object_array_get_idx(cases, i));
	json_object_put(cases);

	free(text);
	text = read_text("upstream", ".json", &len);
	cases = json_tokener_parse(text);
	assert_true(json_object_array_length(cases) >= 1);
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *o = json_object_array_get_idx(cases, i);
		_cleanup_(secret_freep) struct secret *z = secret_hex(o, "z");

		check_wrap(o, z, blob);
	}
	json_object_put(cases);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_half_encrypted),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/session/cases.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
