/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_INTEL_H
#define COCO_ATTEST_TDX_INTEL_H

#include "attest/tdx/intel-certs.h"
#include "attest/tdx/intel-document.h"
#include "attest/tdx/pck.h"
#include "attest/tdx/tdx-collateral.h"

/*
 * Intel's side of a TDX quote: who certified the platform, and what Intel says of such platforms.
 *
 *	root key, a trust anchor
 *	 ├─ PCK Platform CA or PCK Processor CA
 *	 │   ├─ PCK certificate ── QE report ── attestation key ── quote
 *	 │   └─ PCK CRL (of PCK certificates)
 *	 ├─ TCB signing certificate ── TCB info, QE identity
 *	 └─ root CRL (of the CAs and TCB signing certificates)
 */

/*
 * The key under which the verifier remembers an endorsement, and what was hashed for that: the
 * first candidate of each document.
 */
struct endorsement_key {
	uint8_t memo[MEMO_KEY_LEN];
	struct intel_document_hash tcb_info, qe_identity;
};

/* A CA and a set of collateral that were verified, and stay good until @expires. */
struct endorsement {
	struct pck_authority authority;	/* with a root only while the rest is being checked */
	uint8_t *texts;			/* the bytes that the two documents borrow */
	struct tdx_tcb_info tcb_info;
	struct tdx_qe_identity qe_identity;
	struct crl_set pck_crls;	/* of the PCK CA */
	int64_t expires;
	const struct endorsement_key *key;	/* while the rest is being checked, or NULL */
};

struct endorsement *endorsement_free(struct endorsement *en);
DEFINE_CLEANUP(struct endorsement *, endorsement_free)

/*
 * The key for the CA and the root of @chain and all collateral of @e, from whose bytes @ret
 * borrows: they must not change until endorsement_check_collateral() is done.
 * Returns 0 or -ENOMEM.
 */
int endorsement_key(const struct pck_chain *chain, const struct evidence *e,
		    struct endorsement_key *ret);

/*
 * Check the CA and the root of @chain at @now, with the trust anchors of @trust.  Each step is a
 * check in @v.  On success @ret has its @authority.
 * Returns 0, what verdict_fail() gave, or -ENOMEM.
 */
int endorsement_check_ca(const struct pck_chain *chain, const struct trust *trust, int64_t now,
			 struct verdict *v, struct endorsement *ret);

/*
 * Then check the collateral of @e, which fills the rest of @en.  Of each piece, the newest that
 * verifies counts; every revocation list is searched.
 * Returns as above.  If a piece is missing, the verdict is undecided with code MISSING, and tells
 * where Intel has the piece for @pck.
 */
int endorsement_check_collateral(struct verifier *ctx, const struct pck_chain *chain,
				 const struct pck *pck, const struct evidence *e, int64_t now,
				 struct verdict *v, struct endorsement *en);

/*
 * Check one file of collateral alone.  @text is the file; @signing is the chain that came with a
 * TCB info or a QE identity.  The right key must have signed the file, under the root that
 * endorsement_check_ca() put into @en.  @root_crls are the root's revocation lists at hand.
 * Returns 0 with @ret, which is what to remember of the file; what verdict_fail() gave; -ENOMEM.
 */
int endorsement_check_piece(struct verifier *ctx, const struct pck_chain *chain,
			    const struct endorsement *en, enum evidence_piece piece,
			    struct bytes text, struct bytes signing,
			    const struct crl_set *root_crls, int64_t now, struct verdict *v,
			    struct newest_entry *ret);

#endif
