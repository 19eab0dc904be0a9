/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_INI_H
#define COCO_BASE_INI_H

#include "base/macro.h"

/*
 * The format of all our configuration files:
 *
 *	# a comment; so is a line that begins with ';'
 *	[Section]
 *	Name=value
 *
 * Each line stands for itself.  Blanks around a line, a name or a value do not count.  Double
 * quotes around a value do not count either, and change nothing.  There are no escapes, no
 * continued lines, and no comments behind a value: whatever readers of such files disagree about
 * is refused, so that a text has one meaning.
 */

#define INI_LINE_MAX 1024	/* bytes of a line without its newline */
#define INI_ITEMS_MAX 1024	/* sections and options of a text */
#define INI_ERROR_LEN 192

struct ini_error {
	unsigned line;			/* 0: about the whole text */
	char text[INI_ERROR_LEN];	/* printable, without file and line */
};

/*
 * Check the raw text of a file, before anybody reads it.
 *
 * Refused are:
 *
 *  - NUL, carriage return, and all other control characters except tab and newline
 *  - bytes that are not UTF-8; characters that a terminal obeys, or that turn the direction of text
 *  - a line of more than INI_LINE_MAX bytes; more than INI_ITEMS_MAX sections and options
 *  - an option before the first section; a section, or an option of a section, that is given twice
 *  - a line that is neither a comment, nor [Section], nor Name=value; a name begins with a letter
 *    and has letters, digits, '_', '-' and '.'
 *  - a value that begins with a quote, unless it is "text" without quotes inside and without blanks
 *    at its ends; that ends with a backslash; or that has '#' or ';' at its beginning or after a
 *    blank
 *
 * Returns 0; -EBADMSG, or -EMSGSIZE for what is too long or too much, with @ret_error.
 */
int ini_check(const void *text, size_t len, struct ini_error *ret_error);

/*
 * The beginning of a section, or an option.  It points into the text, without the blanks and
 * quotes around it.
 */
struct ini_item {
	unsigned line;
	const char *section;
	size_t section_len;
	const char *name;	/* NULL where the section begins */
	size_t name_len;
	const char *value;	/* may be empty */
	size_t value_len;
};

/* A cursor over a text that has passed ini_check(). */
struct ini {
	const char *p;
	size_t len;
	unsigned line;
	const char *section;
	size_t section_len;
};

void ini_init(struct ini *ini, const void *text, size_t len);

/* Read the next section or option into @ret.  Returns 1, or 0 at the end. */
int ini_next(struct ini *ini, struct ini_item *ret);

/* True if the @len bytes of @text are @word. */
bool ini_is(const char *text, size_t len, const char *word);

/*
 * Rewrite a text that has passed ini_check(), in place, for a reader with rules of its own.
 * Comments become empty lines, the blanks and quotes around names and values are removed, and
 * each item keeps its line.  Any '#' or ';' that is left belongs to a value: tell the reader that
 * comments begin with INI_NO_COMMENT, which no such text has.  Returns the new length, which is
 * at most @len.
 */
#define INI_NO_COMMENT "\001"
size_t ini_plain(char *text, size_t len);

/*
 * Replace what stands in the sections @names, which end with NULL, by blanks, in a text that has
 * passed ini_check(): for a reader who knows nothing of them.  Each line stays where it was.
 */
void ini_blank_sections(char *text, const char *const *names);

#endif
