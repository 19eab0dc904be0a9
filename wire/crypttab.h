/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CRYPTTAB_H
#define COCO_WIRE_CRYPTTAB_H

#include "base/macro.h"

#define CRYPTTAB_MAX (1024 * 1024)	/* bytes of the file that are read at most */

/* crypttab(5): a volume in each line, VOLUME DEVICE [KEY [OPTIONS]], with blanks between. */

/* One line.  The texts are borrowed; @key and @options are "" when the line has none. */
struct crypttab_line {
	unsigned number;		/* from 1 */
	const char *volume, *device, *key, *options;
};

/*
 * Take the next line with a volume from @text, which is NUL-terminated and is changed; it moves
 * on, and @ret points into it.  @ret->number counts on: zero it before the first call.  Comments
 * and lines that systemd ignores are left out: those with one word, or with more than four.
 *
 * Returns 1 with a line, 0 at the end.
 */
int crypttab_next(char **text, struct crypttab_line *ret);

/*
 * Find the line of @volume in the NUL-terminated @text, which is changed; @ret points into it.
 * Returns 0; -ENOENT without one; -EEXIST for two.
 */
int crypttab_find(char *text, const char *volume, struct crypttab_line *ret);

/*
 * The value of the option "@name=..." in @options, which commas separate; "" if it is empty.
 * Returns 0; -ENOENT; -EEXIST when it is there twice; -EINVAL when @size has no room for it.
 */
int crypttab_option(const char *options, const char *name, char *ret, size_t size);

/*
 * The path of a field DEVICE: that of /dev/disk/by-uuid and so on for UUID=, PARTUUID=, LABEL= and
 * PARTLABEL=.  Returns 0; -EINVAL for what is neither these nor an absolute path, for a value that
 * udev would write in another way, and when @size has no room.
 */
int crypttab_device(const char *field, char *ret, size_t size);

#endif
