/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A handshake from end to end, with the code of our guests on the other side: agent/net/ writes and
 * reads the messages, agent/keeper/release.c binds and opens.
 */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/keeper/release.h"
#include "agent/net/jwe.h"
#include "agent/net/rcar.h"
#include "base/base64.h"
#include "broker/core/respond.h"
#include "crypto/jwe.h"
#include "tests/unit/broker-keys.h"

#define PATH "default/luks/root"
#define OTHER "default/api/key"
#define PLAIN "correct horse battery staple"
#define NOW INT64_C(1800000000)
#define BOOT_USEC (1000 * UINT64_C(1000000))

struct fixture {
	/* the broker's */
	struct keys *k;
	struct cookie cookie;
	struct net_auth read;
	struct attestation attestation;
	struct secret *plain;
	/* the guest's */
	struct broker_identity identity;
	struct net_auth asked;
	struct net_challenge challenge;
	struct handshake *h;
	struct net_jwe jwe;
	uint8_t *ciphertext;
	struct secret *got;
	uint64_t version;
	struct cause why;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char *pem;

	assert_int_equal(release_init(), 0);
	f->k = broker_keys(0x11);
	assert_int_equal(identity_certificate(keys_identity(f->k), "test", 10, &pem), 0);
	assert_int_equal(broker_identity_parse(pem, strlen(pem), &f->identity, &f->why), 0);
	free(pem);
	assert_memory_equal(f->identity.keys[0].id, keys_identity_id(f->k), 32);
	strcpy(f->asked.tee, "snp");
	f->asked.coco = 1;
	f->asked.n_paths = 2;
	strcpy(f->asked.paths[0], PATH);
	strcpy(f->asked.paths[1], OTHER);
	memset(f->asked.boot, 0xb0, sizeof(f->asked.boot));
	assert_int_equal(secret_new(strlen(PLAIN), &f->plain), 0);
	memcpy(secret_bytes(f->plain), PLAIN, strlen(PLAIN));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	keys_free(f->k);
	attestation_done(&f->attestation);
	secret_free(f->plain);
	broker_identity_done(&f->identity);
	handshake_free(f->h);
	free(f->ciphertext);
	secret_free(f->got);
	free(f);
	return 0;
}

static struct bytes of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* POST /auth.  Returns what handshake_bind() says. */
static int auth(struct fixture *f, unsigned curve)
{
	uint8_t salt[32], nonce[32];
	char *body, *answer;

	assert_int_equal(rcar_build_request(&f->asked, &body), 0);
	assert_int_equal(message_read_request(of(body), &f->read, &f->why), 0);
	free(body);
	assert_int_equal(cookie_new(NOW, &f->cookie), 0);
	assert_int_equal(challenge_make(f->k, &f->cookie, &f->read, salt, nonce), 0);
	assert_int_equal(message_build_challenge(nonce, f->read.coco ? salt : NULL, &answer), 0);
	assert_int_equal(rcar_read_challenge(of(answer), &f->challenge, &f->why), 0);
	free(answer);
	assert_int_equal(handshake_new(curve, BOOT_USEC, &f->h), 0);
	return handshake_bind(f->h, f->asked.coco ? &f->identity : NULL, &f->asked, &f->challenge,
			      &f->why);
}

/* POST /attest, without any evidence in it. */
static void attest(struct fixture *f)
{
	uint8_t report_data[64];
	struct net_attest key;
	struct rcar_attestation a = { .key = &key, .coco = f->asked.coco ? &f->asked : NULL };
	char nonce[sizeof(f->challenge.nonce)], *body;
	enum broker_tee tee;

	assert_int_equal(handshake_report_data(f->h, report_data, &key), 0);
	snprintf(nonce, sizeof(nonce), "%s", f->challenge.nonce);
	a.nonce = nonce;
	a.evidence = json_object_new_object();
	assert_int_equal(rcar_build_attestation(&a, &body), 0);
	assert_int_equal(message_read_attestation(of(body), &f->attestation, &f->why), 0);
	assert_int_equal(challenge_find(f->k, &f->cookie, &f->attestation.coco,
					f->attestation.nonce, &tee),
			 0);
	assert_int_equal(tee, BROKER_TEE_SNP);
	/* What the evidence is over. */
	assert_memory_equal(f->attestation.rd, report_data, 48);
	json_object_put(a.evidence);
	free(body);
}

static void respond(struct fixture *f, const char *path, uint64_t version)
{
	char *body, *release;

	assert_int_equal(respond_release(f->k, &f->attestation.key, f->attestation.rd, path,
					 version, f->plain, &body, &release),
			 0);
	free(f->ciphertext);
	f->ciphertext = NULL;
	memset(&f->jwe, 0, sizeof(f->jwe));
	assert_int_equal(jwe_read(of(body), f->attestation.key.kind == TEE_KEY_EC_P521, &f->jwe,
				  &f->ciphertext, &f->why),
			 0);
	assert_int_equal(jwe_read_release(release, &f->jwe, &f->why), 0);
	free(body);
	free(release);
}

static int open_it(struct fixture *f, const char *path)
{
	f->got = secret_free(f->got);
	return handshake_open(f->h, f->asked.coco ? &f->identity : NULL, path, &f->jwe,
			      f->ciphertext, BOOT_USEC, &f->got, &f->version, &f->why);
}

static void test_handshake(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(auth(f, BROKER_P256), 0);
	attest(f);
	respond(f, PATH, 3);
	assert_int_equal(open_it(f, PATH), 0);
	assert_true(secret_equal(f->got, f->plain));
	assert_int_equal(f->version, 3);
	respond(f, OTHER, UINT64_MAX);
	assert_int_equal(open_it(f, OTHER), 0);
	assert_true(f->version == UINT64_MAX);
}

static void test_p521(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(auth(f, BROKER_P521), 0);
	attest(f);
	respond(f, PATH, 1);
	assert_int_equal(open_it(f, PATH), 0);
	assert_true(secret_equal(f->got, f->plain));
}

/* A guest without Identity=, as Trustee's are: nothing of ours is in the messages. */
static void test_plain_guest(void **state)
{
	struct fixture *f = *state;

	f->asked.coco = 0;
	f->asked.n_paths = 0;
	memset(f->asked.boot, 0, sizeof(f->asked.boot));
	assert_int_equal(auth(f, BROKER_P256), 0);
	assert_int_equal(f->challenge.has_salt, 0);
	attest(f);
	respond(f, PATH, 3);
	assert_int_equal(open_it(f, PATH), 0);
	assert_true(secret_equal(f->got, f->plain));
}

/* The guest that expects another broker ends before it asks its TEE for anything. */
static void test_other_identity(void **state)
{
	struct fixture *f = *state;

	keys_free(f->k);
	/* The same master key. */
	f->k = broker_keys(0x11);
	assert_int_equal(auth(f, BROKER_P256), -ESTALE);
}

static void test_signed_for(void **state)
{
	struct fixture *f = *state;
	struct keys *mine = f->k, *other = broker_keys(0x11);

	assert_int_equal(auth(f, BROKER_P256), 0);
	attest(f);
	/* of another secret */
	respond(f, OTHER, 3);
	assert_int_equal(open_it(f, PATH), -EKEYREJECTED);
	/* of another handshake */
	f->attestation.rd[47] ^= 1;
	respond(f, PATH, 3);
	assert_int_equal(open_it(f, PATH), -EKEYREJECTED);
	f->attestation.rd[47] ^= 1;
	/* by another broker */
	f->k = other;
	respond(f, PATH, 3);
	f->k = mine;
	assert_int_equal(open_it(f, PATH), -EKEYREJECTED);
	keys_free(other);
	/* with another version */
	respond(f, PATH, 3);
	f->jwe.version = 2;
	assert_int_equal(open_it(f, PATH), -EKEYREJECTED);
	f->jwe.version = 3;
	assert_int_equal(open_it(f, PATH), 0);
}

static void test_form(void **state)
{
	struct fixture *f = *state;
	char *body, *release;

	assert_int_equal(auth(f, BROKER_P256), 0);
	attest(f);
	assert_int_equal(respond_release(f->k, &f->attestation.key, f->attestation.rd, PATH, 7,
					 f->plain, &body, &release),
			 0);
	assert_memory_equal(release, "1.7.", 4);
	assert_int_equal(strlen(release), 4 + 86);
	assert_memory_equal(body, "{\"protected\":\"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6", 54);
	assert_int_equal(body[strlen(body) - 1], '}');
	assert_null(strstr(body, "horse"));
	free(body);
	free(release);
	/* The largest too. */
	f->plain = secret_free(f->plain);
	assert_int_equal(secret_new(JWE_CIPHERTEXT_MAX, &f->plain), 0);
	respond(f, PATH, 7);
	assert_int_equal(open_it(f, PATH), 0);
	assert_true(secret_equal(f->got, f->plain));
}

static void test_bad(void **state)
{
	struct fixture *f = *state;
	char *body = NULL, *release = NULL;

	assert_int_equal(auth(f, BROKER_P256), 0);
	attest(f);
	f->attestation.key.x[0] ^= 1;
	assert_int_equal(respond_release(f->k, &f->attestation.key, f->attestation.rd, PATH, 7,
					 f->plain, &body, &release),
			 -EINVAL);
	f->attestation.key.x[0] ^= 1;
	secret_free(f->plain);
	assert_int_equal(secret_new(JWE_CIPHERTEXT_MAX + 1, &f->plain), 0);
	assert_int_equal(respond_release(f->k, &f->attestation.key, f->attestation.rd, PATH, 7,
					 f->plain, &body, &release),
			 -EMSGSIZE);
	assert_null(body);
	assert_null(release);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_handshake),	   TEST(test_p521),	  TEST(test_plain_guest),
		TEST(test_other_identity), TEST(test_signed_for), TEST(test_form),
		TEST(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
