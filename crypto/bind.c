/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/bind.h"

#include <assert.h>
#include <string.h>

#include "base/macro.h"
#include "crypto/cleanup.h"

#define BIND_LABEL "coco bind 1"
#define NONCE_LABEL "coco nonce 1"
#define RELEASE_LABEL "coco release 1"
#define RUNTIME_DATA_BEGIN "{\"additional-evidence\":\"\",\"nonce\":\""
#define RUNTIME_DATA_KEY "\",\"tee-pubkey\":"
#define RUNTIME_DATA_END "}"
#define JWE_TEXTS 5

_Static_assert(sizeof(RELEASE_LABEL) + BIND_RD_LEN + 2 * BIND_SHA256_LEN + 8 == BIND_RELEASE_LEN,
	       "the label with its NUL");

static struct bytes of_text(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static int hash_pieces(const EVP_MD *md, const struct bytes *pieces, size_t n, uint8_t *ret)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (!c || EVP_DigestInit_ex(c, md, NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (EVP_DigestUpdate(c, pieces[i].p, pieces[i].len) != 1)
			return -ENOMEM;
	return EVP_DigestFinal_ex(c, ret, NULL) == 1 ? 0 : -ENOMEM;
}

static void put_u16be(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

int bind_bound(const struct net_auth *asked, uint8_t ret[static BIND_SHA256_LEN])
{
	struct bytes pieces[3 + 2 * BROKER_PATHS_MAX] = {
		{ (const uint8_t *)BIND_LABEL, sizeof(BIND_LABEL) },
		{ asked->boot, sizeof(asked->boot) },
	};
	uint8_t count[2], lens[BROKER_PATHS_MAX][2];
	size_t n = 2;

	if (!asked->coco) {
		memset(ret, 0, BIND_SHA256_LEN);
		return 0;
	}
	assert(asked->n_paths <= BROKER_PATHS_MAX);
	put_u16be(count, asked->n_paths);
	pieces[n++] = (struct bytes){ count, sizeof(count) };
	for (size_t i = 0; i < asked->n_paths; i++) {
		struct bytes path = of_text(asked->paths[i]);

		put_u16be(lens[i], path.len);
		pieces[n++] = (struct bytes){ lens[i], sizeof(lens[i]) };
		pieces[n++] = path;
	}
	return hash_pieces(EVP_sha256(), pieces, n, ret);
}

int bind_nonce(const uint8_t id[static BROKER_ID_LEN], const uint8_t bound[static BIND_SHA256_LEN],
	       const uint8_t salt[static BROKER_SALT_LEN], uint8_t ret[static BIND_SHA256_LEN])
{
	const struct bytes pieces[] = {
		{ (const uint8_t *)NONCE_LABEL, sizeof(NONCE_LABEL) },
		{ id, BROKER_ID_LEN },
		{ bound, BIND_SHA256_LEN },
		{ salt, BROKER_SALT_LEN },
	};

	return hash_pieces(EVP_sha256(), pieces, ARRAY_SIZE(pieces), ret);
}

int bind_runtime_data(const char *nonce, const char *key, const EVP_MD *md, uint8_t *ret)
{
	const struct bytes pieces[] = {
		of_text(RUNTIME_DATA_BEGIN), of_text(nonce), of_text(RUNTIME_DATA_KEY),
		of_text(key),		     of_text(RUNTIME_DATA_END),
	};

	return hash_pieces(md, pieces, ARRAY_SIZE(pieces), ret);
}

int bind_jwe(const struct bytes texts[static JWE_TEXTS], uint8_t ret[static BIND_SHA256_LEN])
{
	struct bytes pieces[2 * JWE_TEXTS - 1];

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
		pieces[i] = i % 2 ? of_text(".") : texts[i / 2];
	return hash_pieces(EVP_sha256(), pieces, ARRAY_SIZE(pieces), ret);
}

int bind_release(const uint8_t rd[static BIND_RD_LEN], const char *path, uint64_t version,
		 const uint8_t jwe[static BIND_SHA256_LEN], uint8_t ret[static BIND_RELEASE_LEN])
{
	uint8_t *p = ret;

	memcpy(p, RELEASE_LABEL, sizeof(RELEASE_LABEL));
	p += sizeof(RELEASE_LABEL);
	memcpy(p, rd, BIND_RD_LEN);
	p += BIND_RD_LEN;
	if (EVP_Digest(path, strlen(path), p, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	p += BIND_SHA256_LEN;
	for (size_t k = 0; k < 8; k++)
		*p++ = (uint8_t)(version >> (56 - 8 * k));
	memcpy(p, jwe, BIND_SHA256_LEN);
	return 0;
}
