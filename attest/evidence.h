/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_EVIDENCE_H
#define COCO_ATTEST_EVIDENCE_H

#include "base/macro.h"
#include "wire/bytes.h"

/* The evidence to be judged, piece by piece, and the collateral that it is judged with. */

/* One piece each; evidence_piece_name() is its option of cococtl as well. */
enum evidence_piece {
	EVIDENCE_REPORT,	/* SNP attestation report, or TDREPORT */
	EVIDENCE_CERT_TABLE,	/* certificate table of an SNP extended report */
	EVIDENCE_QUOTE,		/* TDX quote */
	EVIDENCE_TCB_INFO,	/* Intel's signed JSON, as it came */
	EVIDENCE_QE_IDENTITY,
	EVIDENCE_TCB_CHAIN,	/* PEM: signing certificate, root */
	EVIDENCE_QE_CHAIN,
	EVIDENCE_ROOT_CRL,
	EVIDENCE_PCK_CRL,
	EVIDENCE_HCL,		/* Azure's HCL report */
	EVIDENCE_ATTEST,	/* TPMS_ATTEST */
	EVIDENCE_SIG,		/* its signature */
	EVIDENCE_PCRS,		/* the claimed PCR values, JSON */
	EVIDENCE_AK,		/* public key of the TPM's attestation key */
	EVIDENCE_TD_QUOTE,	/* TDX quote that belongs to an HCL report */
	EVIDENCE_EVENT_LOG,
	_EVIDENCE_MAX,
};

/* How much the verifier has itself, and on top of it how much of a sender's is looked at. */
#define EVIDENCE_OWN_MAX 64
#define EVIDENCE_SENT_MAX 16
#define EVIDENCE_CERTS_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)
#define EVIDENCE_CRLS_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)
#define EVIDENCE_MORE_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)

/*
 * A piece that was not given has a NULL pointer; an empty one has a pointer and no length, and
 * is malformed as a rule.
 *
 * Of collateral there can be several candidates: the first in @piece, the others in @more.  The
 * newest that verifies counts.  Who they are from matters when they do not: what the verifier
 * has itself is wrong when it is wrong, what a sender sent is then passed over.
 */
struct evidence {
	struct bytes piece[_EVIDENCE_MAX];
	unsigned sent;				/* EVIDENCE_BIT()s of the pieces that a sender sent */
	struct {
		enum evidence_piece piece;
		bool sent;
		struct bytes data;
	} more[EVIDENCE_MORE_MAX];
	unsigned n_more;
	struct bytes cert[EVIDENCE_CERTS_MAX];	/* certificates, PEM or DER, in any order */
	bool cert_sent[EVIDENCE_CERTS_MAX];
	unsigned n_certs;
	struct bytes crl[EVIDENCE_CRLS_MAX];	/* PEM or DER */
	bool crl_sent[EVIDENCE_CRLS_MAX];
	unsigned n_crls;
	unsigned n_left_out;			/* of a sender's, more than are looked at */
};

/*
 * Add one.  What is there already, byte for byte, is not added again, but becomes the
 * verifier's own when it is.  A second piece that is no collateral is left out: the first
 * counts.  Of a sender's more than EVIDENCE_SENT_MAX of a sort are left out, and counted.
 * Returns 0, or -EMSGSIZE for more than EVIDENCE_OWN_MAX of the verifier's own.
 */
int evidence_add(struct evidence *e, enum evidence_piece piece, struct bytes data, bool sent);
int evidence_add_cert(struct evidence *e, struct bytes data, bool sent);
int evidence_add_crl(struct evidence *e, struct bytes data, bool sent);

/*
 * The @nth (from 0) candidate for a piece.  Returns true with @ret, and @ret_sent if it is not
 * NULL.
 */
bool evidence_candidate(const struct evidence *e, enum evidence_piece piece, unsigned nth,
			struct bytes *ret, bool *ret_sent);

#define EVIDENCE_BIT(piece) (1u << (piece))

/* "report", "cert-table", "tcb-info" ... */
const char *evidence_piece_name(enum evidence_piece piece);

/* More bytes than any honest one has, so that callers know how much to read. */
size_t evidence_piece_max(enum evidence_piece piece);
#define EVIDENCE_CERT_LEN_MAX 32768
#define EVIDENCE_CRL_LEN_MAX 1048576

#endif
