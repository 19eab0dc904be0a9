/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/lines.h"

#include <inttypes.h>
#include <unistd.h>

/* Returns the bytes that were read, 0 at the end of the file, or an error. */
static ssize_t fill(struct lines *l, struct cause *why)
{
	ssize_t n;

	memmove(l->data, l->data + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	if (l->end == l->max)
		return cause_set(why, -EBADMSG, "Line %" PRIu64 " is too long", l->number + 1);
	do
		n = read(l->fd, l->data + l->end, l->max - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return cause_set_io(why, errno, "Cannot read the file: %m");
	l->end += (size_t)n;
	return n;
}

int lines_next(struct lines *l, struct bytes *ret, struct cause *why)
{
	if (!l->data)
		l->data = malloc(l->max);
	if (!l->data)
		return cause_set_oom(why);
	for (;;) {
		const char *from = l->data + l->start;
		const char *newline = memchr(from, '\n', l->end - l->start);
		ssize_t n;

		if (newline) {
			ret->p = (const uint8_t *)from;
			ret->len = (size_t)(newline - from) + 1;
			l->start += ret->len;
			l->number++;
			return 1;
		}
		n = fill(l, why);
		if (n < 0)
			return (int)n;
		if (n == 0 && l->end > 0)
			return cause_set(why, -EBADMSG, "Line %" PRIu64 " is cut short",
					 l->number + 1);
		if (n == 0)
			return 0;
	}
}

void lines_done(struct lines *l)
{
	free(l->data);
	l->data = NULL;
}
