/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_FETCH_CACHE_H
#define COCO_ATTEST_FETCH_CACHE_H

#include "attest/needs.h"
#include "attest/newest.h"

/*
 * A cache is a folder with the collateral that evidence is judged by, and with a memory of the
 * newest collateral that was verified there (attest/newest.h).  Its files are not trusted: each
 * is checked when it is read, and verified again by the verifier.
 *
 * All errors leave a sentence in @why, but for -ENOMEM.
 */

#define CACHE_WHY_LEN 512

/* A file that evidence needs, and the chain that it came with, if it has one. */
struct cache_file {
	char *data, *chain;	/* yours; @chain may be NULL */
	size_t len, chain_len;
};

void cache_file_done(struct cache_file *f);

/*
 * What the cache @dir remembers; nothing if there is no memory yet.  Returns 0; -EBADMSG when it is
 * malformed; another negative errno when it cannot be read; -ENOMEM.
 */
int cache_newest(const char *dir, struct newest *ret, char why[static CACHE_WHY_LEN]);

/*
 * Read the file of @need and its chain.  Returns 0; -ENOENT if one of them is missing, or another
 * error of reading.
 */
int cache_read(const char *dir, const struct need *need, struct cache_file *ret,
	       char why[static CACHE_WHY_LEN]);
/* The same for the file @name alone, of at most @max bytes.  @ret is yours. */
int cache_read_file(const char *dir, const char *name, size_t max, char **ret, size_t *ret_len,
		    char why[static CACHE_WHY_LEN]);

/*
 * Write @data to the file @name, which replaces the old one in one step.  Creates the folder.
 * Returns 0, or a negative errno.  cache_keep() does it for the file of @need and its chain.
 */
int cache_put(const char *dir, const char *name, struct bytes data, char why[static CACHE_WHY_LEN]);
int cache_keep(const char *dir, const struct need *need, const struct cache_file *file,
	       char why[static CACHE_WHY_LEN]);

/*
 * Add @seen to what the cache remembers; with @forget, everything else is forgotten.  Writes
 * nothing if nothing is new.  Returns 0; -EMSGSIZE when the memory is full; an error of
 * cache_newest() or cache_put().
 */
int cache_remember(const char *dir, const struct newest *seen, bool forget,
		   char why[static CACHE_WHY_LEN]);

#endif
