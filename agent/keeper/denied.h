/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_DENIED_H
#define COCO_AGENT_KEEPER_DENIED_H

#include "base/macro.h"
#include "wire/msg.h"

/*
 * Who asked for a secret that it may not have.  A unit that is refused is often started again and
 * again, so each is logged once for a reason, and after that at most each DENIED_QUIET_USEC; and
 * of all together, at most DENIED_BURST in that time.  The status shows the latest DENIED_MAX.
 */
#define DENIED_MAX 16
#define DENIED_BURST 32
#define DENIED_QUIET_USEC (10 * 60 * UINT64_C(1000000))

struct denial {
	char who[128];			/* "credential:app.service", "uid:1000"; "" unknown */
	char secret[MSG_NAME_LEN + 1];	/* what it asked for, cut off if that is longer */
	char why[160];			/* for people; one reason of several, the latest */
	unsigned n;			/* how often; 0: no entry */
	uint64_t last_usec;		/* CLOCK_REALTIME */
	uint64_t said_usec;		/* CLOCK_BOOTTIME at which it was last logged */
};

struct denied {
	struct denial list[DENIED_MAX];
	uint64_t burst_usec;		/* CLOCK_BOOTTIME at which n_burst began */
	unsigned n_burst;
};

/*
 * Note a denial.  @why may be about anything that a peer sent, and is made printable.  @now_usec
 * is CLOCK_BOOTTIME, @date_usec is CLOCK_REALTIME.  Returns the entry; @ret_say is set if it
 * should be logged now.
 */
const struct denial *denied_note(struct denied *d, const char *who, const char *secret,
				  const char *why, uint64_t now_usec, uint64_t date_usec,
				  bool *ret_say);

/* "'WHO' VERB secret 'NAME': WHY", for people. */
void denial_format(const struct denial *e, const char *verb, char ret[static MSG_WARNING_LEN]);

/* Write the @i-th denial for people into @ret.  Returns 1, or 0 when there are no more. */
int denied_warning(const struct denied *d, unsigned i, char ret[static MSG_WARNING_LEN]);

#endif
