/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_CACHE_H
#define COCO_CLI_ATTEST_CACHE_H

#include "attest/needs.h"
#include "attest/newest.h"

/*
 * A cache is a folder with the collateral that evidence is judged by, and with a memory of the
 * newest collateral that was verified there (attest/newest.h).  Its files are not trusted: each
 * is checked when it is read, and verified again by the verifier.
 */

#define CACHE_WHY_LEN 512

/* A file that evidence needs, and the chain that it came with, if it has one. */
struct cache_file {
	char *data, *chain;	/* yours; @chain may be NULL */
	size_t len, chain_len;
};

void cache_file_done(struct cache_file *f);

/*
 * Read the file of @need and its chain.  Returns 0; -ENOENT if one of them is missing, or another
 * error of reading, with the reason in @why.
 */
int cache_read(const char *dir, const struct need *need, struct cache_file *ret,
	       char why[static CACHE_WHY_LEN]);

/*
 * Write @data to the file @name, which replaces the old one in one step.  Creates the folder.
 * Returns 0, or a negative errno with the reason in @why.
 */
int cache_put(const char *dir, const char *name, struct bytes data, char why[static CACHE_WHY_LEN]);

/*
 * Add @seen to what the cache remembers; with @forget, everything else is forgotten.  Writes
 * nothing if nothing is new.  Returns 0, or a negative errno after an error that was logged.
 */
int cache_remember(const char *dir, const struct newest *seen, bool forget);

/*
 * Remove the files that were fetched for other evidence than that of @n.  Files that a person put
 * there have other names, and stay.
 */
void cache_prune(const char *dir, const struct needs *n);

#endif
