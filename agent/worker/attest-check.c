/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/attest-check.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "agent/collateral.h"
#include "attest/snp/amd-ca.h"
#include "attest/x509/crl-set.h"
#include "attest/tdx/p256.h"
#include "attest/tdx/tdx-collateral.h"
#include "attest/policy.h"
#include "attest/trust.h"
#include "attest/verify.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"

#define WHAT_LEN 160
#define SOON_SEC (7 * 24 * 3600)

struct piece {
	struct config_file f;
	enum bundle_kind kind;
	struct x509_list certs;
	X509_CRL *crl;
};

/*
 * A piece of collateral with dates.  Pieces of the same key do the same job: one of them must be
 * good.
 */
struct finding {
	const char *path;
	char what[WHAT_LEN], key[WHAT_LEN];	/* no key: nothing else does its job */
	int64_t from, until;
	bool older;	/* older than what was verified before */
};

struct candidate {
	X509 *cert;		/* borrowed from a piece or from @built_in */
	const char *path;	/* NULL: built in */
};

struct attest_check {
	const char *root;
	int64_t now;
	unsigned n_errors;
	bool oom;
	struct trust trust;
	struct newest newest;
	struct piece **pieces;
	size_t n_pieces;
	struct x509_list built_in;
	struct candidate *pool;
	size_t n_pool;
	struct finding *findings;
	size_t n_findings;
	unsigned n_signatures;
};

/* ---- words ---- */

static void problem(struct attest_check *c, const char *path, unsigned line, const char *format,
		    ...) _printf_(4, 5);
static void problem(struct attest_check *c, const char *path, unsigned line, const char *format,
		    ...)
{
	char text[512], number[16] = "";
	va_list ap;
	int n;

	if (line)
		snprintf(number, sizeof(number), "%u:", line);
	n = snprintf(text, sizeof(text), "%.200s:%s ", path, number);
	va_start(ap, format);
	(void) vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
	va_end(ap);
	make_printable(text);
	log_error("%s", text);
	c->n_errors++;
}

static const char *time_text(int64_t t, char buf[static 32])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		strcpy(buf, "a time that cannot be said");
	return buf;
}

/* The common name; "?" when the name has none, or not on one line. */
static const char *name_of(const X509_NAME *name, char buf[static X509_CN_MAX + 1])
{
	if (x509_common_name(name, buf) < 0)
		strcpy(buf, "?");
	return buf;
}

/* ---- lists ---- */

/* Returns @list with room for one more; NULL without memory, and then @list is unchanged. */
static void *grow(struct attest_check *c, void *list, size_t n, size_t size)
{
	void *more = reallocarray(list, n + 1, size);

	c->oom |= !more;
	return more;
}

static void add_candidate(struct attest_check *c, X509 *cert, const char *path)
{
	struct candidate *more = grow(c, c->pool, c->n_pool, sizeof(*more));

	if (!more)
		return;
	c->pool = more;
	c->pool[c->n_pool++] = (struct candidate){ cert, path };
}

static struct finding *add_finding(struct attest_check *c, const char *path, int64_t from,
				   int64_t until, const char *key, const char *format, ...)
	_printf_(6, 7);
static struct finding *add_finding(struct attest_check *c, const char *path, int64_t from,
				   int64_t until, const char *key, const char *format, ...)
{
	struct finding *more = grow(c, c->findings, c->n_findings, sizeof(*more)), *f;
	va_list ap;

	if (!more)
		return NULL;
	c->findings = more;
	f = &c->findings[c->n_findings++];
	*f = (struct finding){ .path = path, .from = from, .until = until };
	snprintf(f->key, sizeof(f->key), "%s", key);
	va_start(ap, format);
	(void) vsnprintf(f->what, sizeof(f->what), format, ap);
	va_end(ap);
	make_printable(f->what);
	return f;
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

static void check_done(struct attest_check *c)
{
	for (size_t i = 0; i < c->n_pieces; i++)
		(void) piece_free(c->pieces[i]);
	free(c->pieces);
	free(c->pool);
	free(c->findings);
	x509_list_done(&c->built_in);
}

static struct bytes bytes_of(const struct config_file *f)
{
	return (struct bytes){ (const uint8_t *)f->text, f->len };
}

/* ---- policy and trust ---- */

static bool open_file(struct attest_check *c, const char *name, size_t max, struct config_file *ret)
{
	int r = config_file_read(c->root, name, max, ret);

	if (r < 0)
		problem(c, ret->path, 0, "%s", config_file_error(r));
	return r > 0;
}

/* True if the policy can accept evidence of that kind.  Prints what it can and cannot accept. */
static bool check_kind(const char *path, const struct policy *p,
		       const struct policy_identity *identities)
{
	enum verdict_identity identity = policy_identity_asked(p, identities);
	const char *foreign = policy_foreign_option(p);

	if (!p->has_own || !p->has_option)
		return false;
	if (foreign) {
		print("%s: refuses all evidence of %s, which nobody can judge by %s=: give that in "
		      "a section of its kind\n",
		      path, p->kind->name, foreign);
		return false;
	}
	if (identity == IDENTITY_WHOLE ||
	    (identity == IDENTITY_PARTIAL && p->allow & ALLOW_PARTIAL_IDENTITY)) {
		print("%s: judges evidence of %s%s\n", path, p->kind->name,
		      identity == IDENTITY_WHOLE ?
			      "" :
			      ", by an identity that may not cover all that runs");
		return true;
	}
	print("%s: refuses all evidence of %s, for it names %s: %s is missing\n", path,
	      p->kind->name,
	      identity == IDENTITY_NONE ?
		      "no identity of what runs" :
		      "an identity that may not cover kernel, initrd and cmdline",
	      p->kind->identity);
	return false;
}

static void check_kinds(struct attest_check *c, const char *path, const struct policies *ps)
{
	unsigned n = 0;

	for (const struct attest_verifier *const *type = attest_verifiers; *type; type++)
		for (size_t k = 0;
		     (*type)->opens_gate && k < ARRAY_SIZE((*type)->kinds) && (*type)->kinds[k];
		     k++)
			n += check_kind(path, policies_find(ps, (*type)->kinds[k]),
					(*type)->identities);
	if (n == 0)
		problem(c, path, 0,
			"By this policy no evidence is ever accepted: it names no identity of what "
			"runs, in [snp], [tdx] or [azure]");
}

static void check_policy(struct attest_check *c)
{
	char error[POLICY_ERROR_LEN];
	struct config_file f;
	struct policies p;
	unsigned line;
	int n = 0;

	if (!open_file(c, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &f))
		return;
	policies_init(&p);
	if (policies_parse(&p, f.text, f.len, error) < 0) {
		if (sscanf(error, "line %u: %n", &line, &n) == 1 && n > 0)
			problem(c, f.path, line, "%s", error + n);
		else
			problem(c, f.path, 0, "%s", error);
	} else {
		check_kinds(c, f.path, &p);
	}
	config_file_done(&f);
}

static void check_trust(struct attest_check *c)
{
	struct config_file f;
	unsigned line = 0;
	int r;

	trust_init(&c->trust);
	if (!open_file(c, ATTEST_TRUST_FILE, ATTEST_TRUST_MAX, &f))
		return;
	r = trust_parse(f.text, f.len, ATTEST_TRUST_FILE, &c->trust, &line);
	if (r == -ENOMEM)
		c->oom = true;
	else if (r == -ENODATA)
		problem(c, f.path, 0, "It has no key; remove the file to use the built-in keys");
	else if (r == -EMSGSIZE)
		problem(c, f.path, line, "There are more than %d keys", TRUST_PINS_MAX);
	else if (r < 0)
		problem(c, f.path, line,
			"It is neither a key's SHA-256 of 64 hexadecimal digits, nor a "
			"certificate, nor a comment");
	else
		print("%s: %u root key%s, in place of the built-in ones\n", f.path,
		       c->trust.n_pins, c->trust.n_pins == 1 ? "" : "s");
	config_file_done(&f);
}

/* ---- reading ---- */

static int take_file(void *userdata, int r, enum bundle_kind kind, const struct config_file *f)
{
	struct attest_check *c = userdata;
	struct piece *p, **more;

	if (r == -EMSGSIZE)
		problem(c, f->path, 0,
			"There are more than %d files of collateral: remove those "
			"that this VM does not need",
			COLLATERAL_FILES_MAX);
	else if (r < 0)
		problem(c, f->path, 0, "%s", config_file_error(r));
	if (r < 0)
		return 0;
	more = grow(c, c->pieces, c->n_pieces, sizeof(*more));
	if (more)
		c->pieces = more;
	p = calloc(1, sizeof(*p));
	if (p)
		p->f.text = malloc(f->len + 1);
	if (!more || !p || !p->f.text) {
		(void) piece_free(p);
		c->oom = true;
		return -ENOMEM;
	}
	strcpy(p->f.path, f->path);
	memcpy(p->f.text, f->text, f->len + 1);
	p->f.len = f->len;
	p->kind = kind;
	c->pieces[c->n_pieces++] = p;
	return 0;
}

static void read_certs(struct attest_check *c, struct piece *p)
{
	int r = x509_parse(bytes_of(&p->f), &p->certs);

	if (r == -ENOMEM)
		c->oom = true;
	else if (r == -EMSGSIZE)
		problem(c, p->f.path, 0, "There are more than %d certificates", X509_LIST_MAX);
	else if (r < 0)
		problem(c, p->f.path, 0,
			"It is neither a certificate in DER nor a list of "
			"certificates in PEM alone");
	else if (p->certs.n == 0)
		problem(c, p->f.path, 0, "There is no certificate in it");
	for (unsigned i = 0; r == 0 && i < p->certs.n; i++)
		add_candidate(c, p->certs.cert[i], p->f.path);
}

static void read_crl(struct attest_check *c, struct piece *p)
{
	int r = x509_crl_parse(bytes_of(&p->f), &p->crl);

	if (r == -ENOMEM)
		c->oom = true;
	else if (r < 0)
		problem(c, p->f.path, 0, "It is not a revocation list in DER or PEM");
}

static void read_piece(struct attest_check *c, struct piece *p)
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

static void read_built_in(struct attest_check *c)
{
	for (const struct amd_ca *ca = amd_cas; ca->common_name; ca++)
		if (x509_parse(ca->der, &c->built_in) < 0)
			c->oom = true;
	for (unsigned i = 0; i < c->built_in.n; i++)
		add_candidate(c, c->built_in.cert[i], NULL);
}

static void read_newest(struct attest_check *c)
{
	static const char path_format[] = "%s" COLLATERAL_CACHE "/" NEWEST_FILE;
	char error[NEWEST_ERROR_LEN], path[PATH_MAX];
	struct config_file f = { .text = NULL };
	int r = -ENAMETOOLONG;

	if ((size_t)snprintf(path, sizeof(path), path_format, c->root) < sizeof(path))
		r = config_file_read_path(c->root, path, NEWEST_FILE_MAX, &f);
	if (r < 0)
		problem(c, path, 0, "%s", config_file_error(r));
	else if (r > 0 && newest_parse(f.text, f.len, &c->newest, error) < 0)
		problem(c, path, 0,
			"The memory of what was verified is damaged: %s; 'cococtl attest fetch "
			"--forget-newest' begins a new one",
			error);
	config_file_done(&f);
}

static bool is_older(const struct attest_check *c, const struct newest_entry *e)
{
	const struct newest_entry *seen = newest_find(&c->newest, e);

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

static bool is_root(const struct attest_check *c, X509 *cert, uint8_t spki[static 32])
{
	return x509_spki_sha256(cert, spki) == 0 &&
	       trust_find(&c->trust, is_intel(cert) ? ROOT_INTEL_SGX : ROOT_AMD_ARK, spki) &&
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

static struct chain chain_of(struct attest_check *c, X509 *cert, unsigned depth)
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

static void check_cert(struct attest_check *c, X509 *cert, const char *path)
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
		problem(c, path, 0,
			"Certificate '%s' leads to no trusted root; the problem is with '%s': %s",
			cn, name_of(X509_get_subject_name(chain.at), at), texts[chain.problem]);
	if (x509_validity(cert, &from, &until) < 0)
		problem(c, path, 0, "Certificate '%s' does not say when it is valid", cn);
	else
		(void) add_finding(c, path, from, until, "", "certificate '%s'", cn);
}

/* ---- revocation lists ---- */

static void check_revoked(struct attest_check *c, const struct piece *p)
{
	char cn[X509_CN_MAX + 1];

	for (size_t i = 0; i < c->n_pool; i++) {
		X509 *cert = c->pool[i].cert;

		if (c->pool[i].path &&
		    X509_NAME_cmp(X509_get_issuer_name(cert), X509_CRL_get_issuer(p->crl)) == 0 &&
		    x509_crl_has(p->crl, cert))
			problem(c, c->pool[i].path, 0, "Certificate '%s' is revoked, by '%s'",
				name_of(X509_get_subject_name(cert), cn), p->f.path);
	}
}

/*
 * Returns 1 when the list's issuer signed it; 0 when the issuer is not here; -EKEYREJECTED,
 * -EOPNOTSUPP.
 */
static int verify_crl(struct attest_check *c, const struct piece *p, X509 **ret,
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

static void check_crl(struct attest_check *c, const struct piece *p)
{
	char cn[X509_CN_MAX + 1], key[WHAT_LEN];
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
		problem(c, p->f.path, 0,
			"The revocation list is by '%s', but no certificate of that "
			"name leads to a trusted root",
			cn);
	} else if (r == 0) {
		print("%s: its signature is not checked here, the certificate of "
		      "'%s' comes with a quote\n",
		      p->f.path, cn);
	} else if (r == -EOPNOTSUPP) {
		problem(c, p->f.path, 0,
			"It is not a complete revocation list, or has critical "
			"extensions that are not known");
	} else {
		problem(c, p->f.path, 0, "'%s' did not sign it", cn);
	}
	if (x509_crl_validity(p->crl, &from, &until) < 0) {
		problem(c, p->f.path, 0, "The revocation list does not say until when it is valid");
		return;
	}
	snprintf(key, sizeof(key), "crl %s", cn);
	f = add_finding(c, p->f.path, from, until, key, "revocation list of '%s'", cn);
	if (f)
		f->older = e.what[0] && is_older(c, &e);
}

/* ---- Intel's documents ---- */

/* True if a TCB signing certificate here, one that leads to the root @root, signed @part. */
static bool is_signed(struct attest_check *c, struct bytes part, const uint8_t signature[static 64],
		      bool *ret_any, uint8_t root[static 32])
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
		if (p256_verify(X509_get0_pubkey(cert), signature, part))
			return true;
	}
	return false;
}

static void check_document(struct attest_check *c, const struct piece *p, struct bytes part,
			   const uint8_t signature[static 64], struct newest_entry *e,
			   uint32_t evaluation, int64_t until, const char *what)
{
	struct finding *f;
	bool any;

	newest_set_number(e, evaluation);
	if (!is_signed(c, part, signature, &any, e->root)) {
		problem(c, p->f.path, 0,
			any ? "It is not signed by Intel's TCB signing key, to the byte" :
			      "The certificate that signed it is not here: a file tcb-chain or "
			      "qe-chain that leads to a trusted root");
		return;
	}
	f = add_finding(c, p->f.path, e->issued, until, e->what, "%s, evaluation data number %u",
			what, (unsigned)evaluation);
	if (f)
		f->older = is_older(c, e);
}

static void check_tcb_info(struct attest_check *c, const struct piece *p)
{
	_cleanup_(freep) struct tdx_tcb_info *t = malloc(sizeof(*t));
	struct newest_entry e = { .what = "tcb-info-" };
	char what[WHAT_LEN], fmspc[13];
	const char *why;

	if (!t) {
		c->oom = true;
		return;
	}
	if (tdx_tcb_info_read(bytes_of(&p->f), t, &why) < 0) {
		problem(c, p->f.path, 0, "It is not a TCB info: %s", why);
		return;
	}
	format_hex(t->fmspc, sizeof(t->fmspc), fmspc);
	strcat(e.what, fmspc);
	e.issued = t->issue;
	snprintf(what, sizeof(what), "TCB info of FMSPC %s", fmspc);
	check_document(c, p, t->signed_part, t->signature, &e, t->evaluation, t->next_update, what);
}

static void check_qe_identity(struct attest_check *c, const struct piece *p)
{
	_cleanup_(freep) struct tdx_qe_identity *q = malloc(sizeof(*q));
	struct newest_entry e = { .what = "qe-identity" };
	const char *why;

	if (!q) {
		c->oom = true;
		return;
	}
	if (tdx_qe_identity_read(bytes_of(&p->f), q, &why) < 0) {
		problem(c, p->f.path, 0, "It is not a QE identity: %s", why);
		return;
	}
	e.issued = q->issue;
	check_document(c, p, q->signed_part, q->signature, &e, q->evaluation, q->next_update,
		       "QE identity");
}

static void check_piece(struct attest_check *c, struct piece *p)
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

/* ---- dates ---- */

static bool is_good(const struct attest_check *c, const struct finding *f)
{
	return c->now >= f->from && c->now <= f->until && !f->older;
}

static bool has_better(const struct attest_check *c, const struct finding *f)
{
	for (size_t i = 0; f->key[0] && i < c->n_findings; i++)
		if (streq(c->findings[i].key, f->key) && is_good(c, &c->findings[i]))
			return true;
	return false;
}

static void check_dates(struct attest_check *c)
{
	const struct finding *first = NULL;
	char text[32], from[32];

	for (size_t i = 0; i < c->n_findings; i++) {
		const struct finding *f = &c->findings[i];
		const char *why = f->older	     ? "is older than what was verified before" :
				  c->now < f->from   ? "is not good yet" :
				  c->now > f->until ? "has expired" :
						      NULL;

		if (!why) {
			print("%s: %s, good until %s\n", f->path, f->what,
			      time_text(f->until, text));
			if (!first || f->until < first->until)
				first = f;
		} else if (has_better(c, f)) {
			print("%s: %s, %s; another one counts\n", f->path, f->what, why);
		} else {
			problem(c, f->path, 0, "%s %s (good from %s to %s)", f->what, why,
				time_text(f->from, from), time_text(f->until, text));
		}
	}
	if (!first)
		return;
	print("The first to expire is '%s', on %s\n", first->path, time_text(first->until, text));
	if (first->until - c->now < SOON_SEC)
		log_warning("'%s' expires on %s, in less than a week: 'cococtl attest fetch "
			    "--refresh' gets it anew",
			    first->path, text);
}

/* ---- all ---- */

/* Collect what a judgement would get: it may be too much. */
static void check_size(struct attest_check *c)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };
	_cleanup_(closep) int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct cause why = { "" };
	int r;

	if (c->n_errors > 0)
		return;
	r = collateral_add(c->root, /* need_policy= */ false, &b, &why);
	if (r == 0)
		r = bundle_write_pack(&b, fd);
	if (r == -EMSGSIZE && !why.text[0])
		(void) cause_set(&why, r, "together the files are larger than %d bytes",
				 BUNDLE_PACK_MAX);
	if (r < 0)
		problem(c, c->root[0] ? c->root : "/", 0, "%s",
			why.text[0] ? why.text : strerror(-r));
}

int attest_check(const char *root)
{
	_cleanup_(check_done) struct attest_check c = { .root = root };

	check_policy(&c);
	check_trust(&c);
	read_newest(&c);
	c.now = attest_clock((int64_t)time(NULL), &c.newest, &c.trust);
	(void) collateral_each(root, take_file, &c);
	for (size_t i = 0; i < c.n_pieces; i++)
		read_piece(&c, c.pieces[i]);
	/* The certificates in files come before the built-in ones. */
	read_built_in(&c);
	for (size_t i = 0; i < c.n_pieces && !c.oom; i++)
		check_piece(&c, c.pieces[i]);
	check_dates(&c);
	check_size(&c);
	return c.oom ? -ENOMEM : (int)c.n_errors;
}
