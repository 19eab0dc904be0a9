/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_X509_H
#define COCO_ATTEST_X509_X509_H

#include <openssl/x509.h>

#include "attest/verdict.h"
#include "attest/x509/der.h"

/*
 * Certificates and revocation lists that somebody else sent.  Chains are checked link by link
 * with these, not by OpenSSL's chain builder: that one has a trust store, purposes and a clock
 * of its own, knows no pins, and lets any PSS parameters pass.
 *
 * Unless said otherwise these return 0; -EBADMSG for what is no such thing or has bytes left
 * over, -EMSGSIZE for more than its cap, -ENOMEM.
 */

static inline X509 *x509_free(X509 *c)
{
	X509_free(c);
	return NULL;
}
DEFINE_CLEANUP(X509 *, x509_free)

static inline X509_CRL *x509_crl_free(X509_CRL *c)
{
	X509_CRL_free(c);
	return NULL;
}
DEFINE_CLEANUP(X509_CRL *, x509_crl_free)

/* Exactly one certificate, of version 3, with a serial number that is not negative, and no extension twice, in DER. */
int x509_parse_der(struct bytes der, X509 **ret);

#define X509_LIST_MAX 32

struct x509_list {
	X509 *cert[X509_LIST_MAX];
	unsigned n;
};

void x509_list_done(struct x509_list *l);

/*
 * Certificates, one in DER or any number in PEM, added to @l in their order.  Between and after
 * the PEM blocks may be blanks only; NUL bytes at the end are taken for blanks (quotes carry
 * them).  -EMSGSIZE past X509_LIST_MAX.  On error @l has those before the bad one.
 */
int x509_parse(struct bytes text, struct x509_list *l);

/* One list, of version 2, with no extension twice, in DER or PEM. */
int x509_crl_parse(struct bytes text, X509_CRL **ret);

/*
 * The next PEM block of @label ("CERTIFICATE") in @text, which moves past it, decoded into @buf
 * of @size bytes.
 * Returns the number of bytes, 0 when only blanks and NULs are left; -EBADMSG for anything
 * else, -EMSGSIZE when it does not fit.
 */
ssize_t pem_next(struct bytes *text, const char *label, uint8_t *buf, size_t size);
/* Whether @text looks like PEM: "-----BEGIN" after blanks. */
bool pem_is(struct bytes text);

/* SHA-256 of the DER SubjectPublicKeyInfo. */
int x509_spki_sha256(X509 *cert, uint8_t ret[static 32]);

enum x509_sig {
	X509_SIG_PSS_SHA384,	/* RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48 */
	X509_SIG_ECDSA_SHA256,
};

/*
 * Whether the certificate says it is signed that way: the parameters too, and the same inside
 * and outside the signed part.
 */
bool x509_signed_with(X509 *cert, enum x509_sig sig);
bool x509_crl_signed_with(X509_CRL *crl, enum x509_sig sig);

/*
 * Whether @issuer's key signed @cert, @cert names @issuer as its issuer, and the signature is
 * made as @sig.
 */
bool x509_issued_by(X509 *cert, X509 *issuer, enum x509_sig sig);

enum x509_key {
	X509_KEY_RSA_4096,	/* exponent 65537 */
	X509_KEY_P256,
	X509_KEY_P384,
};

/* Whether the key is of that kind.  A curve given by parameters instead of its name is not. */
bool x509_key_is(X509 *cert, enum x509_key kind);

/* The validity in seconds since 1970; of a list, from thisUpdate to nextUpdate.  0 or -EBADMSG. */
int x509_validity(X509 *cert, int64_t *ret_not_before, int64_t *ret_not_after);
int x509_crl_validity(const X509_CRL *crl, int64_t *ret_this_update, int64_t *ret_next_update);

/*
 * 0 when @now is in it, the ends included; -EKEYEXPIRED when not, also for one that begins
 * later; -EBADMSG.
 */
int x509_valid_at(X509 *cert, int64_t now);

#define X509_CN_MAX 64
/* The common name, NUL-terminated: there must be exactly one, without NUL or control characters. */
int x509_common_name(const X509_NAME *name, char ret[static X509_CN_MAX + 1]);
/* Whether that is @want. */
bool x509_has_cn(const X509_NAME *name, const char *want);

/* A name as one line for people, with nothing in it that a terminal minds; cut when it is long. */
const char *x509_name_text(struct verdict *v, const X509_NAME *name);

/*
 * The value of the one extension @oid ("1.3.6.1.4.1.3704.1.1"), the bytes inside its OCTET
 * STRING, good as long as @cert.  0; -ENOENT when there is none; -EEXIST when there is more
 * than one.
 */
int x509_extension(X509 *cert, const char *oid, struct bytes *ret);

/*
 * basicConstraints CA and, for a CA, keyUsage keyCertSign where key usage is given; the
 * extensions that OpenSSL knows are well-formed.
 */
bool x509_is_ca(X509 *cert);
/* basicConstraints absent or not CA. */
bool x509_is_leaf(X509 *cert);

/*
 * The serial number, as big-endian bytes without leading zeros (one zero byte for 0); 0 <
 * length <= 20.
 */
#define X509_SERIAL_MAX 20
int x509_serial(X509 *cert, uint8_t ret[static X509_SERIAL_MAX], size_t *ret_len);

/*
 * Check that a revocation list is @issuer's, signed as @sig, and complete.
 * Returns 0; -ENOENT when it has the name of another issuer; -EKEYREJECTED when @issuer's key did
 * not sign it; -EOPNOTSUPP when one of its critical extensions is unknown, or says that it is a
 * part.
 */
int x509_crl_verify(X509_CRL *crl, X509 *issuer, enum x509_sig sig);

/* Whether the list has the serial number of @cert; a list that cannot be searched has it. */
bool x509_crl_has(X509_CRL *crl, X509 *cert);

#endif
