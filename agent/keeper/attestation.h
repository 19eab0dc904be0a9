/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_ATTESTATION_H
#define COCO_AGENT_KEEPER_ATTESTATION_H

#include <systemd/sd-event.h>

#include "agent/keeper/kept.h"
#include "attest/gather/provider.h"
#include "wire/msg.h"

/*
 * The keeper's way to a verdict over this guest's evidence:
 *
 *	nonce -> a child asks the TEE, and packs policy and collateral with what it gave -> sealed memfd -> cocod-worker -> verdict
 *
 * The keeper itself looks into none of it.  The child is there because a provider may never
 * answer, and a read of the kernel's cannot be taken back; it is forked from the keeper, but
 * secrets are pages that a fork does not take along.  A TPM's answers are parsed to be had at
 * all, so cocod-worker asks it, over a descriptor of the keeper's; and so with the metadata
 * service of Azure, whose connection the keeper begins and never reads.
 *
 * Each step has a deadline.  Whatever goes wrong there is no verdict; the next request tries
 * again, after a pause that grows.
 */
struct attestation;

struct attestation_setup {
	sd_event *event;		/* borrowed */
	const char *config_root;	/* where attest.conf, attest.trust and collateral are looked for; "" */
	const char *root;		/* of the kernel's files; "" */
	const char *tpm;		/* NULL: TPM_DEVICE */
	const char *imds;		/* NULL: Azure's metadata service; "127.0.0.1:PORT" of a test */
	const char *worker;		/* cocod-worker's socket */
	uint32_t flags;			/* of the question */
	const struct kept *kept;	/* an initrd's policy, which must accept as well; NULL */
	uint64_t gather_usec, judge_usec;	/* deadlines; 0: the defaults */
	uint64_t pause_usec;		/* the first pause; 0: the default */

	/* In the child: attest_gather() over the kernel's providers, or a test's. */
	int (*gather)(const struct attest_request *q, struct bundle *ret, struct cause *why);

	/*
	 * Called at the end of each attempt.  @v is a verdict over the nonce of this attempt,
	 * whatever it says; NULL without one, and then @why says why not.  Both are good during
	 * the call.  @nobody: there is nothing on this machine that could be asked.
	 */
	void (*done)(void *userdata, const struct attest_verdict *v, const char *why, bool nobody);
	void *userdata;
};

/* Everything @s points to is borrowed until attestation_free().  Returns 0 or -ENOMEM. */
int attestation_new(const struct attestation_setup *s, struct attestation **ret);
struct attestation *attestation_free(struct attestation *a);

/* Whether an attempt is being made. */
bool attestation_is_busy(const struct attestation *a);

/*
 * Make an attempt, unless one is being made or the last one was just now.  done() may be called
 * before this returns.
 * Returns 1 when an attempt is being made, 0 when not.
 */
int attestation_request(struct attestation *a);

#endif
