/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/token.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"
#include "crypto/ecdsa.h"
#include "crypto/jwe.h"
#include "wire/jspan.h"

#define ALGORITHM "ES256"
#define PROFILE "tag:github.com,2024:confidential-containers/Trustee"
#define ISSUER "coco-broker"
#define SIGNATURE_LEN 64
#define TOKEN_MAX 16384
#define PARTS 3		/* header, claims, signature */

/* ---- writing ---- */

static int format_header(const struct keys *k, char **ret)
{
	_cleanup_(freep) char *x64 = NULL, *y64 = NULL;
	uint8_t x[BROKER_COORDINATE_MAX], y[BROKER_COORDINATE_MAX];
	char *text;

	if (jwe_key_point(keys_token(k), BROKER_P256, x, y) < 0 ||
	    base64url_encode(x, broker_curve_len(BROKER_P256), &x64) < 0 ||
	    base64url_encode(y, broker_curve_len(BROKER_P256), &y64) < 0 ||
	    asprintf(&text,
		     "{\"alg\":\"" ALGORITHM "\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"EC\","
		     "\"crv\":\"P-256\",\"alg\":\"" ALGORITHM "\",\"x\":\"%s\",\"y\":\"%s\"}}",
		     x64, y64) < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

/* Of all texts here only @status is from elsewhere, and it is one of ours. */
static int format_claims(const struct cookie *cookie, enum broker_tee tee,
			 const struct attestation *a, int64_t now, const char *status, char **ret)
{
	_cleanup_(freep) char *key = NULL;
	char session[COOKIE_TEXT_LEN], *text;

	cookie_format(cookie, session);
	if (tee_key_text(&a->key, &key) < 0 ||
	    asprintf(&text,
		     "{\"eat_profile\":\"" PROFILE "\",\"iss\":\"" ISSUER "\",\"iat\":%" PRId64
		     ",\"exp\":%" PRIu32 ",\"jti\":\"%s\",\"ear.verifier-id\":{\"developer\":"
		     "\"" PACKAGE_NAME "\",\"build\":\"" PACKAGE_VERSION "\"},\"submods\":{"
		     "\"cpu0\":{\"ear.status\":\"%s\",\"ear.veraison.annotated-evidence\":{"
		     "\"%s\":{},\"runtime_data_claims\":{\"nonce\":\"%s\",\"tee-pubkey\":%s}}}}}",
		     now, cookie->expiry, session, status, broker_tee_name(tee), a->nonce,
		     key) < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

static int sign(const struct keys *k, const char *header, const char *claims, char **ret)
{
	_cleanup_(freep) char *header64 = NULL, *claims64 = NULL, *text = NULL, *signature64 = NULL;
	uint8_t signature[SIGNATURE_LEN];
	char *token;

	if (base64url_encode((const uint8_t *)header, strlen(header), &header64) < 0 ||
	    base64url_encode((const uint8_t *)claims, strlen(claims), &claims64) < 0)
		return -ENOMEM;
	if (asprintf(&text, "%s.%s", header64, claims64) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	if (ecdsa_sign(keys_token(k), EVP_sha256(),
		       (struct bytes){ (const uint8_t *)text, strlen(text) }, signature,
		       sizeof(signature)) < 0 ||
	    base64url_encode(signature, sizeof(signature), &signature64) < 0 ||
	    asprintf(&token, "%s.%s", text, signature64) < 0)
		return -ENOMEM;
	*ret = token;
	return 0;
}

int token_build(const struct keys *k, const struct cookie *cookie, enum broker_tee tee,
		const struct attestation *a, int64_t now, const char *status, char **ret)
{
	_cleanup_(freep) char *header = NULL, *claims = NULL;

	assert(broker_tee_name(tee) && (streq(status, "affirming") || streq(status, "none")));
	if (format_header(k, &header) < 0 ||
	    format_claims(cookie, tee, a, now, status, &claims) < 0)
		return -ENOMEM;
	return sign(k, header, claims, ret);
}

/* ---- reading ---- */

static int split(const char *token, struct bytes ret[static PARTS])
{
	for (size_t i = 0; i < PARTS; i++) {
		size_t len = strcspn(token, ".");

		if (len == 0 || (token[len] == '.') != (i < PARTS - 1))
			return -EBADMSG;
		ret[i] = (struct bytes){ (const uint8_t *)token, len };
		token += len + 1;
	}
	return 0;
}

/* Decode a part to an object.  @buffer has TOKEN_MAX bytes, and the object is in it. */
static int decode(struct bytes part, uint8_t *buffer, struct bytes *ret)
{
	ssize_t n = base64url_decode((const char *)part.p, part.len, buffer, TOKEN_MAX);

	if (n < 0)
		return n == -ENOMEM ? -ENOMEM : -EBADMSG;
	if (jspan_check((struct bytes){ buffer, (size_t)n }, ret) < 0 ||
	    jspan_type(*ret) != JSPAN_OBJECT)
		return -EBADMSG;
	return 0;
}

/* The key in the header says nothing: whoever made the token chose it. */
static int check_header(struct bytes part, uint8_t *buffer)
{
	struct bytes header, alg;
	int r = decode(part, buffer, &header);

	if (r < 0)
		return r;
	if (jspan_member(header, "alg", &alg) < 0)
		return -EBADMSG;
	/* An extension that must be understood: we know of none. */
	if (!jspan_text_is(alg, ALGORITHM) || jspan_member(header, "crit", &alg) == 0)
		return -EKEYREJECTED;
	return 0;
}

static int check_signature(const struct keys *k, const struct bytes part[static PARTS])
{
	const struct bytes text = { part[0].p, part[0].len + 1 + part[1].len };
	const size_t half = SIGNATURE_LEN / 2;
	uint8_t signature[SIGNATURE_LEN];
	ssize_t n = base64url_decode((const char *)part[2].p, part[2].len, signature,
				     sizeof(signature));

	if (n == -ENOMEM)
		return -ENOMEM;
	if (n != SIGNATURE_LEN)
		return -EBADMSG;
	return ecdsa_verify(keys_token(k), EVP_sha256(), signature, signature + half, half,
			    ECDSA_BIG_ENDIAN, text);
}

static int read_claims(struct bytes part, uint8_t *buffer, struct cookie *ret)
{
	struct bytes claims, jti, exp, text;
	char session[COOKIE_TEXT_LEN];
	uint64_t expiry;
	int r = decode(part, buffer, &claims);

	if (r < 0)
		return r;
	if (jspan_member(claims, "jti", &jti) < 0 || jspan_text(jti, &text) < 0 ||
	    text.len >= sizeof(session) || jspan_member(claims, "exp", &exp) < 0 ||
	    jspan_uint(exp, UINT32_MAX, &expiry) < 0)
		return -EBADMSG;
	memcpy(session, text.p, text.len);
	session[text.len] = '\0';
	r = cookie_parse(session, ret);
	return r < 0 || ret->expiry != expiry ? -EBADMSG : 0;
}

int token_read(const struct keys *k, const char *token, int64_t now, struct cookie *ret)
{
	_cleanup_(freep) uint8_t *buffer = NULL;
	struct bytes part[PARTS];
	struct cookie cookie;
	int r;

	if (strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX || split(token, part) < 0)
		return -EBADMSG;
	buffer = malloc(TOKEN_MAX);
	if (!buffer)
		return -ENOMEM;
	r = check_header(part[0], buffer);
	if (r >= 0)
		r = check_signature(k, part);
	if (r >= 0)
		r = read_claims(part[1], buffer, &cookie);
	if (r >= 0)
		r = cookie_check(&cookie, now);
	if (r >= 0)
		*ret = cookie;
	return r;
}
