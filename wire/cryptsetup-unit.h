/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CRYPTSETUP_UNIT_H
#define COCO_WIRE_CRYPTSETUP_UNIT_H

#include "wire/crypttab.h"

#define CRYPTSETUP_UNIT_MAX (64 * 1024)	/* bytes of the file that are read at most */

/*
 * Read the unit that systemd-cryptsetup-generator(8) has made of a volume, from crypttab or from
 * the kernel's command line.  Its only ExecStart= is
 *
 *	ExecStart=PROGRAM attach 'VOLUME' 'DEVICE' 'KEY' 'OPTIONS'
 *
 * @text is NUL-terminated and is changed; @ret points into it, with line number 0.  An empty KEY or
 * OPTIONS is "".
 *
 * Returns 0; -ENOENT without such a line; -EEXIST for two; -EINVAL for another form, and for what
 * systemd would not take as it stands there: a backslash, a quote, a variable, an unknown
 * specifier.
 */
int cryptsetup_unit_read(char *text, struct crypttab_line *ret);

#endif
