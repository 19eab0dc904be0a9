/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_WORKER_ATTEST_JUDGE_H
#define COCO_AGENT_WORKER_ATTEST_JUDGE_H

#include "wire/msg.h"

struct attest_sources {
	int tpm;	/* an open TPM, or -EBADF */
	int imds;	/* a connection to Azure's metadata service, or why there is none */
};

/*
 * Judge the evidence in the pack @pack (a file of wire/bundle.h, read from its beginning) by
 * the policy, trust set and collateral in it, as of this machine's clock.  It must be over the
 * nonce of @q.  A pack without evidence is completed from @with.
 *
 * With an initrd's policy in it (BUNDLE_KEPT_POLICY) that one has to accept as well as this
 * system's, each under its own trust set; the reason names the one that does not.
 *
 * @ret always has a verdict; its result is ATTEST_ACCEPTED only when everything holds.  The
 * descriptors stay the caller's.
 */
void attest_judge(int pack, const struct attest_sources *with, const struct attest_question *q,
		  struct attest_verdict *ret);

#endif
