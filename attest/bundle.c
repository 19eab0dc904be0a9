/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/bundle.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/io.h"

void bundle_done(struct bundle *e)
{
	for (size_t i = 0; i < e->n_items; i++)
		free(e->items[i].data);
	*e = (struct bundle){ 0 };
}

static int add(struct bundle *e, enum bundle_kind kind, bool own, const void *data, size_t len)
{
	uint8_t *copy;

	if (!bundle_kind_repeats(kind) && bundle_find(e, kind, 0))
		return -EEXIST;
	if (len > BUNDLE_ITEM_MAX || e->n_items >= BUNDLE_ITEMS_MAX)
		return -EMSGSIZE;
	if (bundle_kind_is_text(kind) && len > 0 && memchr(data, 0, len))
		return -EBADMSG;
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	e->items[e->n_items++] = (struct bundle_item){ kind, own, copy, len };
	return 0;
}

int bundle_add(struct bundle *e, enum bundle_kind kind, const void *data, size_t len)
{
	return add(e, kind, /* own= */ false, data, len);
}

int bundle_add_own(struct bundle *e, enum bundle_kind kind, const void *data, size_t len)
{
	return add(e, kind, /* own= */ true, data, len);
}

int bundle_add_text(struct bundle *e, enum bundle_kind kind, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return bundle_add(e, kind, text, strlen(text));
}

const struct bundle_item *bundle_find(const struct bundle *e, enum bundle_kind kind, size_t n)
{
	for (size_t i = 0; i < e->n_items; i++)
		if (e->items[i].kind == kind && n-- == 0)
			return &e->items[i];
	return NULL;
}

const char *bundle_text(const struct bundle *e, enum bundle_kind kind)
{
	const struct bundle_item *item = bundle_find(e, kind, 0);

	return item ? (const char *)item->data : "";
}

int bundle_write_pack(const struct bundle *e, int fd)
{
	size_t total = BUNDLE_MAGIC_LEN;
	uint8_t header[8];
	int r;

	for (size_t i = 0; i < e->n_items; i++)
		total += sizeof(header) + e->items[i].len;
	if (total > BUNDLE_PACK_MAX)
		return -EMSGSIZE;
	r = write_full(fd, BUNDLE_MAGIC, BUNDLE_MAGIC_LEN);
	for (size_t i = 0; r >= 0 && i < e->n_items; i++) {
		bundle_item_header(header, e->items[i].kind, e->items[i].own,
				   e->items[i].len);
		r = write_full(fd, header, sizeof(header));
		if (r >= 0)
			r = write_full(fd, e->items[i].data, e->items[i].len);
	}
	return r;
}

int bundle_read_pack(struct bundle *e, const uint8_t *pack, size_t len)
{
	struct bytes b = { pack, len };
	struct bundle_entry entry;
	int r;

	r = bundle_begin(&b);
	if (r < 0)
		return r;
	while ((r = bundle_next(&b, &entry)) > 0) {
		r = add(e, entry.kind, entry.own, entry.data.p, entry.data.len);
		if (r < 0)
			return r;
	}
	return r;
}
