/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_SEV_SEV_KEY_H
#define COCO_INJECT_SEV_SEV_KEY_H

#include <openssl/evp.h>

#include "base/macro.h"
#include "wire/sev-cert.h"

/* The keys and signatures of SEV's certificates, by OpenSSL. */

/*
 * The public key of a certificate.  @ret is yours, for EVP_PKEY_free().
 *
 * Returns 0; -EBADMSG when the numbers are no key: the point is not on the curve, is infinite
 * or has coordinates that are too large; the modulus is even or has another size; -ENOMEM; -EIO
 * when OpenSSL has no such keys.
 */
int sev_cert_key(const struct sev_cert *c, EVP_PKEY **ret);
int amd_cert_key(const struct amd_cert *c, EVP_PKEY **ret);

/*
 * Whether @value is @key's signature over @data: ECDSA of a SEV certificate's key, or RSA-PSS
 * (MGF1 with the same hash, a salt as long as the hash) of an AMD certificate's.  @value has
 * SEV_SIGNATURE_LEN bytes for ECDSA, the modulus' size for RSA.
 *
 * Returns 0; -EKEYREJECTED when not; -EOPNOTSUPP when @algo is no algorithm for signatures or
 * not one of this kind of key; -ENOMEM.
 */
int sev_key_verify(EVP_PKEY *key, uint32_t algo, const uint8_t *data, size_t len,
		   const uint8_t *value);

/*
 * What AMD signs with a key of @n bytes: SEV_ALGO_RSA_SHA256 for 256, SEV_ALGO_RSA_SHA384 for
 * 512.
 */
uint32_t amd_key_algo(size_t n);

#endif
