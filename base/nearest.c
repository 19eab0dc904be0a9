/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters differ, each of the four mistakes being one; both are short. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	/* For the beginnings of @a of i, i - 1 and i - 2 letters, and each beginning of @b. */
	unsigned char rows[3][NEAREST_NAME_MAX + 1];

	for (size_t i = 0; i <= n; i++) {
		unsigned char *d = rows[i % 3], *above = rows[(i + 2) % 3];

		for (size_t j = 0; j <= m; j++) {
			unsigned least = (unsigned)(i + j);

			if (i > 0 && j > 0) {
				unsigned changed = !same(a[i - 1], b[j - 1]);

				least = MIN(above[j], d[j - 1]) + 1u;
				least = MIN(least, above[j - 1] + changed);
			}
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				least = MIN(least, rows[(i + 1) % 3][j - 2] + 1u);
			d[j] = (unsigned char)least;
		}
	}
	return rows[n % 3][m];
}

void nearest_init(struct nearest *g, const char *wrong, size_t len)
{
	*g = (struct nearest){ .wrong_len = MIN(len, (size_t)NEAREST_NAME_MAX + 1) };
	memcpy(g->wrong, wrong, MIN(len, (size_t)NEAREST_NAME_MAX));
}

void nearest_try(struct nearest *g, const char *name)
{
	size_t n = g->wrong_len, m = strnlen(name, NEAREST_NAME_MAX + 1);
	unsigned near = 1 + (unsigned)n / 4, far;

	if (n > NEAREST_NAME_MAX || m > NEAREST_NAME_MAX)
		return;
	if (n > 1 && n < m && strncasecmp(name, g->wrong, n) == 0)
		far = 1;
	else if (n > m + near || m > n + near)
		return;
	else
		far = distance(g->wrong, n, name, m);
	if (far > near || far >= m || (g->name[0] && far >= g->far))
		return;
	memcpy(g->name, name, m + 1);
	g->far = far;
}

void nearest_in_list(struct nearest *g, const char *text, size_t len,
		     void (*try_all)(struct nearest *g, const void *u), const void *u)
{
	const char *end = text + len, *next;

	for (const char *word = text; word < end; word = next + 1) {
		const char *stop = word;

		for (next = word; next < end && *next != ' ' && *next != ','; next++)
			stop += stop == next && *next != ':';
		nearest_init(g, word, (size_t)(stop - word));
		try_all(g, u);
		if (g->name[0] && g->far > 0)
			return;
	}
	nearest_init(g, "", 0);
}

static void try_quoted(struct nearest *g, const void *expected)
{
	for (const char *p = expected; (p = strchr(p, '\'')); ) {
		char name[NEAREST_NAME_MAX + 1];
		size_t len = strcspn(++p, "'"), n = strcspn(p, "':");

		if (n < sizeof(name)) {
			memcpy(name, p, n);
			name[n] = '\0';
			nearest_try(g, name);
		}
		p += len + (p[len] == '\'');
	}
}

void nearest_quoted(struct nearest *g, const char *text, size_t len, const char *expected)
{
	nearest_in_list(g, text, len, try_quoted, expected);
}

const char *nearest_text(const struct nearest *g, const char *dashes,
			 char ret[static NEAREST_TEXT_MAX])
{
	ret[0] = '\0';
	if (g->name[0])
		snprintf(ret, NEAREST_TEXT_MAX, "; did you mean %s%s?", dashes, g->name);
	return ret;
}
