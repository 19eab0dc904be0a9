/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/jwt.h"

#include <openssl/err.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/text.h"
#include "crypto/cleanup.h"
#include "crypto/ecdsa.h"
#include "wire/jspan.h"

#define P256_LEN 32
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define SIGNATURE_MAX (RSA_BITS_MAX / 8)
#define ADMIN "admin"

/* ---- algorithms ---- */

static int verify_ecdsa(EVP_PKEY *key, struct bytes data, struct bytes signature)
{
	if (signature.len != (size_t)2 * P256_LEN)
		return -EKEYREJECTED;
	return ecdsa_verify(key, EVP_sha256(), signature.p, signature.p + P256_LEN, P256_LEN,
			    ECDSA_BIG_ENDIAN, data);
}

/* RSA's padding is PKCS#1 v1.5, OpenSSL's default; EdDSA has a hash of its own. */
static int verify_plain(EVP_PKEY *key, const EVP_MD *md, struct bytes data,
			struct bytes signature)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r;

	if (!ctx || EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) != 1)
		return -ENOMEM;
	r = EVP_DigestVerify(ctx, signature.p, signature.len, data.p, data.len);
	ERR_clear_error();
	return r == 1 ? 0 : -EKEYREJECTED;
}

static int verify_rsa(EVP_PKEY *key, struct bytes data, struct bytes signature)
{
	return verify_plain(key, EVP_sha256(), data, signature);
}

static int verify_eddsa(EVP_PKEY *key, struct bytes data, struct bytes signature)
{
	return verify_plain(key, NULL, data, signature);
}

static bool is_p256(EVP_PKEY *key)
{
	return ec_key_is_on(key, "prime256v1");
}

static bool is_rsa(EVP_PKEY *key)
{
	int bits = EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get_bits(key) : 0;

	return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

static bool is_ed25519(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519");
}

static const struct algorithm {
	const char *name;
	bool (*fits)(EVP_PKEY *key);
	int (*verify)(EVP_PKEY *key, struct bytes data, struct bytes signature);
} algorithms[] = {
	{ "EdDSA", is_ed25519, verify_eddsa },
	{ "ES256", is_p256, verify_ecdsa },
	{ "RS256", is_rsa, verify_rsa },
};

static const struct algorithm *algorithm_of(EVP_PKEY *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (algorithms[i].fits(key))
			return &algorithms[i];
	return NULL;
}

bool jwt_key_is_good(EVP_PKEY *key)
{
	return algorithm_of(key) != NULL;
}

/* ---- the parts ---- */

/* Decode the base64url of a part that is JSON: @buf has room for it. */
static int read_json(struct bytes part, char *buf, size_t size, struct bytes *ret)
{
	ssize_t n = base64url_decode((const char *)part.p, part.len, (uint8_t *)buf, size);

	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0)
		return -EBADMSG;
	if (jspan_check((struct bytes){ (const uint8_t *)buf, (size_t)n }, ret) < 0 ||
	    jspan_type(*ret) != JSPAN_OBJECT)
		return -EBADMSG;
	return 0;
}

/* The part of @token up to its next '.', or with @last its rest. */
static int next_part(const char **token, bool last, struct bytes *ret)
{
	size_t len = strcspn(*token, ".");

	if (len == 0 || ((*token)[len] == '\0') != last)
		return -EBADMSG;
	*ret = (struct bytes){ (const uint8_t *)*token, len };
	*token += len + !last;
	return 0;
}

static int check_header(struct bytes part, const struct algorithm *a, struct cause *why)
{
	struct bytes header, value;
	char buf[JWT_MAX];
	int r;

	r = read_json(part, buf, sizeof(buf), &header);
	if (r < 0)
		return cause_set(why, r, "the token's header is malformed");
	if (jspan_member(header, "crit", &value) == 0)
		return cause_set(why, -EOPNOTSUPP, "the token's header has \"crit\"");
	if (jspan_member(header, "alg", &value) < 0 || !jspan_text_is(value, a->name))
		return cause_set(why, -EOPNOTSUPP,
				 "the token's algorithm is not %s, which its key has", a->name);
	return 0;
}

static int check_signature(EVP_PKEY *key, const struct algorithm *a, struct bytes data,
			   struct bytes part, struct cause *why)
{
	uint8_t signature[SIGNATURE_MAX];
	ssize_t n = base64url_decode((const char *)part.p, part.len, signature, sizeof(signature));
	int r;

	if (n == -ENOMEM)
		return -ENOMEM;
	if (n < 0)
		return cause_set(why, -EBADMSG, "the token's signature is malformed");
	r = a->verify(key, data, (struct bytes){ signature, (size_t)n });
	return r == -EKEYREJECTED ? cause_set(why, r, "the token's signature is not by TokenKey=") :
				    r;
}

/* ---- claims ---- */

/* Returns 0 with a time in @ret; -ENOENT without one; -EBADMSG for another value. */
static int read_time(struct bytes claims, const char *name, int64_t *ret)
{
	struct bytes value;
	uint64_t t;

	if (jspan_member(claims, name, &value) < 0)
		return -ENOENT;
	if (jspan_uint(value, INT64_MAX / 2, &t) < 0)
		return -EBADMSG;
	*ret = (int64_t)t;
	return 0;
}

static int check_times(struct bytes claims, int64_t now, struct jwt_claims *c, struct cause *why)
{
	int64_t begin;
	int r;

	if (read_time(claims, "exp", &c->exp) < 0)
		return cause_set(why, -EBADMSG, "the token does not say when it expires");
	if (c->exp + JWT_LEEWAY_SEC <= now)
		return cause_set(why, -EKEYEXPIRED, "the token has expired");
	r = read_time(claims, "nbf", &begin);
	if (r == -EBADMSG)
		return cause_set(why, r, "the token's \"nbf\" is not a time");
	if (r == 0 && begin - JWT_LEEWAY_SEC > now)
		return cause_set(why, -EKEYEXPIRED, "the token is not valid yet");
	return 0;
}

static int check_role(struct bytes claims, struct jwt_claims *c, struct cause *why)
{
	struct bytes value;

	if (jspan_member(claims, "role", &value) < 0)
		return 0;
	if (!jspan_text_is(value, ADMIN))
		return cause_set(why, -EACCES, "the token's role is not \"" ADMIN "\"");
	(void) snprintf(c->role, sizeof(c->role), ADMIN);
	return 0;
}

static int check_claims(struct bytes part, int64_t now, struct jwt_claims *c, struct cause *why)
{
	struct bytes claims, value, text;
	char buf[JWT_MAX];
	int r;

	r = read_json(part, buf, sizeof(buf), &claims);
	if (r < 0)
		return cause_set(why, r, "the token's claims are malformed");
	r = check_times(claims, now, c, why);
	if (r >= 0)
		r = check_role(claims, c, why);
	if (r < 0)
		return r;
	if (jspan_member(claims, "sub", &value) == 0 && jspan_text(value, &text) == 0) {
		(void) snprintf(c->subject, sizeof(c->subject), "%.*s",
				(int)MIN(text.len, sizeof(c->subject) - 1), (const char *)text.p);
		make_printable(c->subject);
	}
	return 0;
}

int jwt_verify(EVP_PKEY *key, const char *token, int64_t now, struct jwt_claims *ret,
	       struct cause *why)
{
	const struct algorithm *a = algorithm_of(key);
	struct bytes header, claims, signature;
	struct jwt_claims c = { 0 };
	const char *p = token;
	int r;

	if (!a)
		return cause_set(why, -EOPNOTSUPP, "no algorithm of a token fits TokenKey=");
	if (strlen(token) >= JWT_MAX)
		return cause_set(why, -EMSGSIZE, "the token has more than %d bytes", JWT_MAX - 1);
	if (next_part(&p, false, &header) < 0 || next_part(&p, false, &claims) < 0 ||
	    next_part(&p, true, &signature) < 0)
		return cause_set(why, -EBADMSG, "the token is not three parts with dots between");
	r = check_header(header, a, why);
	/* Nothing of the claims is read before it is known who wrote them. */
	if (r >= 0)
		r = check_signature(key, a,
				    (struct bytes){ header.p, header.len + 1 + claims.len },
				    signature, why);
	if (r >= 0)
		r = check_claims(claims, now, &c, why);
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}
