/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_ARRAY_H
#define COCO_BASE_ARRAY_H

#include <stdlib.h>

/*
 * An array of @n elements of @size bytes that grew by this function alone, with room for one more:
 * where there is none, room is made for twice as many.  Returns the array, which may have moved;
 * NULL without memory, and then @array is as it was.
 */
static inline void *array_room(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return array;
	return reallocarray(array, n > 0 ? 2 * n : 1, size);
}

#endif
