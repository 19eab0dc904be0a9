/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_INTEL_H
#define COCO_ATTEST_TDX_INTEL_H

#include "attest/tdx/intel-certs.h"
#include "attest/tdx/pck.h"
#include "attest/tdx/tdx-collateral.h"

/*
 * Intel's side of a TDX quote: who certified the platform, and what Intel says of such platforms.
 *
 *	root (pinned) ─┬─ PCK Platform or Processor CA ── PCK certificate ── QE report ── attestation key ── quote
 *	               ├─ TCB signing certificate ── TCB info, QE identity
 *	               └─ root CRL (CA, TCB signing)       CA ── PCK CRL (PCK certificates)
 */

/* What was verified once for a CA and a set of collateral, and stays so until @expires. */
struct endorsement {
	struct pck_authority authority;	/* its root only while the rest is checked */
	uint8_t *texts;			/* what the two documents borrow */
	struct tdx_tcb_info tcb_info;
	struct tdx_qe_identity qe_identity;
	struct crl_set pck_crls;	/* of the PCK CA */
	int64_t expires;
};

struct endorsement *endorsement_free(struct endorsement *en);
DEFINE_CLEANUP(struct endorsement *, endorsement_free)

/* The key of the memo for that CA, root and collateral.  -ENOMEM. */
int endorsement_key(const struct pck_chain *chain, const struct evidence *e,
		    uint8_t ret[static MEMO_KEY_LEN]);

/*
 * Check the CA and the root of @chain against the pins of @trust at @now, each step a check of @v.
 * @ret has then @authority.  Returns 0, what verdict_fail() gave, or -ENOMEM.
 */
int endorsement_check_ca(const struct pck_chain *chain, const struct trust *trust, int64_t now,
			 struct verdict *v, struct endorsement *ret);

/*
 * Then the collateral of @e: the rest of @en.  Of each piece the newest that verifies counts,
 * and every revocation list is looked into.  Returns as above; a piece that is missing is
 * undecided, code MISSING, and @pck says where Intel has it.
 */
int endorsement_check_collateral(struct verifier *ctx, const struct pck_chain *chain,
				 const struct pck *pck, const struct evidence *e, int64_t now,
				 struct verdict *v, struct endorsement *en);

/*
 * One file of collateral alone, @text with the chain that came with it (of TCB info and QE
 * identity): signed by whom it must be, under the root that @en has from
 * endorsement_check_ca().  @root_crls are the lists of the root that are at hand.
 * Returns 0 with what is to be remembered of it, what verdict_fail() gave, or -ENOMEM.
 */
int endorsement_check_piece(struct verifier *ctx, const struct pck_chain *chain,
			    const struct endorsement *en, enum evidence_piece piece,
			    struct bytes text, struct bytes signing, const struct crl_set *root_crls,
			    int64_t now, struct verdict *v, struct newest_entry *ret);

#endif
