/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/bundle-evidence.h"

/* A quote stands for itself, or beside an HCL report. */
static const struct {
	enum bundle_kind kind;
	enum evidence_piece piece;
} pieces[] = {
	{ BUNDLE_REPORT, EVIDENCE_REPORT },
	{ BUNDLE_CERT_TABLE, EVIDENCE_CERT_TABLE },
	{ BUNDLE_QUOTE, EVIDENCE_QUOTE },
	{ BUNDLE_QUOTE, EVIDENCE_TD_QUOTE },
	{ BUNDLE_EVENT_LOG, EVIDENCE_EVENT_LOG },
	{ BUNDLE_HCL, EVIDENCE_HCL },
	{ BUNDLE_TPM_ATTEST, EVIDENCE_ATTEST },
	{ BUNDLE_TPM_SIGNATURE, EVIDENCE_SIG },
	{ BUNDLE_TPM_PCRS, EVIDENCE_PCRS },
	{ BUNDLE_TCB_INFO, EVIDENCE_TCB_INFO },
	{ BUNDLE_QE_IDENTITY, EVIDENCE_QE_IDENTITY },
	{ BUNDLE_TCB_CHAIN, EVIDENCE_TCB_CHAIN },
	{ BUNDLE_QE_CHAIN, EVIDENCE_QE_CHAIN },
	{ BUNDLE_ROOT_CRL, EVIDENCE_ROOT_CRL },
	{ BUNDLE_PCK_CRL, EVIDENCE_PCK_CRL },
};

static void add_list(const struct bundle *b, enum bundle_kind kind, struct bytes *list, unsigned *n,
		     unsigned max)
{
	const struct bundle_item *i;

	for (size_t nth = 0; *n < max && (i = bundle_find(b, kind, nth)); nth++)
		list[(*n)++] = (struct bytes){ i->data, i->len };
}

void bundle_evidence(const struct bundle *b, const struct attest_verifier *type,
		     struct evidence *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const struct bundle_item *item = bundle_find(b, pieces[i].kind, 0);

		if (item && !ret->piece[pieces[i].piece].p &&
		    (type->needs | type->takes) & EVIDENCE_BIT(pieces[i].piece))
			ret->piece[pieces[i].piece] = (struct bytes){ item->data, item->len };
	}
	if (type->takes_certs)
		add_list(b, BUNDLE_CERT, ret->cert, &ret->n_certs, EVIDENCE_CERTS_MAX);
	if (type->takes_crls)
		add_list(b, BUNDLE_CRL, ret->crl, &ret->n_crls, EVIDENCE_CRLS_MAX);
}
