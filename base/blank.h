/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_BASE_BLANK_H
#define COCO_BASE_BLANK_H

/* Independent of the locale.  For the kernel too: this includes nothing and calls nothing. */

/* Blanks between the words of a line. */
static inline _Bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

/* The blanks of JSON, PEM and headers, which include line ends. */
static inline _Bool is_space(int c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

#endif
