/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a handshake with a broker costs the keeper, beside the OpenSSL operations that nobody can
 * leave out, in the same run:
 *
 *	bench-release [--rounds=N]
 *
 * The broker's side is tests/double/release-broker.c, and is not measured.  Nothing is asserted.
 */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/sha.h>

#include "agent/keeper/release.h"
#include "base/log.h"
#include "crypto/jwe.h"
#include "tests/bench/turns.h"
#include "tests/double/release-broker.h"

#define PATH "default/luks/root"
#define SECRET_LEN 64
#define RUNTIME_DATA_LEN 253	/* with a key on P-256 */
#define SIGNED_LEN 151

struct input {
	struct double_broker broker;
	struct broker_identity identity;
	struct net_auth asked;
	struct net_challenge challenge;
	/* A handshake that is bound, and a release to it. */
	struct handshake *h;
	struct net_jwe jwe;
	uint8_t ciphertext[SECRET_LEN];
	/* For the floor: a key pair, a release to it, and a signature. */
	EVP_PKEY *key;
	struct net_jwe bare;
	uint8_t bare_ciphertext[SECRET_LEN], signature[80];
	size_t signature_len;
};

static const uint8_t text[512];

/* ---- the floor ---- */

static void floor_key(void *input)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t point[65], digest[48];
	size_t len;

	must(key && EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
						    sizeof(point), &len) == 1,
	     "Making a key pair");
	must(EVP_Digest(text, RUNTIME_DATA_LEN, digest, NULL, EVP_sha384(), NULL) == 1, "SHA-384");
	EVP_PKEY_free(key);
}

static void floor_signature(const struct input *in)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	must(md && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, in->broker.key) == 1 &&
		     EVP_DigestVerify(md, in->signature, in->signature_len, text, SIGNED_LEN) == 1,
	     "The signature");
	EVP_MD_CTX_free(md);
}

static void floor_agree(const struct input *in, uint8_t z[static 32])
{
	EVP_PKEY_CTX *from = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY_CTX *derive = EVP_PKEY_CTX_new(in->key, NULL);
	EVP_PKEY *peer = NULL;
	uint8_t point[65] = { 4 };
	char group[] = "P-256";
	size_t len = 32;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	memcpy(point + 1, in->bare.epk_x, 32);
	memcpy(point + 33, in->bare.epk_y, 32);
	must(from && EVP_PKEY_fromdata_init(from) == 1 &&
		     EVP_PKEY_fromdata(from, &peer, EVP_PKEY_PUBLIC_KEY, params) == 1,
	     "Reading the ephemeral key");
	must(derive && EVP_PKEY_derive_init(derive) == 1 &&
		     EVP_PKEY_derive_set_peer(derive, peer) == 1 &&
		     EVP_PKEY_derive(derive, z, &len) == 1,
	     "The agreement");
	EVP_PKEY_free(peer);
	EVP_PKEY_CTX_free(from);
	EVP_PKEY_CTX_free(derive);
}

/* The key derivation is one SHA-256 over 66 bytes. */
static void floor_decrypt(const struct input *in, const uint8_t z[static 32])
{
	uint8_t buffer[66] = { 0, 0, 0, 1 }, wrap[32], content[48], plain[SECRET_LEN];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	memcpy(buffer + 4, z, 32);
	memcpy(buffer + 36, "\0\0\0\x0e" "ECDH-ES+A256KW" "\0\0\0\0\0\0\0\0\0\0\1\0", 30);
	SHA256(buffer, sizeof(buffer), wrap);
	EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	must(EVP_DecryptInit_ex(c, EVP_aes_256_wrap(), NULL, wrap, NULL) == 1 &&
		     EVP_DecryptUpdate(c, content, &len, in->bare.wrapped_key, JWE_WRAPPED_LEN) ==
			     1,
	     "Unwrapping");
	EVP_CIPHER_CTX_reset(c);
	must(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, content, in->bare.iv) == 1 &&
		     EVP_DecryptUpdate(c, NULL, &len, (const uint8_t *)in->bare.protected,
				       (int)in->bare.protected_len) == 1 &&
		     EVP_DecryptUpdate(c, plain, &len, in->bare_ciphertext, SECRET_LEN) == 1 &&
		     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, JWE_TAG_LEN,
					 (void *)in->bare.tag) == 1 &&
		     EVP_DecryptFinal_ex(c, plain, &len) == 1,
	     "Decrypting");
	EVP_CIPHER_CTX_free(c);
}

static void floor_release(void *input)
{
	uint8_t z[32];

	floor_signature(input);
	floor_agree(input, z);
	floor_decrypt(input, z);
}

static void floor_both(void *input)
{
	floor_key(input);
	floor_release(input);
}

/* ---- the keeper ---- */

static struct handshake *begin(struct input *in, struct net_attest *ret)
{
	struct handshake *h = NULL;
	struct cause why;
	uint8_t digest[64];

	must(handshake_new(BROKER_P256, 0, &h) == 0 &&
		     handshake_bind(h, &in->identity, &in->asked, &in->challenge, &why) == 0 &&
		     handshake_report_data(h, digest, ret) == 0,
	     "The handshake");
	return h;
}

static void keeper_key(void *input)
{
	struct net_attest attest;

	handshake_free(begin(input, &attest));
}

static void keeper_release(void *input)
{
	struct input *in = input;
	struct secret *s = NULL;
	struct cause why;
	uint64_t version;

	must(handshake_open(in->h, &in->identity, PATH, &in->jwe, in->ciphertext, 0, &s, &version,
			    &why) == 0,
	     "Opening the release");
	secret_free(s);
}

static void keeper_both(void *input)
{
	keeper_key(input);
	keeper_release(input);
}

/* ---- what both need ---- */

static void prepare_floor(struct input *in)
{
	struct net_attest to = { .curve = BROKER_P256, .coordinate_len = 32 };
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	in->key = EVP_EC_gen("P-256");
	must(in->key && jwe_key_point(in->key, BROKER_P256, to.x, to.y) == 0, "A key");
	double_encrypt(&to, text, SECRET_LEN, &in->bare, in->bare_ciphertext);
	in->signature_len = sizeof(in->signature);
	must(md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, in->broker.key) == 1 &&
		     EVP_DigestSign(md, in->signature, &in->signature_len, text, SIGNED_LEN) == 1,
	     "Signing");
	EVP_MD_CTX_free(md);
}

static void prepare(struct input *in)
{
	struct net_attest to;
	struct cause why;

	must(release_init() == 0, "Locking memory");
	double_init(&in->broker, "P-256");
	must(broker_identity_parse(in->broker.pem, in->broker.pem_len, &in->identity, &why) == 0,
	     "Reading the identity");
	in->asked = (struct net_auth){ .coco = 1, .n_paths = 1 };
	strcpy(in->asked.paths[0], PATH);
	double_challenge(in->broker.id, &in->asked, &in->challenge);
	in->h = begin(in, &to);
	double_encrypt(&to, text, SECRET_LEN, &in->jwe, in->ciphertext);
	double_sign(in->broker.key, to.digest, PATH, 1, in->ciphertext, &in->jwe);
	prepare_floor(in);
}

int main(int argc, char **argv)
{
	static const struct turn_row rows[] = {
		{ "key pair and runtime data", floor_key, keeper_key, "1.3" },
		{ "one signed release", floor_release, keeper_release, "1.3" },
		{ "handshake, the keeper's part", floor_both, keeper_both, "1.3" },
		{ NULL },
	};
	static struct input in;
	unsigned rounds;

	(void) turns_options(argc, argv, "bench-release", "no files", 0, &rounds);
	prepare(&in);
	take_turns(rows, &in, rounds);
	return 0;
}
