/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_CACHE_H
#define COCO_CLI_ATTEST_CACHE_H

#include "attest/fetch/cache.h"

/*
 * Remove the files that were fetched for other evidence than that of @n.  Files that a person put
 * there have other names, and stay.
 */
void cache_prune(const char *dir, const struct needs *n);

#endif
