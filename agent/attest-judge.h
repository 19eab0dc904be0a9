/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_ATTEST_JUDGE_H
#define COCO_AGENT_ATTEST_JUDGE_H

#include "wire/msg.h"

/*
 * Judge the evidence in the pack @pack (a file of wire/bundle.h, read from its beginning) by the policy, trust set and collateral in it,
 * as of this machine's clock.  It must be over the nonce of @q.  A pack without evidence is completed from @tpm, an open TPM or -EBADF.
 *
 * @ret always has a verdict; its result is ATTEST_ACCEPTED only when everything holds.  The descriptors stay the caller's.
 */
void attest_judge(int pack, int tpm, const struct attest_question *q, struct attest_verdict *ret);

#endif
