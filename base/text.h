/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_TEXT_H
#define COCO_BASE_TEXT_H

#include <stdarg.h>

#include "base/macro.h"

/*
 * Text that somebody else wrote, on its way to a terminal or a log.  Otherwise a bundle, a disk's
 * header, a server or a hypervisor could move the cursor, hide a line or turn it around, and so
 * show a person another verdict than ours.
 */

/*
 * Decode the character at the beginning of the @len bytes at @s.  Returns its length; 0 when the
 * bytes do not begin with UTF-8 in its shortest form.  Half a character, a surrogate, and a
 * number above U+10FFFF give 0 too.
 */
size_t utf8_next(const char *s, size_t len, uint32_t *ret);

/*
 * True for a character that does something at a terminal other than show itself: C0, DEL and C1
 * controls, marks and embeddings of direction, line and paragraph separators, and everything
 * without width or shape.  Tab and newline are among them.
 */
bool character_is_hidden(uint32_t c);

/*
 * True if @word is in @text as a whole: what stands before and behind it is one of @separators, or
 * an end.
 */
bool text_has_word(const char *text, const char *separators, const char *word);

/*
 * Replace each hidden character in @text, and each byte that is not UTF-8, by '?'.  The result is
 * valid UTF-8 on one line, and is not longer than before.
 */
void make_printable(char *text);

/*
 * Like printf(3), to standard output, made printable except for the newlines of @format itself.
 * Programs print by this and base/log.h alone; the lint enforces that.
 *
 * A text of over 16 KiB is cut.  Returns the number of bytes written.
 */
size_t print(const char *format, ...) _printf_(1, 2);

/* Print a tab, which print() would not: between the columns of what programs read. */
void print_tab(void);

/*
 * Print @word to standard output, in colour when that is a terminal that can show it and the
 * environment has no NO_COLOR.  The word is made printable as by print().
 */
enum text_colour {
	TEXT_GREEN,
	TEXT_YELLOW,
	TEXT_RED,
	TEXT_FAINT,
};
void print_coloured(enum text_colour colour, const char *word);

/*
 * How many columns the terminal has that standard output is: what COLUMNS says, or else the
 * terminal.  0: it is none, or it does not say.
 */
unsigned terminal_columns(void);

/* When print_coloured() does so: by itself as above, or as somebody has said. */
enum text_colours {
	TEXT_COLOURS_AUTO,
	TEXT_COLOURS_ALWAYS,
	TEXT_COLOURS_NEVER,
};
void text_set_colours(enum text_colours when);
extern const char *const text_colours_words[];	/* "auto", "always", "never", NULL */

/*
 * Print a JSON text and a newline to standard output.  Hidden characters in its strings are
 * escaped ("\u009b"), so that programs read the same text.  Bytes that are not UTF-8 become
 * U+FFFD.  Returns 0, or -ENOMEM, also for a @json of NULL: the library that makes such texts
 * returns that without memory.
 */
int print_json_text(const char *json);

/*
 * The same, with the first of the @n @marks that is in the text in colour.  A mark such as
 * "\"what\":\"denied\"" begins and ends with a quotation mark: no string of the document can have
 * it in itself, where such marks are escaped.
 */
struct text_mark {
	const char *text;
	enum text_colour colour;
};
int print_json_marked(const char *json, const struct text_mark *marks, size_t n);

/* The text that print_json_text() would print, which is yours; NULL: out of memory. */
char *json_text_printable(const char *json);

/* Append @word to the text @list of @size bytes, behind ", " if there is a word; cut to size. */
void list_add_word(char *list, size_t size, const char *word);

#endif
