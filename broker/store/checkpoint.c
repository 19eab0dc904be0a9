/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/parse.h"
#include "crypto/cleanup.h"
#include "wire/jspan.h"

static const char label[] = "coco checkpoint 1", note_label[] = "coco audit note 1";
_Static_assert(sizeof(label) == sizeof(note_label), "there is room for either");

#define SIGNED_MAX (sizeof(label) + 1 + AUDIT_INSTANCE_MAX + 8 + AUDIT_HEAD_LEN + 8)
#define SIGNATURE_MAX 160

void checkpoint_key(const char *instance, char ret[static AUDIT_KEY_LEN])
{
	(void) snprintf(ret, AUDIT_KEY_LEN, CHECKPOINT_PREFIX "%s", instance);
}

static uint8_t *add_u64(uint8_t *p, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		*p++ = (uint8_t)(n >> (56 - 8 * i));
	return p;
}

/* Returns the length of what is signed. */
static size_t build_signed(const struct checkpoint *c, uint8_t ret[static SIGNED_MAX])
{
	size_t len = strlen(c->instance);
	uint8_t *p = ret;

	p = mempcpy(p, c->note ? note_label : label, sizeof(label));
	*p++ = (uint8_t)len;
	p = mempcpy(p, c->instance, len);
	p = add_u64(p, c->batch);
	p = mempcpy(p, c->head, sizeof(c->head));
	p = add_u64(p, c->at);
	return (size_t)(p - ret);
}

static int sign(const struct checkpoint *c, EVP_PKEY *key, uint8_t ret[static SIGNATURE_MAX],
		size_t *ret_len)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t signature_len = SIGNATURE_MAX, len;
	uint8_t data[SIGNED_MAX];

	if (!ctx)
		return -ENOMEM;
	len = build_signed(c, data);
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, ret, &signature_len, data, len) != 1)
		return -EINVAL;
	*ret_len = signature_len;
	return 0;
}

int checkpoint_sign(const struct checkpoint *c, EVP_PKEY *key, char **ret)
{
	_cleanup_(freep) char *base64 = NULL;
	uint8_t signature[SIGNATURE_MAX];
	char head[2 * AUDIT_HEAD_LEN + 1], *text;
	size_t len;
	int r;

	r = sign(c, key, signature, &len);
	if (r == 0)
		r = base64_encode(signature, len, &base64);
	if (r < 0)
		return r;
	format_hex(c->head, sizeof(c->head), head);
	if (asprintf(&text,
		     "{\"instance\":\"%s\",\"%s\":%" PRIu64 ",\"head\":\"%s\","
		     "\"at\":%" PRIu64 ",\"signature\":\"%s\"}",
		     c->instance, c->note ? "noted" : "checkpoint", c->batch, head, c->at,
		     base64) < 0)
		return -ENOMEM;
	*ret = text;
	return 0;
}

/* ---- reading ---- */

struct texts {
	struct bytes instance, batch, noted, head, at, signature;
};

static const struct jspan_field fields[] = {
	{ "instance", jspan_read_text, offsetof(struct texts, instance) },
	{ "checkpoint", jspan_read_value, offsetof(struct texts, batch), .optional = true },
	{ "noted", jspan_read_value, offsetof(struct texts, noted), .optional = true },
	{ "head", jspan_read_value, offsetof(struct texts, head) },
	{ "at", jspan_read_value, offsetof(struct texts, at) },
	{ "signature", jspan_read_text, offsetof(struct texts, signature) },
	{ NULL },
};

static int read_texts(struct bytes text, struct texts *t, struct checkpoint *ret)
{
	struct bytes object;

	if (text.len > CHECKPOINT_TEXT_MAX || jspan_check(text, &object) < 0 ||
	    jspan_object_read(object, fields, /* closed= */ true, t, NULL) < 0 ||
	    t->instance.len > AUDIT_INSTANCE_MAX || !t->batch.p == !t->noted.p)
		return -EBADMSG;
	ret->note = t->noted.p;
	memcpy(ret->instance, t->instance.p, t->instance.len);
	ret->instance[t->instance.len] = '\0';
	if (!audit_instance_is_valid(ret->instance) ||
	    jspan_uint(ret->note ? t->noted : t->batch, INT64_MAX, &ret->batch) < 0 ||
	    ret->batch == 0 ||
	    jspan_uint(t->at, INT64_MAX, &ret->at) < 0 ||
	    jspan_hex(t->head, ret->head, sizeof(ret->head)) < 0)
		return -EBADMSG;
	return 0;
}

static int verify(const struct checkpoint *c, EVP_PKEY *key, const uint8_t *signature, size_t len)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t data[SIGNED_MAX];
	size_t data_len = build_signed(c, data);

	if (!ctx)
		return -ENOMEM;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestVerify(ctx, signature, len, data, data_len) != 1)
		return -EKEYREJECTED;
	return 0;
}

static int verify_any(const struct checkpoint *c, const struct checkpoint_keys *keys,
		      const uint8_t *signature, size_t len)
{
	int r = -EKEYREJECTED;

	for (unsigned i = 0; i < keys->n && r == -EKEYREJECTED; i++)
		r = verify(c, keys->items[i], signature, len);
	return r;
}

int checkpoint_read_any(struct bytes text, const struct checkpoint_keys *keys,
			struct checkpoint *ret)
{
	char base64[SIGNATURE_MAX * 4 / 3 + 8];
	uint8_t signature[SIGNATURE_MAX];
	struct checkpoint c = { 0 };
	struct texts t = { 0 };
	ssize_t len;
	int r;

	r = read_texts(text, &t, &c);
	if (r < 0)
		return r;
	if (t.signature.len >= sizeof(base64))
		return -EBADMSG;
	memcpy(base64, t.signature.p, t.signature.len);
	base64[t.signature.len] = '\0';
	len = base64_decode(base64, signature, sizeof(signature));
	if (len < 0)
		return -EBADMSG;
	r = keys ? verify_any(&c, keys, signature, (size_t)len) : 0;
	if (r == 0)
		*ret = c;
	return r;
}

int checkpoint_read(struct bytes text, const struct checkpoint_keys *keys,
		    struct checkpoint *ret)
{
	struct checkpoint c;
	int r = checkpoint_read_any(text, keys, &c);

	if (r < 0)
		return r;
	if (c.note)
		return -EBADMSG;
	*ret = c;
	return 0;
}
