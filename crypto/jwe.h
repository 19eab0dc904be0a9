/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_JWE_H
#define COCO_CRYPTO_JWE_H

#include <openssl/evp.h>

#include "base/cause.h"
#include "base/secret.h"
#include "wire/broker.h"

/*
 * What a broker sends: JSON Web Encryption (RFC 7516) with ECDH-ES+A256KW (RFC 7518 section 4.6)
 * and A256GCM, as fields of fixed sizes.  Whoever parsed the JSON is not trusted here.
 */

#define JWE_KEY_LEN 32	/* of A256KW and A256GCM */

/* "P-256", and the bytes of a coordinate: 32; 66 for P-521.  For an unknown curve NULL and 0. */
const char *broker_curve_name(unsigned curve);
size_t broker_curve_len(unsigned curve);

/*
 * Make a key pair on the curve.  @ret is yours.  Returns 0; -EINVAL for an unknown curve; -ENOMEM.
 */
int jwe_key_new(unsigned curve, EVP_PKEY **ret);

/*
 * Read the public point of a key on @curve, each coordinate broker_curve_len() bytes.  Returns 0,
 * or -ENOMEM.
 */
int jwe_key_point(EVP_PKEY *key, unsigned curve, uint8_t ret_x[static BROKER_COORDINATE_MAX],
		  uint8_t ret_y[static BROKER_COORDINATE_MAX]);

/*
 * Make a public key of the point whose coordinates @x and @y have broker_curve_len() bytes on the
 * known @curve.  @ret is yours.  Returns 0; -EBADMSG when it is not on the curve; -ENOMEM.
 */
int jwe_key_of_point(unsigned curve, const uint8_t *x, const uint8_t *y, EVP_PKEY **ret);

/*
 * Agree with the owner of @peer on the key that wraps (ECDH-ES, A256KW); both keys are on @curve.
 * @ret is in locked memory of the caller, who wipes it.  Returns 0; -EBADMSG when they do not
 * agree; -ENOMEM, also without a locked heap.
 */
int jwe_wrapping_key(EVP_PKEY *own, EVP_PKEY *peer, unsigned curve,
		     uint8_t ret[static JWE_KEY_LEN]);

/*
 * Decrypt @jwe, whose ciphertext is the jwe->ciphertext_len bytes at @ciphertext, with our key
 * pair @key on @curve.  The additional data of the cipher is the text jwe->protected as it was
 * received.  @ret is yours.
 *
 * Returns 0; -EBADMSG when the ephemeral key is of another curve or not on it, when a length is
 * out of range, or the key cannot be unwrapped, or the tag is wrong: it is not for this key, or
 * somebody changed it; -EMSGSIZE over JWE_CIPHERTEXT_MAX; -ENOMEM, also when OpenSSL has no locked
 * heap (locked_heap_init()); or an error of secret_new().
 * @why has the cause.
 */
int jwe_open(EVP_PKEY *key, unsigned curve, const struct net_jwe *jwe, const uint8_t *ciphertext,
	     struct secret **ret, struct cause *why);

#endif
