/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_STATUS_H
#define COCO_CLI_STATUS_H

/* What cococtl exits with, as cococtl(1) has it. */
enum {
	STATUS_GOOD = 0,
	STATUS_USAGE = 64,

	/* secrets, status, attest report */
	STATUS_FAILED = 1,	/* cocod refused, or something went wrong on the way */
	STATUS_NO_SECRET = 2,	/* no such secret */
	STATUS_NO_COCOD = 3,	/* cocod cannot be reached */
	STATUS_WIPED = 4,	/* secrets get: there was one, and it is wiped */

	STATUS_SLOW = 5,	/* boot-time: it took longer than --fail-over */

	/*
	 * secrets has, as ExecCondition= of systemd.service(5) has it: to skip the unit, or to let
	 * it fail
	 */
	STATUS_HAS_NOT = 1,
	STATUS_UNKNOWN = 255,

	/* exec, unless the command has its own status; these are those of timeout(1) */
	STATUS_NOT_RUN = 125,
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NO_COMMAND = 127,

	/*
	 * secrets get, broker get: the broker does not give the secret; STATUS_BROKER plus the
	 * enum net_error that says why
	 */
	STATUS_BROKER = 16,

	/* attest verify, attest show, attest fetch */
	STATUS_NOT_AUTHENTIC = 1,
	STATUS_MALFORMED = 2,
	STATUS_UNDECIDED = 3,	/* nothing was decided, or what evidence needs is missing */
	STATUS_REFUSED = 4,	/* by the policy */
};

#endif
