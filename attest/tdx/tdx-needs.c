/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/tdx-needs.h"

#include <stdio.h>

#include "attest/evidence-look.h"
#include "attest/need-vendor.h"
#include "attest/newest.h"
#include "attest/tdx/intel.h"
#include "attest/tdx/tdx-collateral.h"
#include "base/hex.h"
#include "base/parse.h"
#include "wire/tdx-quote.h"

#define PROCESSOR_CA "Intel SGX PCK Processor CA"
#define PLATFORM_CA "Intel SGX PCK Platform CA"

/* Whose files are wanted. */
struct intel_notes {
	uint8_t fmspc[6];
	bool processor_ca;
};

static struct intel_notes notes(const struct needs *n)
{
	struct intel_notes i;

	needs_noted(n, &i, sizeof(i));
	return i;
}

/* ---- what a file must be ---- */

static int check_pck_crl(const struct needs *n, struct bytes data, int64_t now,
			 struct need_finding *f)
{
	return need_check_list(data, notes(n).processor_ca ? PROCESSOR_CA : PLATFORM_CA, now, f);
}

static int check_root_crl(const struct needs *n, struct bytes data, int64_t now,
			  struct need_finding *f)
{
	return need_check_list(data, "Intel SGX Root CA", now, f);
}

static int check_tcb_info(const struct needs *n, struct bytes data, int64_t now,
			  struct need_finding *f)
{
	_cleanup_(freep) struct tdx_tcb_info *info = malloc(sizeof(*info));
	int r;

	if (!info)
		return -ENOMEM;
	r = tdx_tcb_info_read(data, info, &f->problem);
	if (r < 0)
		return -EBADMSG;
	if (memcmp(info->fmspc, notes(n).fmspc, sizeof(info->fmspc)) != 0)
		return need_reject(f, -EKEYREJECTED, "it is for other machines (FMSPC)");
	r = need_check_evaluation(n, info->evaluation, f);
	return r < 0 ? r : need_check_period(info->issue, info->next_update, now, f);
}

static int check_qe_identity(const struct needs *n, struct bytes data, int64_t now,
			     struct need_finding *f)
{
	_cleanup_(freep) struct tdx_qe_identity *identity = malloc(sizeof(*identity));
	int r;

	if (!identity)
		return -ENOMEM;
	r = tdx_qe_identity_read(data, identity, &f->problem);
	if (r < 0)
		return -EBADMSG;
	r = need_check_evaluation(n, identity->evaluation, f);
	return r < 0 ? r : need_check_period(identity->issue, identity->next_update, now, f);
}

static const struct need_kind kind_root_crl = {
	.what = "root revocation list",
	.prefix = "root-crl",
	.suffix = ".der",
	.kind = BUNDLE_ROOT_CRL,
	.server = NEED_PCS_ROOT,
	.max = EVIDENCE_CRL_LEN_MAX,
	.check = check_root_crl,
};

static const struct need_kind kind_tcb_info = {
	.what = "TCB info",
	.prefix = "tcb-info-",
	.suffix = ".json",
	.kind = BUNDLE_TCB_INFO,
	.server = NEED_PCS,
	.max = 262144,
	.header = "TCB-Info-Issuer-Chain",
	.chain_prefix = "tcb-chain-",
	.chain_suffix = ".pem",
	.chain = BUNDLE_TCB_CHAIN,
	.is_evaluated = true,
	.check = check_tcb_info,
};

static const struct need_kind kind_qe_identity = {
	.what = "QE identity",
	.prefix = "qe-identity",
	.suffix = ".json",
	.kind = BUNDLE_QE_IDENTITY,
	.server = NEED_PCS,
	.max = 65536,
	.header = "SGX-Enclave-Identity-Issuer-Chain",
	.chain_prefix = "qe-chain",
	.chain_suffix = ".pem",
	.chain = BUNDLE_QE_CHAIN,
	.is_evaluated = true,
	.check = check_qe_identity,
};

static const struct need_kind kind_pck_crl = {
	.what = "PCK revocation list",
	.prefix = "pck-crl-",
	.suffix = ".der",
	.kind = BUNDLE_PCK_CRL,
	.server = NEED_PCS,
	.max = EVIDENCE_CRL_LEN_MAX,
	.check = check_pck_crl,
};

/* ---- what a quote needs ---- */

/* What the PCK certificate of @q says of its machine, and which CA it is of. */
static int read_pck(const struct tdx_quote *q, struct intel_notes *ret,
		    char problem[static NEEDS_PROBLEM_LEN])
{
	_cleanup_(freep) struct pck_chain *chain = malloc(sizeof(*chain));
	_cleanup_(x509_freep) X509 *leaf = NULL;
	struct bytes ext;
	struct pck pck;

	if (!chain)
		return needs_problem(problem, -ENOMEM, "out of memory");
	if (pck_chain_split(q->pck_chain, chain) < 0 ||
	    x509_parse_der((struct bytes){ chain->cert[PCK_LEAF].b, chain->cert[PCK_LEAF].len },
			   &leaf) < 0 ||
	    x509_extension(leaf, PCK_EXTENSION_OID, &ext) < 0 || pck_parse(ext, &pck) < 0)
		return needs_problem(problem, -EBADMSG,
				     "the quote has no PCK certificate that can be read");
	ret->processor_ca = x509_has_cn(X509_get_issuer_name(leaf), PROCESSOR_CA);
	if (!ret->processor_ca && !x509_has_cn(X509_get_issuer_name(leaf), PLATFORM_CA))
		return needs_problem(problem, -EBADMSG,
				     "the quote's PCK certificate is of none of Intel's "
				     "authorities");
	memcpy(ret->fmspc, pck.fmspc, sizeof(ret->fmspc));
	return 0;
}

static void add_at(struct needs *n, const struct need_kind *kind, const char *key, const char *path)
{
	struct need *need = need_add(n, kind, key);

	(void) snprintf(need->path, sizeof(need->path), "%s", path);
}

static void add_all(struct needs *n, const struct intel_notes *i)
{
	const char *ca = i->processor_ca ? "processor" : "platform";
	char fmspc[2 * sizeof(i->fmspc) + 1], path[96];

	n->vendor = &need_intel;
	needs_note(n, i, sizeof(*i));
	format_hex(i->fmspc, sizeof(i->fmspc), fmspc);

	/* The root's list comes first: it may revoke who signed the others. */
	add_at(n, &kind_root_crl, "", "/IntelSGXRootCA.der");
	(void) snprintf(path, sizeof(path), "/tdx/certification/v4/tcb?fmspc=%s", fmspc);
	add_at(n, &kind_tcb_info, fmspc, path);
	add_at(n, &kind_qe_identity, "", "/tdx/certification/v4/qe/identity");
	(void) snprintf(path, sizeof(path), "/sgx/certification/v4/pckcrl?ca=%s&encoding=der", ca);
	add_at(n, &kind_pck_crl, ca, path);
}

int tdx_find_needs_of(struct bytes quote, struct needs *n, char problem[static NEEDS_PROBLEM_LEN])
{
	const char *look = evidence_look(quote), *what;
	struct intel_notes i = { .processor_ca = false };
	struct tdx_quote q;
	int r;

	if (tdx_quote_parse(quote.p, quote.len, &q, &what) < 0)
		return needs_problem(problem, -EBADMSG, "the quote cannot be read: %s%s%s", what,
				     look ? "; it begins like " : "", look ? look : "");
	r = read_pck(&q, &i, problem);
	if (r < 0)
		return r;
	add_all(n, &i);
	return 0;
}

int tdx_find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		   struct needs *ret, char problem[static NEEDS_PROBLEM_LEN])
{
	if (!e->piece[EVIDENCE_QUOTE].p)
		return -ENOMSG;
	return tdx_find_needs_of(e->piece[EVIDENCE_QUOTE], ret, problem);
}

/* ---- what a sort of machine needs ---- */

#define MACHINE_PLATFORM "tdx-platform-"
#define MACHINE_PROCESSOR "tdx-processor-"

static void intel_machine(const struct needs *n, char ret[static NEEDS_MACHINE_LEN])
{
	struct intel_notes i = notes(n);
	char fmspc[2 * sizeof(i.fmspc) + 1];

	format_hex(i.fmspc, sizeof(i.fmspc), fmspc);
	(void) snprintf(ret, NEEDS_MACHINE_LEN, "%s%s",
			i.processor_ca ? MACHINE_PROCESSOR : MACHINE_PLATFORM, fmspc);
}

static int intel_find(const char *machine, struct needs *ret)
{
	struct intel_notes i = { .processor_ca = startswith(machine, MACHINE_PROCESSOR) };
	const char *fmspc;

	if (!i.processor_ca && !startswith(machine, MACHINE_PLATFORM))
		return -ENOMSG;
	fmspc = machine + strlen(i.processor_ca ? MACHINE_PROCESSOR : MACHINE_PLATFORM);
	if (strlen(fmspc) != 2 * sizeof(i.fmspc) ||
	    parse_hex(fmspc, i.fmspc, sizeof(i.fmspc)) < 0)
		return -EINVAL;
	add_all(ret, &i);
	return 0;
}

/* The service sends the CA and the root along with the CA's list. */
static const struct need *intel_ca(const struct needs *n, const char **ret_header)
{
	*ret_header = "SGX-PCK-CRL-Issuer-Chain";
	for (unsigned i = 0; i < n->n; i++)
		if (n->list[i].kind == &kind_pck_crl)
			return &n->list[i];
	return NULL;
}

/* ---- to verify a file ---- */

/* The certificates of the quote, and what they prove: all collateral hangs on them. */
struct intel_state {
	struct pck_chain chain;
	struct endorsement *en;		/* NULL when they prove nothing */
	struct crl_set root_crls;
};

static void end_intel(struct need_judge *j)
{
	struct intel_state *s = j->state;

	if (!s)
		return;
	crl_set_done(&s->root_crls);
	(void) endorsement_free(s->en);
	free(s);
}

/* That of a TD on Azure is beside the HCL report. */
static struct bytes find_quote(const struct evidence *e)
{
	if (!e->piece[EVIDENCE_HCL].p && e->piece[EVIDENCE_QUOTE].p)
		return e->piece[EVIDENCE_QUOTE];
	return e->piece[EVIDENCE_TD_QUOTE];
}

/* Those of the quote; without one, the certificates that came with the CA's list. */
static int split_chain(const struct evidence *e, struct pck_chain *ret)
{
	struct bytes quote = find_quote(e);
	struct tdx_quote q;
	const char *what;
	int r;

	if (!quote.p)
		r = e->n_certs == 1 ? pck_chain_split_ca(e->cert[0], ret) : -EBADMSG;
	else if (tdx_quote_parse(quote.p, quote.len, &q, &what) < 0)
		r = -EBADMSG;
	else
		r = pck_chain_split(q.pck_chain, ret);
	return r < 0 && r != -ENOMEM ? -EBADMSG : r;
}

static int begin_intel(struct need_judge *j, const struct evidence *e,
		      char problem[static NEEDS_PROBLEM_LEN])
{
	struct intel_state *s;
	int r;

	s = j->state = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->en = calloc(1, sizeof(*s->en));
	if (!s->en)
		return -ENOMEM;
	r = split_chain(e, &s->chain);
	if (r == 0)
		r = endorsement_check_ca(&s->chain, verifier_trust(j->ctx), j->now, j->v, s->en);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		need_explain(j->v, "the certificates of the evidence lead to no trusted root",
			     problem);
		s->en = endorsement_free(s->en);
	}
	return 0;
}

static int verify_intel(struct need_judge *j, const struct need *need, struct bytes data,
			struct bytes chain, struct newest_entry *ret)
{
	static const struct {
		const struct need_kind *kind;
		enum evidence_piece piece;
	} pieces[] = {
		{ &kind_tcb_info, EVIDENCE_TCB_INFO },
		{ &kind_qe_identity, EVIDENCE_QE_IDENTITY },
		{ &kind_root_crl, EVIDENCE_ROOT_CRL },
		{ &kind_pck_crl, EVIDENCE_PCK_CRL },
	};
	struct intel_state *s = j->state;
	size_t i = 0;
	int r;

	while (pieces[i].kind != need->kind)
		i++;
	r = endorsement_check_piece(j->ctx, &s->chain, s->en, pieces[i].piece, data, chain,
				    &s->root_crls, j->now, j->v, ret);
	if (r == 0 && pieces[i].piece == EVIDENCE_ROOT_CRL && s->root_crls.n == 0)
		r = x509_crl_parse(data, &s->root_crls.list[s->root_crls.n]) == 0 ? 0 : -ENOMEM;
	if (r == 0 && pieces[i].piece == EVIDENCE_ROOT_CRL)
		s->root_crls.n = 1;
	return r;
}

static int check_header(struct bytes pem, int64_t now, struct need_finding *f)
{
	return need_check_two(pem,
			      (const char *const[]){ "Intel SGX TCB Signing", "Intel SGX Root CA" },
			      now, f);
}

const struct need_vendor need_intel = {
	.kinds = (const struct need_kind *const[]){ &kind_root_crl, &kind_tcb_info,
						    &kind_qe_identity, &kind_pck_crl, NULL },
	.check_chain = check_header,
	.begin = begin_intel,
	.end = end_intel,
	.verify = verify_intel,
	.machine = intel_machine,
	.find = intel_find,
	.find_ca = intel_ca,
};
