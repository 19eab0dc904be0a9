/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/azure/verify-azure.h"
#include "attest/need-vendor.h"
#include "attest/policy.h"
#include "attest/snp/snp-needs.h"
#include "attest/snp/verify-snp.h"
#include "attest/tdx/tdx-needs.h"
#include "attest/tdx/verify-ccel.h"
#include "attest/tdx/verify-tdx.h"
#include "attest/tpm/verify-tpm.h"

/* cococtl offers these types. */
const struct attest_verifier *const attest_verifiers[] = {
	&attest_verify_snp,
	&attest_verify_snp_table,
	&attest_verify_tdx,
	&attest_verify_azure,
	&attest_verify_azure_hcl,
	&attest_verify_tpm,
	&attest_verify_ccel,
	NULL,
};

/* In the order of struct policies, which is also the order in what people read. */
const struct policy_kind *const policy_kinds[] = {
	&policy_snp,
	&policy_tdx,
	&policy_azure_snp,
	&policy_azure_tdx,
	&policy_tpm,
	NULL,
};

const struct need_vendor *const need_vendors[] = {
	&need_amd,
	&need_intel,
	NULL,
};
