/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_CLOCK_H
#define COCO_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Microseconds by @clock, which is one that each system has. */
static inline uint64_t clock_usec(clockid_t clock)
{
	struct timespec t = { 0 };

	(void) clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The same by the monotonic clock, for deadlines. */
static inline uint64_t now_usec(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}

/*
 * The time @t, in seconds since 1970, as in 2026-01-31T12:00:00Z.  False, with @ret not written,
 * for a time that no calendar has.
 */
#define TIME_TEXT_MAX 40
static inline bool time_format(int64_t t, char ret[static TIME_TEXT_MAX])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	return gmtime_r(&seconds, &tm) &&
	       strftime(ret, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0;
}

/*
 * Read a date, "2026-01-31" for the midnight (UTC) at its beginning, or a time as in RFC 3339,
 * "2026-01-31T12:00:00Z" or with an offset.  Returns 0, or -EINVAL for other texts and for a date
 * that no calendar has.
 */
int time_parse(const char *text, int64_t *ret);

#endif
