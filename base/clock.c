/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <errno.h>
#include <string.h>

/* Read a number of exactly @n digits, and move @p past it. */
static int take_number(const char **p, int n, int *ret)
{
	int v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -EINVAL;
		v = 10 * v + (**p - '0');
	}
	*ret = v;
	return 0;
}

static int take_char(const char **p, const char *which)
{
	if (!**p || !strchr(which, **p))
		return -EINVAL;
	return *(*p)++;
}

/* Read "Z" or an offset such as "+01:30".  @ret is in seconds. */
static int take_zone(const char **p, int *ret)
{
	int sign = take_char(p, "Zz+-"), hours, minutes;

	*ret = 0;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (sign < 0 || take_number(p, 2, &hours) < 0 || take_char(p, ":") < 0 ||
	    take_number(p, 2, &minutes) < 0 || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return 0;
}

int time_parse(const char *text, int64_t *ret)
{
	struct tm tm = { 0 }, again;
	int zone = 0, r;
	time_t t;

	r = take_number(&text, 4, &tm.tm_year);
	if (r < 0 || take_char(&text, "-") < 0 || take_number(&text, 2, &tm.tm_mon) < 0 ||
	    take_char(&text, "-") < 0 || take_number(&text, 2, &tm.tm_mday) < 0)
		return -EINVAL;
	if (*text) {
		if (take_char(&text, "Tt ") < 0 || take_number(&text, 2, &tm.tm_hour) < 0 ||
		    take_char(&text, ":") < 0 || take_number(&text, 2, &tm.tm_min) < 0 ||
		    take_char(&text, ":") < 0 || take_number(&text, 2, &tm.tm_sec) < 0)
			return -EINVAL;
		/* Fractions of a second make no difference here. */
		if (*text == '.')
			for (text++; *text >= '0' && *text <= '9'; text++)
				;
		if (take_zone(&text, &zone) < 0 || *text)
			return -EINVAL;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	again = tm;
	t = timegm(&again);
	/* timegm() turns February 30 into March 2. */
	if (again.tm_mday != tm.tm_mday || again.tm_mon != tm.tm_mon ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return -EINVAL;
	*ret = (int64_t)t - zone;
	return 0;
}
