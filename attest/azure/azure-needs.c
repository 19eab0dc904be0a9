/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/azure/azure-needs.h"

#include "attest/need-vendor.h"
#include "attest/snp/snp-needs.h"
#include "attest/tdx/tdx-needs.h"
#include "wire/hcl.h"

int azure_find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		     struct needs *n, char problem[static NEEDS_PROBLEM_LEN])
{
	struct bytes bytes = e->piece[EVIDENCE_HCL], quote = e->piece[EVIDENCE_TD_QUOTE];
	struct hcl_report hcl;
	const char *what;

	/* A quote alone is enough to know its machine. */
	if (!bytes.p)
		return quote.p ? tdx_find_needs_of(quote, n, problem) : -ENOMSG;
	if (hcl_parse(bytes.p, bytes.len, &hcl, &what) < 0)
		return needs_problem(problem, -EBADMSG, "the HCL report cannot be read: %s", what);
	if (hcl.kind == HCL_SNP)
		return snp_find_needs_of(ctx, hcl.hw_report, e, product, n, problem);
	if (hcl.kind != HCL_TDX)
		return needs_problem(problem, -EBADMSG,
				     "the HCL report has no report of SEV-SNP or TDX");
	if (!quote.p)
		return needs_problem(problem, -ENODATA,
				     "the HCL report is of TDX, and what its machine needs stands "
				     "in the quote: give that with --td-quote");
	return tdx_find_needs_of(quote, n, problem);
}
