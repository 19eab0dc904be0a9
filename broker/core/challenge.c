/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/challenge.h"

#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/base64.h"
#include "base/hex.h"
#include "crypto/bind.h"
#include "crypto/cleanup.h"

#define SALT_LABEL "coco salt"
#define SALT_TEXT "coco salt 1"
#define COOKIE_LEN 16
#define HOUR_SEC 3600

_Static_assert(sizeof(((struct cookie *)NULL)->random) + 4 == COOKIE_LEN, "expiry and random");
_Static_assert(COOKIE_TEXT_LEN == 2 * COOKIE_LEN + 1, "two digits a byte");

static const char *const tee_names[_BROKER_TEE_MAX] = {
	[BROKER_TEE_SNP] = "snp",
	[BROKER_TEE_TDX] = "tdx",
	[BROKER_TEE_AZ_SNP] = "az-snp-vtpm",
	[BROKER_TEE_AZ_TDX] = "az-tdx-vtpm",
};

/* ---- the cookie ---- */

static void put_u32be(uint8_t p[static 4], uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void cookie_bytes(const struct cookie *c, uint8_t ret[static COOKIE_LEN])
{
	put_u32be(ret, c->expiry);
	memcpy(ret + 4, c->random, sizeof(c->random));
}

int cookie_new(int64_t now, struct cookie *ret)
{
	if (now < 0 || now > UINT32_MAX - COOKIE_LIFE_SEC)
		return -ERANGE;
	if (RAND_bytes(ret->random, sizeof(ret->random)) != 1)
		return -EIO;
	ret->expiry = (uint32_t)now + COOKIE_LIFE_SEC;
	return 0;
}

void cookie_format(const struct cookie *c, char ret[static COOKIE_TEXT_LEN])
{
	uint8_t bytes[COOKIE_LEN];

	cookie_bytes(c, bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		hex_encode_byte(bytes[i], ret + 2 * i);
	ret[COOKIE_TEXT_LEN - 1] = '\0';
}

int cookie_parse(const char *text, struct cookie *ret)
{
	uint8_t bytes[COOKIE_LEN];

	/* Two texts of one cookie would be two sessions to whoever compares texts. */
	if (strlen(text) != 2 * COOKIE_LEN || strspn(text, "0123456789abcdef") != 2 * COOKIE_LEN ||
	    hex_decode(text, COOKIE_LEN, bytes) < 0)
		return -EBADMSG;
	ret->expiry = get_u32be(bytes);
	memcpy(ret->random, bytes + 4, sizeof(ret->random));
	return 0;
}

int cookie_check(const struct cookie *c, int64_t now)
{
	int64_t expiry = c->expiry;

	/* Without arithmetic on @now, which may be any number. */
	return now <= expiry + COOKIE_EARLY_SEC &&
			       now >= expiry - COOKIE_LIFE_SEC - COOKIE_EARLY_SEC ?
		       0 :
		       -EKEYEXPIRED;
}

/* ---- the TEE ---- */

const char *broker_tee_name(enum broker_tee tee)
{
	return tee > BROKER_TEE_NONE && tee < _BROKER_TEE_MAX ? tee_names[tee] : NULL;
}

enum broker_tee broker_tee_parse(const char *name)
{
	for (enum broker_tee tee = BROKER_TEE_NONE + 1; tee < _BROKER_TEE_MAX; tee++)
		if (streq(name, tee_names[tee]))
			return tee;
	return BROKER_TEE_NONE;
}

/* ---- salt and nonce ---- */

/* The key is one for each hour, so that an old one opens nothing new. */
static int hash_salt(const struct keys *k, const struct cookie *c, enum broker_tee tee,
		     const uint8_t bound[static BIND_SHA256_LEN],
		     uint8_t ret[static BROKER_SALT_LEN])
{
	_cleanup_(key_wipe) uint8_t key[32];
	uint8_t text[sizeof(SALT_TEXT) + COOKIE_LEN + 1 + BIND_SHA256_LEN] = SALT_TEXT, hour[4];
	uint8_t *p = text + sizeof(SALT_TEXT);
	unsigned len = 0;
	int r;

	put_u32be(hour, c->expiry / HOUR_SEC);
	r = keys_derive(k, SALT_LABEL, hour, sizeof(hour), key);
	if (r < 0)
		return r;
	cookie_bytes(c, p);
	p += COOKIE_LEN;
	*p++ = (uint8_t)tee;
	memcpy(p, bound, BIND_SHA256_LEN);
	return HMAC(EVP_sha256(), key, sizeof(key), text, sizeof(text), ret, &len) &&
			       len == BROKER_SALT_LEN ?
		       0 :
		       -ENOMEM;
}

static int make(const struct keys *k, const struct cookie *c, enum broker_tee tee,
		const uint8_t bound[static BIND_SHA256_LEN],
		uint8_t ret_salt[static BROKER_SALT_LEN], uint8_t ret_nonce[static 32])
{
	int r = hash_salt(k, c, tee, bound, ret_salt);

	return r < 0 ? r : bind_nonce(keys_identity_id(k), bound, ret_salt, ret_nonce);
}

int challenge_make(const struct keys *k, const struct cookie *c, const struct net_auth *asked,
		   uint8_t ret_salt[static BROKER_SALT_LEN], uint8_t ret_nonce[static 32])
{
	enum broker_tee tee = broker_tee_parse(asked->tee);
	uint8_t bound[BIND_SHA256_LEN];
	int r;

	if (tee == BROKER_TEE_NONE)
		return -EINVAL;
	r = bind_bound(asked, bound);
	return r < 0 ? r : make(k, c, tee, bound, ret_salt, ret_nonce);
}

int challenge_find(const struct keys *k, const struct cookie *c, const struct net_auth *repeated,
		   const char *nonce, enum broker_tee *ret)
{
	uint8_t bound[BIND_SHA256_LEN], theirs[32], ours[32], salt[BROKER_SALT_LEN];
	enum broker_tee found = BROKER_TEE_NONE;
	int r;

	if (!base64_decode_32(nonce, theirs))
		return -ESTALE;
	r = bind_bound(repeated, bound);
	for (enum broker_tee tee = BROKER_TEE_NONE + 1; r >= 0 && tee < _BROKER_TEE_MAX; tee++) {
		r = make(k, c, tee, bound, salt, ours);
		if (r >= 0 && CRYPTO_memcmp(ours, theirs, sizeof(ours)) == 0)
			found = tee;
	}
	if (r < 0)
		return r;
	if (found == BROKER_TEE_NONE)
		return -ESTALE;
	*ret = found;
	return 0;
}
