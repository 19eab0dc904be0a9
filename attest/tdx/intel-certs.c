/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/intel-certs.h"

#include "base/blank.h"
#include "base/parse.h"

/* ---- what every certificate must be ---- */

#define PROCESSOR_CA "Intel SGX PCK Processor CA"
static const char *const root_names[] = { "Intel SGX Root CA", NULL };
static const char *const ca_names[] = { "Intel SGX PCK Platform CA", PROCESSOR_CA, NULL };
static const char *const pck_names[] = { "Intel SGX PCK Certificate", NULL };
static const char *const signing_names[] = { "Intel SGX TCB Signing", NULL };

/*
 * What every certificate of Intel's must have: the right name, a key on P-256, the right to sign
 * others or not, and a validity that covers @now.  The signature is not looked at.
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
				    is_ca ? "a certificate that may sign others" :
					    "a certificate that may not sign others",
				    is_ca ? "a certificate that may not" :
					    "a certificate that may");
	if (x509_validity(cert, &before, &after) < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "CHAIN", what, "a validity",
				    "times that cannot be read");
	found = verdict_text(v, "good from %s to %s", verdict_time(v, before),
			     verdict_time(v, after));
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

/* Check the trust anchor first: before that the key is not used at all. */
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
	return check_issued(v, root, root, "root certificate is signed by itself",
			    "its own signature");
}

static int parse_cert(struct verdict *v, struct bytes der, const char *what, X509 **ret)
{
	int r = x509_parse_der(der, ret);

	if (r == -ENOMEM)
		return r;
	return r < 0 ? verdict_fail(v, VERDICT_MALFORMED, "CHAIN", what, "a certificate in DER",
				    "other bytes") :
		       0;
}

/* ---- the chain of the quote ---- */

static int split(struct bytes pem, unsigned first, struct pck_chain *ret)
{
	for (unsigned i = first; i < _PCK_MAX; i++) {
		ssize_t n = pem_next(&pem, "CERTIFICATE", ret->cert[i].b, sizeof(ret->cert[i].b));

		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		ret->cert[i].len = (size_t)n;
	}
	/* Blanks and NUL bytes may follow, another certificate may not. */
	while (pem.len > 0 && is_space(pem.p[0]))
		(void) bytes_skip(&pem, 1);
	return bytes_all_zero(&pem) ? 0 : -EBADMSG;
}

int pck_chain_split(struct bytes pem, struct pck_chain *ret)
{
	return split(pem, PCK_LEAF, ret);
}

int pck_chain_split_ca(struct bytes pem, struct pck_chain *ret)
{
	ret->cert[PCK_LEAF].len = 0;
	return split(pem, PCK_CA, ret);
}

bool pck_ca_is_processor(X509 *ca)
{
	char cn[X509_CN_MAX + 1];

	return x509_common_name(X509_get_subject_name(ca), cn) == 0 && streq(cn, PROCESSOR_CA);
}

void pck_authority_done(struct pck_authority *a)
{
	X509_free(a->ca);
	X509_free(a->root);
	*a = (struct pck_authority){ NULL };
}

static void expire_with(int64_t *expires, X509 *cert)
{
	int64_t before, after;

	if (x509_validity(cert, &before, &after) == 0)
		*expires = MIN(*expires, after);
}

int pck_check_authority(const struct pck_chain *chain, const struct trust *trust, int64_t now,
			struct verdict *v, struct pck_authority *ret)
{
	_cleanup_(pck_authority_done) struct pck_authority a = { .expires = INT64_MAX };
	int r;

	r = parse_cert(v, pck_der(chain, PCK_ROOT), "root certificate", &a.root);
	if (r < 0)
		return r;
	r = check_root(v, a.root, trust, now, a.root_spki);
	if (r < 0)
		return r;
	r = parse_cert(v, pck_der(chain, PCK_CA), "PCK CA certificate", &a.ca);
	if (r < 0)
		return r;
	r = check_cert(v, a.ca, "PCK CA certificate", ca_names, /* is_ca= */ true, now);
	if (r < 0)
		return r;
	r = check_issued(v, a.ca, a.root, "PCK CA is certified by the root",
			 "the root's signature");
	if (r < 0)
		return r;
	expire_with(&a.expires, a.root);
	expire_with(&a.expires, a.ca);
	*ret = a;
	a = (struct pck_authority){ NULL };
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

/* ---- who signs the documents ---- */

void signing_chain_done(struct signing_chain *c)
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
				    "something else, or more than that");
	*ret = (struct bytes){ buf, (size_t)n };
	return 0;
}

int signing_chain_parse(struct bytes pem, const char *what, const struct pck_chain *chain,
			struct verdict *v, struct signing_chain *ret)
{
	uint8_t signer_buf[PCK_CERT_LEN_MAX], root_buf[PCK_CERT_LEN_MAX],
		more_buf[PCK_CERT_LEN_MAX];
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
	if (r < 0 || bytes_equal(root, pck_der(chain, PCK_ROOT)))
		return r;
	return parse_cert(v, root, what, &ret->root);
}

int signing_chain_check(const struct signing_chain *c, const struct pck_authority *by,
			const struct trust *trust, const struct crl_set *root_crls, int64_t now,
			struct verdict *v, int64_t *expires)
{
	X509 *root = c->root ? c->root : by->root;
	uint8_t spki[32];
	int r;

	if (c->root) {
		r = check_root(v, root, trust, now, spki);
		if (r < 0)
			return r;
		/* The revocation lists in @root_crls are those of the quote's root. */
		r = verdict_check(v, memcmp(spki, by->root_spki, sizeof(spki)) == 0,
				  VERDICT_NOT_AUTHENTIC, "PIN", "root key is that of the quote",
				  verdict_hex(v, by->root_spki, 32), verdict_hex(v, spki, 32));
		if (r < 0)
			return r;
	}
	r = check_cert(v, c->signer, "TCB signing certificate", signing_names, /* is_ca= */ false,
		       now);
	if (r < 0)
		return r;
	r = check_issued(v, c->signer, root, "TCB signing is certified by the root",
			 "the root's signature");
	if (r < 0)
		return r;
	expire_with(expires, root);
	expire_with(expires, c->signer);
	return verdict_check(v, !crl_set_has(root_crls, c->signer), VERDICT_NOT_AUTHENTIC,
			     "CRL_REVOKED", "TCB signing certificate is not revoked", NULL, NULL);
}
