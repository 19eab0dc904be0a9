/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_WIRE_BYTES_H
#define COCO_WIRE_BYTES_H

#include "wire/freestanding.h"

/*
 * A cursor over bytes that somebody else wrote.  The bytes are borrowed.  The cursor moves
 * forward only, and no function here reads past the end: it returns -EBADMSG instead, and the
 * cursor has not moved.
 */
struct bytes {
	const uint8_t *p;
	size_t len;
};

static inline int bytes_skip(struct bytes *b, size_t n)
{
	if (n > b->len)
		return -EBADMSG;
	b->p += n;
	b->len -= n;
	return 0;
}

/* The next @n bytes as a cursor of their own, good for as long as the bytes are. */
static inline int bytes_take(struct bytes *b, size_t n, struct bytes *ret)
{
	if (n > b->len)
		return -EBADMSG;
	ret->p = b->p;
	ret->len = n;
	return bytes_skip(b, n);
}

static inline uint16_t get_u16le(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_u32le(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t get_u64le(const uint8_t *p)
{
	return get_u32le(p) | (uint64_t)get_u32le(p + 4) << 32;
}

static inline uint16_t get_u16be(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_u32be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_u64be(const uint8_t *p)
{
	return (uint64_t)get_u32be(p) << 32 | get_u32be(p + 4);
}

static inline void put_u16le(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_u32le(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline int bytes_u16le(struct bytes *b, uint16_t *ret)
{
	if (b->len < 2)
		return -EBADMSG;
	*ret = get_u16le(b->p);
	return bytes_skip(b, 2);
}

static inline int bytes_u32le(struct bytes *b, uint32_t *ret)
{
	if (b->len < 4)
		return -EBADMSG;
	*ret = get_u32le(b->p);
	return bytes_skip(b, 4);
}

static inline int bytes_u64le(struct bytes *b, uint64_t *ret)
{
	if (b->len < 8)
		return -EBADMSG;
	*ret = get_u64le(b->p);
	return bytes_skip(b, 8);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (a.p[i] != b.p[i])
			return false;
	return true;
}

static inline bool bytes_all_zero(const struct bytes *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->p[i])
			return false;
	return true;
}

#endif
