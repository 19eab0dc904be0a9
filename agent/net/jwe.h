/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_JWE_H
#define COCO_AGENT_NET_JWE_H

#include "base/cause.h"
#include "wire/broker.h"
#include "wire/bytes.h"

/*
 * A secret on its way: JSON Web Encryption (RFC 7516) in the flattened form, to the public key of
 * the handshake.  Here its texts become fields of fixed lengths, which cocod can judge and open.
 * We have no key.
 */

/*
 * Read the answer to a GET.  The ephemeral key must be on @curve; whether it is a point of the
 * curve is the keeper's to find out.
 *
 * All of @ret but its result and the release is filled in.  @ret_ciphertext of
 * @ret->ciphertext_len bytes, which may be 0, is yours.
 *
 * Returns 0; -EPROTO when it is anything but such a secret, encrypted by ECDH-ES+A256KW and
 * A256GCM, -EMSGSIZE over JWE_CIPHERTEXT_MAX, both with the reason in @why; -ENOMEM.
 */
int jwe_read(struct bytes answer, enum broker_curve curve, struct net_jwe *ret,
	     uint8_t **ret_ciphertext, struct cause *why);

/*
 * Read the value of the header Coco-Release: "1.VERSION.SIGNATURE", the version of the secret in
 * decimal digits and the 64 bytes r, s in base64url.  @ret gets them, and has_release.
 *
 * Returns 0; -EPROTO for any other text, with the reason in @why; -ENOMEM.
 */
int jwe_read_release(const char *header, struct net_jwe *ret, struct cause *why);

#endif
