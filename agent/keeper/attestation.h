/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_ATTESTATION_H
#define COCO_AGENT_KEEPER_ATTESTATION_H

#include "agent/keeper/kept.h"
#include "agent/loop.h"
#include "attest/gather/provider.h"
#include "wire/msg.h"

/*
 * The keeper's way to a verdict over this guest's evidence:
 *
 *	nonce -> a child asks the TEE, and packs policy and collateral with the answer
 *	      -> sealed memfd -> cocod-worker -> verdict
 *
 * The keeper itself parses none of this.  A child asks because a provider may never answer, and a
 * read from the kernel cannot be taken back.  The child is forked from the keeper, but the pages
 * of secrets are not inherited by a fork.  A TPM's answers must be parsed to get evidence at all,
 * so cocod-worker asks the TPM, over a descriptor that the keeper opened.  The same goes for the
 * metadata service of Azure: the keeper connects, and never reads from the connection.
 *
 * Each step has a deadline.  If anything goes wrong there is no verdict.  The next request tries
 * again, after a pause that grows.
 */
struct attestation;

struct attestation_setup {
	struct loop *loop;		/* borrowed */
	const char *config_root;	/* of attest.conf, attest.trust and collateral; "" */
	const char *root;		/* of the kernel's files; "" */
	const char *tpm;		/* NULL: TPM_DEVICE */
	/* NULL: Azure's metadata service; "127.0.0.1:PORT" of a test */
	const char *imds;
	const char *worker;		/* cocod-worker's socket */
	uint32_t flags;			/* of the question */
	const struct kept *kept;	/* an initrd's policy, which must accept too; or NULL */
	uint64_t gather_usec, judge_usec;	/* deadlines; 0: the defaults */
	uint64_t pause_usec;		/* the first pause; 0: the default */

	/* In the child: attest_gather() over the kernel's providers, or a test's. */
	int (*gather)(const struct attest_request *q, struct bundle *ret, struct cause *why);

	/*
	 * Called at the end of each attempt.  @v is a verdict over the nonce of this attempt,
	 * whatever its result.  Without a verdict @v is NULL and @why says why.  Both are good
	 * during the call.  @nobody: this machine has nothing that could be asked for evidence.
	 */
	void (*done)(void *userdata, const struct attest_verdict *v, const char *why, bool nobody);
	void *userdata;
};

/* Everything @s points to is borrowed until attestation_free().  Returns 0 or -ENOMEM. */
int attestation_new(const struct attestation_setup *s, struct attestation **ret);
struct attestation *attestation_free(struct attestation *a);

/* True while an attempt is under way. */
bool attestation_is_busy(const struct attestation *a);

/*
 * Start an attempt, unless one is under way or the last one ended too recently.  done() may be
 * called before this returns.
 *
 * Returns 1 when an attempt is under way, 0 when not.
 */
int attestation_request(struct attestation *a);

#endif
