/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_GATE_H
#define COCO_AGENT_GATE_H

#include "agent/config.h"
#include "attest/tee.h"

/*
 * Whether secrets may be released on this machine.  Closed unless there is a reason to open it.
 */
struct gate {
	bool open;
	enum tee tee;
	const char *state;	/* "owner-attested", "not-required", "closed" */
	char reason[256];	/* for people, and what to do when it is closed */
};

/* @tee and @tee_reason are what tee_judge() said. */
void gate_judge(const struct config *config, enum tee tee, const char *tee_reason, struct gate *ret);

#endif
