/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_X509_H
#define COCO_ATTEST_X509_X509_H

#include <openssl/x509.h>

#include "attest/verdict.h"
#include "attest/x509/der.h"

/*
 * Certificates and revocation lists that somebody else sent.  Chains are checked link by link
 * with these functions, not with OpenSSL's chain builder.  OpenSSL's has a trust store, purposes
 * and a clock of its own, does not pin keys, and accepts any PSS parameters.
 *
 * Unless said otherwise, functions return 0; -EBADMSG if the input is malformed or has bytes left
 * over; -EMSGSIZE if the input is over its cap; -ENOMEM.
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

/*
 * Read exactly one certificate in DER: version 3, a serial number that is not negative, and no
 * extension twice.
 */
int x509_parse_der(struct bytes der, X509 **ret);

/*
 * Call @each for one certificate in DER, or for each of those in PEM, decoded, in their order.
 * Only blanks may stand between the PEM blocks and behind them.  NUL bytes at the end count as
 * blanks: quotes carry them.  It ends when @each returns anything but 0, and returns that.
 */
int x509_each_der(struct bytes text, int (*each)(void *userdata, struct bytes der),
		  void *userdata);

#define X509_LIST_MAX 32

struct x509_list {
	X509 *cert[X509_LIST_MAX];
	unsigned n;
};

void x509_list_done(struct x509_list *l);

/*
 * Read the certificates of x509_each_der() and add them to @l.  -EMSGSIZE also past X509_LIST_MAX.
 * On error @l has the certificates before the bad one.
 */
int x509_parse(struct bytes text, struct x509_list *l);

/* Read exactly one list in DER or PEM: version 2, and no extension twice. */
int x509_crl_parse(struct bytes text, X509_CRL **ret);

/*
 * Decode the next PEM block of @text into @buf of @size bytes.  The block must have the label
 * @label ("CERTIFICATE").  @text moves past the block.
 * Returns the number of bytes; 0 if only blanks and NULs are left; -EBADMSG for anything else;
 * -EMSGSIZE if the block does not fit; -ENOMEM.
 */
ssize_t pem_next(struct bytes *text, const char *label, uint8_t *buf, size_t size);
/* True if @text begins as PEM does: "-----BEGIN", perhaps after blanks. */
bool pem_is(struct bytes text);

/* SHA-256 of the SubjectPublicKeyInfo in DER.  Returns 0 or -ENOMEM. */
int x509_spki_sha256(X509 *cert, uint8_t ret[static 32]);

enum x509_sig {
	X509_SIG_PSS_SHA384,	/* RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48 */
	X509_SIG_ECDSA_SHA256,
};

/*
 * True if the certificate or list says that it is signed as @sig, with exactly those parameters,
 * and a certificate says the same inside and outside its signed part.  x509_crl_check_signature()
 * looks at that in a list.
 */
bool x509_signed_with(X509 *cert, enum x509_sig sig);
bool x509_crl_signed_with(X509_CRL *crl, enum x509_sig sig);

/*
 * True if x509_signed_with() is, and if @issuer's key, of the type that @sig needs, signed the
 * certificate or list: the bytes that came, not what OpenSSL would write.  One thread at a time
 * may ask of an issuer.
 */
bool x509_signed_by(X509 *cert, X509 *issuer, enum x509_sig sig);
/*
 * The same for a list: 0; -EKEYREJECTED if not; -ENOMEM if memory was too short to tell.
 */
int x509_crl_check_signature(X509_CRL *crl, X509 *issuer, enum x509_sig sig);

/* True if @cert names @issuer as its issuer, and @issuer's key signed @cert as @sig says. */
bool x509_issued_by(X509 *cert, X509 *issuer, enum x509_sig sig);

enum x509_key {
	X509_KEY_RSA_4096,	/* exponent 65537 */
	X509_KEY_P256,
	X509_KEY_P384,
};

/*
 * The key, which is @cert's.  It is made when it is asked for first; one thread at a time may ask.
 * NULL if it is none that attest/x509/spki.h knows, or not a point of its curve, or if memory is
 * short.  X509_get0_pubkey() has no key of a certificate that x509_parse_der() has read.
 */
EVP_PKEY *x509_public_key(X509 *cert);

/* True if the key is of @kind.  A curve that is given by parameters, not by name, never is. */
bool x509_key_is(X509 *cert, enum x509_key kind);

/*
 * The validity in seconds since 1970; of a list, from thisUpdate to nextUpdate.  Returns 0, or
 * -EBADMSG if a time is missing or malformed.
 */
int x509_validity(X509 *cert, int64_t *ret_not_before, int64_t *ret_not_after);
int x509_crl_validity(const X509_CRL *crl, int64_t *ret_this_update, int64_t *ret_next_update);

/*
 * Returns 0 if @cert is valid at @now, the first and the last second included; -EKEYEXPIRED if
 * its validity is over or has not begun; -EBADMSG as above.
 */
int x509_valid_at(X509 *cert, int64_t now);

#define X509_CN_MAX 64
/*
 * The common name, as a C string.  -EBADMSG unless there is exactly one, of 1 to X509_CN_MAX
 * printable ASCII characters.
 */
int x509_common_name(const X509_NAME *name, char ret[static X509_CN_MAX + 1]);
/* True if the common name is @want. */
bool x509_has_cn(const X509_NAME *name, const char *want);

/* A name as one line for people, safe for a terminal; long names are cut. */
const char *x509_name_text(struct verdict *v, const X509_NAME *name);

/*
 * The value of the extension @oid ("1.3.6.1.4.1.3704.1.1"): the bytes inside its OCTET STRING,
 * which are @cert's.
 * Returns 0; -ENOENT if @cert does not have the extension; -EEXIST if it has it twice; -ENOMEM.
 */
int x509_extension(X509 *cert, const char *oid, struct bytes *ret);

/*
 * True if basicConstraints says CA, keyUsage (if there is one) allows keyCertSign, and all
 * extensions that OpenSSL knows are well-formed.
 */
bool x509_is_ca(X509 *cert);
/*
 * True if basicConstraints is absent or does not say CA, and all extensions that OpenSSL knows
 * are well-formed.
 */
bool x509_is_leaf(X509 *cert);

/*
 * The serial number, big-endian, without leading zeros; 0 is one zero byte.  1 to 20 bytes, else
 * -EBADMSG.
 */
#define X509_SERIAL_MAX 20
int x509_serial(X509 *cert, uint8_t ret[static X509_SERIAL_MAX], size_t *ret_len);

/*
 * Check that a revocation list is @issuer's, signed as @sig, and complete.
 * Returns 0; -ENOENT if the list names another issuer; -EKEYREJECTED if @issuer's key did not
 * sign it; -EOPNOTSUPP if a critical extension is unknown, or says that the list is not complete;
 * -ENOMEM, which must not be taken for any of these.
 */
int x509_crl_verify(X509_CRL *crl, X509 *issuer, enum x509_sig sig);

/* True if the list has @cert's serial number, or if the list cannot be searched. */
bool x509_crl_has(X509_CRL *crl, X509 *cert);

#endif
