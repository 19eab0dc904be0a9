/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/nearest.h"

#include <stdio.h>

/* How many letters differ, each of the four mistakes being one. */
static unsigned distance(const char *a, const char *b)
{
	unsigned char d[NEAREST_NAME_MAX + 1][NEAREST_NAME_MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAREST_NAME_MAX || m > NEAREST_NAME_MAX)
		return 2 * NEAREST_NAME_MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned least = (unsigned)(i + j);

			if (i > 0 && j > 0) {
				unsigned changed = a[i - 1] != b[j - 1];

				least = MIN(d[i - 1][j], d[i][j - 1]) + 1u;
				least = MIN(least, d[i - 1][j - 1] + changed);
			}
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				least = MIN(least, d[i - 2][j - 2] + 1u);
			d[i][j] = (unsigned char)least;
		}
	return d[n][m];
}

void nearest_try(struct nearest *g, const char *name)
{
	unsigned far = distance(g->wrong, name);
	size_t len = strlen(g->wrong);

	if (len > 1 && startswith(name, g->wrong) && strlen(name) <= NEAREST_NAME_MAX)
		far = 1;
	if (far > 1 + len / 4 || far >= strlen(name) || (g->name[0] && far >= g->far))
		return;
	strcpy(g->name, name);
	g->far = far;
}

const char *nearest_text(const struct nearest *g, const char *dashes,
			 char ret[static NEAREST_TEXT_MAX])
{
	ret[0] = '\0';
	if (g->name[0])
		snprintf(ret, NEAREST_TEXT_MAX, "; did you mean %s%s?", dashes, g->name);
	return ret;
}
