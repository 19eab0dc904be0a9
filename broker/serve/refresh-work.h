/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_REFRESH_WORK_H
#define COCO_BROKER_SERVE_REFRESH_WORK_H

#include <stdatomic.h>

#include "attest/needs.h"
#include "attest/trust.h"

/* One turn of fetching collateral, for serve/refresh.c, which says when and for what. */

/* Where from, and where to. */
struct refresh_source {
	const char *folder;		/* of Collateral=, whose memory counts too; or NULL */
	const char *cache;		/* NULL: nothing is fetched */
	const char *kds, *pcs, *authority;	/* as struct fetch and struct http have them */
	uint64_t timeout_usec;		/* of a request; 0: the default */
};

struct refresh_work {
	struct needs needs;
	bool is_device;		/* the needs have the certificate of a device */
	bool all;		/* also what is there and good */
	/* the rest is zero before */
	int result;		/* 0 when all is there and good, or the first error */
	char trouble[512];	/* the cause of that error, printable; "" */
	bool changed;		/* another file is in the cache */
	bool busy;		/* a server asked not to be asked again soon */
};

/*
 * Do @w: fetch what is missing or not good, and keep what verifies under @trust and is not older
 * than what there is.  Takes as long as the servers do, and ends soon after @stop becomes true.
 * No two may be done at once over one cache.
 */
void refresh_work(const struct refresh_source *from, const struct trust *trust,
		  const atomic_bool *stop, struct refresh_work *w);

/* Note an error, unless there was one before. */
void refresh_work_fail(struct refresh_work *w, int error, const char *what, const char *why);

#endif
