/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <pthread.h>

#include "attest/x509/spki.h"
#include "attest/x509/x509.h"
#include "crypto/cleanup.h"
#include "crypto/digest.h"
#include "crypto/ecdsa.h"
#include "crypto/openssl-error.h"

/* ---- keys ---- */

/* Returns the length of the SubjectPublicKeyInfo @ret, or 0.  Free @ret with OPENSSL_free(). */
static size_t spki_of(X509 *cert, uint8_t **ret)
{
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), ret);

	return len > 0 ? (size_t)len : 0;
}

int x509_spki_sha256(X509 *cert, uint8_t ret[static 32])
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	size_t len = spki_of(cert, &der);

	/* What was decoded can be written: a lack of memory must not look like a bad one. */
	if (len == 0)
		return -ENOMEM;
	return digest_sha256_of((struct bytes){ der, len }, ret);
}

bool x509_key_is(X509 *cert, enum x509_key kind)
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	size_t len = spki_of(cert, &der);
	struct spki s;

	if (len == 0 || spki_read((struct bytes){ der, len }, &s) < 0)
		return false;
	switch (kind) {
	case X509_KEY_RSA_4096:
		return s.kind == SPKI_RSA && s.number.len == 4096 / 8;
	case X509_KEY_P256:
		return s.kind == SPKI_P256;
	case X509_KEY_P384:
		return s.kind == SPKI_P384;
	}
	return false;
}

/* What was made of a certificate's key. */
struct made {
	EVP_PKEY *key;
	EVP_PKEY_CTX *ecdsa;	/* for signatures of the key's; NULL before the first */
};

static void free_made(void *parent, void *p, CRYPTO_EX_DATA *data, int at, long argl, void *argp)
{
	struct made *m = p;

	if (!m)
		return;
	EVP_PKEY_CTX_free(m->ecdsa);
	EVP_PKEY_free(m->key);
	free(m);
}

/* Where a certificate has its key, or -1 if memory is short. */
static int key_place(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int place = -1;
	int found;

	(void) pthread_mutex_lock(&lock);
	if (place < 0)
		place = X509_get_ex_new_index(0, NULL, NULL, NULL, free_made);
	found = place;
	(void) pthread_mutex_unlock(&lock);
	return found;
}

static struct made *make(X509 *cert)
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	_cleanup_(pkey_freep) EVP_PKEY *key = NULL;
	size_t len = spki_of(cert, &der);
	struct made *m;

	if (len == 0)
		return NULL;
	key = spki_key((struct bytes){ der, len });
	m = key ? calloc(1, sizeof(*m)) : NULL;
	if (m)
		m->key = TAKE_PTR(key);
	return m;
}

static struct made *made_of(X509 *cert)
{
	int place = key_place();
	struct made *m = place < 0 ? NULL : X509_get_ex_data(cert, place);

	if (m || place < 0)
		return m;
	m = make(cert);
	if (m && X509_set_ex_data(cert, place, m) != 1) {
		free_made(NULL, m, NULL, place, 0, NULL);
		return NULL;
	}
	return m;
}

EVP_PKEY *x509_public_key(X509 *cert)
{
	struct made *m = made_of(cert);

	return m ? m->key : NULL;
}

/* ---- signatures ---- */

/* PSS lets the signer choose hash, mask and salt.  Here all three are fixed. */
static bool is_pss_sha384(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	const void *value;
	RSA_PSS_PARAMS *pss;
	bool good = false;
	int type;

	X509_ALGOR_get0(&oid, &type, &value, alg);
	if (OBJ_obj2nid(oid) != NID_rsassaPss || type != V_ASN1_SEQUENCE)
		return false;
	pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
	if (!pss)
		return false;
	if (pss->hashAlgorithm && pss->maskGenAlgorithm && pss->saltLength) {
		X509_ALGOR *mgf_hash;

		X509_ALGOR_get0(&oid, &type, &value, pss->maskGenAlgorithm);
		mgf_hash = OBJ_obj2nid(oid) == NID_mgf1 && type == V_ASN1_SEQUENCE ?
				   ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR),
							     pss->maskGenAlgorithm->parameter) :
				   NULL;
		good = mgf_hash && OBJ_obj2nid(mgf_hash->algorithm) == NID_sha384 &&
		       OBJ_obj2nid(pss->hashAlgorithm->algorithm) == NID_sha384 &&
		       ASN1_INTEGER_get(pss->saltLength) == 48 &&
		       (!pss->trailerField || ASN1_INTEGER_get(pss->trailerField) == 1);
		X509_ALGOR_free(mgf_hash);
	}
	RSA_PSS_PARAMS_free(pss);
	return good;
}

static bool is_ecdsa_sha256(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;
	int type;

	X509_ALGOR_get0(&oid, &type, NULL, alg);
	return OBJ_obj2nid(oid) == NID_ecdsa_with_SHA256 && type == V_ASN1_UNDEF;
}

static bool is_signed_with(const X509_ALGOR *outer, const X509_ALGOR *inner, enum x509_sig sig)
{
	if (inner && X509_ALGOR_cmp(outer, inner) != 0)
		return false;
	return sig == X509_SIG_PSS_SHA384 ? is_pss_sha384(outer) : is_ecdsa_sha256(outer);
}

bool x509_signed_with(X509 *cert, enum x509_sig sig)
{
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, cert);
	return is_signed_with(outer, X509_get0_tbs_sigalg(cert), sig);
}

bool x509_crl_signed_with(X509_CRL *crl, enum x509_sig sig)
{
	const X509_ALGOR *outer;

	X509_CRL_get0_signature(crl, NULL, &outer);
	return is_signed_with(outer, NULL, sig);
}

/*
 * A certificate or a list (RFC 5280, 4.1 and 5.1):
 *
 *	SEQUENCE { @part, @algorithm, BIT STRING { @signature } }
 *
 * and @part is SEQUENCE { [0] { version }, serial number, @inner, ... } in a certificate and
 * SEQUENCE { version, @inner, ... } in a list.  All but the signature with their tags.
 */
struct signed_der {
	struct bytes part, algorithm, inner, signature;
};

static int signed_read(struct bytes der, struct signed_der *ret)
{
	struct bytes all, part, skipped;

	if (der_only(der, DER_SEQUENCE, &all) < 0 ||
	    der_take_whole(&all, DER_SEQUENCE, &ret->part) < 0 ||
	    der_take_whole(&all, DER_SEQUENCE, &ret->algorithm) < 0 ||
	    der_only(all, DER_BIT_STRING, &ret->signature) < 0 ||
	    der_only(ret->part, DER_SEQUENCE, &part) < 0)
		return -EBADMSG;
	(void) der_take(&part, DER_CONTEXT_0, &skipped);
	(void) der_take(&part, DER_INTEGER, &skipped);
	if (der_take_whole(&part, DER_SEQUENCE, &ret->inner) < 0)
		return -EBADMSG;
	/* The first byte counts the bits that are not used. */
	if (ret->signature.len == 0 || ret->signature.p[0] != 0)
		return -EBADMSG;
	return bytes_skip(&ret->signature, 1);
}

static bool set_pss_sha384(EVP_PKEY_CTX *c)
{
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(c, digest_sha384()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(c, 48) == 1;
}

/* Why @issuer has no key: it is of no kind that is known, or memory is short. */
static int no_key(X509 *issuer)
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	size_t len = spki_of(issuer, &der);
	struct spki s;

	return len > 0 && spki_read((struct bytes){ der, len }, &s) < 0 ? -EKEYREJECTED : -ENOMEM;
}

static int verify_pss(EVP_PKEY *key, const struct signed_der *s)
{
	_cleanup_(md_ctx_freep) EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;
	int r = -ENOMEM;

	openssl_begin();
	/* EVP_DigestVerify() returns 0 for a wrong signature, less for an error: only 1 is good. */
	if (c && EVP_DigestVerifyInit(c, &p, digest_sha384(), NULL, key) == 1 && set_pss_sha384(p))
		r = EVP_DigestVerify(c, s->signature.p, s->signature.len, s->part.p,
				     s->part.len) == 1 ?
			    0 :
			    openssl_error(-EKEYREJECTED);
	ERR_clear_error();
	return r;
}

static int verify_ecdsa(struct made *m, const struct signed_der *s)
{
	uint8_t digest[32];
	int r = digest_sha256_of(s->part, digest);

	if (r == 0 && !m->ecdsa)
		r = ecdsa_verify_begin(m->key, &m->ecdsa);
	return r < 0 ? r :
		       ecdsa_verify_with(m->ecdsa, (struct bytes){ digest, sizeof(digest) },
					 s->signature);
}

/*
 * OpenSSL has kept the signed part of what it decoded as it came, and writes these same bytes into
 * @der; what it would write of them itself may differ.  The algorithm was looked at before; here
 * the key must be for it, as each type of key takes part in some algorithm.
 *
 * Returns 0, -EKEYREJECTED or -ENOMEM.  OpenSSL's complaints do not stay in its queue.
 */
static int check_signature(struct bytes der, X509 *issuer, enum x509_sig sig)
{
	struct made *m = made_of(issuer);
	bool pss = sig == X509_SIG_PSS_SHA384;
	struct signed_der s;

	if (!m)
		return no_key(issuer);
	/*
	 * Without memory OpenSSL says of every type that the key is not of it.  The keys here are
	 * of one of these two.  ecdsa_verify_begin() looks at the type, too.
	 */
	if (pss && !EVP_PKEY_is_a(m->key, "RSA"))
		return EVP_PKEY_is_a(m->key, "EC") ? -EKEYREJECTED : -ENOMEM;
	if (signed_read(der, &s) < 0 || !bytes_equal(s.algorithm, s.inner))
		return -EKEYREJECTED;
	return pss ? verify_pss(m->key, &s) : verify_ecdsa(m, &s);
}

bool x509_signed_by(X509 *cert, X509 *issuer, enum x509_sig sig)
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	int len;

	if (!x509_signed_with(cert, sig))
		return false;
	len = i2d_X509(cert, &der);
	return len > 0 && check_signature((struct bytes){ der, (size_t)len }, issuer, sig) == 0;
}

int x509_crl_check_signature(X509_CRL *crl, X509 *issuer, enum x509_sig sig)
{
	_cleanup_(openssl_freep) uint8_t *der = NULL;
	int len;

	openssl_begin();
	if (!x509_crl_signed_with(crl, sig))
		return openssl_error(-EKEYREJECTED);
	len = i2d_X509_CRL(crl, &der);
	return len > 0 ? check_signature((struct bytes){ der, (size_t)len }, issuer, sig) : -ENOMEM;
}

bool x509_issued_by(X509 *cert, X509 *issuer, enum x509_sig sig)
{
	return X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) == 0 &&
	       x509_signed_by(cert, issuer, sig);
}
