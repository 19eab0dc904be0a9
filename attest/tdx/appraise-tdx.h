/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_APPRAISE_TDX_H
#define COCO_ATTEST_TDX_APPRAISE_TDX_H

#include "attest/policy.h"
#include "attest/tdx/pck.h"
#include "wire/tdx-quote.h"

/* A TDX quote that was found authentic. */
struct tdx_evidence {
	struct tdx_quote quote;		/* points into the quote's bytes */
	struct pck pck;
	enum tcb_status status;
	uint32_t evaluation;		/* the lower number of TCB info and QE identity */
};

/*
 * The second half of verifying a quote: every check that a policy can change, but not the nonce.
 * All of them are made, so that a person sees all that is wrong.
 */
void tdx_apply_policy(const struct tdx_evidence *t, const struct policy *p, struct verdict *v);

/* A remark for people if @p asks too little of Intel's firmware, else NULL. */
const char *tdx_firmware_remark(const struct policy *p);

extern const struct policy_kind policy_tdx;

#endif
