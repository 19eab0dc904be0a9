/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_NEAREST_H
#define COCO_BASE_NEAREST_H

#include "base/macro.h"

/*
 * Which name a person meant who has written another one: of verbs, options, secrets, and options
 * of configuration files.
 */

#define NEAREST_NAME_MAX 64	/* bytes; a longer name is never near, nor is one near to it */

/* The nearest name so far. */
struct nearest {
	size_t wrong_len;			/* NEAREST_NAME_MAX + 1 if it is longer */
	char wrong[NEAREST_NAME_MAX + 1];	/* what was written */
	char name[NEAREST_NAME_MAX + 1];	/* "" while no name is near enough */
	unsigned far;				/* letters between the two */
};

/* Begin with what was written, of @len bytes, which may be a file's: it need not be text. */
void nearest_init(struct nearest *g, const char *wrong, size_t len);

/*
 * @name takes the place of the nearest so far if it is nearer.  It is near when one letter of
 * every four, and one more, has to be added, taken away, changed or swapped with its neighbour,
 * or when @wrong is its beginning.  Upper and lower case are the same letter.
 *
 * The time that this takes is bounded by NEAREST_NAME_MAX squared, however long @name is.
 */
void nearest_try(struct nearest *g, const char *name);

/*
 * Begin with the first word of the value @text, a list with blanks or commas, that is near to a
 * name and none itself; only what stands before a colon counts.  @try_all tries all names, which
 * @u says.  If no word is like that, no name is near.
 */
void nearest_in_list(struct nearest *g, const char *text, size_t len,
		     void (*try_all)(struct nearest *g, const void *u), const void *u);

/*
 * The same, where the names are what @expected has between quotes, up to a colon: "'yes', 'no' or
 * 'ask:NAME'".
 */
void nearest_quoted(struct nearest *g, const char *text, size_t len, const char *expected);

/* "; did you mean --force?" with "--" for @dashes; "" when no name was near.  Returns @ret. */
#define NEAREST_TEXT_MAX (NEAREST_NAME_MAX + 32)
const char *nearest_text(const struct nearest *g, const char *dashes,
			 char ret[static NEAREST_TEXT_MAX]);

#endif
