/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/audit-chain.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/parse.h"
#include "wire/jspan.h"

static const char label[] = "coco audit 1";

#define NUMBER_DIGITS 16
#define INDEX_DIGITS 4
#define INSTANCE_CHARACTERS \
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-."

bool audit_instance_is_valid(const char *name)
{
	size_t len = strspn(name, INSTANCE_CHARACTERS);

	return len > 0 && len <= AUDIT_INSTANCE_MAX && !name[len];
}

/* ---- keys ---- */

void audit_key_instance(const char *instance, char ret[static AUDIT_KEY_LEN])
{
	(void) snprintf(ret, AUDIT_KEY_LEN, AUDIT_PREFIX "%s/", instance);
}

void audit_key_batch(const char *instance, uint64_t number, char ret[static AUDIT_KEY_LEN])
{
	(void) snprintf(ret, AUDIT_KEY_LEN, AUDIT_PREFIX "%s/%016" PRIx64 ".", instance, number);
}

void audit_key_line(const char *instance, uint64_t number, unsigned index,
		    char ret[static AUDIT_KEY_LEN])
{
	(void) snprintf(ret, AUDIT_KEY_LEN, AUDIT_PREFIX "%s/%016" PRIx64 ".%04x", instance, number,
			index);
}

void audit_key_fence(const char *instance, char ret[static AUDIT_KEY_LEN])
{
	(void) snprintf(ret, AUDIT_KEY_LEN, AUDIT_FENCES "%s", instance);
}

/* Exactly @n digits in lower case: each number has one form. */
static int read_digits(const char *text, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		int d = hex_value(text[i]);

		if (d < 0 || (text[i] >= 'A' && text[i] <= 'F'))
			return -EBADMSG;
		v = v << 4 | (uint64_t)d;
	}
	*ret = v;
	return 0;
}

int audit_key_read(const char *key, const char *instance, uint64_t *ret_number, unsigned *ret_index)
{
	uint64_t number, index;
	char prefix[AUDIT_KEY_LEN];
	const char *p;

	audit_key_instance(instance, prefix);
	p = startswith(key, prefix);
	if (!p || strlen(p) != NUMBER_DIGITS + 1 + INDEX_DIGITS || p[NUMBER_DIGITS] != '.' ||
	    read_digits(p, NUMBER_DIGITS, &number) < 0 ||
	    read_digits(p + NUMBER_DIGITS + 1, INDEX_DIGITS, &index) < 0)
		return -EBADMSG;
	*ret_number = number;
	*ret_index = (unsigned)index;
	return 0;
}

/* ---- fences ---- */

void audit_fence_format(const struct audit_fence *f, char ret[static AUDIT_FENCE_LEN + 1])
{
	char head[2 * AUDIT_HEAD_LEN + 1], mark[2 * sizeof(f->mark) + 1];

	format_hex(f->before, sizeof(f->before), head);
	format_hex(f->mark, sizeof(f->mark), mark);
	(void) snprintf(ret, AUDIT_FENCE_LEN + 1, "%016" PRIx64 " %s %s", f->number, head, mark);
}

int audit_fence_read(const void *text, size_t len, struct audit_fence *ret)
{
	struct audit_fence f;
	const char *p = text;

	if (len != AUDIT_FENCE_LEN || read_digits(p, NUMBER_DIGITS, &f.number) < 0 ||
	    f.number < 2 || p[NUMBER_DIGITS] != ' ')
		return -EBADMSG;
	p += NUMBER_DIGITS + 1;
	if (hex_decode(p, sizeof(f.before), f.before) < 0 || p[2 * sizeof(f.before)] != ' ')
		return -EBADMSG;
	p += 2 * sizeof(f.before) + 1;
	if (hex_decode(p, sizeof(f.mark), f.mark) < 0)
		return -EBADMSG;
	*ret = f;
	return 0;
}

/* ---- lines ---- */

struct line_texts {
	struct bytes instance, batch, index, at, prev, heads;
};

static const struct jspan_field line_fields[] = {
	{ "instance", jspan_read_text, offsetof(struct line_texts, instance) },
	{ "batch", jspan_read_value, offsetof(struct line_texts, batch) },
	{ "index", jspan_read_value, offsetof(struct line_texts, index) },
	{ "at", jspan_read_value, offsetof(struct line_texts, at) },
	{ "prev", jspan_read_value, offsetof(struct line_texts, prev) },
	{ "heads", jspan_read_value, offsetof(struct line_texts, heads), true },
	{ NULL },
};

static int read_instance(struct bytes text, char ret[static AUDIT_INSTANCE_MAX + 1])
{
	if (text.len > AUDIT_INSTANCE_MAX)
		return -EBADMSG;
	memcpy(ret, text.p, text.len);
	ret[text.len] = '\0';
	return audit_instance_is_valid(ret) ? 0 : -EBADMSG;
}

int audit_line_read(struct bytes text, struct audit_line *ret)
{
	struct line_texts t = { 0 };
	struct audit_line line = { 0 };
	struct bytes object;

	if (text.len > AUDIT_LINE_MAX)
		return -EMSGSIZE;
	if (jspan_check(text, &object) < 0 ||
	    jspan_object_read(object, line_fields, /* closed= */ false, &t, NULL) < 0 ||
	    read_instance(t.instance, line.instance) < 0 ||
	    jspan_uint(t.batch, INT64_MAX, &line.batch) < 0 ||
	    jspan_uint(t.index, UINT16_MAX, &line.index) < 0 ||
	    jspan_uint(t.at, INT64_MAX, &line.at) < 0 ||
	    jspan_hex(t.prev, line.prev, sizeof(line.prev)) < 0 ||
	    (t.heads.p && jspan_type(t.heads) != JSPAN_OBJECT))
		return -EBADMSG;
	line.heads = t.heads;
	*ret = line;
	return 0;
}

int audit_heads_next(struct bytes *it, char ret_instance[static AUDIT_INSTANCE_MAX + 1],
		     uint64_t *ret_number, uint8_t ret_before[static AUDIT_HEAD_LEN])
{
	struct bytes name, value, text;
	const char *p;
	int r;

	r = jspan_next_member(it, &name, &value);
	if (r <= 0)
		return r;
	if (read_instance(name, ret_instance) < 0 || jspan_text(value, &text) < 0 ||
	    text.len != NUMBER_DIGITS + 1 + 2 * AUDIT_HEAD_LEN)
		return -EBADMSG;
	p = (const char *)text.p;
	if (read_digits(p, NUMBER_DIGITS, ret_number) < 0 || p[NUMBER_DIGITS] != ' ' ||
	    hex_decode(p + NUMBER_DIGITS + 1, AUDIT_HEAD_LEN, ret_before) < 0)
		return -EBADMSG;
	return 1;
}

bool audit_line_is_taken(struct bytes text)
{
	struct bytes value;

	for (const struct jspan_field *f = line_fields; f->name; f++)
		if (jspan_member(text, f->name, &value) == 0)
			return true;
	return false;
}

/* ---- the head ---- */

int audit_hash_init(struct audit_hash *h)
{
	*h = (struct audit_hash){ .c = EVP_MD_CTX_new() };
	return h->c ? 0 : -ENOMEM;
}

void audit_hash_done(struct audit_hash *h)
{
	EVP_MD_CTX_free(h->c);
	h->c = NULL;
}

int audit_hash_begin(struct audit_hash *h, const uint8_t before[static AUDIT_HEAD_LEN],
		     uint64_t number)
{
	uint8_t n[8];

	for (size_t i = 0; i < sizeof(n); i++)
		n[i] = (uint8_t)(number >> (56 - 8 * i));
	memmove(h->before, before, sizeof(h->before));
	h->n = 0;
	if (EVP_DigestInit_ex(h->c, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(h->c, label, sizeof(label)) != 1 ||
	    EVP_DigestUpdate(h->c, h->before, sizeof(h->before)) != 1 ||
	    EVP_DigestUpdate(h->c, n, sizeof(n)) != 1)
		return -ENOMEM;
	return 0;
}

int audit_hash_line(struct audit_hash *h, unsigned index, struct bytes text)
{
	uint8_t part[4 + AUDIT_HEAD_LEN];

	for (size_t i = 0; i < 4; i++)
		part[i] = (uint8_t)(index >> (24 - 8 * i));
	if (EVP_Digest(text.p, text.len, part + 4, NULL, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(h->c, part, sizeof(part)) != 1)
		return -ENOMEM;
	h->n++;
	return 0;
}

int audit_hash_end(struct audit_hash *h, uint8_t ret[static AUDIT_HEAD_LEN])
{
	if (h->n == 0) {
		memcpy(ret, h->before, sizeof(h->before));
		return 0;
	}
	return EVP_DigestFinal_ex(h->c, ret, NULL) == 1 ? 0 : -ENOMEM;
}
