/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_OPTIONS_COMPLETE_H
#define COCO_BASE_OPTIONS_COMPLETE_H

#include "base/option.h"

/*
 * What may stand at the end of a command line, for the completion of shells, out of the same
 * tables that command_read() reads by.
 *
 * "PROGRAM --complete-words WORD..." prints it for the last word, which is not whole yet and may
 * be empty.  Each line of the answer is one of these:
 *
 *	WORD <tab> HELP		what the last word may become; it goes on if it ends in '=' or ':'
 *	WORD			the same, without help
 *	:files BEFORE		a file's name, behind BEFORE, which the last word begins with
 *	:folders BEFORE		the same for a folder's
 */
#define COMPLETE_OPTION "--complete-words"

/* A value that is being written. */
struct offers {
	const struct program *program;
	const char *const *words;	/* of the command line, without the program's name */
	size_t n_words;
	const char *before;		/* the last word: its beginning that is not the value's */
	size_t before_len;
	const char *text;		/* and the value's */
	const char *value;		/* what --help calls it, maybe with more behind */
};

/* Answer for the @n words at @words, which are at least one. */
void complete_words(const struct program *p, const char *const *words, size_t n);

/* Offer @word if it begins with the text; @help may be NULL.  For the functions of rows. */
void offer_word(const struct offers *o, const char *word, const char *help);

/* Offer the names of files. */
void offer_files(const struct offers *o);

/* The value of the program's option @name, if it was given before the verb; else NULL. */
const char *offers_given(const struct offers *o, const char *name);

#endif
