/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_APPRAISE_SNP_H
#define COCO_ATTEST_SNP_APPRAISE_SNP_H

#include "attest/policy.h"
#include "attest/snp/snp-chain.h"

/* An SNP report that was found authentic. */
struct snp_evidence {
	struct snp_report report;	/* points into the report's bytes */
	struct snp_chain chain;
};

void snp_evidence_done(struct snp_evidence *s);

/*
 * The second half of verifying an SNP report: every check that a policy can change.  All of them
 * are made, so that a person sees all that is wrong.
 */
void snp_apply_policy(const struct snp_evidence *s, const struct policy *p, struct verdict *v);

/* A remark for people if @p asks too little of AMD's firmware, else NULL. */
const char *snp_firmware_remark(const struct policy *p);

extern const struct policy_kind policy_snp;

#endif
