/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_SNP_NEEDS_H
#define COCO_ATTEST_SNP_SNP_NEEDS_H

#include "attest/evidence.h"
#include "attest/need.h"
#include "attest/verifier.h"

/* AMD's key distribution service. */
extern const struct need_vendor need_amd;

/* What the report of @e needs: as needs_find_with() says, for evidence of SEV-SNP. */
int snp_find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		   struct needs *ret, char problem[static NEEDS_PROBLEM_LEN]);

/* The same of @report, which comes inside of other evidence; its certificates are those of @e. */
int snp_find_needs_of(struct verifier *ctx, struct bytes report, const struct evidence *e,
		      const char *product, struct needs *ret,
		      char problem[static NEEDS_PROBLEM_LEN]);

#endif
