/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_OUTLOOK_H
#define COCO_AGENT_KEEPER_OUTLOOK_H

#include "secrets/store.h"

/*
 * What becomes of a secret after its deliveries to volumes.
 *
 * It is confirmed when every volume that its policy names was opened with it by one of our
 * deliveries.  Where the policy names no volume, one volume is enough.  A passphrase that a
 * person typed confirms nothing.
 *
 * A secret that opened one of its named volumes may be used up without being confirmed.  This is
 * so when none of the other volumes will want it: they were opened by other means, or they did
 * not open with it and have not been tried again for OUTLOOK_RETRY_USEC.  So a volume that fails
 * does not keep another volume's key in memory for ever.
 */
#define OUTLOOK_RETRY_USEC (10 * 60 * 1000000ULL)

/*
 * A unit has its credential in use for OUTLOOK_LEASE_USEC after each time that it took it: it may
 * take it again for each of its commands.  systemd gives a unit less time than that to start
 * (DefaultTimeoutStartSec=).
 */
#define OUTLOOK_LEASE_USEC (120 * 1000000ULL)

#define OUTLOOK_WARNING_LEN 512

struct outlook {
	bool confirmed;
	bool used_up;		/* true also when it is confirmed */
	uint64_t wait_usec;	/* from now until time alone may use it up; 0: it cannot */
	uint64_t lease_usec;	/* from now until no unit is using it; 0: none is */

	/*
	 * Not "" when one of its volumes is open and the secret still exists, though its policy
	 * would have wiped it after use: the reason, and what to do.
	 */
	char warning[OUTLOOK_WARNING_LEN];
};

/*
 * @is_open returns 1 if a volume is open, 0 if not, or a negative errno.  @now_usec is
 * CLOCK_BOOTTIME.
 */
void outlook_judge(const struct store_entry *e,
		   int (*is_open)(void *userdata, const char *volume), void *userdata,
		   uint64_t now_usec, struct outlook *ret);

#endif
