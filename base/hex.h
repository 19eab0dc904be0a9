/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_BASE_HEX_H
#define COCO_BASE_HEX_H

/* For the files that the kernel compiles too: nothing is included and nothing called. */

/*
 * What the hexadecimal digit @c is worth, of either case: 0 to 15, or -1 for any other
 * character or byte, negative ones too.
 */
static inline int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

#endif
