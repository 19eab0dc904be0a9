/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_BUNDLE_H
#define COCO_ATTEST_BUNDLE_H

#include "base/macro.h"
#include "wire/bundle.h"

/* Evidence being collected, or read from a pack.  The bytes are public. */
struct bundle_item {
	enum bundle_kind kind;
	bool own; /* from the verifier's configuration or cache, not from the sender */
	uint8_t *data;		/* followed by a NUL that is not counted */
	size_t len;
};

struct bundle {
	struct bundle_item items[BUNDLE_ITEMS_MAX];
	size_t n_items;
};

/* Free the items; the bundle is empty afterwards. */
void bundle_done(struct bundle *e);

/*
 * Add a copy of @len bytes.  bundle_add_own() marks the item as the verifier's own.
 * Returns 0; -EEXIST if @kind does not repeat and is there already; -EMSGSIZE over BUNDLE_ITEM_MAX
 * or BUNDLE_ITEMS_MAX; -EBADMSG for text with a NUL in it; -ENOMEM.
 */
int bundle_add(struct bundle *e, enum bundle_kind kind, const void *data, size_t len);
int bundle_add_own(struct bundle *e, enum bundle_kind kind, const void *data, size_t len);
int bundle_add_text(struct bundle *e, enum bundle_kind kind, const char *format, ...)
	_printf_(3, 4);

/* The @n-th item (from 0) of @kind, or NULL.  The item stays @e's. */
const struct bundle_item *bundle_find(const struct bundle *e, enum bundle_kind kind, size_t n);

/* The text of the first item of @kind, or "". */
const char *bundle_text(const struct bundle *e, enum bundle_kind kind);

/*
 * Write @e to @fd as a pack (wire/bundle.h).  Returns 0; -EMSGSIZE over BUNDLE_PACK_MAX; an errno
 * of write(2).
 */
int bundle_write_pack(const struct bundle *e, int fd);

/*
 * Add all items of a pack.  Returns 0, or an error of bundle_begin(), bundle_next() or
 * bundle_add().
 */
int bundle_read_pack(struct bundle *e, const uint8_t *pack, size_t len);

#endif
