/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/record-text.h"

#include <inttypes.h>

#include "base/base64.h"
#include "base/text.h"
#include "wire/jspan.h"

static const void *at(const void *r, const struct record_member *m)
{
	return (const uint8_t *)r + m->offset;
}

/* ---- writing ---- */

void record_write_text(FILE *f, const char *text, size_t len)
{
	(void) fputc('"', f);
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)text[i];
		uint32_t point;
		size_t n = utf8_next(text + i, len - i, &point);

		if (n == 0)
			(void) fputc('?', f);
		else if (c < 0x20 || c == '"' || c == '\\')
			(void) fprintf(f, "\\u%04x", c);
		else
			(void) fwrite(text + i, 1, n, f);
		i += n > 0 ? n : 1;
	}
	(void) fputc('"', f);
}

static void write_hex(FILE *f, const uint8_t *data, size_t len)
{
	(void) fputc('"', f);
	for (size_t i = 0; i < len; i++)
		(void) fprintf(f, "%02x", data[i]);
	(void) fputc('"', f);
}

static void write_base64(FILE *f, const struct record_blob *blob)
{
	_cleanup_(freep) char *text = NULL;

	/* Without memory the text is no JSON, and whoever wrote it must look. */
	if (base64_encode(blob->data, blob->len, &text) == 0)
		(void) fprintf(f, "\"%s\"", text);
}

static void write_value(FILE *f, const struct record_member *m, const void *p)
{
	const struct record_blob *blob = p;
	const struct bytes *value = p;

	switch (m->kind) {
	case RECORD_TEXT:
		record_write_text(f, p, strnlen(p, m->size));
		break;
	case RECORD_HEX:
		write_hex(f, p, m->size);
		break;
	case RECORD_U32:
		(void) fprintf(f, "%" PRIu32, *(const uint32_t *)p);
		break;
	case RECORD_U64:
		(void) fprintf(f, "%" PRIu64, *(const uint64_t *)p);
		break;
	case RECORD_BOOL:
		(void) fputs(*(const bool *)p ? "true" : "false", f);
		break;
	case RECORD_BLOB:
		write_base64(f, blob);
		break;
	case RECORD_BLOB_TEXT:
		record_write_text(f, (const char *)blob->data, blob->len);
		break;
	case RECORD_OBJECT:
		(void) fputc('{', f);
		record_write(f, m->members, p);
		(void) fputc('}', f);
		break;
	case RECORD_VALUE:
		(void) fwrite(value->p, 1, value->len, f);
		break;
	}
}

void record_write(FILE *f, const struct record_member *members, const void *r)
{
	for (const struct record_member *m = members; m->name; m++) {
		(void) fprintf(f, "%s\"%s\":", m == members ? "" : ",", m->name);
		write_value(f, m, at(r, m));
	}
}

/* ---- reading ---- */

static int read_text(struct bytes value, char *ret, size_t size)
{
	char text[1024];
	size_t len;

	if (jspan_type(value) != JSPAN_STRING || value.len > sizeof(text) ||
	    jspan_string(value, text, sizeof(text), &len) < 0 || len >= size)
		return -EBADMSG;
	memcpy(ret, text, len + 1);
	return 0;
}

static int read_base64(struct bytes value, size_t max, struct record_blob *ret)
{
	_cleanup_(freep) char *text = NULL;
	struct bytes span;
	ssize_t n;

	if (jspan_text(value, &span) < 0 || span.len > 4 * (max / 3 + 1))
		return -EBADMSG;
	text = strndup((const char *)span.p, span.len);
	ret->data = malloc(span.len + 1);
	if (!text || !ret->data)
		return -ENOMEM;
	/* It reads over blanks, which nobody wrote. */
	n = strpbrk(text, " \t\r\n") ? -EBADMSG : base64_decode(text, ret->data, span.len);
	if (n < 0 || (size_t)n > max)
		return n == -ENOMEM ? -ENOMEM : -EBADMSG;
	ret->len = (size_t)n;
	return 0;
}

static int read_blob_text(struct bytes value, size_t max, struct record_blob *ret)
{
	if (jspan_type(value) != JSPAN_STRING || value.len > 6 * max + 2)
		return -EBADMSG;
	ret->data = malloc(value.len);
	if (!ret->data)
		return -ENOMEM;
	if (jspan_string(value, (char *)ret->data, value.len, &ret->len) < 0 || ret->len > max)
		return -EBADMSG;
	return 0;
}

static int read_number(struct bytes value, uint64_t max, uint64_t *ret)
{
	return jspan_uint(value, max, ret) < 0 ? -EBADMSG : 0;
}

static int read_bool(struct bytes value, bool *ret)
{
	enum jspan_type type = jspan_type(value);

	*ret = type == JSPAN_TRUE;
	return type == JSPAN_TRUE || type == JSPAN_FALSE ? 0 : -EBADMSG;
}

static int read_value(struct bytes value, const struct record_member *m, void *p)
{
	uint64_t n = 0;
	int r;

	switch (m->kind) {
	case RECORD_TEXT:
		return read_text(value, p, m->size);
	case RECORD_HEX:
		return jspan_hex(value, p, m->size);
	case RECORD_U32:
		r = read_number(value, UINT32_MAX, &n);
		*(uint32_t *)p = (uint32_t)n;
		return r;
	case RECORD_U64:
		return read_number(value, INT64_MAX, p);
	case RECORD_BOOL:
		return read_bool(value, p);
	case RECORD_BLOB:
		return read_base64(value, m->max, p);
	case RECORD_BLOB_TEXT:
		return read_blob_text(value, m->max, p);
	case RECORD_OBJECT:
		return record_read(value, m->members, 0, p);
	case RECORD_VALUE:
		*(struct bytes *)p = value;
		return 0;
	}
	return -EBADMSG;
}

int record_read(struct bytes object, const struct record_member *members, size_t n_more,
		void *ret)
{
	struct bytes name, value;
	size_t n = 0, n_found = 0;
	int r;

	for (const struct record_member *m = members; m->name; m++, n++) {
		r = jspan_member(object, m->name, &value);
		if (r == 0)
			r = read_value(value, m, (uint8_t *)ret + m->offset);
		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
	}
	while (jspan_next_member(&object, &name, &value) > 0)
		n_found++;
	return n_found == n + n_more ? 0 : -EBADMSG;
}

void record_done(const struct record_member *members, void *r)
{
	for (const struct record_member *m = members; m->name; m++) {
		struct record_blob *blob = (struct record_blob *)((uint8_t *)r + m->offset);

		if (m->kind == RECORD_OBJECT)
			record_done(m->members, blob);
		if (m->kind != RECORD_BLOB && m->kind != RECORD_BLOB_TEXT)
			continue;
		free(blob->data);
		*blob = (struct record_blob){ NULL, 0 };
	}
}
