/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_TDX_NEEDS_H
#define COCO_ATTEST_TDX_TDX_NEEDS_H

#include "attest/evidence.h"
#include "attest/need.h"
#include "attest/verifier.h"

/* Intel's provisioning certification service. */
extern const struct need_vendor need_intel;

/* What the quote of @e needs: as needs_find_with() says, for evidence of a TD. */
int tdx_find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		   struct needs *ret, char problem[static NEEDS_PROBLEM_LEN]);

/* The same of @quote, which came beside other evidence. */
int tdx_find_needs_of(struct bytes quote, struct needs *ret,
		      char problem[static NEEDS_PROBLEM_LEN]);

#endif
