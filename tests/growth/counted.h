/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_GROWTH_COUNTED_H
#define COCO_TESTS_GROWTH_COUNTED_H

#include <stddef.h>

/*
 * What of the heap is in use: bytes as they were asked for, by this program and every library
 * in it.  A program that is linked with counted.c has its malloc() and the others; with
 * AddressSanitizer it is the sanitizer that counts, and then blocks are not known and 0.
 */
struct counted {
	size_t bytes;
	size_t blocks;
};

struct counted counted_now(void);

#endif
