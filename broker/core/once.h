/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_ONCE_H
#define COCO_BROKER_CORE_ONCE_H

#include "base/macro.h"
#include "broker/core/secret-policy.h"

/*
 * How often a secret may go out: the decision, without any I/O.  A claim is the record of a secret
 * and a launch (Per=launch) or a secret alone (Per=vm): free -> claimed -> confirmed.
 *
 *	same launch, other boot (kexec)					REBOOTED
 *	confirmed, or the window is over				RELEASED
 *	same rd (a lost reply)						again
 *	same launch and boot, other rd, n < 5 (a crash)			again
 *	new launch, Per=launch						new claim, within Launches=
 *	new launch, Per=vm						RELEASED
 *	the clock is before the claim's time by more than 30 s		CLOCK
 *
 * The first row that fits counts.  An approval makes a new claim of what would be REBOOTED or
 * RELEASED; the caller sees to it that it is used once.
 */
#define CLAIM_WINDOW_SEC 600
#define CLAIM_TIMES_MAX 5
#define CLAIM_CLOCK_SEC 30

struct claim {
	bool has_launch, has_boot;	/* what is not there is zeros */
	uint8_t launch[32], boot[32];
	uint8_t rd[48];			/* of the last release */
	int64_t at;			/* seconds since 1970, of the first release */
	unsigned n;			/* keys that it was released to */
	bool confirmed;
	char release[40];		/* the id of the release, which its audit line has too */
};

enum once_answer {
	ONCE_CLAIM,			/* release, with a new claim */
	ONCE_AGAIN,			/* release again, with the claim counted up */
	ONCE_REBOOTED,
	ONCE_RELEASED,
	ONCE_CLOCK,
	ONCE_NO_LAUNCH,			/* Per=launch, and the evidence has no launch id */
};

struct once_request {
	bool has_launch;
	bool has_boot;		/* without it only the same rd is the same request */
	uint8_t launch[32], boot[32], rd[48];
	bool approved;
	int64_t now;
};

/*
 * Decide.  @old NULL: nobody claimed it.  @ret is written for ONCE_CLAIM and ONCE_AGAIN; @ret_why
 * is a sentence for people.
 */
enum once_answer once_decide(enum release_per per, const struct claim *old,
			     const struct once_request *q, struct claim *ret,
			     const char **ret_why);

#endif
