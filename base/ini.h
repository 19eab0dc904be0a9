/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_INI_H
#define COCO_BASE_INI_H

#include "base/macro.h"

/*
 * The one format of our configuration files:
 *
 *	# a comment; so is a line that begins with ';'
 *	[Section]
 *	Name=value
 *
 * Each line stands for itself.  Blanks around a line, a name and a value do not count, nor do
 * double quotes around a value, and they change nothing.  There are no escapes, no lines that go
 * on, and no comments behind a value: what readers of such files disagree about is refused, so
 * that a text has one meaning.
 */

#define INI_LINE_MAX 1024	/* bytes of a line without its newline */
#define INI_ITEMS_MAX 1024	/* sections and options of a text */
#define INI_ERROR_LEN 192

struct ini_error {
	unsigned line;			/* 0: about the whole */
	char text[INI_ERROR_LEN];	/* printable, without file and line */
};

/*
 * Check the raw text of a file, before anybody reads it.
 *
 * Refused are: a NUL byte and other control characters but tab and newline, a carriage return
 * among them; bytes that are not UTF-8; characters that a terminal obeys or that turn the
 * direction of text; a line of more than INI_LINE_MAX bytes; an option before the first section;
 * a section, or an option of a section, that is given twice; a line that is neither a comment,
 * nor [Section], nor Name=value, with names of letters, digits, '_', '-' and '.' that begin with
 * a letter; a value that begins with a quote and is not "text" without quotes and blanks
 * at its ends in it, ends with a backslash, or has '#' or ';' at its
 * beginning or after a blank; more than INI_ITEMS_MAX sections and options.
 *
 * Returns 0; -EBADMSG, or -EMSGSIZE for what is too long or too much, with @ret_error.
 */
int ini_check(const void *text, size_t len, struct ini_error *ret_error);

/* A section's beginning or an option; it points into the text, without blanks and quotes around it. */
struct ini_item {
	unsigned line;
	const char *section;
	size_t section_len;
	const char *name;	/* NULL where the section begins */
	size_t name_len;
	const char *value;	/* may be empty */
	size_t value_len;
};

/* A cursor over a text that ini_check() has found good. */
struct ini {
	const char *p;
	size_t len;
	unsigned line;
	const char *section;
	size_t section_len;
};

void ini_init(struct ini *ini, const void *text, size_t len);

/* The next section or option into @ret.  Returns 1, 0 at the end. */
int ini_next(struct ini *ini, struct ini_item *ret);

/* True when the @len bytes of @text are @word. */
bool ini_is(const char *text, size_t len, const char *word);

/*
 * Rewrite a text that ini_check() has found good, in place, for a reader with rules of its own:
 * comments become empty lines, the blanks and quotes around names and values go, and each item
 * keeps its line.  '#' and ';' that are left are parts of values: tell the reader that comments begin with
 * INI_NO_COMMENT, which is in no such text.  Returns the new length, which is not more than @len.
 */
#define INI_NO_COMMENT "\001"
size_t ini_plain(char *text, size_t len);

#endif
