/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_SEV_SESSION_H
#define COCO_INJECT_SEV_SESSION_H

#include <openssl/evp.h>

#include "base/secret.h"
#include "wire/sev-cert.h"

/*
 * The session of one launch: two keys of the owner's, wrapped so that only the security
 * processor with this PDH can open them.  Layout: AMD, "Secure Encrypted Virtualization API",
 * publication 55766, LAUNCH_START and "Session data".
 *
 *	 0  16  nonce
 *	16  32  AES-128-CTR(KEK, IV, TEK || TIK)
 *	48  16  IV
 *	64  32  HMAC-SHA256(KIK, the 32 bytes that wrap the keys)
 *	96  32  HMAC-SHA256(TIK, policy, little-endian)
 *
 *	Z      = ECDH of the owner's key and the PDH: the x-coordinate, 48 bytes big-endian
 *	master = KDF(Z, "sev-master-secret", nonce)
 *	KEK    = KDF(master, "sev-kek", none)
 *	KIK    = KDF(master, "sev-kik", none)
 *
 * KDF is that of NIST SP 800-108 in counter mode with HMAC-SHA256, of one round, except that
 * counter and length are little-endian: the first 16 bytes of HMAC(key, u32 1 || label || 0x00
 * || context || u32 128).
 */
#define SESSION_LEN 128
#define SESSION_NONCE_LEN 16
#define SESSION_IV_LEN 16
#define SESSION_KEY_LEN 16	/* of TEK and TIK */

/* What is not secret and must be fresh each time. */
struct session_fresh {
	uint8_t nonce[SESSION_NONCE_LEN];
	uint8_t iv[SESSION_IV_LEN];
};

/*
 * Z of the owner's private key and the platform's public one.  @ret is yours.
 * Returns 0; -EKEYREJECTED when the two do not agree, such as on different curves; -ENOMEM,
 * -EIO or an error of secret_new().
 */
int session_agree(EVP_PKEY *own, EVP_PKEY *pdh, struct secret **ret);

/*
 * The session of @z, @tek and @tik (SESSION_KEY_LEN bytes each).  Returns 0; -EINVAL for other
 * lengths; -ENOMEM, -EIO or an error of secret_new().
 */
int session_wrap(const struct secret *z, uint32_t policy, const struct session_fresh *fresh,
		 const struct secret *tek, const struct secret *tik,
		 uint8_t ret[static SESSION_LEN]);

/*
 * The certificate of the owner's key, which must be on P-384.  Returns 0; -EINVAL when it is
 * not; -ENOMEM.
 */
int session_godh(EVP_PKEY *own, uint8_t ret[static SEV_CERT_LEN]);

struct session {
	uint8_t godh[SEV_CERT_LEN];
	uint8_t blob[SESSION_LEN];
	struct secret *tek, *tik;
};

static inline void session_done(struct session *s)
{
	secret_freep(&s->tek);
	secret_freep(&s->tik);
}

/*
 * A session for a launch with @policy on the platform with @pdh, a key on P-384; everything
 * that is random in it is fresh.  @ret is yours, for session_done().
 * Returns 0, or an error of the functions above; -EIO without randomness.
 */
int session_new(EVP_PKEY *pdh, uint32_t policy, struct session *ret);

#endif
