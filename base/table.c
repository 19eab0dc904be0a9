/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/table.h"

#include <stdlib.h>

#include "base/text.h"

#define COLUMNS_MIN 20		/* in fewer nobody reads anything */
#define GAP 2
#define PIECE_MAX 8192		/* print() cuts a text of over 16 KiB */

/* How many columns a character takes at most: which of these are wide depends on the terminal. */
static size_t width_of(uint32_t c)
{
	return c < 0x1100 ? 1 : 2;
}

/* The number of bytes of @text that fit into @room columns, and the columns that they take. */
static size_t fit(const char *text, size_t room, size_t *ret_width)
{
	size_t left = strlen(text), len = 0, width = 0;

	while (len < left) {
		uint32_t c = 0;
		size_t n = utf8_next(text + len, left - len, &c);

		if (width + width_of(c) > room)
			break;
		width += width_of(c);
		len += MAX(n, (size_t)1);
	}
	*ret_width = width;
	return len;
}

static size_t text_width(const char *text)
{
	size_t width;

	(void) fit(text, SIZE_MAX, &width);
	return width;
}

/* Print @len bytes of @text, in pieces that are whole characters. */
static void put(const char *text, size_t len)
{
	while (len > 0) {
		size_t n = MIN(len, (size_t)PIECE_MAX);

		while (n < len && n > 1 && (text[n] & 0xc0) == 0x80)
			n--;
		print("%.*s", (int)n, text);
		text += n;
		len -= n;
	}
}

static void put_blanks(size_t n)
{
	print("%*s", (int)n, "");
}

/* ---- side by side ---- */

static const char *cell(const struct table *t, size_t row, unsigned column)
{
	return t->cells[row * t->n_columns + column];
}

/* The columns' widths, and that of a whole line. */
static size_t measure(const struct table *t, size_t ret[static TABLE_COLUMNS_MAX])
{
	size_t line = GAP * (t->n_columns - 1);

	for (unsigned i = 0; i < t->n_columns; i++) {
		ret[i] = text_width(t->columns[i].title);
		for (size_t row = 0; row < t->n_rows; row++)
			ret[i] = MAX(ret[i], text_width(cell(t, row, i)));
		line += ret[i];
	}
	return line;
}

static void print_cell(const struct table *t, unsigned column, const char *text, size_t width)
{
	size_t blanks = width - text_width(text);
	bool last = column + 1 == t->n_columns;

	if (t->columns[column].right)
		put_blanks(blanks);
	put(text, strlen(text));
	if (last)
		print("\n");
	else
		put_blanks(GAP + (t->columns[column].right ? 0 : blanks));
}

static void print_lines(const struct table *t, const size_t *widths)
{
	for (unsigned i = 0; i < t->n_columns; i++)
		print_cell(t, i, t->columns[i].title, widths[i]);
	for (size_t row = 0; row < t->n_rows; row++)
		for (unsigned i = 0; i < t->n_columns; i++)
			print_cell(t, i, cell(t, row, i), widths[i]);
}

/* ---- one below the other ---- */

/* Lines of at most @columns: between words, and within one that is longer than a line. */
static void print_wrapped(const char *text, size_t indent, size_t columns)
{
	do {
		size_t width, len = fit(text, columns - indent, &width), end = len;

		if (text[len]) {
			while (end > 0 && text[end] != ' ')
				end--;
			len = end > 0 ? end : len;
		}
		put_blanks(indent);
		put(text, len);
		print("\n");
		text += len;
		text += strspn(text, " ");
	} while (*text);
}

static void print_paragraph(const struct table *t, size_t row, size_t columns)
{
	size_t label = 0;

	for (unsigned i = 0; i < t->n_columns; i++)
		label = MAX(label, strlen(t->columns[i].title));
	print_wrapped(cell(t, row, t->head), 0, columns);
	for (unsigned i = 0; i < t->n_columns; i++) {
		const char *title = t->columns[i].title, *text = cell(t, row, i);

		if (i == t->head)
			continue;
		print("%*s%s", GAP, "", title);
		if (GAP + label + GAP + text_width(text) <= columns) {
			put_blanks(*text ? GAP + label - strlen(title) : 0);
			put(text, strlen(text));
			print("\n");
		} else {
			print("\n");
			print_wrapped(text, 2 * GAP, columns);
		}
	}
}

void table_print_at(const struct table *t, unsigned columns)
{
	size_t widths[TABLE_COLUMNS_MAX], line;

	if (t->n_rows == 0)
		return;
	line = measure(t, widths);
	if (columns < COLUMNS_MIN || line <= columns)
		print_lines(t, widths);
	else
		for (size_t row = 0; row < t->n_rows; row++)
			print_paragraph(t, row, columns);
}

void table_print(const struct table *t)
{
	table_print_at(t, terminal_columns());
}

/* ---- what is in it ---- */

int table_add(struct table *t, const char *const *cells)
{
	size_t n = t->n_rows * t->n_columns;
	char **more;
	unsigned i;

	assert(t->n_columns > 0 && t->n_columns <= TABLE_COLUMNS_MAX);
	more = reallocarray(t->cells, n + t->n_columns, sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->cells = more;
	for (i = 0; i < t->n_columns; i++) {
		more[n + i] = strdup(cells[i]);
		if (!more[n + i])
			break;
		make_printable(more[n + i]);
	}
	if (i == t->n_columns) {
		t->n_rows++;
		return 0;
	}
	while (i > 0)
		free(more[n + --i]);
	return -ENOMEM;
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n_rows = 0;
}
