/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_PUBLIC_KEY_H
#define COCO_CRYPTO_PUBLIC_KEY_H

#include <openssl/evp.h>

#include "wire/bytes.h"

/*
 * Public keys, made of their numbers.  OpenSSL's decoders of keys take twice as long as verifying
 * a signature on P-256.
 */
enum ec_curve {
	EC_P256,
	EC_P384,
	_EC_CURVE_MAX,
};

/*
 * True if @point has the form and the length of an uncompressed point of @curve: 04, x and y.
 * Whether it is on the curve, only ec_public_key() tells.
 */
bool ec_point_is_uncompressed(enum ec_curve curve, struct bytes point);

/*
 * The key with the uncompressed point @point on @curve.  The key is the caller's.  NULL if @point
 * is not of that form or not on the curve, or if memory is short.  Any thread may call this.
 */
EVP_PKEY *ec_public_key(enum ec_curve curve, struct bytes point);

/* True if @n, big-endian, is an odd number of 2048 to 4096 bits that fill its bytes. */
bool rsa_modulus_is_usable(struct bytes n);

/*
 * The RSA key with the modulus @n, big-endian, and the exponent 65537.  The key is the caller's.
 * NULL if @n is not usable as above, or if memory is short.
 */
EVP_PKEY *rsa_public_key(struct bytes n);

#endif
