/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_OUTLOOK_H
#define COCO_AGENT_KEEPER_OUTLOOK_H

#include "secrets/store.h"

/*
 * What is to become of a secret, from what came of its deliveries to volumes.
 *
 * It is confirmed when each volume that its policy names was opened with it by a delivery of
 * ours; where the policy names none, when one volume was.  A passphrase that a person typed
 * confirms nothing.
 *
 * A secret that opened one of its named volumes is used up, though not confirmed, when none of
 * the others will want it: they are open by other means, or did not open with it and have not
 * been tried again for OUTLOOK_RETRY_USEC.  So one volume that fails does not keep another's
 * key in memory for ever.
 */
#define OUTLOOK_RETRY_USEC (10 * 60 * 1000000ULL)

#define OUTLOOK_WARNING_LEN 512

struct outlook {
	bool confirmed;
	bool used_up;		/* also when it is confirmed */
	uint64_t wait_usec;	/* from now, until it may be used up with no further event; 0: not */

	/*
	 * A volume of its is open, and the secret still lies there though the policy would have
	 * it wiped when it was used: why, and what to do.  "" when nothing is the matter.
	 */
	char warning[OUTLOOK_WARNING_LEN];
};

/*
 * @is_open says whether a volume is open: 1, 0 or a negative errno.  @now_usec is
 * CLOCK_BOOTTIME.
 */
void outlook_judge(const struct store_entry *e, int (*is_open)(const char *volume),
		   uint64_t now_usec, struct outlook *ret);

#endif
