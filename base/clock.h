/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_CLOCK_H
#define COCO_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Microseconds by the monotonic clock, for deadlines. */
static inline uint64_t now_usec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

#endif
