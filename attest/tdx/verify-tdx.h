/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_VERIFY_TDX_H
#define COCO_ATTEST_TDX_VERIFY_TDX_H

#include "attest/tdx/pck.h"
#include "attest/policy.h"
#include "attest/verify.h"
#include "wire/tdx-quote.h"

extern const struct attest_verifier attest_verify_tdx;
extern const struct policy_kind policy_tdx;

/* What a policy does not ask of Intel's firmware, for people; NULL for nothing. */
const char *tdx_firmware_remark(const struct policy *p);

/* A TDX quote that was found authentic. */
struct tdx_evidence {
	struct tdx_quote quote;		/* into the bytes */
	struct pck pck;
	enum tcb_status status;
	uint32_t evaluation;		/* of TCB info and QE identity, the older */
};

/*
 * The two halves of verifying a quote, for evidence that has one inside.
 *
 * tdx_authenticate() makes every check that no policy can excuse, over @quote and the
 * collateral of @e, sets @v's TCB status, and adds what the quote says as claims "tdx.*".  0
 * with @ret; what verdict_fail() gives; -ENOMEM.
 *
 * tdx_apply_policy() makes those that one can, of a nonce aside; all of them, so that a person
 * sees all that is wrong.
 */
int tdx_authenticate(struct verifier *ctx, struct bytes quote, const struct evidence *e,
		     int64_t now, struct verdict *v, struct tdx_evidence *ret);
void tdx_apply_policy(const struct tdx_evidence *t, const struct policy *p, struct verdict *v);

/* The claims of a quote. */
void tdx_claims(struct verdict *v, const struct tdx_quote *q);

/*
 * Read a quote; what cannot be read becomes a failed check.  Returns 0 or what verdict_fail()
 * gave.
 */
int tdx_parse(struct verdict *v, struct bytes quote, struct tdx_quote *ret);

#endif
