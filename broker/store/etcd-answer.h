/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_ETCD_ANSWER_H
#define COCO_BROKER_STORE_ETCD_ANSWER_H

#include "base/cause.h"
#include "broker/store/store.h"
#include "wire/jspan.h"

/*
 * What etcd's JSON gateway answers.  Whoever plays etcd wrote it.  Numbers of 64 bits are strings,
 * keys and values are base64, and a member is absent when it is zero, false or empty.
 *
 * A text is checked by etcd_answer_check(), and the others read values of it in place.  All return
 * -EBADMSG for what is malformed or of another type.
 */

/* The cluster's prefix and a key of the store. */
#define ETCD_KEY_MAX (2 * STORE_KEY_MAX)

/* Returns 0 with the object that the text is; -EBADMSG. */
int etcd_answer_check(const char *text, size_t len, struct bytes *ret);

/* ---- an error ---- */

enum etcd_error {
	ETCD_BUSY,		/* no leader, no quorum, no time: what became of it is unknown */
	ETCD_TOKEN,		/* the token is not known, or older than a change of the users */
	ETCD_REFUSED,		/* our user may not */
	ETCD_FULL,		/* the database has reached its quota */
	ETCD_LEASE,		/* the lease of a key is gone */
	ETCD_COMPACTED,		/* the revision is not kept any more */
	ETCD_WRONG,		/* the request is malformed, or over a limit of etcd's */
	ETCD_STRANGE,		/* anything else; what became of it is unknown */
};

#define ETCD_MESSAGE_MAX 256

/* What an answer with the status @status (not 200) means; @ret_message is "" or printable. */
enum etcd_error etcd_error_read(int status, const char *text, size_t len,
				char ret_message[static ETCD_MESSAGE_MAX]);

/* ---- good ones ---- */

struct etcd_header {
	uint64_t cluster, revision;	/* neither is 0 */
};

struct etcd_range {
	struct etcd_header header;
	uint64_t count;		/* of all keys, also those beyond the limit */
	bool has_more;
	unsigned n;		/* keys that are here; at most @count */
	struct bytes kvs;	/* an array for etcd_kv_next(), or empty */
};

int etcd_range_read(struct bytes answer, struct etcd_range *ret);
/* The same for an answer within a transaction, whose header has less. */
int etcd_range_read_inner(struct bytes answer, struct etcd_range *ret);

struct etcd_kv {
	char key[ETCD_KEY_MAX + 1];
	struct store_value value;	/* yours */
};

/*
 * Take the next key off @it.  Returns 1 with @ret; 0 at the end; -EBADMSG, also for a key with a
 * NUL, without a revision or longer than ETCD_KEY_MAX, and for a value longer than
 * STORE_VALUE_MAX; -ENOMEM.
 */
int etcd_kv_next(struct bytes *it, struct etcd_kv *ret);

struct etcd_txn {
	struct etcd_header header;	/* zeros for one within a transaction */
	bool succeeded;
	unsigned n;
	struct bytes responses;		/* an array for etcd_response_next(), or empty */
};

int etcd_txn_read(struct bytes answer, struct etcd_txn *ret);
int etcd_txn_read_inner(struct bytes answer, struct etcd_txn *ret);

/*
 * Take the next response off @it, which must be of the kind @name: "response_put".  Returns 0;
 * -EBADMSG, also at the end.
 */
int etcd_response_next(struct bytes *it, const char *name, struct bytes *ret);

/* Of /v3/lease/grant. */
struct etcd_lease_answer {
	uint64_t id, ttl_sec;		/* neither is 0 */
};

int etcd_lease_read(struct bytes answer, struct etcd_lease_answer *ret);

/* Of /v3/maintenance/status; what is unknown is 0. */
struct etcd_status {
	struct etcd_header header;
	uint64_t bytes, max_bytes;
};

int etcd_status_read(struct bytes answer, struct etcd_status *ret);

/* The token of /v3/auth/authenticate, one or more printable characters without blanks. */
int etcd_token_read(struct bytes answer, struct bytes *ret);

#endif
