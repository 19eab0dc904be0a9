/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_SNP_CHAIN_H
#define COCO_ATTEST_SNP_SNP_CHAIN_H

#include "attest/snp/amd-vek.h"
#include "attest/newest.h"
#include "attest/policy.h"
#include "attest/evidence.h"
#include "attest/verifier.h"

/*
 * From an AMD root key to the key that signs SNP reports: ARK, then ASK or ASVK, then VCEK or VLEK.
 */
struct snp_chain {
	X509 *vek;	/* owned */
	enum snp_signing_key kind;
	struct amd_vek extensions;
};

void snp_chain_done(struct snp_chain *c);

/*
 * Find the certificates for the key that says to have signed @report, and verify them at @now
 * down from a root key that @ctx trusts.
 *
 * They come from @e's certificates, which count as they are; from @table, whose CA certificates
 * are hints, as hosts ship broken ones; and from those of AMD that are built in, for what is
 * not given.  The VEK itself is never built in.
 *
 * Each step is a check in @v.  0 with @ret, to be freed by snp_chain_done(); what
 * verdict_fail() gives; -ENOMEM.
 */
int snp_chain_verify(struct verifier *ctx, const struct evidence *e, const struct snp_table *table,
		     const struct policy *p, const struct snp_report *report, int64_t now,
		     struct verdict *v, struct snp_chain *ret);

/* What the certificate says, as claims "vek.*". */
void snp_chain_claims(struct verdict *v, X509 *vek);

/* "4:0:24:219", as min_tcb= takes it. */
const char *snp_tcb_text(struct verdict *v, enum snp_product product, const struct snp_tcb *tcb);

#endif
