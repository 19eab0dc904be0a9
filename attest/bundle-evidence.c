/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/bundle-evidence.h"

/* A quote is evidence by itself, or belongs to an HCL report. */
static const struct {
	enum bundle_kind kind;
	enum evidence_piece piece;
} pieces[] = {
	{ BUNDLE_REPORT, EVIDENCE_REPORT },
	{ BUNDLE_CERT_TABLE, EVIDENCE_CERT_TABLE },
	{ BUNDLE_QUOTE, EVIDENCE_QUOTE },
	{ BUNDLE_QUOTE, EVIDENCE_TD_QUOTE },
	{ BUNDLE_EVENT_LOG, EVIDENCE_EVENT_LOG },
	{ BUNDLE_RUNTIME_LOG, EVIDENCE_RUNTIME_LOG },
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

/* Returns 0, or -EMSGSIZE. */
static int add_item(const struct bundle_item *item, const struct attest_verifier *type,
		    struct evidence *ret)
{
	struct bytes data = { item->data, item->len };
	int r = 0;

	if (item->kind == BUNDLE_CERT)
		return type->takes_certs ? evidence_add_cert(ret, data, !item->own) : 0;
	if (item->kind == BUNDLE_CRL)
		return type->takes_crls ? evidence_add_crl(ret, data, !item->own) : 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(pieces); i++)
		if (pieces[i].kind == item->kind &&
		    (type->needs | type->takes) & EVIDENCE_BIT(pieces[i].piece))
			r = evidence_add(ret, pieces[i].piece, data, !item->own);
	return r;
}

/*
 * The verifier's own items come first: where the first piece counts, it is the verifier's, and
 * what was sent cannot take the room.
 */
int bundle_evidence(const struct bundle *b, const struct attest_verifier *type,
		    struct evidence *ret)
{
	int r = 0;

	for (int own = 1; own >= 0; own--)
		for (size_t i = 0; r == 0 && i < b->n_items; i++)
			if (b->items[i].own == own)
				r = add_item(&b->items[i], type, ret);
	return r;
}
