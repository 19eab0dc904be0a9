/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_GATE_H
#define COCO_AGENT_KEEPER_GATE_H

#include "agent/keeper/config.h"
#include "agent/keeper/kept.h"
#include "attest/gather/tee.h"
#include "secrets/source.h"
#include "wire/msg.h"

/*
 * Whether secrets may be released on this machine.  The gate is closed unless there is a reason
 * to open it.
 */
struct gate {
	bool open;
	enum tee tee;
	/*
	 * "owner-attested", "attested", "not-required", "closed", or "verifying", which is closed
	 * so far
	 */
	const char *state;
	enum require require;	/* what must hold */
	const char *require_reason;	/* why that must hold, for people */
	bool wants_evidence;	/* nothing but a verdict opens the gate */
	char tee_reason[320];	/* what the machine looks like, for people */
	/* why it is open or closed, for people, and what to do when it is closed */
	char reason[512];
	struct attest_verdict verdict;	/* the last verdict; ATTEST_NONE without one */
	uint64_t verdict_usec;	/* CLOCK_REALTIME at which it came */
};

/*
 * Open or close the gate by the configuration.  @tee and @tee_reason come from tee_judge().  An
 * initrd's decisions in @carried hold beside @config: the stricter of the two Require= counts.
 */
void gate_judge(const struct config *config, const struct carried *carried, enum tee tee,
		const char *tee_reason, struct gate *ret);

/*
 * The gate of secrets that a broker has.  The broker judges this VM's evidence and decides what
 * to release, so neither Require= nor attest.conf is asked.  What must hold here is that the
 * configuration has no error and says how the broker is recognised.
 */
struct broker_gate {
	bool open;
	/*
	 * "none" without broker.conf; "configured"; "tls-only" when what the broker releases is
	 * not signed; "closed"
	 */
	const char *state;
	char reason[512];	/* for people */
};

void gate_judge_broker(const struct config *config, struct broker_gate *ret);

/*
 * Take the result of an attempt to verify evidence: the verdict @v over a fresh nonce, or NULL
 * and the reason @why there is no verdict.  Opens the gate when @v is accepted and closes it
 * otherwise.  Does nothing to a gate that does not want evidence.  The reason describes the
 * machine only when @nobody could be asked: where a TEE gave the wrong answer, nobody should be
 * told how to do without evidence.
 */
void gate_take_verdict(struct gate *g, const struct attest_verdict *v, const char *why, bool nobody,
		       uint64_t now_usec);

/*
 * Whether the secrets of @src count on this machine, as the gate stands.  Secrets in the
 * firmware's area always count: whatever opened the gate speaks for them.  A table that the host
 * wrote, SVKL, is believed only in a TD whose quote was accepted.  With Require=none it is also
 * believed on a plain machine, for tests.
 *
 * Returns GATE_BELIEVES; GATE_BELIEVES_HOST when the secrets count although the host may have
 * chosen them; or GATE_IGNORES.  For the last two @ret_why is a sentence that says why.
 */
enum gate_belief {
	GATE_BELIEVES,
	GATE_BELIEVES_HOST,
	GATE_IGNORES,
};

enum gate_belief gate_believes(const struct gate *g, const struct secret_source *src,
			       const char **ret_why);

#endif
