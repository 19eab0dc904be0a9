/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CRYPTTAB_H
#define COCO_WIRE_CRYPTTAB_H

#include "base/macro.h"

/*
 * crypttab(5): a volume in each line, its fields separated by blanks: VOLUME DEVICE [KEY
 * [OPTIONS]].  Lines that begin with '#' are comments.
 */
struct crypttab_line {
	char device[512];	/* as it stands there: a path, or "UUID=..." */
	char options[2048];	/* "" without */
};

/*
 * Find the line of @volume in the NUL-terminated @text.  Returns 0; -ENOENT without one; -EEXIST
 * for two; -EINVAL when it has no device, or a field that is longer than @ret has room for.
 */
int crypttab_find(const char *text, const char *volume, struct crypttab_line *ret);

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
