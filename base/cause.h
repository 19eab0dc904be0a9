/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_CAUSE_H
#define COCO_BASE_CAUSE_H

#include "base/macro.h"

/*
 * Why a function failed, for people: one sentence without a full stop.  The function returns the
 * errno and fills this in; whoever gives up logs it, once (base/log.h makes it printable).
 */
#define CAUSE_MAX 2048	/* with its NUL; the log cuts a line there too */

struct cause {
	char text[CAUSE_MAX];
};

/* Set the text, cut to its size.  Returns @error, for "return cause_set(...)". */
int cause_set(struct cause *c, int error, const char *format, ...) _printf_(3, 4);

/*
 * Returns -ENOMEM for ENOMEM and -EIO for all others, so that nobody takes the system's errno for
 * one of ours: read(2) too has an EINVAL.
 */
int cause_set_io(struct cause *c, int error, const char *format, ...) _printf_(3, 4);

/* "Out of memory".  Returns -ENOMEM. */
int cause_set_oom(struct cause *c);

#endif
