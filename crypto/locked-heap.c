/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "crypto/locked-heap.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#include "base/macro.h"

#define BLOCK_MIN 32

/*
 * A child that is forked while there are keys may live longer, in memory that is not locked.  A
 * block as large as the heap is the heap.
 */
static int wipe_on_fork(size_t size)
{
	void *heap = OPENSSL_secure_malloc(size);
	int r = heap ? madvise(heap, size, MADV_WIPEONFORK) : -1;

	OPENSSL_secure_free(heap);
	return r < 0 ? -ENOMEM : 0;
}

int locked_heap_init(size_t size)
{
	static bool is_good;

	if (is_good)
		return 0;
	/* 2: the memory could not be locked. */
	if (CRYPTO_secure_malloc_initialized() || CRYPTO_secure_malloc_init(size, BLOCK_MIN) != 1 ||
	    wipe_on_fork(size) < 0)
		return -ENOMEM;
	is_good = true;
	return 0;
}

void *locked_heap_new(size_t size)
{
	void *p = OPENSSL_secure_zalloc(size);

	if (p && !CRYPTO_secure_allocated(p)) {
		OPENSSL_secure_free(p);
		return NULL;
	}
	return p;
}
