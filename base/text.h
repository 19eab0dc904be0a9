/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_TEXT_H
#define COCO_BASE_TEXT_H

#include <stdarg.h>

#include "base/macro.h"

/*
 * What somebody else wrote, on its way to a terminal or a log.  A bundle, a disk's header, a
 * server and a hypervisor could else move the cursor, hide a line or turn it around, and show a
 * person another verdict than ours.
 */

/*
 * The character at the beginning of the @len bytes at @s, and its length.  Returns 0 when they
 * do not begin with one of UTF-8 in its shortest form: not with half of one, a surrogate, or a
 * number over U+10FFFF.
 */
size_t utf8_next(const char *s, size_t len, uint32_t *ret);

/*
 * True for a character that does something else at a terminal than show itself: C0, DEL and C1
 * controls, marks and embeddings of direction, line and paragraph separators, and all that has
 * no width and no shape.  Tab and newline are among them.
 */
bool character_is_hidden(uint32_t c);

/*
 * Makes a '?' of each hidden character in @text, and of each byte that is not UTF-8.  What is
 * left is good UTF-8 on one line, and is not longer than it was.
 */
void make_printable(char *text);

/*
 * Like printf(3), for the standard output: made printable, but for the newlines of @format
 * itself.  Programs say nothing by other ways than this and base/log.h; the lint sees to that.
 *
 * A text of over 16 KiB is cut.  Returns how many bytes were written.
 */
size_t print(const char *format, ...) _printf_(1, 2);

/*
 * A JSON text for the standard output and a newline after it: what is hidden in its strings is
 * escaped ("\u009b"), so that programs read the same as without, and of bytes that are not
 * UTF-8 U+FFFD is made.  Returns 0 or -ENOMEM.
 */
int print_json_text(const char *json);

/* The text that print_json_text() prints, which is yours, or NULL: out of memory. */
char *json_text_printable(const char *json);

#endif
