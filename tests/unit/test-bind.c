/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is hashed in a handshake.  The other computation is tests/double/release-broker.c. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/hex.h"
#include "crypto/bind.h"
#include "crypto/tee-key.h"
#include "tests/double/release-broker.h"
#include "tests/unit/vectors.h"

#define DIGESTS "coco/runtime-data/digests.json"

static void same_as_double(const struct net_auth *asked)
{
	uint8_t id[32], bound[32], nonce[32], theirs[33];
	struct net_challenge c;

	memset(id, 0x1d, sizeof(id));
	double_challenge(id, asked, &c);
	assert_int_equal(bind_bound(asked, bound), 0);
	assert_int_equal(bind_nonce(id, bound, c.salt, nonce), 0);
	assert_int_equal(base64_decode(c.nonce, theirs, sizeof(theirs)), 32);
	assert_memory_equal(nonce, theirs, 32);
}

static void test_nonce(void **state)
{
	struct net_auth asked = { .coco = 0, .n_paths = 1 };
	uint8_t bound[32], zeros[32] = { 0 };

	strcpy(asked.paths[0], "a/b/c");
	memset(asked.boot, 0xb0, sizeof(asked.boot));
	same_as_double(&asked);
	assert_int_equal(bind_bound(&asked, bound), 0);
	assert_memory_equal(bound, zeros, 32);
	asked.coco = 1;
	for (asked.n_paths = 0; asked.n_paths <= BROKER_PATHS_MAX; asked.n_paths++) {
		if (asked.n_paths > 0)
			memset(asked.paths[asked.n_paths - 1], 'a' + (int)asked.n_paths,
			       BROKER_PATH_LEN - asked.n_paths);
		same_as_double(&asked);
	}
}

/* Names that run together are other names. */
static void test_lengths(void **state)
{
	struct net_auth a = { .coco = 1, .n_paths = 2, .paths = { "a/b/cd", "e/f/g" } };
	struct net_auth b = { .coco = 1, .n_paths = 2, .paths = { "a/b/c", "de/f/g" } };
	uint8_t of_a[32], of_b[32];

	assert_int_equal(bind_bound(&a, of_a), 0);
	assert_int_equal(bind_bound(&b, of_b), 0);
	assert_memory_not_equal(of_a, of_b, 32);
}

/* An answer that was written down before. */
static void test_release(void **state)
{
	static const char *const texts[] = { "eyJ9", "a2V5", "aXY", "", "dGFn" };
	struct bytes jwe[5];
	uint8_t rd[48], hash[32], text[BIND_RELEASE_LEN], expected[32];

	for (size_t i = 0; i < 5; i++)
		jwe[i] = (struct bytes){ (const uint8_t *)texts[i], strlen(texts[i]) };
	assert_int_equal(bind_jwe(jwe, hash), 0);
	EVP_Digest("eyJ9.a2V5.aXY..dGFn", 19, expected, NULL, EVP_sha256(), NULL);
	assert_memory_equal(hash, expected, 32);
	memset(rd, 0xd1, sizeof(rd));
	assert_int_equal(bind_release(rd, "a/b/c", 0x0102030405060708, hash, text), 0);
	assert_memory_equal(text, "coco release 1", 15);
	assert_memory_equal(text + 15, rd, 48);
	EVP_Digest("a/b/c", 5, expected, NULL, EVP_sha256(), NULL);
	assert_memory_equal(text + 63, expected, 32);
	assert_memory_equal(text + 95, "\1\2\3\4\5\6\7\10", 8);
	assert_memory_equal(text + 103, hash, 32);
	assert_int_equal(sizeof(text), 135);
}

static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *m = NULL;

	return o && json_object_object_get_ex(o, name, &m) ? json_object_get_string(m) : NULL;
}

static unsigned take(struct json_object *o, const char *name, uint8_t ret[static 512])
{
	const char *text = text_of(o, name);
	ssize_t n = base64url_decode(text, strlen(text), ret, 512);

	assert_true(n > 0);
	return (unsigned)n;
}

static void read_key(struct json_object *jwk, struct tee_key *k)
{
	if (strcmp(text_of(jwk, "kty"), "RSA") == 0) {
		k->kind = TEE_KEY_RSA_OAEP_256;
		k->x_len = take(jwk, "n", k->x);
		k->y_len = take(jwk, "e", k->y);
		return;
	}
	k->kind = strcmp(text_of(jwk, "crv"), "P-521") == 0 ? TEE_KEY_EC_P521 : TEE_KEY_EC_P256;
	k->x_len = take(jwk, "x", k->x);
	k->y_len = take(jwk, "y", k->y);
}

static void test_vectors(void **state)
{
	char path[PATH_MAX], *key;
	struct json_object *all = json_object_from_file(vectors_path(path, DIGESTS));
	unsigned n = 0, n_rsa = 0;

	assert_non_null(all);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i), *data, *jwk;
		const char *more = text_of(o, "additional_evidence");
		struct tee_key k = { .kind = 0 };
		uint8_t digest[64], expected[64];

		if (!json_object_object_get_ex(o, "runtime-data", &data) || !more || *more)
			continue;
		assert_true(json_object_object_get_ex(data, "tee-pubkey", &jwk));
		if (!text_of(jwk, "alg") || strcmp(text_of(jwk, "alg"), "RSA1_5") == 0 ||
		    (!text_of(jwk, "x") && !text_of(jwk, "n")))
			continue;
		read_key(jwk, &k);
		assert_int_equal(tee_key_text(&k, &key), 0);
		assert_int_equal(bind_runtime_data(text_of(data, "nonce"), key, EVP_sha384(),
						   digest), 0);
		assert_int_equal(hex_decode(text_of(o, "sha384"), 48, expected), 0);
		assert_memory_equal(digest, expected, 48);
		assert_int_equal(bind_runtime_data(text_of(data, "nonce"), key, EVP_sha512(),
						   digest), 0);
		assert_int_equal(hex_decode(text_of(o, "sha512"), 64, expected), 0);
		assert_memory_equal(digest, expected, 64);
		free(key);
		n++;
		n_rsa += k.kind == TEE_KEY_RSA_OAEP_256;
	}
	assert_true(n >= 4 && n_rsa >= 1);
	json_object_put(all);
}

int main(void)
{
	struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_vectors),
	};

	vectors_or_skip(&tests[3], DIGESTS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
