/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/record.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/parse.h"
#include "broker/core/record-text.h"
#include "broker/core/seal.h"
#include "broker/core/secret-policy.h"
#include "wire/jspan.h"
#include "wire/kbs-uri.h"

#define MEMBER(type, m) offsetof(struct type, m), sizeof(((struct type *)NULL)->m)
/* A pointer and its length, one after the other, as struct record_blob has them. */
#define BLOB(type, m, most) offsetof(struct type, m), sizeof(struct record_blob), (most)
#define ASSERT_BLOB(type, m, len)                                                   \
	_Static_assert(offsetof(struct type, len) == offsetof(struct type, m) +     \
							     sizeof(void *),        \
		       "a blob is a pointer and a length")

/* ---- all records ---- */

static int format(const struct record_member *members, const void *r, char **ret)
{
	_cleanup_(freep) char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct bytes whole;
	bool bad;

	if (!f)
		return -ENOMEM;
	(void) fputs("{\"v\":1,", f);
	record_write(f, members, r);
	(void) fputc('}', f);
	bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return -ENOMEM;
	/* What could not be written whole is no JSON. */
	if (jspan_check((struct bytes){ (const uint8_t *)text, len }, &whole) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(text);
	return 0;
}

/* The object with "v" alone: a later form of a record is nothing that we can read. */
static int begin(const void *text, size_t len, struct bytes *ret)
{
	struct bytes version;
	uint64_t v;

	if (jspan_check((struct bytes){ text, len }, ret) < 0 ||
	    jspan_member(*ret, "v", &version) < 0 || jspan_uint(version, 1, &v) < 0 || v != 1)
		return -EBADMSG;
	return 0;
}

static int parse(const struct record_member *members, const void *text, size_t len, void *ret)
{
	struct bytes object;
	int r;

	r = begin(text, len, &object);
	return r < 0 ? r : record_read(object, members, /* n_more= */ 1, ret);
}

/* ---- secrets ---- */

ASSERT_BLOB(secret_record, policy, policy_len);
ASSERT_BLOB(secret_record, sealed, sealed_len);

static const struct record_member secret_members[] = {
	{ "path", RECORD_TEXT, MEMBER(secret_record, path) },
	{ "version", RECORD_U64, MEMBER(secret_record, version) },
	{ "changed", RECORD_U64, MEMBER(secret_record, changed) },
	{ "policy", RECORD_BLOB_TEXT, BLOB(secret_record, policy, SECRET_POLICY_MAX) },
	{ "sealed", RECORD_BLOB,
	  BLOB(secret_record, sealed, JWE_CIPHERTEXT_MAX + SEAL_OVERHEAD) },
	{ NULL },
};

int secret_record_format(const struct secret_record *r, char **ret)
{
	return format(secret_members, r, ret);
}

int secret_record_parse(const void *text, size_t len, struct secret_record *ret)
{
	int r;

	*ret = (struct secret_record){ .version = 0 };
	r = parse(secret_members, text, len, ret);
	if (r == 0 && (!kbs_path_is_valid(ret->path) || ret->version == 0))
		r = -EBADMSG;
	if (r < 0)
		secret_record_done(ret);
	return r;
}

void secret_record_done(struct secret_record *r)
{
	record_done(secret_members, r);
}

/* ---- sessions ---- */

struct key_text {
	uint32_t kind;
	struct record_blob x, y;
};

struct coco_text {
	bool given;
	uint8_t boot[BROKER_BOOT_LEN];
	struct bytes paths;
};

struct session_text {
	uint32_t expiry;
	char tee[16];
	uint8_t rd[48];
	struct key_text key;
	struct coco_text coco;
	struct launch launch;
	struct record_blob evidence;
};

static const struct record_member key_members[] = {
	{ "kind", RECORD_U32, MEMBER(key_text, kind) },
	{ "x", RECORD_BLOB, BLOB(key_text, x, sizeof(((struct tee_key *)NULL)->x)) },
	{ "y", RECORD_BLOB, BLOB(key_text, y, sizeof(((struct tee_key *)NULL)->y)) },
	{ NULL },
};

static const struct record_member coco_members[] = {
	{ "given", RECORD_BOOL, MEMBER(coco_text, given) },
	{ "boot", RECORD_HEX, MEMBER(coco_text, boot) },
	{ "paths", RECORD_VALUE, MEMBER(coco_text, paths) },
	{ NULL },
};

static const struct record_member launch_members[] = {
	{ "known", RECORD_BOOL, MEMBER(launch, known) },
	{ "id", RECORD_HEX, MEMBER(launch, id) },
	{ "why-not", RECORD_TEXT, MEMBER(launch, why_not) },
	{ "has-vtpm", RECORD_BOOL, MEMBER(launch, has_vtpm) },
	{ "ak-sha256", RECORD_HEX, MEMBER(launch, ak_sha256) },
	{ "reset-count", RECORD_U32, MEMBER(launch, reset_count) },
	{ "has-host-data", RECORD_BOOL, MEMBER(launch, has_host_data) },
	{ "host-data", RECORD_HEX, MEMBER(launch, host_data) },
	{ "has-mrconfigid", RECORD_BOOL, MEMBER(launch, has_mrconfigid) },
	{ "mrconfigid", RECORD_HEX, MEMBER(launch, mrconfigid) },
	{ "released-before", RECORD_BOOL, MEMBER(launch, released_before) },
	{ NULL },
};

static const struct record_member session_members[] = {
	{ "expiry", RECORD_U32, MEMBER(session_text, expiry) },
	{ "tee", RECORD_TEXT, MEMBER(session_text, tee) },
	{ "rd", RECORD_HEX, MEMBER(session_text, rd) },
	{ "key", RECORD_OBJECT, MEMBER(session_text, key), .members = key_members },
	{ "coco", RECORD_OBJECT, MEMBER(session_text, coco), .members = coco_members },
	{ "launch", RECORD_OBJECT, MEMBER(session_text, launch), .members = launch_members },
	{ "evidence", RECORD_BLOB, BLOB(session_text, evidence, SESSION_EVIDENCE_MAX) },
	{ NULL },
};

/* ["a/b/c","d/e/f"] */
static int format_paths(const struct net_auth *a, char **ret, size_t *ret_len)
{
	FILE *f = open_memstream(ret, ret_len);

	if (!f)
		return -ENOMEM;
	(void) fputc('[', f);
	for (uint32_t i = 0; i < a->n_paths && i < BROKER_PATHS_MAX; i++) {
		(void) fputs(i > 0 ? "," : "", f);
		record_write_text(f, a->paths[i], strnlen(a->paths[i], BROKER_PATH_LEN - 1));
	}
	(void) fputc(']', f);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

int session_record_format(const struct session_record *r, char **ret)
{
	struct session_text t = {
		.expiry = r->expiry,
		.key = { r->key.kind,
			 { (uint8_t *)r->key.x, r->key.x_len },
			 { (uint8_t *)r->key.y, r->key.y_len } },
		.coco = { .given = r->coco.coco },
		.launch = r->launch,
		.evidence = { r->evidence, r->evidence_len },
	};
	_cleanup_(freep) char *paths = NULL;
	const char *tee = broker_tee_name(r->tee);
	size_t len = 0;

	if (!tee || r->evidence_len > SESSION_EVIDENCE_MAX)
		return -EMSGSIZE;
	if (format_paths(&r->coco, &paths, &len) < 0)
		return -ENOMEM;
	(void) snprintf(t.tee, sizeof(t.tee), "%s", tee);
	memcpy(t.rd, r->rd, sizeof(t.rd));
	memcpy(t.coco.boot, r->coco.boot, sizeof(t.coco.boot));
	t.coco.paths = (struct bytes){ (const uint8_t *)paths, len };
	return format(session_members, &t, ret);
}

static int take_paths(struct bytes it, struct net_auth *ret)
{
	struct bytes value;
	size_t len;
	int r;

	while ((r = jspan_next_element(&it, &value)) > 0) {
		char *path = ret->paths[ret->n_paths];
		char text[6 * BROKER_PATH_LEN];

		if (ret->n_paths == BROKER_PATHS_MAX || value.len > sizeof(text) ||
		    jspan_string(value, text, sizeof(text), &len) < 0 || len >= BROKER_PATH_LEN ||
		    !kbs_path_is_valid(text))
			return -EBADMSG;
		memcpy(path, text, len + 1);
		ret->n_paths++;
	}
	return r;
}

static int take_key(const struct key_text *t, struct tee_key *ret)
{
	if (t->kind > TEE_KEY_RSA_OAEP_256 || t->x.len == 0 || t->y.len == 0)
		return -EBADMSG;
	ret->kind = (enum tee_key_kind)t->kind;
	ret->x_len = (unsigned)t->x.len;
	ret->y_len = (unsigned)t->y.len;
	memcpy(ret->x, t->x.data, t->x.len);
	memcpy(ret->y, t->y.data, t->y.len);
	return 0;
}

static int take_session(struct session_text *t, struct session_record *ret)
{
	*ret = (struct session_record){ .expiry = t->expiry,
					.tee = broker_tee_parse(t->tee),
					.launch = t->launch };
	memcpy(ret->rd, t->rd, sizeof(ret->rd));
	memcpy(ret->coco.tee, t->tee, sizeof(ret->coco.tee));
	ret->coco.coco = t->coco.given;
	memcpy(ret->coco.boot, t->coco.boot, sizeof(ret->coco.boot));
	if (ret->tee == BROKER_TEE_NONE || take_paths(t->coco.paths, &ret->coco) < 0 ||
	    take_key(&t->key, &ret->key) < 0 || t->evidence.len == 0)
		return -EBADMSG;
	ret->evidence = TAKE_PTR(t->evidence.data);
	ret->evidence_len = t->evidence.len;
	return 0;
}

int session_record_parse(const void *text, size_t len, struct session_record *ret)
{
	struct session_text t = { .expiry = 0 };
	int r;

	memset(ret, 0, sizeof(*ret));
	r = parse(session_members, text, len, &t);
	if (r == 0)
		r = take_session(&t, ret);
	record_done(session_members, &t);
	if (r < 0)
		memset(ret, 0, sizeof(*ret));
	return r;
}

void session_record_done(struct session_record *r)
{
	free(r->evidence);
	r->evidence = NULL;
	r->evidence_len = 0;
}

/* ---- claims ---- */

static const struct record_member claim_members[] = {
	{ "has-launch", RECORD_BOOL, MEMBER(claim, has_launch) },
	{ "launch", RECORD_HEX, MEMBER(claim, launch) },
	{ "has-boot", RECORD_BOOL, MEMBER(claim, has_boot) },
	{ "boot", RECORD_HEX, MEMBER(claim, boot) },
	{ "rd", RECORD_HEX, MEMBER(claim, rd) },
	{ "at", RECORD_U64, MEMBER(claim, at) },
	{ "n", RECORD_U32, MEMBER(claim, n) },
	{ "confirmed", RECORD_BOOL, MEMBER(claim, confirmed) },
	{ "release", RECORD_TEXT, MEMBER(claim, release) },
	{ NULL },
};

int claim_format(const struct claim *c, char **ret)
{
	return format(claim_members, c, ret);
}

int claim_parse(const void *text, size_t len, struct claim *ret)
{
	struct claim c = { .n = 0 };
	int r;

	r = parse(claim_members, text, len, &c);
	if (r == 0 && c.n == 0)
		r = -EBADMSG;
	if (r == 0)
		*ret = c;
	return r;
}

/* ---- launches ---- */

struct launches_text {
	struct bytes list;
};

struct launch_text {
	int64_t at;
	uint8_t launch[32];
};

static const struct record_member launches_members[] = {
	{ "list", RECORD_VALUE, MEMBER(launches_text, list) },
	{ NULL },
};

static const struct record_member launch_text_members[] = {
	{ "at", RECORD_U64, MEMBER(launch_text, at) },
	{ "launch", RECORD_HEX, MEMBER(launch_text, launch) },
	{ NULL },
};

static int format_list(const struct launches_record *l, char **ret, size_t *ret_len)
{
	FILE *f = open_memstream(ret, ret_len);

	if (!f)
		return -ENOMEM;
	(void) fputc('[', f);
	for (unsigned i = 0; i < l->n && i < LAUNCHES_MAX; i++) {
		struct launch_text t = { .at = l->list[i].at };

		memcpy(t.launch, l->list[i].launch, sizeof(t.launch));
		(void) fputs(i > 0 ? ",{" : "{", f);
		record_write(f, launch_text_members, &t);
		(void) fputc('}', f);
	}
	(void) fputc(']', f);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

int launches_format(const struct launches_record *l, char **ret)
{
	_cleanup_(freep) char *list = NULL;
	struct launches_text t;
	size_t len = 0;

	if (format_list(l, &list, &len) < 0)
		return -ENOMEM;
	t.list = (struct bytes){ (const uint8_t *)list, len };
	return format(launches_members, &t, ret);
}

static int take_launches(struct bytes it, struct launches_record *ret)
{
	struct bytes value;
	int r;

	while ((r = jspan_next_element(&it, &value)) > 0) {
		struct launch_text t = { .at = 0 };

		if (ret->n == LAUNCHES_MAX ||
		    record_read(value, launch_text_members, /* n_more= */ 0, &t) < 0 ||
		    (ret->n > 0 && t.at < ret->list[ret->n - 1].at))
			return -EBADMSG;
		ret->list[ret->n].at = t.at;
		memcpy(ret->list[ret->n++].launch, t.launch, sizeof(t.launch));
	}
	return r;
}

int launches_parse(const void *text, size_t len, struct launches_record *ret)
{
	struct launches_text t = { .list = { NULL, 0 } };
	int r;

	ret->n = 0;
	r = parse(launches_members, text, len, &t);
	if (r == 0)
		r = take_launches(t.list, ret);
	if (r < 0)
		ret->n = 0;
	return r;
}

/* ---- approvals ---- */

static const struct record_member approval_members[] = {
	{ "id", RECORD_TEXT, MEMBER(approval, id) },
	{ "path", RECORD_TEXT, MEMBER(approval, path) },
	{ "has-launch", RECORD_BOOL, MEMBER(approval, has_launch) },
	{ "launch", RECORD_HEX, MEMBER(approval, launch) },
	{ "rd", RECORD_HEX, MEMBER(approval, rd) },
	{ "asked", RECORD_U64, MEMBER(approval, asked) },
	{ "answered", RECORD_U64, MEMBER(approval, answered) },
	{ "approved", RECORD_BOOL, MEMBER(approval, approved) },
	{ "by", RECORD_U32, MEMBER(approval, by) },
	{ "reason", RECORD_TEXT, MEMBER(approval, reason) },
	{ NULL },
};

int approval_format(const struct approval *a, char **ret)
{
	return format(approval_members, a, ret);
}

int approval_parse(const void *text, size_t len, struct approval *ret)
{
	struct approval a = { .by = 0 };
	int r;

	r = parse(approval_members, text, len, &a);
	/* Nobody has said yes without a time. */
	if (r == 0 && (!kbs_path_is_valid(a.path) || (a.approved && a.answered == 0)))
		r = -EBADMSG;
	if (r == 0)
		*ret = a;
	return r;
}

/* ---- keys ---- */

void key_secret(const char *path, char ret[static RECORD_KEY_LEN])
{
	(void) snprintf(ret, RECORD_KEY_LEN, "coco/secret/%s", path);
}

/* A path may have a '/' and more: where other words follow, its hash stands. */
static int key_of_path(const char *kind, const char *path, const char *more,
		       char ret[static RECORD_KEY_LEN])
{
	uint8_t hash[32];
	char hex[2 * sizeof(hash) + 1];

	if (EVP_Digest(path, strlen(path), hash, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	format_hex(hash, sizeof(hash), hex);
	(void) snprintf(ret, RECORD_KEY_LEN, "coco/%s/%s%s", kind, hex, more);
	return 0;
}

int key_claim(const char *path, enum release_per per, const uint8_t launch[static 32],
	      char ret[static RECORD_KEY_LEN])
{
	char more[2 * 32 + 2] = "/vm";

	if (per != PER_VM) {
		more[0] = '/';
		format_hex(launch, 32, more + 1);
	}
	return key_of_path("claim", path, more, ret);
}

int key_launches(const char *path, char ret[static RECORD_KEY_LEN])
{
	return key_of_path("launches", path, "", ret);
}

void key_session(const struct cookie *c, char ret[static RECORD_KEY_LEN])
{
	char text[COOKIE_TEXT_LEN];

	cookie_format(c, text);
	(void) snprintf(ret, RECORD_KEY_LEN, "coco/session/%s", text);
}

void key_approval(const char *id, char ret[static RECORD_KEY_LEN])
{
	(void) snprintf(ret, RECORD_KEY_LEN, "coco/approval/%s", id);
}

void key_vtpm(const uint8_t ak_sha256[static 32], char ret[static RECORD_KEY_LEN])
{
	char hex[2 * 32 + 1];

	format_hex(ak_sha256, 32, hex);
	(void) snprintf(ret, RECORD_KEY_LEN, "coco/vtpm/%s", hex);
}
