/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/collateral-check.h"

#include <stdio.h>

#include "agent/collateral.h"
#include "attest/snp/amd-ca.h"
#include "attest/tdx/p256.h"
#include "attest/tdx/tdx-collateral.h"
#include "attest/x509/crl-set.h"
#include "base/parse.h"
#include "base/text.h"

struct piece {
	struct config_file f;
	enum bundle_kind kind;
	struct x509_list certs;
	X509_CRL *crl;
};

struct candidate {
	X509 *cert;		/* borrowed from a piece or from @built_in */
	const char *path;	/* NULL: built in */
};

struct collateral_check {
	struct check_report *report;
	const struct trust *trust;
	const struct newest *newest;
	struct piece **pieces;
	size_t n_pieces;
	struct x509_list built_in;
	struct candidate *pool;
	size_t n_pool;
	unsigned n_signatures;
};

/* The common name; "?" when the name has none, or not on one line. */
static const char *name_of(const X509_NAME *name, char buf[static X509_CN_MAX + 1])
{
	if (x509_common_name(name, buf) < 0)
		strcpy(buf, "?");
	return buf;
}

static struct piece *piece_free(struct piece *p)
{
	if (!p)
		return NULL;
	config_file_done(&p->f);
	x509_list_done(&p->certs);
	X509_CRL_free(p->crl);
	free(p);
	return NULL;
}

static void check_done(struct collateral_check *c)
{
	for (size_t i = 0; i < c->n_pieces; i++)
		(void) piece_free(c->pieces[i]);
	free(c->pieces);
	free(c->pool);
	x509_list_done(&c->built_in);
}

static struct bytes bytes_of(const struct config_file *f)
{
	return (struct bytes){ (const uint8_t *)f->text, f->len };
}

/* ---- reading ---- */

static void add_candidate(struct collateral_check *c, X509 *cert, const char *path)
{
	struct candidate *more = check_grow(c->report, c->pool, c->n_pool, sizeof(*more));

	if (!more)
		return;
	c->pool = more;
	c->pool[c->n_pool++] = (struct candidate){ cert, path };
}

static int take_file(void *userdata, int r, enum bundle_kind kind, const struct config_file *f)
{
	struct collateral_check *c = userdata;
	struct piece *p, **more;

	if (r == -EMSGSIZE)
		check_problem(c->report, f->path, 0,
			      "There are more than %d files of collateral: remove those "
			      "that this VM does not need",
			      COLLATERAL_FILES_MAX);
	else if (r < 0)
		check_problem(c->report, f->path, 0, "%s", config_file_error(r));
	if (r < 0)
		return 0;
	more = check_grow(c->report, c->pieces, c->n_pieces, sizeof(*more));
	if (more)
		c->pieces = more;
	p = calloc(1, sizeof(*p));
	if (p)
		p->f.text = malloc(f->len + 1);
	if (!more || !p || !p->f.text) {
		(void) piece_free(p);
		c->report->oom = true;
		return -ENOMEM;
	}
	strcpy(p->f.path, f->path);
	memcpy(p->f.text, f->text, f->len + 1);
	p->f.len = f->len;
	p->kind = kind;
	c->pieces[c->n_pieces++] = p;
	return 0;
}

static void read_certs(struct collateral_check *c, struct piece *p)
{
	int r = x509_parse(bytes_of(&p->f), &p->certs);

	if (r == -ENOMEM)
		c->report->oom = true;
	else if (r == -EMSGSIZE)
		check_problem(c->report, p->f.path, 0, "There are more than %d certificates",
			      X509_LIST_MAX);
	else if (r < 0)
		check_problem(c->report, p->f.path, 0,
			      "It is neither a certificate in DER nor a list of "
			      "certificates in PEM alone");
	else if (p->certs.n == 0)
		check_problem(c->report, p->f.path, 0, "There is no certificate in it");
	for (unsigned i = 0; r == 0 && i < p->certs.n; i++)
		add_candidate(c, p->certs.cert[i], p->f.path);
}

static void read_crl(struct collateral_check *c, struct piece *p)
{
	int r = x509_crl_parse(bytes_of(&p->f), &p->crl);

	if (r == -ENOMEM)
		c->report->oom = true;
	else if (r < 0)
		check_problem(c->report, p->f.path, 0, "It is not a revocation list in DER or PEM");
}

static void read_piece(struct collateral_check *c, struct piece *p)
{
	switch (p->kind) {
	case BUNDLE_CERT:
	case BUNDLE_TCB_CHAIN:
	case BUNDLE_QE_CHAIN:
		read_certs(c, p);
		break;
	case BUNDLE_CRL:
	case BUNDLE_ROOT_CRL:
	case BUNDLE_PCK_CRL:
		read_crl(c, p);
		break;
	default:	/* documents are read when all certificates are known */
		break;
	}
}

static void read_built_in(struct collateral_check *c)
{
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++)
		if (x509_parse(ca->der, &c->built_in) < 0)
			c->report->oom = true;
	for (unsigned i = 0; i < c->built_in.n; i++)
		add_candidate(c, c->built_in.cert[i], NULL);
}

static bool is_older(const struct collateral_check *c, const struct newest_entry *e)
{
	const struct newest_entry *seen = newest_find(c->newest, e);

	return seen && newest_is_older(e, seen);
}

/* ---- chains ---- */

#define CHAIN_MAX 4
#define SIGNATURES_MAX 10000	/* the most to verify; each takes about 0.1 ms */

static bool is_intel(X509 *cert)
{
	char cn[X509_CN_MAX + 1];

	return startswith(name_of(X509_get_subject_name(cert), cn), "Intel") != NULL;
}

static enum x509_sig signature_of(X509 *issuer)
{
	return x509_key_is(issuer, X509_KEY_RSA_4096) ? X509_SIG_PSS_SHA384 : X509_SIG_ECDSA_SHA256;
}

static bool is_root(const struct collateral_check *c, X509 *cert, uint8_t spki[static 32])
{
	return x509_spki_sha256(cert, spki) == 0 &&
	       trust_find(c->trust, is_intel(cert) ? ROOT_INTEL_SGX : ROOT_AMD_ARK, spki) &&
	       x509_is_ca(cert) && x509_issued_by(cert, cert, signature_of(cert));
}

/*
 * What is wrong with a chain.  Of several issuers with the same name the later problem is worth
 * telling.
 */
enum chain_problem { CHAIN_NO_ISSUER, CHAIN_NOT_SIGNED, CHAIN_NOT_TRUSTED, CHAIN_GOOD };

struct chain {
	enum chain_problem problem;
	X509 *at;		/* the certificate whose issuer has the problem */
	uint8_t root[32];	/* SHA-256 of the root key, for CHAIN_GOOD */
};

static struct chain chain_of(struct collateral_check *c, X509 *cert, unsigned depth)
{
	struct chain best = { CHAIN_NO_ISSUER, .at = cert };

	if (is_root(c, cert, best.root)) {
		best.problem = CHAIN_GOOD;
		return best;
	}
	for (size_t i = 0; i < c->n_pool && depth < CHAIN_MAX && best.problem != CHAIN_GOOD; i++) {
		struct chain one = { CHAIN_NOT_SIGNED, .at = cert };
		X509 *issuer = c->pool[i].cert;

		if (X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(cert)) != 0)
			continue;
		if (X509_cmp(issuer, cert) == 0)
			one.problem = CHAIN_NOT_TRUSTED;
		else if (x509_is_ca(issuer) && ++c->n_signatures <= SIGNATURES_MAX &&
			 x509_issued_by(cert, issuer, signature_of(issuer)))
			one = chain_of(c, issuer, depth + 1);
		if (one.problem > best.problem)
			best = one;
	}
	return best;
}

static void check_cert(struct collateral_check *c, X509 *cert, const char *path)
{
	static const char *const texts[] = {
		[CHAIN_NO_ISSUER] = "the certificate of its issuer is neither here nor built in",
		[CHAIN_NOT_TRUSTED] = "its key is not one of the trusted root keys",
		[CHAIN_NOT_SIGNED] = "its issuer did not sign it",
	};
	char cn[X509_CN_MAX + 1], at[X509_CN_MAX + 1];
	struct chain chain = chain_of(c, cert, 0);
	int64_t from, until;

	(void) name_of(X509_get_subject_name(cert), cn);
	if (chain.problem != CHAIN_GOOD)
		check_problem(c->report, path, 0,
			      "Certificate '%s' leads to no trusted root; the "
			      "problem is with '%s': %s",
			      cn, name_of(X509_get_subject_name(chain.at), at),
			      texts[chain.problem]);
	if (x509_validity(cert, &from, &until) < 0)
		check_problem(c->report, path, 0, "Certificate '%s' does not say when it is valid",
			      cn);
	else
		(void) check_add_finding(c->report, path, from, until, "", "certificate '%s'", cn);
}

/* ---- revocation lists ---- */

static void check_revoked(struct collateral_check *c, const struct piece *p)
{
	char cn[X509_CN_MAX + 1];

	for (size_t i = 0; i < c->n_pool; i++) {
		X509 *cert = c->pool[i].cert;

		if (c->pool[i].path &&
		    X509_NAME_cmp(X509_get_issuer_name(cert), X509_CRL_get_issuer(p->crl)) == 0 &&
		    x509_crl_has(p->crl, cert))
			check_problem(c->report, c->pool[i].path, 0,
				      "Certificate '%s' is revoked, by '%s'",
				      name_of(X509_get_subject_name(cert), cn), p->f.path);
	}
}

/*
 * Returns 1 when the list's issuer signed it; 0 when the issuer is not here; -EKEYREJECTED,
 * -EOPNOTSUPP.
 */
static int verify_crl(struct collateral_check *c, const struct piece *p, X509 **ret,
		      struct chain *ret_chain)
{
	int r = 0;

	for (size_t i = 0; i < c->n_pool && r <= 0; i++) {
		X509 *cert = c->pool[i].cert;
		int one;

		if (X509_NAME_cmp(X509_get_subject_name(cert), X509_CRL_get_issuer(p->crl)) != 0 ||
		    !x509_is_ca(cert))
			continue;
		*ret_chain = chain_of(c, cert, 0);
		if (ret_chain->problem != CHAIN_GOOD)
			continue;
		one = x509_crl_verify(p->crl, cert, signature_of(cert));
		r = one == 0 ? 1 : one;
		*ret = cert;
	}
	return r;
}

static const char *crl_entry_name(const struct piece *p, const char *issuer)
{
	if (p->kind == BUNDLE_ROOT_CRL)
		return "root-crl";
	if (p->kind == BUNDLE_PCK_CRL)
		return strstr(issuer, "Processor") ? "pck-crl-processor" : "pck-crl-platform";
	return "";	/* AMD's lists are remembered by a key that only evidence knows */
}

static void check_crl(struct collateral_check *c, const struct piece *p)
{
	char cn[X509_CN_MAX + 1], key[CHECK_WHAT_LEN];
	struct newest_entry e = { .issued = 0 };
	struct finding *f;
	int64_t from, until;
	struct chain chain;
	X509 *issuer;
	int r;

	(void) name_of(X509_CRL_get_issuer(p->crl), cn);
	r = verify_crl(c, p, &issuer, &chain);
	if (r > 0) {
		const struct crl_issuer by = { issuer, signature_of(issuer), "",
					       crl_entry_name(p, cn), chain.root };

		crl_entry(p->crl, &by, &e);
		check_revoked(c, p);
	} else if (r == 0 && p->kind == BUNDLE_CRL) {
		check_problem(c->report, p->f.path, 0,
			      "The revocation list is by '%s', but no certificate of that "
			      "name leads to a trusted root",
			      cn);
	} else if (r == 0) {
		print("%s: its signature is not checked here, the certificate of "
		      "'%s' comes with a quote\n",
		      p->f.path, cn);
	} else if (r == -EOPNOTSUPP) {
		check_problem(c->report, p->f.path, 0,
			      "It is not a complete revocation list, or has critical "
			      "extensions that are not known");
	} else {
		check_problem(c->report, p->f.path, 0, "'%s' did not sign it", cn);
	}
	if (x509_crl_validity(p->crl, &from, &until) < 0) {
		check_problem(c->report, p->f.path, 0,
			      "The revocation list does not say until when it is valid");
		return;
	}
	snprintf(key, sizeof(key), "crl %s", cn);
	f = check_add_finding(c->report, p->f.path, from, until, key, "revocation list of '%s'",
			      cn);
	if (f)
		f->older = e.what[0] && is_older(c, &e);
}

/* ---- Intel's documents ---- */

/* True if a TCB signing certificate here, one that leads to the root @root, signed @part. */
static bool is_signed(struct collateral_check *c, struct bytes part,
		      const uint8_t signature[static 64], bool *ret_any, uint8_t root[static 32])
{
	*ret_any = false;
	for (size_t i = 0; i < c->n_pool; i++) {
		X509 *cert = c->pool[i].cert;
		char cn[X509_CN_MAX + 1];
		struct chain chain;

		if (!streq(name_of(X509_get_subject_name(cert), cn), "Intel SGX TCB Signing") ||
		    !x509_key_is(cert, X509_KEY_P256))
			continue;
		chain = chain_of(c, cert, 0);
		if (chain.problem != CHAIN_GOOD)
			continue;
		*ret_any = true;
		memcpy(root, chain.root, sizeof(chain.root));
		if (p256_verify(x509_public_key(cert), signature, part))
			return true;
	}
	return false;
}

static void check_document(struct collateral_check *c, const struct piece *p, struct bytes part,
			   const uint8_t signature[static 64], struct newest_entry *e,
			   uint32_t evaluation, int64_t until, const char *what)
{
	struct finding *f;
	bool any;

	newest_set_number(e, evaluation);
	if (!is_signed(c, part, signature, &any, e->root)) {
		check_problem(c->report, p->f.path, 0,
			      any ? "It is not signed by Intel's TCB signing key, to the byte" :
				    "The certificate that signed it is not "
				    "here: a file tcb-chain or "
				    "qe-chain that leads to a trusted root");
		return;
	}
	f = check_add_finding(c->report, p->f.path, e->issued, until, e->what,
			      "%s, evaluation data number %u", what, (unsigned)evaluation);
	if (f)
		f->older = is_older(c, e);
}

static void check_tcb_info(struct collateral_check *c, const struct piece *p)
{
	_cleanup_(freep) struct tdx_tcb_info *t = malloc(sizeof(*t));
	struct newest_entry e = { .what = "tcb-info-" };
	char what[CHECK_WHAT_LEN], fmspc[13];
	const char *why;

	if (!t) {
		c->report->oom = true;
		return;
	}
	if (tdx_tcb_info_read(bytes_of(&p->f), t, &why) < 0) {
		check_problem(c->report, p->f.path, 0, "It is not a TCB info: %s", why);
		return;
	}
	format_hex(t->fmspc, sizeof(t->fmspc), fmspc);
	strcat(e.what, fmspc);
	e.issued = t->issue;
	snprintf(what, sizeof(what), "TCB info of FMSPC %s", fmspc);
	check_document(c, p, t->signed_part, t->signature, &e, t->evaluation, t->next_update, what);
}

static void check_qe_identity(struct collateral_check *c, const struct piece *p)
{
	_cleanup_(freep) struct tdx_qe_identity *q = malloc(sizeof(*q));
	struct newest_entry e = { .what = "qe-identity" };
	const char *why;

	if (!q) {
		c->report->oom = true;
		return;
	}
	if (tdx_qe_identity_read(bytes_of(&p->f), q, &why) < 0) {
		check_problem(c->report, p->f.path, 0, "It is not a QE identity: %s", why);
		return;
	}
	e.issued = q->issue;
	check_document(c, p, q->signed_part, q->signature, &e, q->evaluation, q->next_update,
		       "QE identity");
}

static void check_piece(struct collateral_check *c, struct piece *p)
{
	for (unsigned i = 0; i < p->certs.n; i++)
		check_cert(c, p->certs.cert[i], p->f.path);
	if (p->crl)
		check_crl(c, p);
	if (p->kind == BUNDLE_TCB_INFO)
		check_tcb_info(c, p);
	if (p->kind == BUNDLE_QE_IDENTITY)
		check_qe_identity(c, p);
}

/* ---- all ---- */

void collateral_check(const char *root, const struct trust *trust, const struct newest *newest,
		      int64_t now, struct check_report *report)
{
	_cleanup_(check_done) struct collateral_check c = {
		.report = report,
		.trust = trust,
		.newest = newest,
	};

	(void) collateral_each(CONFIG_ROOT(root), take_file, &c);
	for (size_t i = 0; i < c.n_pieces; i++)
		read_piece(&c, c.pieces[i]);
	/* The certificates in files come before the built-in ones. */
	read_built_in(&c);
	for (size_t i = 0; i < c.n_pieces && !report->oom; i++)
		check_piece(&c, c.pieces[i]);
	check_dates(report, now);
}
