/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_ETCD_REQUEST_H
#define COCO_BROKER_STORE_ETCD_REQUEST_H

#include "base/secret.h"
#include "broker/store/store.h"
#include "net/answer.h"

/*
 * The JSON that etcd's gateway reads.  A text is made in a struct pieces that is empty before and
 * the caller's to free, also after an error.  @prefix is the cluster's, before each key.
 *
 * All return 0; -EINVAL when the request would be larger than etcd takes; -ENOMEM.
 */

/*
 * etcd's own limit for a request is 1.5 MiB, in which keys and values are not base64.  What it adds
 * for each part stays below 64 bytes.
 */
#define ETCD_REQUEST_MAX (1536 * 1024 - 64 * 1024)
#define ETCD_PART_MAX 64

struct etcd_range_request {
	const char *key;		/* with the cluster's prefix */
	const char *end;		/* the first key that does not count; NULL: @key only */
	bool after;			/* begin behind @key */
	unsigned limit;			/* 0: none */
	uint64_t revision;		/* as it was then; 0: now */
	bool count_only;
};

int etcd_request_range(const struct etcd_range_request *q, struct pieces *ret);

/*
 * A transaction for each member within one that compares the fence:
 *
 *	{"compare":[FENCE],"success":[{"requestTxn":MEMBER},...,{"requestPut":FENCE}],
 *	 "failure":[{"requestRange":FENCE}]}
 *
 * @leases has the lease of each change, or 0: STORE_PARTS_MAX for each member.
 */
int etcd_request_commit(const char *prefix, const struct store_fence *fence,
			const struct store_member *members, unsigned n, const uint64_t *leases,
			struct pieces *ret);

int etcd_request_lease(uint64_t ttl_sec, struct pieces *ret);

/* @ret is yours.  Also returns -EINVAL for a name or a password that is empty or has controls. */
int etcd_request_login(const char *user, const struct secret *password, struct secret **ret);

#endif
