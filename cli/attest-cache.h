/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_CACHE_H
#define COCO_CLI_ATTEST_CACHE_H

#include "attest/needs.h"

/*
 * A folder of files that evidence is judged by.  They are not trusted because they lie there:
 * each is checked whenever it is taken, and the verifier checks the rest.
 */

#define CACHE_WHY_LEN 512

/*
 * Whether @need is there, with its chain, and good at @now (0: whenever), and until when
 * (@ret_until may be NULL).
 * Returns 0; -ENOENT when it is not; what need_check() says of it; then @why has the reason.
 * -ENOMEM.
 */
int cache_has(const char *dir, const struct needs *n, const struct need *need, int64_t now,
	      int64_t *ret_until, char why[static CACHE_WHY_LEN]);

/*
 * Keep @data as @name, the old one being replaced at once.  Makes the folder.  Returns 0, or a
 * negative errno with the reason in @why.
 */
int cache_put(const char *dir, const char *name, struct bytes data, char why[static CACHE_WHY_LEN]);

/*
 * Remove what was fetched for other evidence than that of @n; what a person put there has other
 * names, and stays.
 */
void cache_prune(const char *dir, const struct needs *n);

#endif
