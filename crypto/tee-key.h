/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_TEE_KEY_H
#define COCO_CRYPTO_TEE_KEY_H

#include <openssl/evp.h>

#include "base/macro.h"

/*
 * A guest's public key, to which a broker encrypts: the tee-pubkey of the runtime data, a JSON web
 * key (RFC 7517).
 */
enum tee_key_kind {
	TEE_KEY_EC_P256,
	TEE_KEY_EC_P521,
	TEE_KEY_RSA_OAEP_256,
	_TEE_KEY_MAX,
};

#define TEE_KEY_RSA_MIN 256	/* bytes of the modulus */
#define TEE_KEY_RSA_MAX 512
#define TEE_KEY_EXPONENT_MAX 4

struct tee_key {
	enum tee_key_kind kind;
	unsigned x_len, y_len;		/* coordinates, or of RSA n and e */
	uint8_t x[TEE_KEY_RSA_MAX], y[TEE_KEY_RSA_MAX];
};

/*
 * Make OpenSSL's key of it.  @ret is yours.  Returns 0; -EINVAL when a length is not that of the
 * kind, the point is not on its curve, the modulus has not 2048 to 4096 bits or is even, the
 * exponent is even or below 3, or a number begins with a zero byte; -ENOMEM.
 */
int tee_key_public(const struct tee_key *key, EVP_PKEY **ret);

/*
 * The key in canonical JSON (RFC 8785): {"alg":..,"crv":..,"kty":"EC","x":..,"y":..}, or
 * {"alg":..,"e":..,"kty":"RSA","n":..}.  @ret is yours.  Returns 0; -EINVAL for an unknown kind;
 * -ENOMEM.
 */
int tee_key_text(const struct tee_key *key, char **ret);

#endif
