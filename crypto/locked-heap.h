/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_LOCKED_HEAP_H
#define COCO_CRYPTO_LOCKED_HEAP_H

#include <stddef.h>

/*
 * Have OpenSSL put private keys into @size bytes of locked memory, which are wiped when they are
 * given back, are left out of core dumps, and are zero in a forked child.  @size is a power of 2.
 * A heap that is full is no memory: there is no other place for a key then.  Again: nothing.
 *
 * Returns 0; -ENOMEM when so much memory cannot be locked, or somebody made another heap.
 */
int locked_heap_init(size_t size);

/*
 * @size zeros there, for OPENSSL_secure_clear_free().  NULL when it is full, or there is no such
 * heap: OpenSSL itself would take another.
 */
void *locked_heap_new(size_t size);

#endif
