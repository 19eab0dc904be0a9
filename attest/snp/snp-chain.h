/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_SNP_SNP_CHAIN_H
#define COCO_ATTEST_SNP_SNP_CHAIN_H

#include "attest/snp/amd-vek.h"
#include "attest/newest.h"
#include "attest/policy.h"
#include "attest/evidence.h"
#include "attest/verifier.h"

/*
 * The chain from AMD's root key to the key that signs SNP reports: ARK, then ASK or ASVK, then
 * VCEK or VLEK.
 */
struct snp_chain {
	X509 *vek;	/* owned */
	uint8_t key[MEMO_KEY_LEN];	/* hash of its bytes */
	enum snp_signing_key kind;
	struct amd_vek extensions;
};

void snp_chain_done(struct snp_chain *c);

/*
 * Find the certificates for the key that, by its own words, signed @report.  Verify them at @now,
 * from a root key that @ctx trusts downwards.
 *
 * The certificates are @e's; the host's in @table, whose CA certificates are only hints, as hosts
 * ship broken ones; and AMD's built-in CA certificates, for what is not given.  A VEK is never
 * built in.
 *
 * Each step is a check in @v.  Returns 0 with @ret, to be freed by snp_chain_done(); what
 * verdict_fail() gave; -ENOMEM.
 */
int snp_chain_verify(struct verifier *ctx, const struct evidence *e, const struct snp_table *table,
		     const struct policy *p, const struct snp_report *report, int64_t now,
		     struct verdict *v, struct snp_chain *ret);

/* Add what the certificate says as claims "vek.*". */
void snp_chain_claims(struct verdict *v, X509 *vek);

/* A TCB version as the option min_tcb= takes it: "4:0:24:219".  The text is @v's. */
const char *snp_tcb_text(struct verdict *v, enum snp_product product, const struct snp_tcb *tcb);

#endif
