/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_DER_BUILD_H
#define COCO_TESTS_UNIT_DER_BUILD_H

#include "wire/bytes.h"

/* DER, and what is almost DER, piece by piece. */
struct der {
	uint8_t b[4096];
	size_t n;
};

static inline struct bytes der_bytes(const struct der *d)
{
	return (struct bytes){ d->b, d->n };
}

static inline void der_add(struct der *d, struct bytes more)
{
	assert_true(more.len <= sizeof(d->b) - d->n);
	if (more.len > 0)
		memcpy(d->b + d->n, more.p, more.len);
	d->n += more.len;
}

static inline void der_add_bytes(struct der *d, const void *p, size_t len)
{
	der_add(d, (struct bytes){ p, len });
}

/* The tag, and a length that has @more bytes than it needs: BER, unless that is 0. */
static inline void der_add_head(struct der *d, uint8_t tag, size_t len, unsigned more)
{
	unsigned n = (len > 0x7f) + (len > 0xff) + more;

	der_add_bytes(d, &tag, 1);
	if (n > 0)
		der_add_bytes(d, &(uint8_t){ (uint8_t)(0x80 | n) }, 1);
	for (unsigned i = n > 0 ? n : 1; i > 0; i--)
		der_add_bytes(d, &(uint8_t){ i > 2 ? 0 : (uint8_t)(len >> 8 * (i - 1)) }, 1);
}

static inline void der_wrap(struct der *d, uint8_t tag, struct bytes in)
{
	der_add_head(d, tag, in.len, 0);
	der_add(d, in);
}

static inline void der_wrap_ber(struct der *d, uint8_t tag, struct bytes in)
{
	der_add_head(d, tag, in.len, 1);
	der_add(d, in);
}

#endif
