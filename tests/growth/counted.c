/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/growth/counted.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZER_COUNTS 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define SANITIZER_COUNTS 1
#endif

#ifdef SANITIZER_COUNTS
#include <sanitizer/allocator_interface.h>

struct counted counted_now(void)
{
	return (struct counted){ .bytes = __sanitizer_get_current_allocated_bytes() };
}
#else

/*
 * The C library's own allocator reports blocks of its own sizes, which depend on the free memory
 * at the time.  To say that not one more byte is in use, each block here begins with the size
 * that was asked for:
 *
 *	(room for an alignment) | struct head | the caller's bytes
 */
extern void *__libc_malloc(size_t n);
extern void *__libc_memalign(size_t align, size_t n);
extern void __libc_free(void *p);

#define MAGIC UINT64_C(0x636f756e74656421)

struct head {
	uint64_t magic;
	size_t len;
	void *block;		/* the block from the C library */
	/* makes the size of a head a multiple of 16, the alignment of malloc() */
	size_t unused;
};

static struct counted in_use;

static void *hand_out(void *block, size_t offset, size_t len)
{
	struct head *h;

	if (!block)
		return NULL;
	h = (struct head *)((uint8_t *)block + offset) - 1;
	*h = (struct head){ .magic = MAGIC, .len = len, .block = block };
	in_use.bytes += len;
	in_use.blocks++;
	return h + 1;
}

static void *aligned(size_t align, size_t len)
{
	size_t offset = align > sizeof(struct head) ? align : sizeof(struct head);

	if (len > SIZE_MAX - offset) {
		errno = ENOMEM;
		return NULL;
	}
	return hand_out(__libc_memalign(align, len + offset), offset, len);
}

void *malloc(size_t len)
{
	if (len > SIZE_MAX - sizeof(struct head)) {
		errno = ENOMEM;
		return NULL;
	}
	return hand_out(__libc_malloc(len + sizeof(struct head)), sizeof(struct head), len);
}

void free(void *p)
{
	struct head *h = (struct head *)p - 1;

	/* The dynamic linker has blocks from before malloc() existed; leave them to it. */
	if (!p || h->magic != MAGIC)
		return;
	in_use.bytes -= h->len;
	in_use.blocks--;
	h->magic = 0;
	__libc_free(h->block);
}

void *calloc(size_t n, size_t size)
{
	size_t len;
	void *p;

	if (__builtin_mul_overflow(n, size, &len)) {
		errno = ENOMEM;
		return NULL;
	}
	p = malloc(len);
	/*
	 * Call through a volatile pointer: otherwise the compiler makes a calloc() of malloc()
	 * and memset(), which is this function.
	 */
	if (p)
		memset(*(void *volatile *)&p, 0, len);
	return p;
}

void *realloc(void *p, size_t len)
{
	const struct head *h = (struct head *)p - 1;
	void *q;

	if (!p)
		return malloc(len);
	if (len == 0) {
		free(p);
		return NULL;
	}
	q = malloc(len);
	if (!q)
		return NULL;
	memcpy(q, p, h->len < len ? h->len : len);
	free(p);
	return q;
}

void *memalign(size_t align, size_t len)
{
	return aligned(align, len);
}

void *aligned_alloc(size_t align, size_t len)
{
	return aligned(align, len);
}

int posix_memalign(void **ret, size_t align, size_t len)
{
	void *p = aligned(align, len);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

size_t malloc_usable_size(void *p)
{
	return p ? ((struct head *)p - 1)->len : 0;
}

struct counted counted_now(void)
{
	return in_use;
}
#endif
