/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_TOML_H
#define COCO_BASE_TOML_H

#include "base/cause.h"

/*
 * As much of TOML 1.0 as init data has: comments, tables with a name of one word, and keys of one
 * word whose values are strings, in any of the four forms.  All else is refused, so that a text
 * has the meaning that every other reader finds in it, or none.
 */

#define TOML_MAX (64 * 1024)	/* bytes of a text */
#define TOML_ITEMS_MAX 256	/* tables and keys */

struct toml_item {
	unsigned line;
	const char *table;	/* "" before the first */
	const char *key;	/* NULL where the table begins */
	const char *value;	/* may be empty */
};

struct toml {
	char *store;		/* where the texts of the items lie */
	size_t n_items;
	struct toml_item items[TOML_ITEMS_MAX];
};

/*
 * Read @len bytes of @text into @ret, which toml_done() frees.
 *
 * Refused are: other values and keys; a table, or a key of a table, that is there twice; an empty
 * key; bytes that are not UTF-8; control characters but tab, newline, and a carriage return before
 * a newline; a NUL, even one that is escaped.
 *
 * Returns 0; -EBADMSG, with the line and the reason in @why; -EMSGSIZE over TOML_MAX or
 * TOML_ITEMS_MAX; -ENOMEM.
 */
int toml_read(const char *text, size_t len, struct toml *ret, struct cause *why);

void toml_done(struct toml *t);

/* The value of @key in @table, or NULL. */
const char *toml_find(const struct toml *t, const char *table, const char *key);

/* True if the text has [@table]. */
bool toml_has_table(const struct toml *t, const char *table);

#endif
