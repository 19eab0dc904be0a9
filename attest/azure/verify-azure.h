/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_AZURE_VERIFY_AZURE_H
#define COCO_ATTEST_AZURE_VERIFY_AZURE_H

#include "attest/verify.h"

/* The evidence of an Azure confidential VM, and its HCL report alone. */
extern const struct policy_kind policy_azure_snp, policy_azure_tdx;
extern const struct attest_verifier attest_verify_azure, attest_verify_azure_hcl;

#endif
