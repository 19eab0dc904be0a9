/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/evidence.h"

static const struct {
	const char *name;
	size_t max;
} piece_table[_EVIDENCE_MAX] = {
	[EVIDENCE_REPORT]      = { "report", 16384 },
	[EVIDENCE_CERT_TABLE]  = { "cert-table", 262144 },
	[EVIDENCE_QUOTE]       = { "quote", 65536 },
	[EVIDENCE_TCB_INFO]    = { "tcb-info", 1048576 },
	[EVIDENCE_QE_IDENTITY] = { "qe-identity", 262144 },
	[EVIDENCE_TCB_CHAIN]   = { "tcb-chain", 65536 },
	[EVIDENCE_QE_CHAIN]    = { "qe-chain", 65536 },
	[EVIDENCE_ROOT_CRL]    = { "root-crl", EVIDENCE_CRL_LEN_MAX },
	[EVIDENCE_PCK_CRL]     = { "pck-crl", EVIDENCE_CRL_LEN_MAX },
	[EVIDENCE_HCL]	       = { "hcl", 65536 },
	[EVIDENCE_ATTEST]      = { "attest", 4096 },
	[EVIDENCE_SIG]	       = { "sig", 4096 },
	[EVIDENCE_PCRS]	       = { "pcrs", 65536 },
	[EVIDENCE_AK]	       = { "ak", 16384 },
	[EVIDENCE_TD_QUOTE]    = { "td-quote", 65536 },
	[EVIDENCE_EVENT_LOG]   = { "event-log", 16 * 1048576 },
	[EVIDENCE_RUNTIME_LOG] = { "runtime-log", 1048576 },
};

const char *evidence_piece_name(enum evidence_piece piece)
{
	return piece_table[piece].name;
}

size_t evidence_piece_max(enum evidence_piece piece)
{
	return piece_table[piece].max;
}

static bool is_collateral(enum evidence_piece piece)
{
	return piece >= EVIDENCE_TCB_INFO && piece <= EVIDENCE_PCK_CRL;
}

static bool has_room(unsigned n_own, unsigned n_sent, bool sent)
{
	return sent ? n_sent < EVIDENCE_SENT_MAX : n_own < EVIDENCE_OWN_MAX;
}

/*
 * If a sender sends too much, that is not an error.  Otherwise a sender could spoil a verification
 * for which the verifier has all that it needs.
 */
static int no_room_for(struct evidence *e, bool sent)
{
	if (!sent)
		return -EMSGSIZE;
	e->n_left_out++;
	return 0;
}

static int add_to_list(struct evidence *e, struct bytes *list, bool *list_sent, unsigned *n,
		       struct bytes data, bool sent)
{
	unsigned n_sent = 0;

	for (unsigned i = 0; i < *n; i++) {
		n_sent += list_sent[i];
		if (bytes_equal(list[i], data)) {
			list_sent[i] = list_sent[i] && sent;
			return 0;
		}
	}
	if (!has_room(*n - n_sent, n_sent, sent))
		return no_room_for(e, sent);
	list[*n] = data;
	list_sent[(*n)++] = sent;
	return 0;
}

int evidence_add_cert(struct evidence *e, struct bytes data, bool sent)
{
	return add_to_list(e, e->cert, e->cert_sent, &e->n_certs, data, sent);
}

int evidence_add_crl(struct evidence *e, struct bytes data, bool sent)
{
	return add_to_list(e, e->crl, e->crl_sent, &e->n_crls, data, sent);
}

int evidence_add(struct evidence *e, enum evidence_piece piece, struct bytes data, bool sent)
{
	struct bytes *first = &e->piece[piece];
	unsigned n_sent = 0;

	if (!first->p) {
		*first = data;
		e->sent |= sent ? EVIDENCE_BIT(piece) : 0;
		return 0;
	}
	if (!is_collateral(piece))
		return 0;
	if (bytes_equal(*first, data)) {
		e->sent &= sent ? ~0u : ~EVIDENCE_BIT(piece);
		return 0;
	}
	for (unsigned i = 0; i < e->n_more; i++) {
		n_sent += e->more[i].sent;
		if (e->more[i].piece == piece && bytes_equal(e->more[i].data, data)) {
			e->more[i].sent = e->more[i].sent && sent;
			return 0;
		}
	}
	if (!has_room(e->n_more - n_sent, n_sent, sent))
		return no_room_for(e, sent);
	e->more[e->n_more].piece = piece;
	e->more[e->n_more].sent = sent;
	e->more[e->n_more++].data = data;
	return 0;
}

bool evidence_candidate(const struct evidence *e, enum evidence_piece piece, unsigned nth,
			struct bytes *ret, bool *ret_sent)
{
	struct bytes data = e->piece[piece];
	bool sent = e->sent & EVIDENCE_BIT(piece);

	if (!data.p)
		return false;
	for (unsigned i = 0; nth > 0; i++) {
		if (i == e->n_more)
			return false;
		if (e->more[i].piece != piece)
			continue;
		nth--;
		data = e->more[i].data;
		sent = e->more[i].sent;
	}
	*ret = data;
	if (ret_sent)
		*ret_sent = sent;
	return true;
}
