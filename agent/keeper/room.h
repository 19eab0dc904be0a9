/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_ROOM_H
#define COCO_AGENT_KEEPER_ROOM_H

#include "base/macro.h"

/*
 * How many peers cocod serves at once.  Each costs descriptors, which LimitNOFILE= of its unit
 * limits; what cocod itself needs is never given to peers, however many of them come.
 */
#define ROOM_CLIENTS 32u	/* on the control socket */
#define ROOM_USERS 16u		/* of users other than root, apart from those */
#define ROOM_OF_USER 4u		/* of one user, whatever the limit is */
#define ROOM_WAITING 64u	/* deliveries of each kind that wait for something */
/*
 * Deliveries whose header is judged, or that ask the broker; fewer than systemd lets be connections
 * to cocod-worker's or cocod-net's socket (MaxConnections=).
 */
#define ROOM_ACTIVE 32u

struct room {
	unsigned clients, users, waiting;
};

/*
 * Share out @n_files descriptors (RLIMIT_NOFILE), @n_passed of which came from systemd.  @ret has
 * at least what is above, and not more than 1024 clients, 512 users and 4096 deliveries of a kind.
 * Returns true when that fits; false when the limit is too low for the least.
 */
bool room_share(uint64_t n_files, unsigned n_passed, struct room *ret);

#endif
