/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_SNP_LINKS_H
#define COCO_ATTEST_SNP_SNP_LINKS_H

#include "attest/snp/snp-pool.h"
#include "attest/trust.h"

/*
 * The checks of AMD's certificates: the root's pin, names, signatures and dates.  @ark is the
 * root, @inter the intermediate (ASK or ASVK), @vek the leaf (VCEK or VLEK).
 *
 * Each function makes its checks in @v, and returns 0, what verdict_fail() gave, or -ENOMEM.
 */

/* The root key is a trust anchor of @trust. */
int snp_check_pin(const struct trust *trust, const struct snp_candidate *ark, struct verdict *v);

/* All names are AMD's, and root and intermediate are of the same product. */
int snp_check_names(const struct snp_candidate *ark, const struct snp_candidate *inter,
		    const struct snp_candidate *vek, struct verdict *v);

/*
 * The root signed itself and the intermediate, and both may sign certificates.  @ctx remembers
 * success, and a later call with the same two certificates is quick.
 */
int snp_check_cas(struct verifier *ctx, const struct snp_candidate *ark,
		  const struct snp_candidate *inter, int64_t now, struct verdict *v);

/*
 * All of the above, and that the intermediate signed @vek, which is a leaf with a P-384 key.  That
 * is remembered, too.
 */
int snp_check_links(struct verifier *ctx, const struct snp_candidate *ark,
		    const struct snp_candidate *inter, const struct snp_candidate *vek, int64_t now,
		    struct verdict *v);

/* All @n certificates are valid at @now. */
int snp_check_dates(const struct snp_candidate *const *all, size_t n, int64_t now,
		    struct verdict *v);

#endif
