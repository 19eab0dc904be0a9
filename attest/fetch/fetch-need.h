/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_FETCH_FETCH_NEED_H
#define COCO_ATTEST_FETCH_FETCH_NEED_H

#include "attest/fetch/cache.h"
#include "attest/need-verify.h"
#include "net/http.h"

/*
 * Getting the files that evidence needs from AMD's and Intel's services, or mirrors of them, into a
 * cache.  Nothing is kept that was not verified (attest/need-verify.h), and what is kept is not
 * older than what was.
 */
struct fetch {
	const char *dir;		/* the cache */
	const char *kds, *pcs;		/* mirrors; NULL: AMD's and Intel's own */
	const char *older_hint;		/* said of a file that is older than another was; or NULL */
	struct http http;
	struct need_verifier *verifier;	/* of the evidence */
	struct newest seen;		/* what was verified now: for cache_remember() */
	bool busy[_NEED_SERVER_MAX];	/* the server asked not to be asked again */
};

/* The address of the file of @need.  Returns 0, or -ENAMETOOLONG. */
#define FETCH_URL_LEN 1024
int fetch_url(const struct fetch *f, const struct need *need, char ret[static FETCH_URL_LEN]);

/*
 * Is the file of @need in the cache, and good?  @ret is for cache_file_done(), and must live as
 * long as @f's verifier; @found says until when it is good.
 * Returns 0; -ENOENT when it is not there; -EBADMSG, -EKEYREJECTED or -EKEYEXPIRED when it is not
 * the right one, or not good now; -EMSGSIZE when there is no room to remember it; an errno of
 * reading; -ENOMEM.  @why has the cause.
 */
int fetch_look(struct fetch *f, const struct need *need, struct cache_file *ret,
	       struct need_result *found, char why[static CACHE_WHY_LEN]);

/*
 * Ask the server for it, and keep it when it is good.  Returns as fetch_look(), and errors of
 * http_get().  When it is good but cannot be written, @ret has it in spite of the error.
 */
int fetch_get(struct fetch *f, const struct need *need, struct cache_file *ret,
	      struct need_result *found, char why[static CACHE_WHY_LEN]);

#endif
