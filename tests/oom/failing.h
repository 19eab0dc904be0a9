/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_OOM_FAILING_H
#define COCO_TESTS_OOM_FAILING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A malloc() that fails on demand, for the whole process: calls by libraries count like ours.  It
 * is linked into a program, or loaded before one as failing.so, which takes the number from
 * COCO_FAIL_AT.
 */

/* The @n-th allocation from now on fails, and no other; 0: none. */
void failing_at(unsigned long n);
bool failing_has(void);			/* it has failed */
unsigned long failing_count(void);	/* allocations since failing_at() */
long failing_blocks(void);		/* in use */

#endif
