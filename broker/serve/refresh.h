/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_REFRESH_H
#define COCO_BROKER_SERVE_REFRESH_H

#include "broker/core/judge.h"
#include "broker/serve/metrics.h"
#include "broker/serve/refresh-work.h"

/*
 * The broker's own collateral: what it fetches from AMD and Intel into a cache of its own, before
 * it expires and when evidence lacks it, and what is in use.
 *
 * A thread of its own does all of it, one request at a time; nobody waits for it.  It fetches for
 * sorts of machines (attest/needs.h), and for evidence that has no certificate of its device.  For
 * a sort of machine it asks only if evidence of one was signed up to a trusted root, or if a person
 * said so: there are as many as processors that were built.  A device that nobody vouches for yet
 * is asked for at a limited rate, and one that was not found is left alone for a while.
 *
 * What is fetched replaces a file only when it verifies and is not older than that file, or than
 * anything that was verified before in the cache or in the folder of Collateral=.
 *
 * In use is what a secret was released for, or what a person asked for, in the last 7 days.
 */
struct refresher;

struct refresh_setup {
	struct judge *judge;
	struct metrics *metrics;	/* or NULL */
	struct refresh_source from;
	uint64_t period_usec;
};

/*
 * @setup's texts and its judge must live as long as @ret, which is yours; the judge is listened to.
 * Returns 0; -EIO without a thread; -ENOMEM.
 */
int refresher_new(const struct refresh_setup *setup, struct refresher **ret, struct cause *why);

/* A request on its way is ended.  After the threads that judge have ended. */
struct refresher *refresher_free(struct refresher *r);
DEFINE_CLEANUP(struct refresher *, refresher_free)

/* The collateral was read again: look at its dates.  @r may be NULL. */
void refresher_look(struct refresher *r);

/*
 * Fetch what @n has, now.  Returns 0 when that is on its way; -EOPNOTSUPP when nothing is fetched;
 * -EINVAL for needs of no sort of machine; -EBUSY when there is too much to do.
 */
int refresher_warm(struct refresher *r, const struct needs *n);

/* True unless collateral that is in use has expired at @now, or @r is NULL. */
bool refresher_is_good(struct refresher *r, int64_t now);

/* What is known of a sort of machine.  Times are seconds since 1970, 0 for never. */
struct refresh_state {
	char machine[NEEDS_MACHINE_LEN];
	int64_t used;		/* released for, or asked for by a person */
	int64_t asked;		/* evidence lacked something, or as above */
	int64_t fetched;	/* when all of it was there and good */
	int64_t until;		/* when the first of its files expires */
	bool pending;		/* something is to be fetched now */
	char trouble[512];	/* why the last attempt failed, or "" */
};

/* Walk over all; @each returns 0 to go on.  Returns what it returned last. */
int refresher_walk(struct refresher *r,
		   int (*each)(void *userdata, const struct refresh_state *s), void *userdata);

#endif
