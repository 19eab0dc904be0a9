/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_VERIFY_SNP_H
#define COCO_ATTEST_SNP_VERIFY_SNP_H

#include "attest/snp/appraise-snp.h"
#include "attest/verify.h"

extern const struct attest_verifier attest_verify_snp, attest_verify_snp_table;

/*
 * The first half of verifying an SNP report, also for evidence that has a report inside: every
 * check that no policy can excuse, over @report and the certificates, tables and lists of @e.
 * What the report says is added to @v as claims "snp.*" and "vek.*".
 *
 * Returns 0 with @ret, to be freed by snp_evidence_done(); what verdict_fail() gave; -ENOMEM.
 */
int snp_authenticate(struct verifier *ctx, struct bytes report, const struct evidence *e,
		     const struct policy *p, int64_t now, struct verdict *v,
		     struct snp_evidence *ret);

/*
 * Add what the report says as claims.  TCB versions are given by component if @product is known,
 * as whole numbers if @product is NULL.
 */
void snp_report_claims(struct verdict *v, const struct snp_report *r,
		       const enum snp_product *product);

#endif
