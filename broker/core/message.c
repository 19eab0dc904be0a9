/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/message.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/bind.h"
#include "wire/jspan.h"
#include "wire/kbs-uri.h"

#define ERRORS "https://github.com/confidential-containers/kbs/errors/"
#define COCO_VERSION 1
#define SHORT_MAX 512			/* bytes of a text whose characters may be escaped */
#define VERSION_TEXT_MAX 32
#define VERSION_CHARACTERS "0123456789.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+"
/*
 * Values in the evidence.  json-c takes some sixty bytes for each, so that two bytes of "[0,0,0"
 * would be much memory.  The longest evidence, Azure's of version 0, has about ten thousand.
 */
#define EVIDENCE_VALUES_MAX 65536

/* ---- pieces ---- */

static int bad(struct cause *why, const char *what)
{
	return cause_set(why, -EBADMSG, "%s", what);
}

static int read_object(struct bytes body, size_t max, struct bytes *ret, struct cause *why)
{
	if (body.len > max)
		return bad(why, "the message is too long");
	if (jspan_check(body, ret) < 0)
		return bad(why, "the message is not JSON, is ambiguous, or is nested too deeply");
	if (jspan_type(*ret) != JSPAN_OBJECT)
		return bad(why, "the message is not an object");
	return 0;
}

/* "kbs:///a/b/c" in the form that our guests write, of which each path has one. */
static int read_uri(struct bytes value, char ret[static BROKER_PATH_LEN])
{
	char text[SHORT_MAX], again[SHORT_MAX];
	struct kbs_uri uri;
	size_t len;

	if (jspan_string(value, text, sizeof(text), &len) < 0 || kbs_uri_parse(text, &uri) < 0)
		return -EBADMSG;
	kbs_path_format(uri.path, again, sizeof(again));
	if (!streq(text, again))
		return -EBADMSG;
	memcpy(ret, uri.path, sizeof(uri.path));
	return 0;
}

/* ---- "coco": what our guests add ---- */

struct coco_members {
	struct bytes v, boot, uris;
};

static const struct jspan_field coco_fields[] = {
	{ "v", jspan_read_value, offsetof(struct coco_members, v) },
	{ "boot", jspan_read_value, offsetof(struct coco_members, boot) },
	{ "uris", jspan_read_value, offsetof(struct coco_members, uris), .optional = true },
	{ NULL },
};

static bool has_path(const struct net_auth *a, const char *path)
{
	for (uint32_t i = 0; i < a->n_paths; i++)
		if (streq(a->paths[i], path))
			return true;
	return false;
}

static int read_uris(struct bytes list, struct net_auth *a, struct cause *why)
{
	char path[BROKER_PATH_LEN];
	struct bytes value;
	int r;

	if (jspan_type(list) != JSPAN_ARRAY)
		return bad(why, "\"uris\" is not a list");
	while ((r = jspan_next_element(&list, &value)) > 0) {
		if (a->n_paths == BROKER_PATHS_MAX)
			return cause_set(why, -EBADMSG, "\"uris\" has more than %d names",
					 BROKER_PATHS_MAX);
		if (read_uri(value, path) < 0)
			return bad(why, "\"uris\" has what is not the URI of a secret");
		if (has_path(a, path))
			return bad(why, "\"uris\" has a name twice");
		memcpy(a->paths[a->n_paths++], path, sizeof(path));
	}
	/* An empty list would be bound as no list is. */
	return r < 0 || a->n_paths == 0 ? bad(why, "\"uris\" is empty") : 0;
}

static int read_coco(struct bytes object, struct net_auth *a, struct cause *why)
{
	struct coco_members m = { .uris = { NULL, 0 } };
	char boot[SHORT_MAX];
	uint64_t version;
	size_t len;

	if (jspan_object_read(object, coco_fields, /* closed= */ true, &m, NULL) < 0)
		return bad(why, "\"coco\" is not an object of the right members");
	if (jspan_uint(m.v, COCO_VERSION, &version) < 0 || version != COCO_VERSION)
		return cause_set(why, -EBADMSG, "\"coco\" has another version than %d",
				 COCO_VERSION);
	if (jspan_string(m.boot, boot, sizeof(boot), &len) < 0 || !base64_decode_32(boot, a->boot))
		return bad(why, "\"boot\" is not base64 of 32 bytes");
	a->coco = 1;
	return m.uris.p ? read_uris(m.uris, a, why) : 0;
}

/* ---- POST /auth ---- */

static int check_version(struct bytes object, struct cause *why)
{
	char text[SHORT_MAX];

	if (jspan_member_string(object, "version", text, sizeof(text)) < 0)
		return bad(why, "there is no \"version\"");
	if (streq(text, MESSAGE_VERSION))
		return 0;
	/* The sentence goes back, and clients take the version out of it. */
	if (strlen(text) > VERSION_TEXT_MAX || text[strspn(text, VERSION_CHARACTERS)])
		(void) snprintf(text, sizeof(text), "another");
	return cause_set(why, -EPROTO,
			 "KBS Client Protocol Version Mismatch: expect =" MESSAGE_VERSION
			 " while the request is %s", text);
}

static int read_tee(struct bytes object, struct net_auth *a, struct cause *why)
{
	char text[SHORT_MAX];
	const char *name;

	if (jspan_member_string(object, "tee", text, sizeof(text)) < 0)
		return bad(why, "there is no \"tee\"");
	name = broker_tee_name(broker_tee_parse(text));
	if (!name)
		return cause_set(why, -EOPNOTSUPP, "evidence of this kind of TEE is not verified");
	(void) snprintf(a->tee, sizeof(a->tee), "%s", name);
	return 0;
}

int message_read_request(struct bytes body, struct net_auth *ret, struct cause *why)
{
	struct net_auth a = { .coco = 0 };
	struct bytes object, extra, coco;
	int r;

	r = read_object(body, MESSAGE_REQUEST_MAX, &object, why);
	if (r >= 0)
		r = check_version(object, why);
	if (r >= 0)
		r = read_tee(object, &a, why);
	if (r < 0)
		return r;
	if (jspan_member(object, "extra-params", &extra) < 0)
		return bad(why, "there is no \"extra-params\"");
	/* They may be any JSON.  Trustee's clients send their hash algorithms: ours is SHA-384. */
	if (jspan_member(extra, "coco", &coco) == 0)
		r = read_coco(coco, &a, why);
	if (r >= 0)
		*ret = a;
	return r;
}

int message_build_challenge(const uint8_t nonce[static 32], const uint8_t *salt, char **ret)
{
	_cleanup_(freep) char *nonce64 = NULL, *salt64 = NULL;
	char *text;
	int len;

	if (base64_encode(nonce, 32, &nonce64) < 0 ||
	    (salt && base64_encode(salt, BROKER_SALT_LEN, &salt64) < 0))
		return -ENOMEM;
	if (salt)
		len = asprintf(&text,
			       "{\"nonce\":\"%s\",\"extra-params\":{\"coco\":{\"v\":%d,"
			       "\"salt\":\"%s\"}}}",
			       nonce64, COCO_VERSION, salt64);
	else
		len = asprintf(&text, "{\"nonce\":\"%s\",\"extra-params\":\"\"}", nonce64);
	if (len < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

/* ---- POST /attest: the key ---- */

static int read_number(struct bytes jwk, const char *name, uint8_t ret[static TEE_KEY_RSA_MAX],
		       unsigned *ret_len, struct cause *why)
{
	struct bytes value, text;
	ssize_t n;

	if (jspan_member(jwk, name, &value) < 0 || jspan_text(value, &text) < 0)
		return cause_set(why, -EBADMSG, "\"tee-pubkey\" has no \"%s\"", name);
	n = base64url_decode((const char *)text.p, text.len, ret, TEE_KEY_RSA_MAX);
	if (n == -ENOMEM)
		return cause_set_oom(why);
	if (n < 0)
		return cause_set(why, -EBADMSG,
				 "\"%s\" of \"tee-pubkey\" is not base64url of at most %d bytes",
				 name, TEE_KEY_RSA_MAX);
	*ret_len = (unsigned)n;
	return 0;
}

static bool member_is(struct bytes jwk, const char *name, const char *text)
{
	struct bytes value;

	return jspan_member(jwk, name, &value) == 0 && jspan_text_is(value, text);
}

static int read_kind(struct bytes jwk, enum tee_key_kind *ret)
{
	if (member_is(jwk, "kty", "RSA") && member_is(jwk, "alg", "RSA-OAEP-256"))
		*ret = TEE_KEY_RSA_OAEP_256;
	else if (!member_is(jwk, "kty", "EC") || !member_is(jwk, "alg", "ECDH-ES+A256KW"))
		return -EOPNOTSUPP;
	else if (member_is(jwk, "crv", "P-256"))
		*ret = TEE_KEY_EC_P256;
	else if (member_is(jwk, "crv", "P-521"))
		*ret = TEE_KEY_EC_P521;
	else
		return -EOPNOTSUPP;
	return 0;
}

/* Other members, like "kid", are not in the canonical form: it has those that we read. */
static int read_key(struct bytes jwk, struct tee_key *ret, struct cause *why)
{
	EVP_PKEY *public = NULL;
	struct bytes value;
	bool rsa;
	int r;

	if (jspan_type(jwk) != JSPAN_OBJECT || jspan_member(jwk, "kty", &value) < 0)
		return bad(why, "\"tee-pubkey\" is not a JSON web key");
	if (jspan_member(jwk, "d", &value) == 0)
		return bad(why, "\"tee-pubkey\" is a private key");
	if (read_kind(jwk, &ret->kind) < 0)
		return cause_set(why, -EOPNOTSUPP,
				 "\"tee-pubkey\" is not EC on P-256 or P-521 with ECDH-ES+A256KW, "
				 "or RSA with RSA-OAEP-256");
	rsa = ret->kind == TEE_KEY_RSA_OAEP_256;
	r = read_number(jwk, rsa ? "n" : "x", ret->x, &ret->x_len, why);
	if (r >= 0)
		r = read_number(jwk, rsa ? "e" : "y", ret->y, &ret->y_len, why);
	if (r < 0)
		return r;
	r = tee_key_public(ret, &public);
	EVP_PKEY_free(public);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	return r < 0 ? bad(why, "\"tee-pubkey\" is not a point on its curve, or an RSA key of "
				"another size") :
		       0;
}

/* ---- POST /attest: the rest ---- */

static int read_runtime_data(struct bytes object, struct attestation *a, struct cause *why)
{
	struct bytes data, jwk;
	char nonce[SHORT_MAX];
	uint8_t ignored[32];

	if (jspan_member(object, "runtime-data", &data) < 0 || jspan_type(data) != JSPAN_OBJECT)
		return bad(why, "there is no \"runtime-data\"");
	if (jspan_member_string(data, "nonce", nonce, sizeof(nonce)) < 0 ||
	    !base64_decode_32(nonce, ignored))
		return bad(why, "\"nonce\" is not base64 of 32 bytes");
	memcpy(a->nonce, nonce, BROKER_NONCE_TEXT_LEN);
	if (jspan_member(data, "tee-pubkey", &jwk) < 0)
		return bad(why, "there is no \"tee-pubkey\"");
	return read_key(jwk, &a->key, why);
}

static int hash_runtime_data(struct attestation *a)
{
	_cleanup_(freep) char *key = NULL;
	int r = tee_key_text(&a->key, &key);

	return r < 0 ? r : bind_runtime_data(a->nonce, key, EVP_sha384(), a->rd);
}

/* Of one that is not there, json-c's serialisers write null. */
static int read_init_data(struct bytes object, struct attestation *a, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	struct bytes data, body;

	if (jspan_member(object, "init-data", &data) < 0 || jspan_type(data) == JSPAN_NULL)
		return 0;
	if (jspan_type(data) != JSPAN_OBJECT || !member_is(data, "format", "toml") ||
	    jspan_member(data, "body", &body) < 0)
		return bad(why, "\"init-data\" is not TOML in a \"body\"");
	text = malloc(body.len);
	if (!text)
		return cause_set_oom(why);
	if (jspan_string(body, text, body.len, &a->init_data_len) < 0)
		return bad(why, "the \"body\" of \"init-data\" is not a text");
	a->init_data = TAKE_PTR(text);
	return 0;
}

/* At least as many as there are: strings may have these characters too. */
static size_t count_values(struct bytes value)
{
	size_t n = 1;

	for (size_t i = 0; i < value.len; i++)
		n += value.p[i] == ',' || value.p[i] == '[' || value.p[i] == '{';
	return n;
}

/* What jspan_check() takes, json-c reads in the same way: no member stands twice. */
static int build_evidence(struct bytes value, struct json_object **ret, struct cause *why)
{
	enum json_tokener_error error;
	struct json_tokener *t;
	struct json_object *o;
	size_t end;

	if (count_values(value) > EVIDENCE_VALUES_MAX)
		return cause_set(why, -EBADMSG, "\"primary_evidence\" has more than %d values",
				 EVIDENCE_VALUES_MAX);
	t = json_tokener_new_ex(JSPAN_DEPTH_MAX);
	if (!t)
		return cause_set_oom(why);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(t, (const char *)value.p, (int)value.len);
	error = json_tokener_get_error(t);
	end = json_tokener_get_parse_end(t);
	json_tokener_free(t);
	/* It has no error for a lack of memory. */
	if (!o && (error == json_tokener_success || error == json_tokener_continue))
		return cause_set_oom(why);
	if (!o || error != json_tokener_success || end != value.len) {
		json_object_put(o);
		return bad(why, "\"primary_evidence\" cannot be read");
	}
	*ret = o;
	return 0;
}

static int read_evidence(struct bytes object, struct attestation *a, struct cause *why)
{
	struct bytes evidence, primary, additional, text;

	if (jspan_member(object, "tee-evidence", &evidence) < 0 ||
	    jspan_type(evidence) != JSPAN_OBJECT)
		return bad(why, "there is no \"tee-evidence\"");
	if (jspan_member(evidence, "additional_evidence", &additional) < 0 ||
	    jspan_type(additional) != JSPAN_STRING)
		return bad(why, "there is no \"additional_evidence\"");
	if (jspan_text(additional, &text) < 0 || text.len > 0)
		return cause_set(why, -EOPNOTSUPP, "evidence of devices is not verified");
	if (jspan_member(evidence, "primary_evidence", &primary) < 0 ||
	    jspan_type(primary) != JSPAN_OBJECT)
		return bad(why, "there is no \"primary_evidence\"");
	return build_evidence(primary, &a->evidence, why);
}

void attestation_done(struct attestation *a)
{
	free(a->init_data);
	json_object_put(a->evidence);
	a->init_data = NULL;
	a->evidence = NULL;
}

int message_read_attestation(struct bytes body, struct attestation *ret, struct cause *why)
{
	_cleanup_(attestation_done) struct attestation a = { .evidence = NULL };
	struct bytes object, coco;
	int r;

	r = read_object(body, MESSAGE_ATTESTATION_MAX, &object, why);
	if (r >= 0)
		r = read_runtime_data(object, &a, why);
	if (r >= 0 && jspan_member(object, "coco", &coco) == 0)
		r = read_coco(coco, &a.coco, why);
	if (r >= 0)
		r = read_init_data(object, &a, why);
	if (r >= 0)
		r = read_evidence(object, &a, why);
	if (r < 0)
		return r;
	if (hash_runtime_data(&a) < 0)
		return cause_set_oom(why);
	*ret = a;
	a.init_data = NULL;
	a.evidence = NULL;
	return 0;
}

/* ---- POST /coco/confirm ---- */

int message_read_confirm(struct bytes body, char ret_path[static BROKER_PATH_LEN])
{
	static const struct jspan_field fields[] = { { "uri", jspan_read_value, 0 }, { NULL } };
	struct cause ignored;
	struct bytes object, uri;

	if (read_object(body, MESSAGE_REQUEST_MAX, &object, &ignored) < 0 ||
	    jspan_object_read(object, fields, /* closed= */ true, &uri, NULL) < 0)
		return -EBADMSG;
	return read_uri(uri, ret_path);
}

/* ---- refusals ---- */

/* As a JSON string, with its quotes. */
static int quote(const char *text, char **ret)
{
	_cleanup_(freep) char *printable = strdup(text);
	struct json_object *o;
	const char *json;
	char *copy;

	if (!printable)
		return -ENOMEM;
	make_printable(printable);
	o = json_object_new_string(printable);
	json = json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL);
	copy = json ? strdup(json) : NULL;
	json_object_put(o);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

int message_build_error(const char *name, const char *detail, const char *id, char **ret)
{
	_cleanup_(freep) char *type = NULL, *type_json = NULL, *detail_json = NULL, *id_json = NULL;
	char *text;

	if (asprintf(&type, ERRORS "%s", name) < 0) {
		type = NULL;
		return -ENOMEM;
	}
	if (quote(type, &type_json) < 0 || quote(detail, &detail_json) < 0 ||
	    (id && quote(id, &id_json) < 0))
		return -ENOMEM;
	if (asprintf(&text, "{\"type\":%s,\"detail\":%s%s%s}", type_json, detail_json,
		     id ? ",\"id\":" : "", id ? id_json : "") < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}
