/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_OPTIONS_HELP_H
#define COCO_BASE_OPTIONS_HELP_H

#include "base/option.h"

/*
 * The answer to --help.  Programs ask command_read(); for what they add at its end there are
 * help_text() and help_row(), the rest is for base/options*.c.
 *
 * No line is longer than a terminal is wide.  Verbs begin with a capital letter, options with a
 * small one, and neither ends with a full stop; what is a sentence by itself has both.
 */
#define HELP_COLUMNS 80

/* Print @text behind @indent blanks, broken between words. */
void help_text(const char *text, unsigned indent);

/* Print "  @left  @text" with the texts of all rows of the same @width below each other. */
void help_row(const char *left, unsigned width, const char *text);

/* Where on the command line we are: error messages and --help are about this. */
struct place {
	const struct program *program;
	const char *group;		/* the first word of a verb that has two, or NULL */
	const struct verb *verb;	/* NULL before the verb, and when there is none */
	const struct option_row *rows;
	const struct option_row *words;	/* what may stand without dashes */
};

/* @verb is NULL before the verb, and when there is none. */
struct place place_of(const struct program *p, const struct verb *verb);

/* "cococtl attest verify": what a person types before --help.  Returns @ret. */
#define PLACE_MAX (2 * OPTION_NAME_MAX)
const char *place_command(const struct place *at, char ret[static PLACE_MAX]);

/* "attest verify", or the program's name before the verb. */
const char *place_name(const struct place *at);

/* True where --version is an option: it is no verb's. */
bool place_has_version(const struct place *at);

/*
 * The second word of @verb when @group is its first, else NULL; the whole name when @group is
 * NULL.
 */
const char *place_verb_in(const struct verb *verb, const char *group);

/* True if @word is the first of the two words of a verb. */
bool place_is_group(const struct program *p, const char *word);

/* The verb that @word names here, behind the group if there is one; or NULL. */
const struct verb *place_find_verb(const struct place *at, const char *word);

void place_print_help(const struct place *at);

#endif
