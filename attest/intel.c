/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/intel.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>

/* ---- P-256 ---- */

EVP_PKEY *p256_key(const uint8_t xy[static 64])
{
	uint8_t point[65] = { 0x04 };	/* uncompressed */
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group) - 1),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, xy, 64);
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = pkey_free(key);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* r, s, each of 32 bytes, as the DER that OpenSSL wants.  The length, or 0. */
static int signature_to_der(const uint8_t signature[static 64], uint8_t **ret)
{
	BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len = 0;

	if (r && s && sig && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, ret);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return MAX(len, 0);
}

bool p256_verify(EVP_PKEY *key, const uint8_t signature[static 64], struct bytes data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	int len = signature_to_der(signature, &der);
	bool good;

	/* 0 is a wrong signature, below are errors: only 1 is good. */
	good = key && ctx && len > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, der, (size_t)len, data.p, data.len) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return good;
}

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
	while (pem.len > 0 && pem.p[0] && strchr(" \t\r\n", pem.p[0]))
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

static bool is_listed(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (streq(name, *list))
			return true;
	return false;
}

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

	if (x509_common_name(X509_get_subject_name(cert), cn) < 0 || !is_listed(cn, names))
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
	X509_CRL_free(en->pck_crl);
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

int endorsement_key(const struct pck_chain *chain, const struct evidence *e,
		    uint8_t ret[static MEMO_KEY_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	       EVP_DigestUpdate(ctx, "tdx endorsement", 16) == 1 &&
	       hash_part(ctx, pck_der(chain, PCK_CA)) && hash_part(ctx, pck_der(chain, PCK_ROOT));
	for (size_t i = 0; good && i < ARRAY_SIZE(collateral); i++)
		good = hash_part(ctx, e->piece[collateral[i]]);
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

/* A list of @issuer.  @ret is yours. */
static int check_crl(struct bytes text, X509 *issuer, const char *what, int64_t now,
		     struct verdict *v, struct endorsement *en, X509_CRL **ret)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	int64_t next_update;
	int r;

	r = x509_crl_parse(text, &crl);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CRL_FORMAT", what,
				    "a revocation list in DER or PEM", "none");
	r = x509_crl_check(v, crl, issuer, X509_SIG_ECDSA_SHA256, now, what, &next_update);
	if (r < 0)
		return r;
	expire(en, next_update);
	*ret = TAKE_PTR(crl);
	return 0;
}

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

static int check_signing_chain(const struct signing_chain *c, const struct trust *trust,
			       X509_CRL *root_crl, int64_t now, struct verdict *v,
			       struct endorsement *en)
{
	X509 *root = c->root ? c->root : en->root;
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
	expire_with(en, root);
	expire_with(en, c->signer);
	return verdict_check(v, !x509_crl_has(root_crl, c->signer), VERDICT_NOT_AUTHENTIC,
			     "CRL_REVOKED", "TCB signing certificate is not revoked", NULL, NULL);
}

static int check_document(struct verdict *v, const char *what, EVP_PKEY *key,
			  struct bytes signed_part, const uint8_t signature[static 64],
			  int64_t issue, int64_t next_update, int64_t now)
{
	const char *found;

	if (!p256_verify(key, signature, signed_part))
		return verdict_fail(v, VERDICT_NOT_AUTHENTIC, "COLL_SIG", what,
				    "signed by Intel's TCB signing key, to the byte",
				    "another signature");
	found = verdict_text(v, "good from %s to %s", verdict_time(v, issue),
			     verdict_time(v, next_update));
	if (now < issue || now > next_update)
		return verdict_fail(v, VERDICT_UNDECIDED, "COLL_STALE", what,
				    verdict_text(v, "good on %s", verdict_time(v, now)), found);
	verdict_pass(v, what, found);
	return 0;
}

static int unreadable(struct verdict *v, int error, const char *what, const char *problem)
{
	return verdict_fail(v, VERDICT_MALFORMED, error == -EOPNOTSUPP ? "COLL_TYPE" : "COLL_FORMAT", what, NULL, problem);
}

static int check_tcb_info(struct bytes text, EVP_PKEY *key, int64_t now, struct verdict *v,
			  struct endorsement *en)
{
	const struct tdx_tcb_info *t = &en->tcb_info;
	const char *problem;
	int r;

	r = tdx_tcb_info_read(text, &en->tcb_info, &problem);
	if (r < 0)
		return unreadable(v, r, "TCB info", problem);
	expire(en, t->next_update);
	return check_document(v, "TCB info", key, t->signed_part, t->signature, t->issue,
			      t->next_update, now);
}

static int check_qe_identity(struct bytes text, EVP_PKEY *key, int64_t now, struct verdict *v,
			     struct endorsement *en)
{
	const struct tdx_qe_identity *q = &en->qe_identity;
	const char *problem;
	int r;

	r = tdx_qe_identity_read(text, &en->qe_identity, &problem);
	if (r < 0)
		return unreadable(v, r, "QE identity", problem);
	expire(en, q->next_update);
	return check_document(v, "QE identity", key, q->signed_part, q->signature, q->issue,
			      q->next_update, now);
}

/* Both documents, from the copies that @en owns. */
static int check_documents(const struct pck_chain *chain, const struct evidence *e,
			   const struct trust *trust, X509_CRL *root_crl, int64_t now,
			   struct verdict *v, struct endorsement *en,
			   struct signing_chain *tcb_chain, struct signing_chain *qe_chain)
{
	struct bytes tcb_info = { en->texts, e->piece[EVIDENCE_TCB_INFO].len };
	struct bytes qe_identity = { en->texts + tcb_info.len, e->piece[EVIDENCE_QE_IDENTITY].len };
	const struct signing_chain *qe_signer = tcb_chain;
	int r;

	r = parse_signing_chain(e->piece[EVIDENCE_TCB_CHAIN], "chain of the TCB info", chain, v,
				tcb_chain);
	if (r < 0)
		return r;
	r = check_signing_chain(tcb_chain, trust, root_crl, now, v, en);
	if (r < 0)
		return r;
	r = check_tcb_info(tcb_info, X509_get0_pubkey(tcb_chain->signer), now, v, en);
	if (r < 0)
		return r;

	/* It is the same chain as a rule. */
	if (!same_bytes(e->piece[EVIDENCE_TCB_CHAIN], e->piece[EVIDENCE_QE_CHAIN])) {
		qe_signer = qe_chain;
		r = parse_signing_chain(e->piece[EVIDENCE_QE_CHAIN], "chain of the QE identity",
					chain, v, qe_chain);
		if (r < 0)
			return r;
		r = check_signing_chain(qe_chain, trust, root_crl, now, v, en);
		if (r < 0)
			return r;
	}
	return check_qe_identity(qe_identity, X509_get0_pubkey(qe_signer->signer), now, v, en);
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

int endorsement_check_collateral(const struct pck_chain *chain, const struct pck *pck,
				 const struct evidence *e, const struct trust *trust, int64_t now,
				 struct verdict *v, struct endorsement *en)
{
	_cleanup_(signing_chain_done) struct signing_chain tcb_chain = { NULL }, qe_chain = { NULL };
	_cleanup_(x509_crl_freep) X509_CRL *root_crl = NULL;
	int r;

	r = check_complete(e, pck, en->ca, v);
	if (r < 0)
		return r;
	r = check_crl(e->piece[EVIDENCE_ROOT_CRL], en->root, "root's revocation list", now, v, en,
		      &root_crl);
	if (r < 0)
		return r;
	r = verdict_check(v, !x509_crl_has(root_crl, en->ca), VERDICT_NOT_AUTHENTIC, "CRL_REVOKED",
			  "PCK CA is not revoked", NULL, NULL);
	if (r < 0)
		return r;
	r = check_crl(e->piece[EVIDENCE_PCK_CRL], en->ca, "PCK CA's revocation list", now, v, en,
		      &en->pck_crl);
	if (r < 0)
		return r;
	r = copy_texts(e, en);
	if (r < 0)
		return r;
	r = check_documents(chain, e, trust, root_crl, now, v, en, &tcb_chain, &qe_chain);
	X509_free(en->root);
	en->root = NULL;
	return r;
}
