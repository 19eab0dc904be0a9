/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_GATE_H
#define COCO_AGENT_KEEPER_GATE_H

#include "agent/keeper/config.h"
#include "agent/keeper/kept.h"
#include "attest/gather/tee.h"
#include "secrets/source.h"
#include "wire/msg.h"

/*
 * Whether secrets may be released on this machine.  Closed unless there is a reason to open it.
 */
struct gate {
	bool open;
	enum tee tee;
	const char *state;	/* "owner-attested", "attested", "not-required", "closed"; "verifying": closed so far */
	enum require require;	/* what must hold */
	const char *require_reason;	/* why it must, for people */
	bool wants_evidence;	/* a verdict opens it, and nothing else */
	char tee_reason[320];	/* what the machine looks like, for people */
	char reason[512];	/* for people, and what to do when it is closed */
	struct attest_verdict verdict;	/* the last; ATTEST_NONE without one */
	uint64_t verdict_usec;	/* CLOCK_REALTIME at which it came */
};

/*
 * @tee and @tee_reason are what tee_judge() said.  What @carried has of an initrd holds beside
 * @config: of the two Require= the stricter one counts.
 */
void gate_judge(const struct config *config, const struct carried *carried, enum tee tee,
		const char *tee_reason, struct gate *ret);

/*
 * What came of an attempt to verify evidence: @v over a fresh nonce, or NULL and @why there is
 * none.  Opens the gate when @v is accepted, closes it else; does nothing to a gate that wants
 * no evidence.  What the machine looks like is said again only when @nobody was there to ask:
 * where a TEE gave the wrong answer, no person should be told how to do without one.
 */
void gate_take_verdict(struct gate *g, const struct attest_verdict *v, const char *why, bool nobody,
		       uint64_t now_usec);

/*
 * Whether the secrets of @src count on this machine, as the gate stands.  The firmware's area
 * always does: what opens the gate speaks for it.  A table of the host's, SVKL, is believed
 * only in a TD whose quote was accepted; and on a plain machine, where it serves tests, with
 * Require=none.
 *
 * Returns GATE_BELIEVES; GATE_BELIEVES_HOST when they count though the host may have chosen
 * them, or GATE_IGNORES: then @ret_why is the sentence that says so.
 */
enum gate_belief {
	GATE_BELIEVES,
	GATE_BELIEVES_HOST,
	GATE_IGNORES,
};

enum gate_belief gate_believes(const struct gate *g, const struct secret_source *src,
			       const char **ret_why);

#endif
