/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_VERIFY_SNP_H
#define COCO_ATTEST_SNP_VERIFY_SNP_H

#include "attest/snp/snp-chain.h"
#include "attest/verify.h"

extern const struct attest_verifier attest_verify_snp, attest_verify_snp_table;
extern const struct policy_kind policy_snp;

/* What a policy does not ask of AMD's firmware, for people; NULL for nothing. */
const char *snp_firmware_remark(const struct policy *p);

/* An SNP report that was found authentic. */
struct snp_evidence {
	struct snp_report report;	/* into the bytes */
	struct snp_chain chain;
};

void snp_evidence_done(struct snp_evidence *s);

/*
 * The two halves of verifying an SNP report, for evidence that has one inside.
 *
 * snp_authenticate() makes every check that no policy can excuse, over @report and the
 * certificates, tables and lists of @e, and adds what the report says as claims "snp.*" and
 * "vek.*".  0 with @ret, to be freed by snp_evidence_done(); what verdict_fail() gives;
 * -ENOMEM.
 *
 * snp_apply_policy() makes those that one can; all of them, so that a person sees all that is
 * wrong.
 */
int snp_authenticate(struct verifier *ctx, struct bytes report, const struct evidence *e,
		     const struct policy *p, int64_t now, struct verdict *v,
		     struct snp_evidence *ret);
void snp_apply_policy(const struct snp_evidence *s, const struct policy *p, struct verdict *v);

/* What the report says; its TCB versions by component when @product is one, else as they are. */
void snp_report_claims(struct verdict *v, const struct snp_report *r,
		       const enum snp_product *product);

#endif
