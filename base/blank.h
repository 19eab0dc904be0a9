/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_BASE_BLANK_H
#define COCO_BASE_BLANK_H

/* In no locale.  Nothing is included and nothing called. */

/* Between words of one line. */
static inline _Bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

/* The blanks of JSON, PEM and headers: the end of a line is one. */
static inline _Bool is_space(int c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

#endif
