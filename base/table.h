/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_TABLE_H
#define COCO_BASE_TABLE_H

#include "base/macro.h"

/*
 * A table for people, on standard output.  Where it is a terminal that is too narrow for its
 * lines, each row becomes a paragraph, so that no line is longer than the terminal and nothing is
 * cut off.  Elsewhere lines are as long as they have to be.
 *
 *	NAME  GUID                                  STATE
 *	luks  736869e5-84f0-4973-92ec-06879ce3da0b  present
 *
 *	luks
 *	  GUID
 *	    736869e5-84f0-4973-92ec-06879ce3da0b
 *	  STATE  present
 */

#define TABLE_COLUMNS_MAX 8

struct table_column {
	const char *title;
	bool right;		/* a number: its end is below the title's */
};

struct table {
	const struct table_column *columns;	/* borrowed */
	unsigned n_columns;			/* at most TABLE_COLUMNS_MAX */
	unsigned head;				/* the column that says what a row is */
	char **cells;				/* row by row */
	size_t n_rows;
};

/*
 * Add a row of @n_columns @cells, which are copied and made printable.
 * Returns 0 or -ENOMEM, which leaves the table as it was.
 */
int table_add(struct table *t, const char *const *cells);

/* Print all rows below their titles.  Without a row that is nothing. */
void table_print(const struct table *t);

void table_done(struct table *t);

/* For tests: as table_print() at a terminal of @columns. */
void table_print_at(const struct table *t, unsigned columns);

#endif
