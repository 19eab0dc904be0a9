/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_TDX_INTEL_DOCUMENT_H
#define COCO_ATTEST_TDX_INTEL_DOCUMENT_H

#include "attest/newest.h"
#include "attest/tdx/intel-certs.h"
#include "attest/tdx/pck.h"
#include "attest/tdx/tdx-collateral.h"

/*
 * TCB info and QE identity as signed documents: who signed one, when it is good, and which of
 * several counts.
 */

/*
 * What of a document was signed, as its text looks before it is read, and its hash.  With that,
 * the longest part of the collateral is hashed once: for the key under which it is remembered, and
 * for its signature.  @part borrows from the text, and may be another part than the one that was
 * signed, or empty.
 */
struct intel_document_hash {
	struct bytes part;
	uint8_t sha256[32];
};

/* Returns 0 or -ENOMEM. */
int intel_document_hash(struct bytes text, struct intel_document_hash *ret);

/* What the two have in common.  The pointers borrow from the document that was read. */
struct intel_document {
	struct bytes signed_part;
	const uint8_t *signature;
	int64_t issue, next_update;
	uint32_t evaluation;		/* tcbEvaluationDataNumber */
	bool fits;			/* it is for this platform */
	struct newest_entry entry;	/* what the verifier remembers of it */
	const uint8_t *sha256;		/* of the signed part; NULL if nobody has taken it yet */
};

/* @pck: the platform that a TCB info must be for; with NULL every TCB info fits. */
struct intel_document intel_document_tcb_info(const struct tdx_tcb_info *t,
					      const uint8_t root_spki[static 32],
					      const struct pck *pck);
struct intel_document intel_document_qe_identity(const struct tdx_qe_identity *q,
						 const uint8_t root_spki[static 32]);

/* Room for whichever of the two is read. */
union intel_document_buf {
	struct tdx_tcb_info tcb_info;
	struct tdx_qe_identity qe_identity;
};

/*
 * Read @text, a TCB info if @piece is EVIDENCE_TCB_INFO, else a QE identity, into @buf.
 * False if @text cannot be read.  @ret borrows from @text and @buf.
 */
bool intel_document_open(enum evidence_piece piece, struct bytes text,
			 const uint8_t root_spki[static 32], const struct pck *pck,
			 union intel_document_buf *buf, struct intel_document *ret);

/*
 * Check that @key signed @d, that @d is good at @now, and that @d is not older than what @ctx
 * remembers.  @what names the document in checks.
 * Returns 0, or what verdict_fail() gave.
 */
int intel_document_check(struct verifier *ctx, struct verdict *v, const char *what, EVP_PKEY *key,
			 const struct intel_document *d, int64_t now);

/* Fail because @what cannot be read: @error and @problem are the reader's. */
int intel_document_unreadable(struct verdict *v, int error, const char *what, const char *problem);

/*
 * Choose among the candidates of @e: one TCB info, one QE identity and a signing chain for each
 * go into the pieces of @ret.  Candidates that fail here are passed over.  What was chosen is not
 * yet checked for the verdict.
 * Returns 0 or -ENOMEM.
 */
int intel_documents_choose(struct verifier *ctx, const struct pck_chain *chain,
			   const struct pck *pck, const struct evidence *e,
			   const struct pck_authority *by, const struct crl_set *root_crls,
			   int64_t now, struct evidence *ret);

#endif
