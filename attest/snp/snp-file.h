/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_SNP_FILE_H
#define COCO_ATTEST_SNP_SNP_FILE_H

#include "attest/evidence.h"
#include "attest/newest.h"
#include "attest/verifier.h"
#include "wire/snp-report.h"

/* One file, as AMD's key distribution service gives it. */
enum snp_file {
	SNP_FILE_VEK,
	SNP_FILE_CHAIN,		/* ASK or ASVK, and ARK */
	SNP_FILE_CRL,
};

/*
 * Verify the file @data at @now, up to a root key that @ctx trusts, without any evidence.  The
 * certificates of its issuers are taken from @beside, or are built in.  Of a revocation list,
 * @vlek tells whether it is the one of the VLEK hierarchy, and @ret is what to remember of it.
 *
 * Returns 0, what verdict_fail() gave, or -ENOMEM.
 */
int snp_check_file(struct verifier *ctx, enum snp_product product, bool vlek, enum snp_file file,
		   struct bytes data, const struct evidence *beside, int64_t now, struct verdict *v,
		   struct newest_entry *ret);

#endif
