/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_NEAREST_H
#define COCO_BASE_NEAREST_H

#include "base/macro.h"

/* Which name a person meant who has typed another one. */

#define NEAREST_NAME_MAX 40	/* bytes; a longer name is never near */

/* The nearest name so far.  Begin with @wrong alone. */
struct nearest {
	const char *wrong;			/* what was typed; borrowed */
	char name[NEAREST_NAME_MAX + 1];	/* "" while no name is near enough */
	unsigned far;				/* letters between the two */
};

/*
 * @name takes the place of the nearest so far if it is nearer.  It is near when one letter of
 * every four, and one more, has to be added, taken away, changed or swapped with its neighbour,
 * or when @wrong is its beginning.
 */
void nearest_try(struct nearest *g, const char *name);

/* "; did you mean --force?" with "--" for @dashes; "" when no name was near.  Returns @ret. */
#define NEAREST_TEXT_MAX (NEAREST_NAME_MAX + 32)
const char *nearest_text(const struct nearest *g, const char *dashes,
			 char ret[static NEAREST_TEXT_MAX]);

#endif
