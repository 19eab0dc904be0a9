/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_LINES_H
#define COCO_BROKER_STORE_LINES_H

#include "base/cause.h"
#include "wire/bytes.h"

/* Reads a file line by line, with a limit.  It is zero before, but for fd and max. */
struct lines {
	int fd;			/* borrowed */
	size_t max;		/* bytes of a line, its newline included */
	uint64_t number;	/* of the line that was returned last, from 1 */

	char *data;
	size_t start, end;	/* of what is read and not yet returned */
};

/*
 * The next line, with its newline.  @ret points into @l and is good until the next call.
 * Returns 1 with a line; 0 at the end; -EBADMSG for a line that is too long or has no newline;
 * -ENOMEM; -EIO.
 */
int lines_next(struct lines *l, struct bytes *ret, struct cause *why);
void lines_done(struct lines *l);

#endif
