/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keeper's side of a handshake.  The broker's side is tests/double/release-broker.c. */
#include <errno.h>
#include <json-c/json.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/keeper/release.h"
#include "base/base64.h"
#include "crypto/jwe.h"
#include "tests/double/release-broker.h"
#include "tests/unit/vectors.h"

#define PLAIN "correct horse battery staple"
#define PATH "default/luks/root"
#define NOW (1000 * UINT64_C(1000000))

/* ---- a handshake under test ---- */

struct fixture {
	struct double_broker broker, other;
	struct broker_identity identity;
	struct net_auth asked;
	struct net_challenge challenge;
	struct handshake *h;
	uint8_t rd[64];
	struct net_attest attest;
	struct net_jwe jwe;
	uint8_t ct[JWE_CIPHERTEXT_MAX + 1];
	struct secret *secret;
	uint64_t version;
	struct cause why;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	double_init(&f->broker, "P-256");
	double_init(&f->other, "P-256");
	assert_int_equal(broker_identity_parse(f->broker.pem, f->broker.pem_len, &f->identity,
					       &f->why), 0);
	f->asked.coco = 1;
	f->asked.n_paths = 2;
	strcpy(f->asked.paths[0], PATH);
	strcpy(f->asked.paths[1], "default/api/key");
	memset(f->asked.boot, 0xb0, sizeof(f->asked.boot));
	double_challenge(f->broker.id, &f->asked, &f->challenge);
	assert_int_equal(handshake_new(BROKER_P256, NOW, &f->h), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	handshake_free(f->h);
	secret_free(f->secret);
	broker_identity_done(&f->identity);
	double_done(&f->broker);
	double_done(&f->other);
	free(f);
	/* No private key stays behind, but for what other tests hold. */
	return 0;
}

static int bind_to(struct fixture *f)
{
	return handshake_bind(f->h, &f->identity, &f->asked, &f->challenge, &f->why);
}

static void release(struct fixture *f, EVP_PKEY *signer, const char *path)
{
	assert_int_equal(handshake_report_data(f->h, f->rd, &f->attest), 0);
	double_encrypt(&f->attest, PLAIN, strlen(PLAIN), &f->jwe, f->ct);
	double_sign(signer, f->rd, path, 3, f->ct, &f->jwe);
}

static int open_it(struct fixture *f, const char *path)
{
	f->secret = secret_free(f->secret);
	return handshake_open(f->h, &f->identity, path, &f->jwe, f->ct, NOW, &f->secret,
			      &f->version, &f->why);
}

/* Refused with @r and a sentence that has @words. */
static void refused(struct fixture *f, int got, int r, const char *words)
{
	assert_int_equal(got, r);
	assert_null(f->secret);
	if (!strstr(f->why.text, words))
		fail_msg("'%s' does not have '%s'", f->why.text, words);
}

static void test_release(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(handshake_report_data(f->h, f->rd, &f->attest), -EPERM);
	assert_int_equal(bind_to(f), 0);
	release(f, f->broker.key, PATH);
	assert_int_equal(f->attest.digest_len, 48);
	assert_memory_equal(f->attest.digest, f->rd, 48);
	for (size_t i = 48; i < 64; i++)
		assert_int_equal(f->rd[i], 0);
	assert_int_equal(open_it(f, PATH), 0);
	assert_int_equal(secret_len(f->secret), strlen(PLAIN));
	assert_memory_equal(secret_data(f->secret), PLAIN, strlen(PLAIN));
	assert_int_equal(f->version, 3);
	/* A lost answer may be asked for again, and another name of the list too. */
	assert_int_equal(open_it(f, PATH), 0);
	release(f, f->broker.key, "default/api/key");
	assert_int_equal(open_it(f, "default/api/key"), 0);
}

/* The digest is over the canonical JSON, whose members a reader sorts for itself. */
static void test_runtime_data(void **state)
{
	struct fixture *f = *state;
	struct json_object *o = json_object_new_object(), *k = json_object_new_object();
	uint8_t digest[48];
	const char *text;
	char *x, *y;

	assert_int_equal(bind_to(f), 0);
	assert_int_equal(handshake_report_data(f->h, f->rd, &f->attest), 0);
	assert_int_equal(base64url_encode(f->attest.x, 32, &x), 0);
	assert_int_equal(base64url_encode(f->attest.y, 32, &y), 0);
	json_object_object_add(k, "alg", json_object_new_string("ECDH-ES+A256KW"));
	json_object_object_add(k, "crv", json_object_new_string("P-256"));
	json_object_object_add(k, "kty", json_object_new_string("EC"));
	json_object_object_add(k, "x", json_object_new_string(x));
	json_object_object_add(k, "y", json_object_new_string(y));
	json_object_object_add(o, "additional-evidence", json_object_new_string(""));
	json_object_object_add(o, "nonce", json_object_new_string(f->challenge.nonce));
	json_object_object_add(o, "tee-pubkey", k);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	SHA384((const uint8_t *)text, strlen(text), digest);
	assert_memory_equal(digest, f->rd, 48);
	json_object_put(o);
	free(x);
	free(y);
}

static void test_empty_and_largest(void **state)
{
	static uint8_t plain[JWE_CIPHERTEXT_MAX];
	struct fixture *f = *state;

	assert_int_equal(bind_to(f), 0);
	release(f, f->broker.key, PATH);
	double_encrypt(&f->attest, "", 0, &f->jwe, f->ct);
	double_sign(f->broker.key, f->rd, PATH, 1, f->ct, &f->jwe);
	assert_int_equal(open_it(f, PATH), 0);
	assert_int_equal(secret_len(f->secret), 0);
	memset(plain, 'x', sizeof(plain));
	double_encrypt(&f->attest, plain, sizeof(plain), &f->jwe, f->ct);
	double_sign(f->broker.key, f->rd, PATH, 1, f->ct, &f->jwe);
	assert_int_equal(open_it(f, PATH), 0);
	assert_int_equal(secret_len(f->secret), sizeof(plain));
	f->jwe.ciphertext_len++;
	refused(f, open_it(f, PATH), -EMSGSIZE, "longer");
	f->jwe.ciphertext_len--;
	f->jwe.protected_len = JWE_PROTECTED_MAX;
	refused(f, open_it(f, PATH), -EMSGSIZE, "longer");
}

/* A child finds zeros where its parent has a private key, wherever in the heap that is. */
static void test_child(void **state)
{
	static const size_t sizes[] = { 32, 16384, 4096 };
	uint8_t *blocks[ARRAY_SIZE(sizes)];
	int status;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = OPENSSL_secure_malloc(sizes[i]);
		assert_non_null(blocks[i]);
		memset(blocks[i], 0xaa, sizes[i]);
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		uint8_t seen = 0;

		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			for (size_t k = 0; k < sizes[i]; k++)
				seen |= blocks[i][k];
		_exit(seen);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(blocks[i][0], 0xaa);
		assert_int_equal(blocks[i][sizes[i] - 1], 0xaa);
		OPENSSL_secure_free(blocks[i]);
	}
}

/* The private key is where it is locked, not dumped, and wiped. */
static void test_secure_heap(void **state)
{
	struct handshake *h[8];
	size_t used = CRYPTO_secure_used();

	for (size_t i = 0; i < 8; i++)
		assert_int_equal(handshake_new(i % 2, NOW, &h[i]), 0);
	assert_true(CRYPTO_secure_used() >= used + 8 * 32);
	for (size_t i = 0; i < 8; i++)
		handshake_free(h[i]);
	assert_int_equal(CRYPTO_secure_used(), used);
	assert_int_equal(handshake_new(_BROKER_CURVE_MAX, NOW, &h[0]), -EINVAL);
}

/* ---- a broker that is not ours, and a cocod-net that lies ---- */

static void test_other_broker(void **state)
{
	struct fixture *f = *state;

	double_challenge(f->other.id, &f->asked, &f->challenge);
	refused(f, bind_to(f), -ESTALE, "another broker");
}

static void test_nonce_of_other_question(void **state)
{
	struct fixture *f = *state;
	struct net_auth asked = f->asked;

	asked.boot[31] ^= 1;
	double_challenge(f->broker.id, &asked, &f->challenge);
	refused(f, bind_to(f), -ESTALE, "nonce");
	asked = f->asked;
	asked.n_paths = 1;
	double_challenge(f->broker.id, &asked, &f->challenge);
	refused(f, bind_to(f), -ESTALE, "nonce");
	asked = f->asked;
	strcpy(asked.paths[1], "default/api/other");
	double_challenge(f->broker.id, &asked, &f->challenge);
	refused(f, bind_to(f), -ESTALE, "nonce");
	double_challenge(f->broker.id, &f->asked, &f->challenge);
	f->challenge.salt[0] ^= 1;
	refused(f, bind_to(f), -ESTALE, "nonce");
	/* Each bit of it counts. */
	for (size_t bit = 0; bit < 256; bit++) {
		uint8_t nonce[33];

		double_challenge(f->broker.id, &f->asked, &f->challenge);
		assert_int_equal(base64_decode(f->challenge.nonce, nonce, sizeof(nonce)), 32);
		nonce[bit / 8] ^= (uint8_t)(1u << bit % 8);
		EVP_EncodeBlock((uint8_t *)f->challenge.nonce, nonce, 32);
		refused(f, bind_to(f), -ESTALE, "nonce");
	}
	/* None of these has bound it. */
	double_challenge(f->broker.id, &f->asked, &f->challenge);
	assert_int_equal(bind_to(f), 0);
	refused(f, bind_to(f), -EPERM, "already");
}

/* Nothing was said of boot and names: the broker takes zeros for them. */
static void test_nothing_said(void **state)
{
	struct fixture *f = *state;

	f->asked.coco = 0;
	refused(f, bind_to(f), -ESTALE, "nonce");
	double_challenge(f->broker.id, &f->asked, &f->challenge);
	f->asked.coco = 1;
	refused(f, bind_to(f), -ESTALE, "nonce");
	f->asked.coco = 0;
	assert_int_equal(bind_to(f), 0);
}

static void test_downgrade(void **state)
{
	struct fixture *f = *state;

	f->challenge.has_salt = 0;
	refused(f, bind_to(f), -EPROTO, "Identity=");
	f->challenge.has_salt = 1;
	f->challenge.hash = NET_HASH_SHA256;
	refused(f, bind_to(f), -EPROTO, "SHA-384");
	f->challenge.hash = _NET_HASH_MAX;
	refused(f, bind_to(f), -EBADMSG, "unknown hash");
	f->challenge.hash = NET_HASH_SHA384;
	assert_int_equal(bind_to(f), 0);
	release(f, f->broker.key, PATH);
	f->jwe.has_release = 0;
	refused(f, open_it(f, PATH), -EKEYREJECTED, "not signed");
	/* A caller that forgets the identity gets nothing. */
	f->jwe.has_release = 1;
	refused(f,
		handshake_open(f->h, NULL, PATH, &f->jwe, f->ct, NOW, &f->secret, &f->version,
			       &f->why),
		-EPERM, "not bound");
}

static void test_nonce_form(void **state)
{
	static const char *const bad[] = {
		"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
		" AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(f->challenge.nonce, 0, sizeof(f->challenge.nonce));
		memcpy(f->challenge.nonce, bad[i], strlen(bad[i]));
		refused(f, bind_to(f), -EBADMSG, "base64");
		refused(f, handshake_bind(f->h, NULL, &f->asked, &f->challenge, &f->why), -EBADMSG,
			"base64");
	}
	memset(f->challenge.nonce, 'A', sizeof(f->challenge.nonce));
	refused(f, bind_to(f), -EBADMSG, "base64");
}

static void test_signature(void **state)
{
	struct fixture *f = *state;
	uint8_t rd[64];

	assert_int_equal(bind_to(f), 0);
	/* It opens, and it is the host's. */
	release(f, f->other.key, PATH);
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	/* Swapped with that of another name. */
	release(f, f->broker.key, "default/api/key");
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	/* Of another handshake. */
	release(f, f->broker.key, PATH);
	memcpy(rd, f->rd, sizeof(rd));
	rd[0] ^= 1;
	double_sign(f->broker.key, rd, PATH, 3, f->ct, &f->jwe);
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	release(f, f->broker.key, PATH);
	f->jwe.version++;
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	f->jwe.version--;
	f->ct[0] ^= 1;
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	f->ct[0] ^= 1;
	f->jwe.protected[0] ^= 1;
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	f->jwe.protected[0] ^= 1;
	memset(f->jwe.signature, 0, sizeof(f->jwe.signature));
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
}

/* Signed, and still not for our key. */
static void test_other_recipient(void **state)
{
	struct fixture *f = *state;
	struct net_attest theirs;
	struct handshake *h;
	uint8_t rd[64];

	assert_int_equal(bind_to(f), 0);
	assert_int_equal(handshake_report_data(f->h, f->rd, &f->attest), 0);
	assert_int_equal(handshake_new(BROKER_P256, NOW, &h), 0);
	assert_int_equal(handshake_bind(h, &f->identity, &f->asked, &f->challenge, &f->why), 0);
	assert_int_equal(handshake_report_data(h, rd, &theirs), 0);
	assert_memory_not_equal(rd, f->rd, 48);
	double_encrypt(&theirs, PLAIN, strlen(PLAIN), &f->jwe, f->ct);
	double_sign(f->broker.key, f->rd, PATH, 3, f->ct, &f->jwe);
	refused(f, open_it(f, PATH), -EBADMSG, "another key");
	handshake_free(h);
}

static void test_age(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(bind_to(f), 0);
	release(f, f->broker.key, PATH);
	refused(f,
		handshake_open(f->h, &f->identity, PATH, &f->jwe, f->ct, NOW + HANDSHAKE_USEC + 1,
			       &f->secret, &f->version, &f->why),
		-EKEYEXPIRED, "5 minutes");
	/* A clock that went back says nothing about the age. */
	refused(f,
		handshake_open(f->h, &f->identity, PATH, &f->jwe, f->ct, NOW - 1, &f->secret,
			       &f->version, &f->why),
		-EKEYEXPIRED, "5 minutes");
	assert_int_equal(handshake_open(f->h, &f->identity, PATH, &f->jwe, f->ct,
					NOW + HANDSHAKE_USEC, &f->secret, &f->version, &f->why),
			 0);
}

/* Each bit of the JWE counts, without an identity too. */
static void test_changed(void **state)
{
	struct fixture *f = *state;
	struct {
		uint8_t *p;
		size_t len;
	} fields[] = {
		{ f->jwe.epk_x, 32 }, { f->jwe.epk_y, 32 }, { f->jwe.wrapped_key, JWE_WRAPPED_LEN },
		{ f->jwe.iv, JWE_IV_LEN }, { f->jwe.tag, JWE_TAG_LEN }, { f->ct, strlen(PLAIN) },
		{ (uint8_t *)f->jwe.protected, 32 },
	};

	f->challenge.has_salt = 0;
	assert_int_equal(handshake_bind(f->h, NULL, &f->asked, &f->challenge, &f->why), 0);
	release(f, f->broker.key, PATH);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		for (size_t bit = 0; bit < 8 * fields[i].len; bit += 5) {
			fields[i].p[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(handshake_open(f->h, NULL, PATH, &f->jwe, f->ct, NOW,
							&f->secret, &f->version, &f->why),
					 -EBADMSG);
			fields[i].p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	f->jwe.curve = BROKER_P521;
	refused(f,
		handshake_open(f->h, NULL, PATH, &f->jwe, f->ct, NOW, &f->secret, &f->version,
			       &f->why),
		-EBADMSG, "another curve");
	f->jwe.curve = 77;
	refused(f,
		handshake_open(f->h, NULL, PATH, &f->jwe, f->ct, NOW, &f->secret, &f->version,
			       &f->why),
		-EBADMSG, "another curve");
	f->jwe.curve = BROKER_P256;
	f->jwe.protected_len = 0;
	refused(f,
		handshake_open(f->h, NULL, PATH, &f->jwe, f->ct, NOW, &f->secret, &f->version,
			       &f->why),
		-EBADMSG, "header");
}

static void test_tls_only(void **state)
{
	struct fixture *f = *state;

	f->challenge.has_salt = 0;
	f->challenge.hash = NET_HASH_SHA512;
	assert_int_equal(handshake_bind(f->h, NULL, &f->asked, &f->challenge, &f->why), 0);
	assert_int_equal(handshake_report_data(f->h, f->rd, &f->attest), 0);
	assert_int_equal(f->attest.digest_len, 64);
	double_encrypt(&f->attest, PLAIN, strlen(PLAIN), &f->jwe, f->ct);
	assert_int_equal(handshake_open(f->h, NULL, PATH, &f->jwe, f->ct, NOW, &f->secret,
					&f->version, &f->why), 0);
	f->secret = secret_free(f->secret);
	refused(f,
		handshake_open(f->h, NULL, "default/api/key", &f->jwe, f->ct, NOW, &f->secret,
			       &f->version, &f->why),
		-EPERM, "one secret");
	/* An identity that comes later does not make it better. */
	refused(f, open_it(f, PATH), -EPERM, "not bound");
}

static void test_p521(void **state)
{
	struct fixture *f = *state;

	f->h = handshake_free(f->h);
	assert_int_equal(handshake_new(BROKER_P521, NOW, &f->h), 0);
	assert_int_equal(bind_to(f), 0);
	release(f, f->broker.key, PATH);
	assert_int_equal(f->attest.coordinate_len, 66);
	assert_int_equal(open_it(f, PATH), 0);
	assert_memory_equal(secret_data(f->secret), PLAIN, strlen(PLAIN));
}

/* While a key is being replaced there are two, and the one that made the nonce must sign. */
static void test_two_identities(void **state)
{
	struct fixture *f = *state;
	char both[8192];

	broker_identity_done(&f->identity);
	snprintf(both, sizeof(both), "the old\n%s\nthe new\n%s", f->other.pem, f->broker.pem);
	assert_int_equal(broker_identity_parse(both, strlen(both), &f->identity, &f->why), 0);
	assert_int_equal(f->identity.n, 2);
	assert_int_equal(bind_to(f), 0);
	release(f, f->other.key, PATH);
	refused(f, open_it(f, PATH), -EKEYREJECTED, "signature");
	release(f, f->broker.key, PATH);
	assert_int_equal(open_it(f, PATH), 0);
}

/* ---- the identity's file ---- */

static void bad_identity(const char *pem, size_t len, int r, const char *words)
{
	struct broker_identity i;
	struct cause why = { "" };

	assert_int_equal(broker_identity_parse(pem, len, &i, &why), r);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not have '%s'", why.text, words);
}

/* A byte behind the certificate, within the block. */
static void longer_certificate(struct fixture *f)
{
	BIO *in = BIO_new_mem_buf(f->broker.pem, (int)f->broker.pem_len);
	BIO *out = BIO_new(BIO_s_mem());
	char *name, *header, *pem;
	uint8_t longer[4096] = { 0 }, *der;
	long len;

	assert_int_equal(PEM_read_bio(in, &name, &header, &der, &len), 1);
	assert_true((size_t)len < sizeof(longer));
	memcpy(longer, der, (size_t)len);
	assert_true(PEM_write_bio(out, name, header, longer, len + 1) > 0);
	len = BIO_get_mem_data(out, &pem);
	bad_identity(pem, (size_t)len, -EBADMSG, "broken");
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(in);
	BIO_free(out);
}

static void test_identity(void **state)
{
	struct fixture *f = *state;
	struct double_broker p384;
	char text[32768];
	BIO *out = BIO_new(BIO_s_mem());
	char *key;
	long n;

	bad_identity("", 0, -ENODATA, "no certificate");
	bad_identity("nothing", 7, -ENODATA, "no certificate");
	bad_identity(f->broker.pem, f->broker.pem_len - 40, -EBADMSG, "broken");
	longer_certificate(f);
	snprintf(text, sizeof(text), "%s%s", f->broker.pem, f->broker.pem);
	bad_identity(text, strlen(text), -EBADMSG, "same key");
	double_init(&p384, "P-384");
	bad_identity(p384.pem, p384.pem_len, -EOPNOTSUPP, "P-256");
	snprintf(text, sizeof(text), "%s%s", f->broker.pem, p384.pem);
	bad_identity(text, strlen(text), -EOPNOTSUPP, "certificate 2");
	double_done(&p384);
	PEM_write_bio_PrivateKey(out, f->broker.key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(out, &key);
	snprintf(text, sizeof(text), "%s%.*s", f->broker.pem, (int)n, key);
	bad_identity(text, strlen(text), -EBADMSG, "PRIVATE KEY");
	BIO_free(out);
	text[0] = '\0';
	for (unsigned i = 0; i < 5; i++) {
		struct double_broker b;

		double_init(&b, "P-256");
		strcat(text, b.pem);
		double_done(&b);
	}
	bad_identity(text, strlen(text), -E2BIG, "more than 4");
	memset(text, '\n', sizeof(text));
	bad_identity(text, BROKER_PEM_MAX + 1, -ENODATA, "no certificate");
}

/* ---- known answers ---- */

#define JWE_FIELD "field/broker/jwe-curves.json"
#define JWE_COCO "coco/jwe/cases.json"
#define RUNTIME_DATA "coco/runtime-data/digests.json"
#define RUNTIME_DATA_CASES 3	/* with an EC key and without additional evidence */

static struct json_object *member(struct json_object *o, const char *name)
{
	struct json_object *m;

	return json_object_object_get_ex(o, name, &m) ? m : NULL;
}

static ssize_t decode(struct json_object *o, const char *name, uint8_t *ret, size_t size)
{
	struct json_object *m = member(o, name);
	const char *text = m ? json_object_get_string(m) : NULL;

	return text ? base64url_decode(text, strlen(text), ret, size) : -ENODATA;
}

/* The key pair @jwk, with its private half. */
static EVP_PKEY *key_of(struct json_object *jwk, unsigned curve)
{
	size_t n = broker_curve_len(curve);
	uint8_t point[133] = { 4 }, d[66];
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *bn;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;

	assert_int_equal(decode(jwk, "x", point + 1, n), n);
	assert_int_equal(decode(jwk, "y", point + 1 + n, n), n);
	assert_int_equal(decode(jwk, "d", d, n), n);
	bn = BN_bin2bn(d, (int)n, NULL);
	OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME,
					broker_curve_name(curve), 0);
	OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n);
	OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_PRIV_KEY, bn);
	params = OSSL_PARAM_BLD_to_param(b);
	assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
	assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_KEYPAIR, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn);
	EVP_PKEY_CTX_free(c);
	return key;
}

static unsigned curve_of(const char *name)
{
	return strstr(name, "521") ? BROKER_P521 : BROKER_P256;
}

/* The fields as cocod-net gives them; false if it would not. */
static bool fields_of(struct json_object *jwe, struct net_jwe *ret, uint8_t *ct, size_t ct_size)
{
	struct json_object *p = member(jwe, "protected"), *header, *epk;
	uint8_t text[1024];
	ssize_t n;
	bool good;

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->protected, sizeof(ret->protected), "%s", json_object_get_string(p));
	ret->protected_len = (uint32_t)strlen(ret->protected);
	n = decode(jwe, "protected", text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	header = json_tokener_parse((char *)text);
	epk = header ? member(header, "epk") : NULL;
	good = epk && member(epk, "crv");
	if (good) {
		ret->curve = curve_of(json_object_get_string(member(epk, "crv")));
		good = decode(epk, "x", ret->epk_x, 66) == (ssize_t)broker_curve_len(ret->curve) &&
		       decode(epk, "y", ret->epk_y, 66) == (ssize_t)broker_curve_len(ret->curve);
	}
	json_object_put(header);
	n = decode(jwe, "ciphertext", ct, ct_size);
	ret->ciphertext_len = n > 0 ? (uint32_t)n : 0;
	return good && n >= 0 && decode(jwe, "encrypted_key", ret->wrapped_key, 40) == 40 &&
	       decode(jwe, "iv", ret->iv, 12) == 12 && decode(jwe, "tag", ret->tag, 16) == 16;
}

static void check_file(const char *name, bool (*wanted)(const char *key))
{
	static uint8_t ct[JWE_CIPHERTEXT_MAX], plain[JWE_CIPHERTEXT_MAX];
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, name)), *cases;
	unsigned n = 0;

	assert_non_null(all);
	cases = member(all, "cases");
	for (size_t i = 0; i < json_object_array_length(cases); i++) {
		struct json_object *o = json_object_array_get_idx(cases, i);
		const char *kid = json_object_get_string(member(o, "key"));
		bool valid = strncmp(json_object_get_string(member(o, "expect")), "valid", 5) == 0;
		struct secret *s = NULL;
		struct cause why = { "" };
		struct net_jwe jwe;
		EVP_PKEY *key;
		int r = -EBADMSG;

		if (!wanted(kid))
			continue;
		key = key_of(member(member(all, "keys"), kid), curve_of(kid));
		if (fields_of(member(o, "jwe"), &jwe, ct, sizeof(ct)))
			r = jwe_open(key, curve_of(kid), &jwe, ct, &s, &why);
		else if (valid)	/* over our cap */
			valid = !strstr(json_object_get_string(member(o, "name")), "70000");
		if (valid != (r == 0))
			fail_msg("%s: %d, %s", json_object_get_string(member(o, "name")), r,
				 why.text);
		if (r == 0) {
			const char *b64 = json_object_get_string(member(o, "plaintext_b64"));
			ssize_t len = base64_decode(b64, plain, sizeof(plain));

			assert_int_equal(len, secret_len(s));
			assert_memory_equal(plain, secret_data(s), (size_t)len);
		}
		n++;
		secret_free(s);
		EVP_PKEY_free(key);
	}
	assert_true(n >= 8);
	json_object_put(all);
}

static bool any(const char *key)
{
	return true;
}

static bool ec(const char *key)
{
	return strncmp(key, "ec-", 3) == 0;
}

static void test_vectors_field(void **state)
{
	check_file(JWE_FIELD, any);
}

static void test_vectors_coco(void **state)
{
	check_file(JWE_COCO, ec);
}

/* The digest of a runtime data that others made canonical. */
static bool check_digests(struct json_object *o)
{
	static const char *const names[] = { "sha384", "sha256", "sha512" };
	struct json_object *runtime = member(o, "runtime-data"), *jwk, *extra;
	struct net_attest key = { 0 };
	uint8_t wanted[65];
	unsigned n = 0;

	jwk = runtime ? member(runtime, "tee-pubkey") : NULL;
	extra = member(o, "additional_evidence");
	if (!jwk || !streq(json_object_get_string(member(jwk, "kty")), "EC") ||
	    (extra && json_object_get_string_len(extra) > 0) ||
	    json_object_object_length(runtime) != 2)
		return false;
	key.curve = curve_of(json_object_get_string(member(jwk, "crv")));
	assert_int_equal(decode(jwk, "x", key.x, 66), broker_curve_len(key.curve));
	assert_int_equal(decode(jwk, "y", key.y, 66), broker_curve_len(key.curve));
	for (unsigned i = 0; i < _NET_HASH_MAX; i++) {
		struct json_object *hex = member(o, names[i]);
		size_t len;

		if (!hex)
			continue;
		assert_int_equal(runtime_data_digest(
					 &key, json_object_get_string(member(runtime, "nonce")), i),
				 0);
		len = (size_t)json_object_get_string_len(hex) / 2;
		assert_int_equal(len, key.digest_len);
		for (size_t k = 0; k < len; k++)
			sscanf(json_object_get_string(hex) + 2 * k, "%2hhx", &wanted[k]);
		assert_memory_equal(key.digest, wanted, len);
		for (size_t k = len; k < sizeof(key.digest); k++)
			assert_int_equal(key.digest[k], 0);
		n++;
	}
	return n > 0;
}

static void test_vectors_runtime_data(void **state)
{
	char path[PATH_MAX];
	struct json_object *all = json_object_from_file(vectors_path(path, RUNTIME_DATA));
	struct net_attest key = { .curve = BROKER_P256 };
	unsigned n = 0;

	assert_non_null(all);
	for (size_t i = 0; i < json_object_array_length(all); i++)
		n += check_digests(json_object_array_get_idx(all, i));
	assert_true(n >= RUNTIME_DATA_CASES);
	json_object_put(all);
	assert_int_equal(runtime_data_digest(&key, "x", _NET_HASH_MAX), -EINVAL);
	key.curve = _BROKER_CURVE_MAX;
	assert_int_equal(runtime_data_digest(&key, "x", NET_HASH_SHA384), -EINVAL);
}

/* OpenSSL would take memory that is not locked. */
static void without_locked_memory(void)
{
	struct net_attest to = { .curve = BROKER_P256, .coordinate_len = 32 };
	struct cause why = { "" };
	struct secret *s = NULL;
	struct net_jwe jwe;
	uint8_t ct[8];
	EVP_PKEY *key;

	assert_int_equal(jwe_key_new(BROKER_P256, &key), 0);
	assert_int_equal(jwe_key_point(key, BROKER_P256, to.x, to.y), 0);
	double_encrypt(&to, "secret", 6, &jwe, ct);
	assert_int_equal(jwe_open(key, BROKER_P256, &jwe, ct, &s, &why), -ENOMEM);
	assert_null(s);
	assert_non_null(strstr(why.text, "locked"));
	EVP_PKEY_free(key);
}

static int lock_memory(void **state)
{
	without_locked_memory();
	assert_int_equal(release_init(), 0);
	assert_int_equal(release_init(), 0);
	return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	struct CMUnitTest tests[] = {
		T(test_child),
		cmocka_unit_test(test_vectors_field),
		cmocka_unit_test(test_vectors_coco),
		cmocka_unit_test(test_vectors_runtime_data),
		T(test_release),
		T(test_runtime_data),
		T(test_empty_and_largest),
		T(test_secure_heap),
		T(test_other_broker),
		T(test_nonce_of_other_question),
		T(test_nothing_said),
		T(test_downgrade),
		T(test_nonce_form),
		T(test_signature),
		T(test_other_recipient),
		T(test_age),
		T(test_changed),
		T(test_tls_only),
		T(test_p521),
		T(test_two_identities),
		T(test_identity),
	};

	vectors_or_skip(&tests[0], JWE_FIELD);
	vectors_or_skip(&tests[1], JWE_COCO);
	vectors_or_skip(&tests[2], RUNTIME_DATA);
	return cmocka_run_group_tests(tests, lock_memory, NULL);
}
