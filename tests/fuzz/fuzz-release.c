/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What cocod-net may answer: a challenge, then the fields of a JWE and its ciphertext, of any
 * bytes.  Nobody here has the broker's key, so nothing may open.
 */
#include <assert.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>

#include "agent/keeper/release.h"
#include "crypto/jwe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t *take(const uint8_t **p, size_t *left, void *to, size_t n)
{
	size_t have = *left < n ? *left : n;

	memcpy(to, *p, have);
	*p += have;
	*left -= have;
	return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct broker_identity identity;
	static struct net_jwe jwe;
	static uint8_t ciphertext[JWE_CIPHERTEXT_MAX];
	struct net_auth asked = { .coco = 1, .n_paths = 1 };
	struct net_challenge c = { .has_salt = 0 };
	struct broker_identity other;
	struct handshake *h = NULL;
	struct secret *s = NULL;
	struct cause why = { "" };
	uint64_t version;
	const bool with = len % 2;

	if (identity.n == 0) {
		uint8_t random;

		/*
		 * OpenSSL's generators, before there is locked memory: LeakSanitizer does not look
		 * there, and would miss what they point to.
		 */
		assert(RAND_bytes(&random, 1) == 1 && RAND_priv_bytes(&random, 1) == 1);
		assert(release_init() == 0);
		identity.n = 1;
		assert(jwe_key_new(BROKER_P256, &identity.keys[0].key) == 0);
	}
	if (broker_identity_parse((const char *)data, len, &other, &why) == 0)
		broker_identity_done(&other);
	strcpy(asked.paths[0], "a/b/c");
	take(&data, &len, &c, sizeof(c));
	memset(&jwe, 0, sizeof(jwe));
	take(&data, &len, &jwe, sizeof(jwe));
	take(&data, &len, ciphertext, sizeof(ciphertext));
	assert(handshake_new(c.hash & 1, 0, &h) == 0);
	if (handshake_bind(h, with ? &identity : NULL, &asked, &c, &why) == 0) {
		assert(!with);
		assert(handshake_open(h, NULL, "a/b/c", &jwe, ciphertext, 0, &s, &version, &why) <
		       0);
	}
	assert(handshake_open(h, &identity, "a/b/c", &jwe, ciphertext, 0, &s, &version, &why) < 0);
	assert(!s);
	handshake_free(h);
	return 0;
}
