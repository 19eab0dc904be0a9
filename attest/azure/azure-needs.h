/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_AZURE_AZURE_NEEDS_H
#define COCO_ATTEST_AZURE_AZURE_NEEDS_H

#include "attest/evidence.h"
#include "attest/need.h"
#include "attest/verifier.h"

/*
 * What the hardware's report in the HCL report of @e needs, or the quote beside that report, as
 * needs_find_with() says.
 */
int azure_find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		     struct needs *ret, char problem[static NEEDS_PROBLEM_LEN]);

#endif
