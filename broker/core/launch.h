/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_LAUNCH_H
#define COCO_BROKER_CORE_LAUNCH_H

#include "base/macro.h"

/*
 * What tells one launch of a VM from another, by authentic evidence:
 *
 *	SNP	REPORT_ID; REPORT_ID_MA must be all ff
 *	TDX	the 32 bytes of RTMR3's first event, "coco-agent launch <64 hex>", of which there is
 *		exactly one, in a log that replays to the RTMR3 of the quote
 *	Azure	SHA-256("az 1" | SHA-256(modulus of the AK) | resetCount u32 | REPORT_ID or zeros),
 *		where REPORT_ID is that of the SNP report inside
 *
 * Without such an id nothing can be released once for each launch.  It is never replaced by
 * something else.
 */
struct launch {
	bool known;
	uint8_t id[32];
	char why_not[160];		/* if it is not known, for the owner */
	/* Azure: a vTPM must not go back */
	bool has_vtpm;
	uint8_t ak_sha256[32];
	uint32_t reset_count;
	/* fields that a policy may pin for Per=vm; zeros and false if the evidence has none */
	bool has_host_data, has_mrconfigid;
	uint8_t host_data[32], mrconfigid[48];
	/* RTMR3 says that a secret was released before in this launch, or does not rule it out */
	bool released_before;
};

#endif
