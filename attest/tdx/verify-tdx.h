/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_VERIFY_TDX_H
#define COCO_ATTEST_TDX_VERIFY_TDX_H

#include "attest/tdx/appraise-tdx.h"
#include "attest/verify.h"

extern const struct attest_verifier attest_verify_tdx;

/*
 * The first half of verifying a quote, also for evidence that has a quote inside: every check
 * that no policy can excuse, over @quote and the collateral of @e.  @v's TCB status is set, and
 * what the quote says is added as claims "tdx.*".
 *
 * Returns 0 with @ret; what verdict_fail() gave; -ENOMEM.
 */
int tdx_authenticate(struct verifier *ctx, struct bytes quote, const struct evidence *e,
		     int64_t now, struct verdict *v, struct tdx_evidence *ret);

/* Add what the quote says as claims. */
void tdx_claims(struct verdict *v, const struct tdx_quote *q);

/*
 * Read a quote; one that cannot be read is a failed check.  Returns 0, or what verdict_fail()
 * gave.
 */
int tdx_parse(struct verdict *v, struct bytes quote, struct tdx_quote *ret);

#endif
