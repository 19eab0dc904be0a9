/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_GROWTH_COUNTED_H
#define COCO_TESTS_GROWTH_COUNTED_H

#include <stddef.h>

/*
 * The heap that is in use: bytes as they were asked for, by this program and every library in
 * it.  A program that is linked with counted.c has its malloc() and the related functions.  With
 * AddressSanitizer the sanitizer counts, and the number of blocks is not known and 0.
 */
struct counted {
	size_t bytes;
	size_t blocks;
};

struct counted counted_now(void);

#endif
