/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_ATTEST_CACHE_H
#define COCO_CLI_ATTEST_CACHE_H

#include "attest/needs.h"
#include "attest/newest.h"

/*
 * A folder of files that evidence is judged by, and of what was verified there
 * (attest/newest.h).  The files are not trusted because they lie there: each is checked whenever
 * it is taken, and the verifier checks the rest.
 */

#define CACHE_WHY_LEN 512

/* A file that evidence needs, and the chain that it came with, if it has one. */
struct cache_file {
	char *data, *chain;	/* yours; @chain may be NULL */
	size_t len, chain_len;
};

void cache_file_done(struct cache_file *f);

/*
 * Read @need, with its chain.  Returns 0; -ENOENT when one is not there, or another errno of
 * reading; then @why has the reason.
 */
int cache_read(const char *dir, const struct need *need, struct cache_file *ret,
	       char why[static CACHE_WHY_LEN]);

/*
 * Keep @data as @name, the old one being replaced at once.  Makes the folder.  Returns 0, or a
 * negative errno with the reason in @why.
 */
int cache_put(const char *dir, const char *name, struct bytes data, char why[static CACHE_WHY_LEN]);

/*
 * Add @seen to what the cache remembers; with @forget the rest is forgotten.  Nothing is written
 * when there is nothing new.  Returns 0, or a negative errno, having said what is wrong.
 */
int cache_remember(const char *dir, const struct newest *seen, bool forget);

/*
 * Remove what was fetched for other evidence than that of @n; what a person put there has other
 * names, and stays.
 */
void cache_prune(const char *dir, const struct needs *n);

#endif
