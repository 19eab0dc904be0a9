/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <json.h>
#include <openssl/ec.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "inject/launch/id-block.h"

#include <cmocka.h>

#include "tests/unit/vectors.h"

/* True if @signature, numbers in little-endian, is a signature by @key over @data. */
static bool verifies(EVP_PKEY *key, const uint8_t *data, size_t len, const uint8_t *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *s = ECDSA_SIG_new();
	uint8_t *der = NULL;
	int n, r;

	assert_int_equal(ECDSA_SIG_set0(s, BN_lebin2bn(signature, 72, NULL),
					BN_lebin2bn(signature + 72, 72, NULL)),
			 1);
	n = i2d_ECDSA_SIG(s, &der);
	assert_true(n > 0);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha384(), NULL, key), 1);
	r = EVP_DigestVerify(ctx, der, (size_t)n, data, len);
	for (size_t i = 144; i < 512; i++)
		assert_int_equal(signature[i], 0);
	OPENSSL_free(der);
	ECDSA_SIG_free(s);
	EVP_MD_CTX_free(ctx);
	return r == 1;
}

static void test_block(void **state)
{
	struct id_block b = { .guest_svn = 0x01020304, .policy = 0x1122334455667788 };
	uint8_t bytes[ID_BLOCK_LEN];

	memset(b.launch_digest, 0x1d, sizeof(b.launch_digest));
	memset(b.family_id, 0xfa, sizeof(b.family_id));
	memset(b.image_id, 0x1e, sizeof(b.image_id));
	id_block_make(&b, bytes);
	for (size_t i = 0; i < 80; i++)
		assert_int_equal(bytes[i], i < 48 ? 0x1d : i < 64 ? 0xfa : 0x1e);
	assert_memory_equal(bytes + 80, "\1\0\0\0\4\3\2\1\x88\x77\x66\x55\x44\x33\x22\x11", 16);
}

static void test_auth(void **state)
{
	EVP_PKEY *id = EVP_EC_gen("P-384"), *author = EVP_EC_gen("P-384");
	uint8_t block[ID_BLOCK_LEN] = { 7 }, auth[ID_AUTH_LEN], public[ID_KEY_LEN];

	assert_int_equal(id_auth_make(block, id, author, auth), 0);
	assert_memory_equal(auth, "\1\0\0\0\1\0\0\0", 8);
	assert_true(verifies(id, block, sizeof(block), auth + 0x40));
	assert_int_equal(id_key_public(id, public), 0);
	assert_memory_equal(auth + 0x240, public, ID_KEY_LEN);
	assert_true(verifies(author, public, sizeof(public), auth + 0x680));
	assert_false(verifies(id, public, sizeof(public), auth + 0x680));
	assert_int_equal(id_key_public(author, public), 0);
	assert_memory_equal(auth + 0x880, public, ID_KEY_LEN);
	block[95] ^= 1;
	assert_false(verifies(id, block, sizeof(block), auth + 0x40));

	/* Without an author its place is empty. */
	assert_int_equal(id_auth_make(block, id, NULL, auth), 0);
	assert_memory_equal(auth, "\1\0\0\0\0\0\0\0", 8);
	for (size_t i = 0x644; i < ID_AUTH_LEN; i++)
		assert_int_equal(auth[i], 0);
	EVP_PKEY_free(id);
	EVP_PKEY_free(author);
}

static void test_keys(void **state)
{
	static const char text[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
	EVP_PKEY *key = NULL;

	assert_int_equal(id_key_read("", 0, &key), -EBADMSG);
	assert_int_equal(id_key_read(text, sizeof(text) - 1, &key), -EBADMSG);
	assert_null(key);
}

/* ---- known answers: $COCO_VECTORS/sev/snp ---- */

static char *load(const char *name, size_t *len)
{
	char path[PATH_MAX], file[64];
	char *data;

	snprintf(file, sizeof(file), "sev/snp/%s", name);
	assert_int_equal(read_file_at(AT_FDCWD, vectors_path(path, file), 1 << 16, &data, len), 0);
	return data;
}

static EVP_PKEY *load_key(const char *name)
{
	EVP_PKEY *key;
	size_t len;
	char *pem = load(name, &len);

	assert_int_equal(id_key_read(pem, len, &key), 0);
	free(pem);
	return key;
}

static void check_key_digest(EVP_PKEY *key, struct json_object *o, const char *name)
{
	uint8_t public[ID_KEY_LEN], want[SHA384_LEN], got[SHA384_LEN];
	struct json_object *v;
	struct sha sha;

	assert_true(json_object_object_get_ex(o, name, &v));
	assert_int_equal(parse_hex(json_object_get_string(v), want, sizeof(want)), 0);
	assert_int_equal(id_key_public(key, public), 0);
	assert_int_equal(sha_init(&sha, "SHA384"), 0);
	assert_int_equal(sha_of(&sha, public, sizeof(public), got), 0);
	assert_memory_equal(got, want, sizeof(want));
	sha_done(&sha);
}

static void hex_of(struct json_object *o, const char *name, uint8_t *ret, size_t len)
{
	struct json_object *v;

	if (json_object_object_get_ex(o, name, &v))
		assert_int_equal(parse_hex(json_object_get_string(v), ret, len), 0);
}

/* @auth was made by others from the same block and keys; signatures are never the same twice. */
static void check_set(const char *json, const char *id_pem, const char *author_pem,
		      const char *auth)
{
	char path[PATH_MAX], file[64];
	EVP_PKEY *id = load_key(id_pem), *author = load_key(author_pem);
	struct id_block b = { .policy = 0x30000 };
	uint8_t block[ID_BLOCK_LEN], want[ID_BLOCK_LEN], ours[ID_AUTH_LEN];
	struct json_object *o, *v;
	uint8_t *theirs;
	size_t len;

	snprintf(file, sizeof(file), "sev/snp/%s", json);
	o = json_object_from_file(vectors_path(path, file));
	assert_non_null(o);
	hex_of(o, "launch_digest", b.launch_digest, sizeof(b.launch_digest));
	hex_of(o, "family_id", b.family_id, sizeof(b.family_id));
	hex_of(o, "image_id", b.image_id, sizeof(b.image_id));
	if (json_object_object_get_ex(o, "guest_svn", &v))
		b.guest_svn = (uint32_t)json_object_get_int64(v);
	if (json_object_object_get_ex(o, "policy", &v))
		assert_int_equal(parse_u64(json_object_get_string(v), &b.policy), 0);
	id_block_make(&b, block);
	assert_true(json_object_object_get_ex(o, "id_block", &v));
	assert_int_equal(base64_decode(json_object_get_string(v), want, sizeof(want)),
			 sizeof(want));
	assert_memory_equal(block, want, sizeof(want));
	check_key_digest(id, o, "id_key_digest");
	check_key_digest(author, o, "author_key_digest");

	theirs = (uint8_t *)load(auth, &len);
	assert_int_equal(len, ID_AUTH_LEN);
	assert_true(verifies(id, block, sizeof(block), theirs + 0x40));
	assert_true(verifies(author, theirs + 0x240, ID_KEY_LEN, theirs + 0x680));
	assert_int_equal(id_auth_make(block, id, author, ours), 0);
	memcpy(ours + 0x40, theirs + 0x40, 512);
	memcpy(ours + 0x680, theirs + 0x680, 512);
	assert_memory_equal(ours, theirs, ID_AUTH_LEN);
	free(theirs);
	json_object_put(o);
	EVP_PKEY_free(id);
	EVP_PKEY_free(author);
}

static void test_vectors(void **state)
{
	check_set("p-idblock.json", "p-id.pem", "p-author.pem", "p-id-auth.bin");
	check_set("virtee-idblock.json", "virtee-id_key.pem", "virtee-auth_key.pem",
		  "virtee-auth_block.bin");
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[ARRAY_SIZE(tests) - 1], "sev/snp/p-idblock.json");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
