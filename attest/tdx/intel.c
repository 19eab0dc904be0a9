/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/intel.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/blank.h"
#include "base/parse.h"
#include "crypto/cleanup.h"

/* ---- certificates ---- */

int pck_chain_split(struct bytes pem, struct pck_chain *ret)
{
	for (unsigned i = 0; i < _PCK_MAX; i++) {
		ssize_t n = pem_next(&pem, "CERTIFICATE", ret->cert[i].b, sizeof(ret->cert[i].b));

		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		ret->cert[i].len = (size_t)n;
	}
	/* Blanks and the NUL of C may follow, a fourth certificate may not. */
	while (pem.len > 0 && is_space(pem.p[0]))
		(void) bytes_skip(&pem, 1);
	return bytes_all_zero(&pem) ? 0 : -EBADMSG;
}

static struct bytes pck_der(const struct pck_chain *chain, unsigned i)
{
	return (struct bytes){ chain->cert[i].b, chain->cert[i].len };
}

static bool same_bytes(struct bytes a, struct bytes b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

#define ROOT_CN "Intel SGX Root CA"
static const char *const root_names[] = { ROOT_CN, NULL };
static const char *const ca_names[] = { "Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA", NULL };
static const char *const pck_names[] = { "Intel SGX PCK Certificate", NULL };
static const char *const signing_names[] = { "Intel SGX TCB Signing", NULL };

/*
 * What every certificate of Intel's must be: its name, its kind of key, CA or not, and in its
 * time.  The signature is not looked at.
 */
static int check_cert(struct verdict *v, X509 *cert, const char *what, const char *const *names,
		      bool is_ca, int64_t now)
{
	char cn[X509_CN_MAX + 1];
	int64_t before, after;
	const char *found;

	if (x509_common_name(X509_get_subject_name(cert), cn) < 0 || !name_is_listed(cn, names))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", what, names[0],
				    x509_name_text(v, X509_get_subject_name(cert)));
	if (!x509_key_is(cert, X509_KEY_P256))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", what, "a key on P-256",
				    "another key");
	if (is_ca ? !x509_is_ca(cert) : !x509_is_leaf(cert))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "CHAIN", what,
				    is_ca ? "a certificate of an authority" :
					    "no certificate of an authority",
				    "the other");
	if (x509_validity(cert, &before, &after) < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CHAIN", what, "a time of validity",
				    "none that can be read");
	found = verdict_text(v, "good from %s to %s", verdict_time(v, before), verdict_time(v, after));
	if (now < before || now > after)
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "DATE", what,
				    verdict_text(v, "good on %s", verdict_time(v, now)), found);
	verdict_pass(v, what, found);
	return 0;
}

static int check_issued(struct verdict *v, X509 *cert, X509 *issuer, const char *what,
			const char *by)
{
	return verdict_check(v, x509_issued_by(cert, issuer, X509_SIG_ECDSA_SHA256),
			     VERDICT_NOT_AUTHENTIC, "CHAIN", what, by, NULL);
}

/* The pin first: until then the key is used for nothing. */
static int check_root(struct verdict *v, X509 *root, const struct trust *trust, int64_t now,
		      uint8_t spki[static 32])
{
	int r;

	r = x509_spki_sha256(root, spki);
	if (r < 0)
		return r;
	r = verdict_check(v, trust_find(trust, ROOT_INTEL_SGX, spki) != NULL, VERDICT_NOT_AUTHENTIC,
			  "PIN", "root key is trusted", "one of the trusted root keys",
			  verdict_text(v, "SHA-256 of the key %s", verdict_hex(v, spki, 32)));
	if (r < 0)
		return r;
	r = check_cert(v, root, "root certificate", root_names, /* is_ca= */ true, now);
	if (r < 0)
		return r;
	return check_issued(v, root, root, "root certificate is signed by itself", "its own signature");
}

static int parse_cert(struct verdict *v, struct bytes der, const char *what, X509 **ret)
{
	int r = x509_parse_der(der, ret);

	if (r == -ENOMEM)
		return r;
	return r < 0 ? verdict_fail(v, VERDICT_MALFORMED, "CHAIN", what, "a certificate in DER", "none") : 0;
}

static void expire(struct endorsement *en, int64_t t)
{
	en->expires = MIN(en->expires, t);
}

static void expire_with(struct endorsement *en, X509 *cert)
{
	int64_t before, after;

	if (x509_validity(cert, &before, &after) == 0)
		expire(en, after);
}

int endorsement_check_ca(const struct pck_chain *chain, const struct trust *trust, int64_t now,
			 struct verdict *v, struct endorsement *ret)
{
	int r;

	ret->expires = INT64_MAX;
	r = parse_cert(v, pck_der(chain, PCK_ROOT), "root certificate", &ret->root);
	if (r < 0)
		return r;
	r = check_root(v, ret->root, trust, now, ret->root_spki);
	if (r < 0)
		return r;
	r = parse_cert(v, pck_der(chain, PCK_CA), "PCK CA certificate", &ret->ca);
	if (r < 0)
		return r;
	r = check_cert(v, ret->ca, "PCK CA certificate", ca_names, /* is_ca= */ true, now);
	if (r < 0)
		return r;
	r = check_issued(v, ret->ca, ret->root, "PCK CA is certified by the root",
			 "the root's signature");
	if (r < 0)
		return r;
	expire_with(ret, ret->root);
	expire_with(ret, ret->ca);
	return 0;
}

int pck_check_leaf(const struct pck_chain *chain, X509 *ca, int64_t now, struct verdict *v,
		   X509 **ret)
{
	_cleanup_(x509_freep) X509 *leaf = NULL;
	int r;

	r = parse_cert(v, pck_der(chain, PCK_LEAF), "PCK certificate", &leaf);
	if (r < 0)
		return r;
	r = check_cert(v, leaf, "PCK certificate", pck_names, /* is_ca= */ false, now);
	if (r < 0)
		return r;
	r = check_issued(v, leaf, ca, "PCK is certified by its CA", "the CA's signature");
	if (r < 0)
		return r;
	*ret = TAKE_PTR(leaf);
	return 0;
}

/* ---- collateral ---- */

struct endorsement *endorsement_free(struct endorsement *en)
{
	if (!en)
		return NULL;
	X509_free(en->ca);
	X509_free(en->root);
	crl_set_done(&en->pck_crls);
	free(en->texts);
	free(en);
	return NULL;
}

static const enum evidence_piece collateral[] = {
	EVIDENCE_TCB_INFO, EVIDENCE_QE_IDENTITY, EVIDENCE_TCB_CHAIN,
	EVIDENCE_QE_CHAIN, EVIDENCE_ROOT_CRL,	 EVIDENCE_PCK_CRL,
};

static bool hash_part(EVP_MD_CTX *ctx, struct bytes part)
{
	uint64_t len = part.len;

	return EVP_DigestUpdate(ctx, &len, sizeof(len)) == 1 &&
	       EVP_DigestUpdate(ctx, part.p, part.len) == 1;
}

/* All candidates, and whose they are: which of them counts may depend on it. */
static bool hash_candidates(EVP_MD_CTX *ctx, const struct evidence *e, enum evidence_piece piece)
{
	struct bytes data;
	unsigned n = 0;
	uint8_t sort[2];
	bool sent;

	for (; evidence_candidate(e, piece, n, &data, &sent); n++) {
		sort[0] = (uint8_t)piece;
		sort[1] = sent;
		if (EVP_DigestUpdate(ctx, sort, sizeof(sort)) != 1 || !hash_part(ctx, data))
			return false;
	}
	return true;
}

int endorsement_key(const struct pck_chain *chain, const struct evidence *e,
		    uint8_t ret[static MEMO_KEY_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	       EVP_DigestUpdate(ctx, "tdx endorsement", 16) == 1 &&
	       hash_part(ctx, pck_der(chain, PCK_CA)) && hash_part(ctx, pck_der(chain, PCK_ROOT));
	for (size_t i = 0; good && i < ARRAY_SIZE(collateral); i++)
		good = hash_candidates(ctx, e, collateral[i]);
	good = good && EVP_DigestFinal_ex(ctx, ret, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? 0 : -ENOMEM;
}

#define SERVICE "https://api.trustedservices.intel.com/"

/* Where Intel has what is missing, for people. */
static const char *place_of(enum evidence_piece piece, const struct pck *pck, X509 *ca,
			    struct verdict *v)
{
	char cn[X509_CN_MAX + 1] = "";

	(void) x509_common_name(X509_get_subject_name(ca), cn);
	switch (piece) {
	case EVIDENCE_TCB_INFO:
		return verdict_text(v, "tcb-info, from " SERVICE "tdx/certification/v4/tcb?fmspc=%s",
				    verdict_hex(v, pck->fmspc, sizeof(pck->fmspc)));
	case EVIDENCE_QE_IDENTITY:
		return "qe-identity, from " SERVICE "tdx/certification/v4/qe/identity";
	case EVIDENCE_TCB_CHAIN:
		return "tcb-chain, which comes as the header TCB-Info-Issuer-Chain of the TCB info";
	case EVIDENCE_QE_CHAIN:
		return "qe-chain, which comes as the header SGX-Enclave-Identity-Issuer-Chain of the QE identity";
	case EVIDENCE_ROOT_CRL:
		return "root-crl, from https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
	case EVIDENCE_PCK_CRL:
		return verdict_text(v, "pck-crl, from " SERVICE "sgx/certification/v4/pckcrl?ca=%s&encoding=der",
				    streq(cn, ca_names[1]) ? "processor" : "platform");
	default:
		return evidence_piece_name(piece);
	}
}

static int check_complete(const struct evidence *e, const struct pck *pck, X509 *ca,
			  struct verdict *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(collateral); i++)
		if (!e->piece[collateral[i]].p)
			return verdict_fail(v, VERDICT_UNDECIDED, "MISSING",
					    "collateral is complete",
					    place_of(collateral[i], pck, ca, v), "not given");
	return 0;
}

/* ---- revocation lists ---- */

static struct crl_issuer root_issuer(const struct endorsement *en)
{
	return (struct crl_issuer){ en->root, X509_SIG_ECDSA_SHA256, "root's revocation list", "root-crl", en->root_spki };
}

static struct crl_issuer pck_issuer(const struct endorsement *en)
{
	char cn[X509_CN_MAX + 1] = "";

	(void) x509_common_name(X509_get_subject_name(en->ca), cn);
	return (struct crl_issuer){ en->ca, X509_SIG_ECDSA_SHA256, "PCK CA's revocation list",
				    streq(cn, ca_names[1]) ? "pck-crl-processor" : "pck-crl-platform", en->root_spki };
}

static int collect_crls(struct verifier *ctx, const struct evidence *e, enum evidence_piece piece,
			const struct crl_issuer *by, struct verdict *v, struct crl_set *ret)
{
	struct bytes lists[CRL_SET_MAX];
	bool sent[CRL_SET_MAX];
	unsigned n = 0;

	while (n < CRL_SET_MAX && evidence_candidate(e, piece, n, &lists[n], &sent[n]))
		n++;
	return crl_set_collect(ret, ctx, by, lists, sent, n, v);
}

/* ---- who signs the documents ---- */

/* A signing certificate and the root, in PEM. */
struct signing_chain {
	X509 *signer;
	X509 *root;	/* NULL when it is the quote's, byte for byte, which was checked before */
};

static void signing_chain_done(struct signing_chain *c)
{
	X509_free(c->signer);
	X509_free(c->root);
}

static int take_signing_cert(struct bytes *pem, const char *what, uint8_t *buf, struct verdict *v,
			     struct bytes *ret)
{
	ssize_t n = pem_next(pem, "CERTIFICATE", buf, PCK_CERT_LEN_MAX);

	if (n == -ENOMEM)
		return (int)n;
	if (n < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CHAIN", what, "certificates in PEM",
				    "none, or something beside them");
	*ret = (struct bytes){ buf, (size_t)n };
	return 0;
}

static int parse_signing_chain(struct bytes pem, const char *what, const struct pck_chain *chain,
			       struct verdict *v, struct signing_chain *ret)
{
	uint8_t signer_buf[PCK_CERT_LEN_MAX], root_buf[PCK_CERT_LEN_MAX], more_buf[PCK_CERT_LEN_MAX];
	struct bytes signer = { NULL }, root = { NULL }, more = { NULL };
	int r;

	r = take_signing_cert(&pem, what, signer_buf, v, &signer);
	if (r == 0)
		r = take_signing_cert(&pem, what, root_buf, v, &root);
	if (r == 0)
		r = take_signing_cert(&pem, what, more_buf, v, &more);
	if (r == 0)
		r = verdict_check(v, signer.len > 0 && root.len > 0 && more.len == 0,
				  VERDICT_NOT_AUTHENTIC, "CHAIN", what,
				  "2 certificates: the signing one and the root",
				  verdict_text(v, "%d",
					       (signer.len > 0) + (root.len > 0) + (more.len > 0)));
	if (r < 0)
		return r;
	r = parse_cert(v, signer, what, &ret->signer);
	if (r < 0 || same_bytes(root, pck_der(chain, PCK_ROOT)))
		return r;
	return parse_cert(v, root, what, &ret->root);
}

/* @expires: when the first of it does. */
static int check_signing_chain(const struct signing_chain *c, const struct endorsement *en,
			       const struct trust *trust, const struct crl_set *root_crls,
			       int64_t now, struct verdict *v, int64_t *expires)
{
	X509 *root = c->root ? c->root : en->root;
	int64_t before, after;
	uint8_t spki[32];
	int r;

	if (c->root) {
		r = check_root(v, root, trust, now, spki);
		if (r < 0)
			return r;
		/* The root's list was one of the PCK's root. */
		r = verdict_check(v, memcmp(spki, en->root_spki, sizeof(spki)) == 0,
				  VERDICT_NOT_AUTHENTIC, "PIN", "root key is that of the quote",
				  verdict_hex(v, en->root_spki, 32), verdict_hex(v, spki, 32));
		if (r < 0)
			return r;
	}
	r = check_cert(v, c->signer, "TCB signing certificate", signing_names, /* is_ca= */ false, now);
	if (r < 0)
		return r;
	r = check_issued(v, c->signer, root, "TCB signing is certified by the root",
			 "the root's signature");
	if (r < 0)
		return r;
	if (x509_validity(root, &before, &after) == 0)
		*expires = MIN(*expires, after);
	if (x509_validity(c->signer, &before, &after) == 0)
		*expires = MIN(*expires, after);
	return verdict_check(v, !crl_set_has(root_crls, c->signer), VERDICT_NOT_AUTHENTIC,
			     "CRL_REVOKED", "TCB signing certificate is not revoked", NULL, NULL);
}

/* ---- the documents ---- */

/* What both have, beside what is theirs. */
struct document {
	struct bytes signed_part;
	const uint8_t *signature;
	int64_t issue, next_update;
	uint32_t evaluation;
	bool fits;	/* this platform */
	struct newest_entry entry;
};

static void set_document(struct document *d, const struct endorsement *en, const char *what)
{
	d->entry = (struct newest_entry){ .issued = d->issue };
	(void) snprintf(d->entry.what, sizeof(d->entry.what), "%s", what);
	memcpy(d->entry.root, en->root_spki, sizeof(d->entry.root));
	newest_set_number(&d->entry, d->evaluation);
}

static struct document tcb_info_document(const struct tdx_tcb_info *t, const struct endorsement *en,
					 const struct pck *pck)
{
	struct document d = { t->signed_part, t->signature, t->issue, t->next_update, t->evaluation,
			      .fits = !pck || memcmp(pck->fmspc, t->fmspc, sizeof(t->fmspc)) == 0 };
	char what[NEWEST_WHAT_LEN] = "tcb-info-";

	format_hex(t->fmspc, sizeof(t->fmspc), what + strlen(what));
	set_document(&d, en, what);
	return d;
}

static struct document qe_identity_document(const struct tdx_qe_identity *q, const struct endorsement *en)
{
	struct document d = { q->signed_part, q->signature, q->issue, q->next_update, q->evaluation, .fits = true };

	set_document(&d, en, "qe-identity");
	return d;
}

static int check_document(struct verifier *ctx, struct verdict *v, const char *what, EVP_PKEY *key,
			  const struct document *d, int64_t now)
{
	const char *found;

	if (!p256_verify(key, d->signature, d->signed_part))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "COLL_SIG", what,
				    "signed by Intel's TCB signing key, to the byte",
				    "another signature");
	verifier_saw(ctx, d->issue);
	found = verdict_text(v, "good from %s to %s", verdict_time(v, d->issue),
			     verdict_time(v, d->next_update));
	if (now < d->issue || now > d->next_update)
		return verdict_fail(v, VERDICT_UNDECIDED, "COLL_STALE", what,
				    verdict_text(v, "good on %s", verdict_time(v, now)), found);
	verdict_pass(v, what, found);
	return verifier_check_newest(ctx, &d->entry, what, v);
}

static int unreadable(struct verdict *v, int error, const char *what, const char *problem)
{
	return verdict_fail(v, VERDICT_MALFORMED, error == -EOPNOTSUPP ? "COLL_TYPE" : "COLL_FORMAT", what, NULL, problem);
}

static int check_tcb_info(struct verifier *ctx, struct bytes text, EVP_PKEY *key,
			  const struct pck *pck, int64_t now, struct verdict *v,
			  struct endorsement *en)
{
	struct document d;
	const char *problem;
	int r;

	r = tdx_tcb_info_read(text, &en->tcb_info, &problem);
	if (r < 0)
		return unreadable(v, r, "TCB info", problem);
	d = tcb_info_document(&en->tcb_info, en, pck);
	expire(en, d.next_update);
	return check_document(ctx, v, "TCB info", key, &d, now);
}

static int check_qe_identity(struct verifier *ctx, struct bytes text, EVP_PKEY *key, int64_t now,
			     struct verdict *v, struct endorsement *en)
{
	struct document d;
	const char *problem;
	int r;

	r = tdx_qe_identity_read(text, &en->qe_identity, &problem);
	if (r < 0)
		return unreadable(v, r, "QE identity", problem);
	d = qe_identity_document(&en->qe_identity, en);
	expire(en, d.next_update);
	return check_document(ctx, v, "QE identity", key, &d, now);
}

/* Both documents, from the copies that @en owns. */
static int check_documents(struct verifier *ctx, const struct pck_chain *chain,
			   const struct pck *pck, const struct evidence *e,
			   const struct crl_set *root_crls, int64_t now, struct verdict *v,
			   struct endorsement *en, struct signing_chain *tcb_chain,
			   struct signing_chain *qe_chain)
{
	struct bytes tcb_info = { en->texts, e->piece[EVIDENCE_TCB_INFO].len };
	struct bytes qe_identity = { en->texts + tcb_info.len, e->piece[EVIDENCE_QE_IDENTITY].len };
	const struct trust *trust = verifier_trust(ctx);
	const struct signing_chain *qe_signer = tcb_chain;
	int r;

	r = parse_signing_chain(e->piece[EVIDENCE_TCB_CHAIN], "chain of the TCB info", chain, v,
				tcb_chain);
	if (r < 0)
		return r;
	r = check_signing_chain(tcb_chain, en, trust, root_crls, now, v, &en->expires);
	if (r < 0)
		return r;
	r = check_tcb_info(ctx, tcb_info, X509_get0_pubkey(tcb_chain->signer), pck, now, v, en);
	if (r < 0)
		return r;

	/* It is the same chain as a rule. */
	if (!same_bytes(e->piece[EVIDENCE_TCB_CHAIN], e->piece[EVIDENCE_QE_CHAIN])) {
		qe_signer = qe_chain;
		r = parse_signing_chain(e->piece[EVIDENCE_QE_CHAIN], "chain of the QE identity",
					chain, v, qe_chain);
		if (r < 0)
			return r;
		r = check_signing_chain(qe_chain, en, trust, root_crls, now, v, &en->expires);
		if (r < 0)
			return r;
	}
	return check_qe_identity(ctx, qe_identity, X509_get0_pubkey(qe_signer->signer), now, v, en);
}

static int copy_texts(const struct evidence *e, struct endorsement *en)
{
	struct bytes a = e->piece[EVIDENCE_TCB_INFO], b = e->piece[EVIDENCE_QE_IDENTITY];

	en->texts = malloc(a.len + b.len + 1);
	if (!en->texts)
		return -ENOMEM;
	memcpy(en->texts, a.p, a.len);
	memcpy(en->texts + a.len, b.p, b.len);
	return 0;
}

/* ---- one of several ---- */

#define SIGNERS_MAX 16	/* there is one at a time */

/*
 * The choice among candidates, on a verdict of its own: what fails here is passed over, not
 * judged.  What was chosen is then checked like any other.
 */
struct choice {
	struct verifier *ctx;
	const struct pck_chain *chain;
	const struct pck *pck;
	const struct endorsement *en;
	const struct crl_set *root_crls;
	int64_t now;
	struct verdict *scratch;
	struct {
		struct bytes text;
		struct signing_chain chain;
	} signer[SIGNERS_MAX];
	unsigned n_signers;
	union {
		struct tdx_tcb_info tcb_info;
		struct tdx_qe_identity qe_identity;
	} buf;
};

static struct choice *choice_free(struct choice *c)
{
	if (!c)
		return NULL;
	while (c->n_signers > 0)
		signing_chain_done(&c->signer[--c->n_signers].chain);
	(void) verdict_free(c->scratch);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct choice *, choice_free)

/* Keep the chain in @text if it is one; not the same signer twice. */
static int add_signer(struct choice *c, struct bytes text)
{
	_cleanup_(signing_chain_done) struct signing_chain chain = { NULL };
	int64_t expires = INT64_MAX;
	int r;

	verdict_reset(c->scratch);
	r = parse_signing_chain(text, "chain", c->chain, c->scratch, &chain);
	if (r == 0)
		r = check_signing_chain(&chain, c->en, verifier_trust(c->ctx), c->root_crls, c->now,
					c->scratch, &expires);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (unsigned i = 0; i < c->n_signers; i++)
		if (X509_cmp(c->signer[i].chain.signer, chain.signer) == 0)
			return 0;
	if (c->n_signers == SIGNERS_MAX)
		return 0;
	c->signer[c->n_signers].text = text;
	c->signer[c->n_signers++].chain = chain;
	chain = (struct signing_chain){ NULL };
	return 0;
}

/* The verifier's own chains first: they have their room, whatever is sent. */
static int add_signers(struct choice *c, const struct evidence *e)
{
	static const enum evidence_piece pieces[] = { EVIDENCE_TCB_CHAIN, EVIDENCE_QE_CHAIN };
	struct bytes text;
	bool sent;
	int r = 0;

	for (int want = 0; want <= 1; want++)
		for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
			for (unsigned n = 0; r == 0 && evidence_candidate(e, pieces[i], n, &text, &sent); n++)
				if (sent == want)
					r = add_signer(c, text);
	return r;
}

/* Read @text; false when it is no such document. */
static bool open_document(struct choice *c, enum evidence_piece piece, struct bytes text,
			  struct document *ret)
{
	const char *problem;

	if (piece == EVIDENCE_TCB_INFO) {
		if (tdx_tcb_info_read(text, &c->buf.tcb_info, &problem) < 0)
			return false;
		*ret = tcb_info_document(&c->buf.tcb_info, c->en, c->pck);
	} else {
		if (tdx_qe_identity_read(text, &c->buf.qe_identity, &problem) < 0)
			return false;
		*ret = qe_identity_document(&c->buf.qe_identity, c->en);
	}
	return true;
}

/* Who signed it: an index into the signers, or -1. */
static int find_signer(const struct choice *c, const struct document *d)
{
	for (unsigned i = 0; i < c->n_signers; i++)
		if (p256_verify(X509_get0_pubkey(c->signer[i].chain.signer), d->signature, d->signed_part))
			return (int)i;
	return -1;
}

/*
 * How good a verified document is: one for this platform, issued by now, and the verifier's own,
 * or in its time.  The verifier's own counts when it has expired, too: it shows that anything of
 * a lower number is old.  A sender's that has expired shows nothing that could not be had for
 * closing the gate.
 */
struct rank {
	bool fits, counts;
	uint32_t evaluation;
	bool current;
	int64_t issue;
};

static struct rank rank_of(const struct document *d, bool sent, int64_t now)
{
	bool issued = d->issue <= now, current = issued && now <= d->next_update;

	return (struct rank){ d->fits, sent ? current : issued, d->evaluation, current, d->issue };
}

static bool is_better(const struct rank *a, const struct rank *b)
{
	if (a->fits != b->fits)
		return a->fits;
	if (a->counts != b->counts)
		return a->counts;
	if (a->evaluation != b->evaluation)
		return a->evaluation > b->evaluation;
	if (a->current != b->current)
		return a->current;
	return a->issue > b->issue;
}

/* When none verifies: the first of the verifier's own, or the first. */
static void choose_any(const struct evidence *e, enum evidence_piece piece, struct evidence *ret)
{
	struct bytes text;
	bool sent;

	for (unsigned n = 0; evidence_candidate(e, piece, n, &text, &sent); n++)
		if (n == 0 || !sent) {
			ret->piece[piece] = text;
			if (!sent)
				return;
		}
}

static void choose_document(struct choice *c, const struct evidence *e, enum evidence_piece piece,
			    enum evidence_piece signing, struct evidence *ret)
{
	struct rank best = { false };
	struct bytes text;
	bool found = false, sent;

	choose_any(e, piece, ret);
	if (c->n_signers > 0)
		ret->piece[signing] = c->signer[0].text;
	else
		choose_any(e, signing, ret);
	for (unsigned n = 0; evidence_candidate(e, piece, n, &text, &sent); n++) {
		struct document d;
		struct rank rank;
		int signer;

		if (!open_document(c, piece, text, &d))
			continue;
		signer = find_signer(c, &d);
		if (signer < 0)
			continue;
		verifier_saw(c->ctx, d.issue);
		rank = rank_of(&d, sent, c->now);
		if (found && !is_better(&rank, &best))
			continue;
		found = true;
		best = rank;
		ret->piece[piece] = text;
		ret->piece[signing] = c->signer[signer].text;
	}
}

static int choose(struct verifier *ctx, const struct pck_chain *chain, const struct pck *pck,
		  const struct evidence *e, const struct endorsement *en,
		  const struct crl_set *root_crls, int64_t now, struct evidence *ret)
{
	_cleanup_(choice_freep) struct choice *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->ctx = ctx;
	c->chain = chain;
	c->pck = pck;
	c->en = en;
	c->root_crls = root_crls;
	c->now = now;
	c->scratch = verdict_new();
	if (!c->scratch)
		return -ENOMEM;
	r = add_signers(c, e);
	if (r < 0)
		return r;
	choose_document(c, e, EVIDENCE_TCB_INFO, EVIDENCE_TCB_CHAIN, ret);
	choose_document(c, e, EVIDENCE_QE_IDENTITY, EVIDENCE_QE_CHAIN, ret);
	return 0;
}

/* ---- all of it ---- */

static int check_collateral(struct verifier *ctx, const struct pck_chain *chain,
			    const struct pck *pck, const struct evidence *e, int64_t now,
			    struct verdict *v, struct endorsement *en, struct crl_set *root_crls)
{
	_cleanup_(signing_chain_done) struct signing_chain tcb_chain = { NULL }, qe_chain = { NULL };
	const struct crl_issuer root = root_issuer(en), pck_ca = pck_issuer(en);
	struct evidence chosen = { .n_certs = 0 };
	int r;

	r = collect_crls(ctx, e, EVIDENCE_ROOT_CRL, &root, v, root_crls);
	if (r == 0)
		r = verdict_check(v, !crl_set_has(root_crls, en->ca), VERDICT_NOT_AUTHENTIC,
				  "CRL_REVOKED", "PCK CA is not revoked", NULL, NULL);
	if (r == 0)
		r = crl_set_check(root_crls, ctx, &root, now, v);
	if (r == 0)
		r = collect_crls(ctx, e, EVIDENCE_PCK_CRL, &pck_ca, v, &en->pck_crls);
	if (r == 0)
		r = crl_set_check(&en->pck_crls, ctx, &pck_ca, now, v);
	if (r < 0)
		return r;
	expire(en, root_crls->next_update);
	expire(en, en->pck_crls.next_update);
	memcpy(chosen.piece, e->piece, sizeof(chosen.piece));
	if (e->n_more > 0) {
		r = choose(ctx, chain, pck, e, en, root_crls, now, &chosen);
		if (r < 0)
			return r;
	}
	r = copy_texts(&chosen, en);
	if (r < 0)
		return r;
	return check_documents(ctx, chain, pck, &chosen, root_crls, now, v, en, &tcb_chain, &qe_chain);
}

int endorsement_check_collateral(struct verifier *ctx, const struct pck_chain *chain,
				 const struct pck *pck, const struct evidence *e, int64_t now,
				 struct verdict *v, struct endorsement *en)
{
	_cleanup_(crl_set_done) struct crl_set root_crls = { .n = 0 };
	int r;

	r = check_complete(e, pck, en->ca, v);
	if (r < 0)
		return r;
	r = check_collateral(ctx, chain, pck, e, now, v, en, &root_crls);
	X509_free(en->root);
	en->root = NULL;
	return r;
}

/* ---- one alone ---- */

static int check_list_alone(struct verifier *ctx, const struct crl_issuer *by, struct bytes text,
			    int64_t now, struct verdict *v, struct newest_entry *ret)
{
	_cleanup_(crl_set_done) struct crl_set s = { .n = 0 };
	const bool sent = false;
	int r;

	r = crl_set_collect(&s, ctx, by, &text, &sent, 1, v);
	if (r == 0)
		r = crl_set_check(&s, ctx, by, now, v);
	if (r == 0)
		crl_entry(s.newest, by, ret);
	return r;
}

int endorsement_check_piece(struct verifier *ctx, const struct pck_chain *chain,
			    const struct endorsement *en, enum evidence_piece piece,
			    struct bytes text, struct bytes signing, const struct crl_set *root_crls,
			    int64_t now, struct verdict *v, struct newest_entry *ret)
{
	_cleanup_(choice_freep) struct choice *c = NULL;
	const struct crl_issuer root = root_issuer(en), pck_ca = pck_issuer(en);
	_cleanup_(signing_chain_done) struct signing_chain signers = { NULL };
	int64_t expires = INT64_MAX;
	struct document d;
	int r;

	if (piece == EVIDENCE_ROOT_CRL || piece == EVIDENCE_PCK_CRL)
		return check_list_alone(ctx, piece == EVIDENCE_ROOT_CRL ? &root : &pck_ca, text, now, v, ret);
	r = parse_signing_chain(signing, "chain", chain, v, &signers);
	if (r == 0)
		r = check_signing_chain(&signers, en, verifier_trust(ctx), root_crls, now, v, &expires);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->en = en;
	if (!open_document(c, piece, text, &d))
		return unreadable(v, -EBADMSG, "document", "it cannot be read");
	r = check_document(ctx, v, piece == EVIDENCE_TCB_INFO ? "TCB info" : "QE identity",
			   X509_get0_pubkey(signers.signer), &d, now);
	if (r == 0)
		*ret = d.entry;
	return r;
}
