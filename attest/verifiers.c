/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/verify-snp.h"

/* A row appears here when it works; cococtl offers what it finds here. */
const struct attest_verifier *const attest_verifiers[] = {
	&attest_verify_snp,
	&attest_verify_snp_table,
	NULL,
};
