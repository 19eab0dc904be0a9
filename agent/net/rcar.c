/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/rcar.h"

#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "base/base64.h"
#include "wire/jspan.h"
#include "wire/kbs-uri.h"

#define COCO_VERSION 1
#define ESCAPED_MAX 512		/* bytes of a short text whose characters may be escaped */
#define COOKIE "kbs-session-id="
#define COOKIE_WORD_MAX 128
#define COOKIE_WORD "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-"

static const char *const hash_names[_NET_HASH_MAX] = {
	[NET_HASH_SHA384] = "sha384",
	[NET_HASH_SHA256] = "sha256",
	[NET_HASH_SHA512] = "sha512",
};

static const char *const curve_names[_BROKER_CURVE_MAX] = {
	[BROKER_P256] = "P-256",
	[BROKER_P521] = "P-521",
};

/* ---- building ---- */

static struct json_object *new_base64(int (*encode)(const uint8_t *, size_t, char **),
				      const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *text = NULL;

	return encode(data, len, &text) == 0 ? json_object_new_string(text) : NULL;
}

static int print_to(struct json_object *o, char **ret)
{
	const char *text = json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL);
	char *copy = text ? strdup(text) : NULL;

	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

static struct json_object *new_uri(const char *path)
{
	char uri[BROKER_PATH_LEN + 16];

	kbs_path_format(path, uri, sizeof(uri));
	return json_object_new_string(uri);
}

static struct json_object *new_coco(const struct net_auth *a)
{
	struct json_object *o = json_object_new_object();
	struct json_object *uris = NULL;
	int bad = 0;

	bad |= json_add_number(o, "v", COCO_VERSION);
	bad |= json_add(o, "boot", new_base64(base64_encode, a->boot, sizeof(a->boot)));
	if (a->n_paths > 0) {
		uris = json_object_new_array();
		bad |= json_add(o, "uris", uris);
	}
	for (uint32_t i = 0; bad == 0 && i < a->n_paths; i++)
		bad |= json_append(uris, new_uri(a->paths[i]));
	return json_whole(o, bad);
}

int rcar_build_request(const struct net_auth *a, char **ret)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	struct json_object *extra = json_object_new_object(), *hashes = json_object_new_array();
	int bad = 0;

	bad |= json_add_text(o, "version", RCAR_VERSION);
	bad |= json_add_text(o, "tee", a->tee);
	bad |= json_add(o, "extra-params", extra);
	if (bad) {
		json_putp(&hashes);
		return -ENOMEM;
	}
	bad |= json_add(extra, "supported-hash-algorithms", hashes);
	for (size_t i = 0; bad == 0 && i < ARRAY_SIZE(hash_names); i++)
		bad |= json_append_text(hashes, hash_names[i]);
	if (bad == 0 && a->coco)
		bad |= json_add(extra, "coco", new_coco(a));
	return bad ? -ENOMEM : print_to(o, ret);
}

static struct json_object *new_key(const struct net_attest *key)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add_text(o, "kty", "EC");
	bad |= json_add_text(o, "crv", curve_names[key->curve]);
	bad |= json_add_text(o, "alg", "ECDH-ES+A256KW");
	bad |= json_add(o, "x", new_base64(base64url_encode, key->x, key->coordinate_len));
	bad |= json_add(o, "y", new_base64(base64url_encode, key->y, key->coordinate_len));
	return json_whole(o, bad);
}

static struct json_object *new_runtime_data(const struct rcar_attestation *a)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add_text(o, "nonce", a->nonce);
	bad |= json_add(o, "tee-pubkey", new_key(a->key));
	return json_whole(o, bad);
}

static struct json_object *new_evidence(const struct rcar_attestation *a)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add(o, "primary_evidence", json_object_get(a->evidence));
	bad |= json_add_text(o, "additional_evidence", "");
	return json_whole(o, bad);
}

static struct json_object *new_init_data(const struct rcar_attestation *a)
{
	struct json_object *o = json_object_new_object();
	int bad = 0;

	bad |= json_add_text(o, "format", "toml");
	bad |= json_add(o, "body", json_object_new_string_len(a->init_data, (int)a->init_data_len));
	return json_whole(o, bad);
}

int rcar_build_attestation(const struct rcar_attestation *a, char **ret)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	int bad = 0;

	if (!o)
		return -ENOMEM;
	if (a->init_data)
		bad |= json_add(o, "init-data", new_init_data(a));
	else
		bad |= json_add_null(o, "init-data");
	bad |= json_add(o, "runtime-data", new_runtime_data(a));
	if (a->coco)
		bad |= json_add(o, "coco", new_coco(a->coco));
	bad |= json_add(o, "tee-evidence", new_evidence(a));
	return bad ? -ENOMEM : print_to(o, ret);
}

int rcar_build_confirm(const char *path, char **ret)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();

	return json_add(o, "uri", new_uri(path)) < 0 ? -ENOMEM : print_to(o, ret);
}

/* ---- reading ---- */

static int read_object(struct bytes answer, struct bytes *ret, struct cause *why)
{
	struct bytes value;

	if (jspan_check(answer, &value) < 0 || jspan_type(value) != JSPAN_OBJECT)
		return cause_set(why, -EPROTO, "the answer is not a JSON object, or is ambiguous");
	*ret = value;
	return 0;
}

static int read_nonce(struct bytes object, struct net_challenge *c, struct cause *why)
{
	char text[ESCAPED_MAX];
	uint8_t ignored[32];

	static_assert(sizeof(c->nonce) > BROKER_NONCE_TEXT_LEN, "room for the nonce and its NUL");
	if (jspan_member_string(object, "nonce", text, sizeof(text)) < 0 ||
	    !base64_decode_32(text, ignored))
		return cause_set(why, -EPROTO,
				 "the challenge has no nonce of 32 bytes in base64");
	memcpy(c->nonce, text, BROKER_NONCE_TEXT_LEN);
	return 0;
}

static int read_hash(struct bytes extra, struct net_challenge *c, struct cause *why)
{
	char text[ESCAPED_MAX];
	int r;

	r = jspan_member_string(extra, "selected-hash-algorithm", text, sizeof(text));
	if (r == -ENOENT)
		return 0;
	for (uint32_t i = 0; r == 0 && i < ARRAY_SIZE(hash_names); i++)
		if (strcasecmp(text, hash_names[i]) == 0) {
			c->hash = i;
			return 0;
		}
	return cause_set(why, -EPROTO, "the challenge wants a hash that was not offered");
}

static int read_salt(struct bytes extra, struct net_challenge *c, struct cause *why)
{
	char text[ESCAPED_MAX];
	struct bytes coco, v;
	uint64_t version = 0;

	if (jspan_member(extra, "coco", &coco) < 0)
		return 0;
	if (jspan_type(coco) != JSPAN_OBJECT || jspan_member(coco, "v", &v) < 0 ||
	    jspan_uint(v, UINT32_MAX, &version) < 0)
		return cause_set(why, -EPROTO, "the challenge's \"coco\" has no version");
	if (version != COCO_VERSION)
		return cause_set(why, -EPROTO,
				 "the challenge's \"coco\" has version %llu, and cocod speaks %d",
				 (unsigned long long)version, COCO_VERSION);
	if (jspan_member_string(coco, "salt", text, sizeof(text)) < 0 ||
	    !base64_decode_32(text, c->salt))
		return cause_set(why, -EPROTO,
				 "the challenge's \"coco\" has no salt of 32 bytes in base64");
	c->has_salt = 1;
	return 0;
}

int rcar_read_challenge(struct bytes answer, struct net_challenge *ret, struct cause *why)
{
	struct net_challenge c = { .result = ret->result, .hash = NET_HASH_SHA384 };
	struct bytes object, extra, text;
	int r;

	r = read_object(answer, &object, why);
	if (r < 0)
		return r;
	r = read_nonce(object, &c, why);
	if (r < 0)
		return r;
	if (jspan_member(object, "extra-params", &extra) < 0)
		return cause_set(why, -EPROTO, "the challenge has no \"extra-params\"");
	if (jspan_type(extra) == JSPAN_OBJECT) {
		r = read_hash(extra, &c, why);
		if (r >= 0)
			r = read_salt(extra, &c, why);
		if (r < 0)
			return r;
	} else if (jspan_type(extra) != JSPAN_NULL &&
		   (jspan_text(extra, &text) < 0 || text.len > 0))
		return cause_set(why, -EPROTO,
				 "the challenge's \"extra-params\" is neither \"\" nor an object");
	*ret = c;
	return 0;
}

int rcar_check_token(struct bytes answer, struct cause *why)
{
	struct bytes object, token;
	int r;

	r = read_object(answer, &object, why);
	if (r < 0)
		return r;
	if (jspan_member(object, "token", &token) < 0 || jspan_type(token) != JSPAN_STRING)
		return cause_set(why, -EPROTO, "the answer to the attestation has no token");
	return 0;
}

int rcar_read_cookie(const char *set_cookie, char ret[static RCAR_COOKIE_LEN])
{
	const char *word = startswith(set_cookie, COOKIE);
	size_t len = word ? strspn(word, COOKIE_WORD) : 0;

	static_assert(sizeof(COOKIE) + COOKIE_WORD_MAX <= RCAR_COOKIE_LEN, "room for a cookie");
	if (len == 0 || len > COOKIE_WORD_MAX)
		return -EPROTO;
	if (word[len + strspn(word + len, " \t")] != '\0' &&
	    word[len + strspn(word + len, " \t")] != ';')
		return -EPROTO;
	(void) snprintf(ret, RCAR_COOKIE_LEN, COOKIE "%.*s", (int)len, word);
	return 0;
}
