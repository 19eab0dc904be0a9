/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_X509_SPKI_H
#define COCO_ATTEST_X509_SPKI_H

#include <openssl/evp.h>

#include "attest/x509/der.h"

/*
 * A SubjectPublicKeyInfo, read without OpenSSL's decoders.
 *
 *	SEQUENCE { SEQUENCE { OID, parameters }, BIT STRING }
 *
 * Of all that X.509 allows there are these: rsaEncryption with NULL, and a curve by its name with
 * an uncompressed point.  A curve that is given by its parameters is refused, as an attacker could
 * choose the generator.  Source: RFC 3279, 2.3.1; RFC 5480, 2.
 */
enum spki_kind {
	SPKI_RSA,	/* 2048 to 4096 bits, exponent 65537 */
	SPKI_P256,
	SPKI_P384,
};

struct spki {
	enum spki_kind kind;
	struct bytes number;	/* modulus without leading zeros, or point; in what was read */
};

/*
 * Read @der, which must be exactly one SubjectPublicKeyInfo.  Whether a point is on its curve, only
 * spki_key() tells.
 * Returns 0, or -EBADMSG if it is malformed or another kind of key.
 */
int spki_read(struct bytes der, struct spki *ret);

/*
 * The key, which is the caller's.  NULL if @der is not what spki_read() takes, if the point is not
 * on the curve, or if memory is short.
 */
EVP_PKEY *spki_key(struct bytes der);

#endif
