/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_VECTORS_H
#define COCO_TESTS_UNIT_VECTORS_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Blobs of other projects and known answers, which are not part of this project: $COCO_VECTORS.
 * Include this after <cmocka.h>.
 */

/* The path of @name there. */
static inline const char *vectors_path(char buf[static PATH_MAX], const char *name)
{
	const char *dir = getenv("COCO_VECTORS");

	snprintf(buf, PATH_MAX, "%s/%s", dir ? dir : "../shared/vectors", name);
	return buf;
}

static inline void vectors_missing(void **state)
{
}

/*
 * For the test of @tests that needs the vectors: without them @name says SKIP.  (cmocka's skip()
 * prints "not ok ... # SKIP", which automake's driver counts as a failure.)
 */
static inline void vectors_or_skip(struct CMUnitTest *test, const char *name)
{
	char path[PATH_MAX];

	if (access(vectors_path(path, name), R_OK) == 0)
		return;
	test->name = "test_vectors # SKIP the vectors are not here, see COCO_VECTORS";
	test->test_func = vectors_missing;
}

#endif
