/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_ATTEST_JUDGE_H
#define COCO_AGENT_WORKER_ATTEST_JUDGE_H

#include "wire/msg.h"

struct attest_sources {
	int tpm;	/* an open TPM, or -EBADF */
	/* a connection to Azure's metadata service, or the errno of why there is none */
	int imds;
};

/*
 * Judge the evidence in the pack @pack (a file of wire/bundle.h, read from its beginning) by the
 * policy, trust set and collateral in it, as of this machine's clock.  The evidence must be over
 * the nonce of @q.  A pack without evidence is completed from @with.
 *
 * If the pack has an initrd's policy (BUNDLE_KEPT_POLICY), that policy and this system's must
 * both accept, each under its own trust set.  The reason names the policy that refuses.
 *
 * @ret always gets a verdict.  Its result is ATTEST_ACCEPTED only when everything holds.  The
 * descriptors stay the caller's.
 */
void attest_judge(int pack, const struct attest_sources *with, const struct attest_question *q,
		  struct attest_verdict *ret);

#endif
