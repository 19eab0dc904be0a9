/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_JWE_SEAL_H
#define COCO_CRYPTO_JWE_SEAL_H

#include "base/secret.h"
#include "crypto/tee-key.h"

#define JWE_PARTS 5	/* protected, encrypted_key, iv, ciphertext, tag */

/*
 * Encrypt @plain to the public key @to, with A256GCM, and ECDH-ES+A256KW or RSA-OAEP-256: a JWE in
 * the compact form, JWE_PARTS texts of base64url with dots between.  The header is exactly
 *
 *	{"alg":"ECDH-ES+A256KW","enc":"A256GCM","epk":{"crv":..,"kty":"EC","x":..,"y":..}}
 *	{"alg":"RSA-OAEP-256","enc":"A256GCM"}
 *
 * because other clients write it anew, and must come to the same bytes.
 *
 * @ret is a C string, yours.  Returns 0; -EINVAL for a key that tee_key_public() refuses; -EMSGSIZE
 * over JWE_CIPHERTEXT_MAX; -EIO without randomness; -ENOMEM, also without a locked heap
 * (locked_heap_init()).
 */
int jwe_seal(const struct tee_key *to, const struct secret *plain, char **ret);

#endif
