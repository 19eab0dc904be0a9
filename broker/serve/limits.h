/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_LIMITS_H
#define COCO_BROKER_SERVE_LIMITS_H

#include <sys/socket.h>

#include "base/cause.h"

/*
 * Who may ask how often, and be connected how many times: token buckets for each IPv4 address and
 * each /64 of IPv6, and one for all.  Functions may be called from any thread.
 *
 * The table of addresses is of a fixed size.  An address is forgotten only when that makes no
 * difference: it has no connection, and its bucket is full.  While a crowd of addresses keeps a
 * place in the table busy, further ones share a single bucket and a single count there; so nobody
 * gets a new bucket by having others push out the old one.  Which addresses share a place depends
 * on a key of this process.
 */
struct limits;

#define LIMITS_RATE 50			/* what is 0 in the setup gets these */
#define LIMITS_BURST 200
#define LIMITS_RATE_ALL 5000
#define LIMITS_BURST_ALL 20000

struct limits_setup {
	unsigned rate, burst;		/* requests a second, and at once; of an address */
	unsigned rate_all, burst_all;	/* of all together */
	/* Addresses without a bucket; ends with NULL; may be NULL. */
	const char *const *relays;
	unsigned connections;		/* of an address */
};

/* A connection's place among the limits. */
struct limits_place {
	bool free;			/* a relay, a unix socket: no bucket, no count */
	bool shared;			/* with others whose place is taken */
	uint32_t index;
};

enum limits_answer { LIMITS_GOOD, LIMITS_ADDRESS, LIMITS_ALL };

/* Returns 0; -EINVAL for a relay that is no address; -ENOMEM. */
int limits_new(const struct limits_setup *s, struct limits **ret, struct cause *why);
struct limits *limits_free(struct limits *l);
DEFINE_CLEANUP(struct limits *, limits_free)

/*
 * A connection from @sa begins at @now_usec (now_usec()).  IPv4 in IPv6 is IPv4; what is not IP at
 * all is free.  Returns true with @ret, which is for limits_take(), and for limits_leave() when the
 * connection ends; false if the address has too many.
 */
bool limits_enter(struct limits *l, const struct sockaddr *sa, uint64_t now_usec,
		  struct limits_place *ret);
void limits_leave(struct limits *l, const struct limits_place *p);

/* The place of a connection that is under no limit but that of all. */
static inline struct limits_place limits_free_place(void)
{
	return (struct limits_place){ .free = true };
}

/*
 * One more request.  @ret_retry_sec, at least 1, is when to try again; it is written when the
 * answer is not good, and then nothing was taken.
 */
enum limits_answer limits_take(struct limits *l, const struct limits_place *p, uint64_t now_usec,
			       uint32_t *ret_retry_sec);

#endif
