/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_WIRE_GUID_H
#define COCO_WIRE_GUID_H

#include "wire/freestanding.h"

#define GUID_LEN 16
#define GUID_TEXT_LEN 36	/* without the NUL */

/*
 * An EFI GUID as it lies in memory.  The first three groups of its text are little-endian; the
 * rest is in order.
 */
struct guid {
	uint8_t b[GUID_LEN];
};

/* A literal from the five groups of the text. */
#define GUID_INIT_TEXT(a, b_, c, d0, d1, e0, e1, e2, e3, e4, e5) \
	{ { (a) & 0xff, ((a) >> 8) & 0xff, ((a) >> 16) & 0xff, ((a) >> 24) & 0xff, (b_) & 0xff, \
	    ((b_) >> 8) & 0xff, (c) & 0xff, ((c) >> 8) & 0xff, d0, d1, e0, e1, e2, e3, e4, e5 } }

/* The GUID in the 16 bytes at @p. */
struct guid guid_at(const uint8_t *p);

bool guid_equal(const struct guid *a, const struct guid *b);
bool guid_is_zero(const struct guid *g);

/*
 * Write the text form, "736869e5-84f0-4973-92ec-06879ce3da0b", in lower case and with a NUL.  The
 * kernel names the files of secrets so.
 */
void guid_format(const struct guid *g, char ret[static GUID_TEXT_LEN + 1]);

/* Parse the text form in either case: @len bytes with nothing around it.  Returns 0 or -EINVAL. */
int guid_parse(const char *text, size_t len, struct guid *ret);

#endif
