/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_RESPOND_H
#define COCO_BROKER_CORE_RESPOND_H

#include "broker/core/message.h"

/*
 * The answer that has the secret: a flattened JWE to the guest's key (crypto/jwe-seal.h), and the
 * header Coco-Release, "1.VERSION.SIGNATURE", by which the guest knows who sent it.  The protected
 * header is exactly {"alg":..,"enc":"A256GCM","epk":{"crv":..,"kty":"EC","x":..,"y":..}}: other
 * clients write it anew and must come to the same bytes.
 *
 *	signed = "coco release 1" | rd[48] | SHA-256(path) | version u64 |
 *		 SHA-256(protected.encrypted_key.iv.ciphertext.tag)
 */

/* @ret_body and @ret_release are yours.  Returns 0, or an error of jwe_seal(); -ENOMEM. */
int respond_release(const struct keys *k, const struct tee_key *to, const uint8_t rd[static 48],
		    const char *path, uint64_t version, const struct secret *plain,
		    char **ret_body, char **ret_release);

#endif
