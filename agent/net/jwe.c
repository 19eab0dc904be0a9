/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/jwe.h"

#include "base/base64.h"
#include "base/parse.h"
#include "wire/jspan.h"

#define DIGITS "0123456789"
#define VERSION_DIGITS_MAX 20	/* of 64 bits */

struct texts {
	struct bytes protected, encrypted_key, iv, ciphertext, tag;
};

struct header {
	struct bytes alg, enc, epk;
};

struct epk {
	struct bytes kty, crv, x, y;
};

static const struct {
	const char *name;
	size_t coordinate_len;
} curves[_BROKER_CURVE_MAX] = {
	[BROKER_P256] = { "P-256", 32 },
	[BROKER_P521] = { "P-521", 66 },
};

/* "aad", "header" and "recipients" change what a JWE means: nothing else may be there. */
static const struct jspan_field text_fields[] = {
	{ "protected", jspan_read_text, offsetof(struct texts, protected) },
	{ "encrypted_key", jspan_read_text, offsetof(struct texts, encrypted_key) },
	{ "iv", jspan_read_text, offsetof(struct texts, iv) },
	{ "ciphertext", jspan_read_text, offsetof(struct texts, ciphertext) },
	{ "tag", jspan_read_text, offsetof(struct texts, tag) },
	{ NULL },
};

static const struct jspan_field header_fields[] = {
	{ "alg", jspan_read_value, offsetof(struct header, alg) },
	{ "enc", jspan_read_value, offsetof(struct header, enc) },
	{ "epk", jspan_read_value, offsetof(struct header, epk) },
	{ NULL },
};

static const struct jspan_field epk_fields[] = {
	{ "kty", jspan_read_value, offsetof(struct epk, kty) },
	{ "crv", jspan_read_value, offsetof(struct epk, crv) },
	{ "x", jspan_read_text, offsetof(struct epk, x) },
	{ "y", jspan_read_text, offsetof(struct epk, y) },
	{ NULL },
};

/* Members of a header that change the key or the plaintext, and that the keeper does not know. */
static const char *const refused[] = { "apu", "apv", "zip", "crit" };

/* Decode base64url of exactly @len bytes. */
static int decode(struct bytes text, uint8_t *ret, size_t len, const char *what, struct cause *why)
{
	ssize_t n = base64url_decode((const char *)text.p, text.len, ret, len);

	if (n == -ENOMEM)
		return cause_set_oom(why);
	if (n != (ssize_t)len)
		return cause_set(why, -EPROTO, "the secret's %s is not %zu bytes in base64url",
				 what, len);
	return 0;
}

static int read_members(struct bytes object, const struct jspan_field *fields, bool closed,
			void *ret, const char *what, struct cause *why)
{
	const struct jspan_field *field = NULL;
	int r;

	r = jspan_object_read(object, fields, closed, ret, &field);
	if (r >= 0)
		return 0;
	if (field)
		return cause_set(why, -EPROTO, "the secret's %s has no good \"%s\"", what,
				 field->name);
	return cause_set(why, -EPROTO, "the secret's %s is not an object of the right members",
			 what);
}

static int read_epk(struct bytes object, enum broker_curve curve, struct net_jwe *j,
		    struct cause *why)
{
	const size_t len = curves[curve].coordinate_len;
	struct epk epk;
	int r;

	r = read_members(object, epk_fields, /* closed= */ true, &epk, "ephemeral key", why);
	if (r < 0)
		return r;
	if (!jspan_text_is(epk.kty, "EC") || !jspan_text_is(epk.crv, curves[curve].name))
		return cause_set(why, -EPROTO, "the secret's ephemeral key is not on the curve %s",
				 curves[curve].name);
	j->curve = curve;
	r = decode(epk.x, j->epk_x, len, "ephemeral key's x", why);
	return r < 0 ? r : decode(epk.y, j->epk_y, len, "ephemeral key's y", why);
}

/* The header is kept as it was received too: the tag and the signature are over that text. */
static int read_header(struct bytes text, enum broker_curve curve, struct net_jwe *j,
		       struct cause *why)
{
	uint8_t json[JWE_PROTECTED_MAX];
	struct bytes object, value;
	struct header h;
	ssize_t n;
	int r;

	if (text.len >= sizeof(j->protected))
		return cause_set(why, -EPROTO, "the secret's header is too long");
	n = base64url_decode((const char *)text.p, text.len, json, sizeof(json));
	if (n == -ENOMEM)
		return cause_set_oom(why);
	if (n < 0 || jspan_check((struct bytes){ json, (size_t)n }, &object) < 0)
		return cause_set(why, -EPROTO, "the secret's header is not JSON in base64url");
	r = read_members(object, header_fields, /* closed= */ false, &h, "header", why);
	if (r < 0)
		return r;
	if (!jspan_text_is(h.alg, "ECDH-ES+A256KW") || !jspan_text_is(h.enc, "A256GCM"))
		return cause_set(why, -EPROTO,
				 "the secret is not encrypted by ECDH-ES+A256KW and A256GCM");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (jspan_member(object, refused[i], &value) != -ENOENT)
			return cause_set(why, -EPROTO, "the secret's header has \"%s\"",
					 refused[i]);
	memcpy(j->protected, text.p, text.len);
	j->protected_len = (uint32_t)text.len;
	return read_epk(h.epk, curve, j, why);
}

static int read_ciphertext(struct bytes text, struct net_jwe *j, uint8_t **ret, struct cause *why)
{
	_cleanup_(freep) uint8_t *data = malloc(JWE_CIPHERTEXT_MAX);
	ssize_t n;

	if (!data)
		return cause_set_oom(why);
	n = base64url_decode((const char *)text.p, text.len, data, JWE_CIPHERTEXT_MAX);
	if (n == -ENOMEM)
		return cause_set_oom(why);
	if (n == -EMSGSIZE)
		return cause_set(why, -EMSGSIZE, "the secret has more than %d bytes",
				 JWE_CIPHERTEXT_MAX);
	if (n < 0)
		return cause_set(why, -EPROTO, "the secret's ciphertext is not base64url");
	j->ciphertext_len = (uint32_t)n;
	*ret = TAKE_PTR(data);
	return 0;
}

int jwe_read(struct bytes answer, enum broker_curve curve, struct net_jwe *ret,
	     uint8_t **ret_ciphertext, struct cause *why)
{
	struct net_jwe j = { .result = ret->result };
	struct bytes object;
	struct texts t;
	int r;

	if (jspan_check(answer, &object) < 0)
		return cause_set(why, -EPROTO, "the answer is not JSON, or is ambiguous");
	r = read_members(object, text_fields, /* closed= */ true, &t, "JSON", why);
	if (r < 0)
		return r;
	r = read_header(t.protected, curve, &j, why);
	if (r < 0)
		return r;
	r = decode(t.encrypted_key, j.wrapped_key, sizeof(j.wrapped_key), "encrypted key", why);
	if (r >= 0)
		r = decode(t.iv, j.iv, sizeof(j.iv), "IV", why);
	if (r >= 0)
		r = decode(t.tag, j.tag, sizeof(j.tag), "tag", why);
	if (r >= 0)
		r = read_ciphertext(t.ciphertext, &j, ret_ciphertext, why);
	if (r >= 0)
		*ret = j;
	return r;
}

/* ---- Coco-Release ---- */

/* Digits that end with '.', without a zero before them.  Returns what is behind it, or NULL. */
static const char *read_version(const char *text, uint64_t *ret)
{
	char digits[VERSION_DIGITS_MAX + 1];
	size_t len = strspn(text, DIGITS);

	if (len == 0 || len > VERSION_DIGITS_MAX || text[len] != '.' || (text[0] == '0' && len > 1))
		return NULL;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return parse_u64(digits, ret) == 0 ? text + len + 1 : NULL;
}

int jwe_read_release(const char *header, struct net_jwe *ret, struct cause *why)
{
	const char *version = startswith(header, "1."), *signature;
	uint8_t rs[RELEASE_SIGNATURE_LEN];
	uint64_t v;
	ssize_t n;

	signature = version ? read_version(version, &v) : NULL;
	if (!signature)
		return cause_set(why, -EPROTO, "the header Coco-Release has no form that is known");
	n = base64url_decode(signature, strlen(signature), rs, sizeof(rs));
	if (n == -ENOMEM)
		return cause_set_oom(why);
	if (n != (ssize_t)sizeof(rs))
		return cause_set(why, -EPROTO, "the header Coco-Release has no signature");
	ret->has_release = 1;
	ret->version = v;
	memcpy(ret->signature, rs, sizeof(rs));
	return 0;
}
