/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_EVIDENCE_H
#define COCO_ATTEST_EVIDENCE_H

#include "base/macro.h"
#include "wire/bytes.h"

/* The evidence to be judged, piece by piece, and the collateral that it is judged with. */

/* The kinds of pieces.  evidence_piece_name() is also the name of cococtl's option. */
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
	EVIDENCE_SIG,		/* the signature of EVIDENCE_ATTEST */
	EVIDENCE_PCRS,		/* the claimed PCR values, JSON */
	EVIDENCE_AK,		/* public key of the TPM's attestation key */
	EVIDENCE_TD_QUOTE,	/* TDX quote that belongs to an HCL report */
	EVIDENCE_EVENT_LOG,
	EVIDENCE_RUNTIME_LOG,	/* events without a header, which continue the event log */
	_EVIDENCE_MAX,
};

/* How many pieces of a sort the verifier may have itself, and how many sent ones are looked at. */
#define EVIDENCE_OWN_MAX 64
#define EVIDENCE_SENT_MAX 16
#define EVIDENCE_CERTS_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)
#define EVIDENCE_CRLS_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)
#define EVIDENCE_MORE_MAX (EVIDENCE_OWN_MAX + EVIDENCE_SENT_MAX)

/*
 * A piece that was not given has a NULL pointer.  An empty piece has a pointer and length 0, and
 * is usually malformed.
 *
 * Collateral can have several candidates: the first is in @piece, the others are in @more.  The
 * newest that verifies counts.  If a candidate does not verify, it matters where it came from:
 * the verifier's own is a failure, a sent one is passed over.
 */
struct evidence {
	struct bytes piece[_EVIDENCE_MAX];
	unsigned sent;				/* EVIDENCE_BIT()s of the pieces that were sent */
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
	unsigned n_left_out;			/* how many sent pieces were too many */
};

/*
 * Add a piece, a certificate or a revocation list; @sent tells that it came with the evidence.
 * The same bytes are not added again, but count as the verifier's own if one of the two is.  Of a
 * piece that is not collateral only the first counts.  More than EVIDENCE_SENT_MAX sent ones of a
 * sort are left out and counted.
 * Returns 0, or -EMSGSIZE for more than EVIDENCE_OWN_MAX of the verifier's own.
 */
int evidence_add(struct evidence *e, enum evidence_piece piece, struct bytes data, bool sent);
int evidence_add_cert(struct evidence *e, struct bytes data, bool sent);
int evidence_add_crl(struct evidence *e, struct bytes data, bool sent);

/*
 * The @nth (from 0) candidate for @piece.  False if there is none.  @ret_sent may be NULL.
 */
bool evidence_candidate(const struct evidence *e, enum evidence_piece piece, unsigned nth,
			struct bytes *ret, bool *ret_sent);

#define EVIDENCE_BIT(piece) (1u << (piece))

/* "report", "cert-table", "tcb-info" ... */
const char *evidence_piece_name(enum evidence_piece piece);

/* The most bytes to read for a piece: no honest one has more. */
size_t evidence_piece_max(enum evidence_piece piece);
#define EVIDENCE_CERT_LEN_MAX 32768
#define EVIDENCE_CRL_LEN_MAX 1048576

#endif
