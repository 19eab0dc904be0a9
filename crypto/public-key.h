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

/* The length in bytes of an uncompressed point: 04, x and y. */
size_t ec_point_len(enum ec_curve curve);

/*
 * The key with the uncompressed point @point on @curve.  The key is the caller's.  NULL if @point
 * is not of that form or not on the curve, or if memory is short.  Any thread may call this.
 */
EVP_PKEY *ec_public_key(enum ec_curve curve, struct bytes point);

#define RSA_MODULUS_MIN 256	/* 2048 bits */
#define RSA_MODULUS_MAX 512	/* 4096 bits */

/*
 * The RSA key with the modulus @n, big-endian, and the exponent 65537.  The key is the caller's.
 * NULL if @n has not RSA_MODULUS_MIN to RSA_MODULUS_MAX bytes, begins with a zero bit or is even,
 * or if memory is short.
 */
EVP_PKEY *rsa_public_key(struct bytes n);

#endif
