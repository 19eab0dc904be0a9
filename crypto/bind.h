/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CRYPTO_BIND_H
#define COCO_CRYPTO_BIND_H

#include <openssl/evp.h>

#include "wire/broker.h"
#include "wire/bytes.h"

/*
 * What ties a handshake to a broker, a kernel's boot, a list of secrets and a key.  Guest and
 * broker compute the same.  Numbers are big-endian, and labels include their NUL.
 *
 *	bound	= SHA-256("coco bind 1" | boot[32] | count u16 | count * (length u16 | path)),
 *		  or zeros if neither was sent
 *	nonce	= SHA-256("coco nonce 1" | id[32] | bound | salt[32])
 *	RD	= SHA-384 of the runtime data, JSON in canonical form (RFC 8785):
 *		  {"additional-evidence":"","nonce":N,"tee-pubkey":KEY}
 *	signed	= "coco release 1" | RD[48] | SHA-256(path) | version u64 |
 *		  SHA-256(protected.encrypted_key.iv.ciphertext.tag), as in the JWE
 */
#define BIND_SHA256_LEN 32
#define BIND_RD_LEN 48
#define BIND_RELEASE_LEN (15 + BIND_RD_LEN + BIND_SHA256_LEN + 8 + BIND_SHA256_LEN)

/*
 * @asked has BROKER_PATHS_MAX paths at most; without asked->coco it is zeros.  Returns 0 or
 * -ENOMEM, as all here do.
 */
int bind_bound(const struct net_auth *asked, uint8_t ret[static BIND_SHA256_LEN]);

int bind_nonce(const uint8_t id[static BROKER_ID_LEN], const uint8_t bound[static BIND_SHA256_LEN],
	       const uint8_t salt[static BROKER_SALT_LEN], uint8_t ret[static BIND_SHA256_LEN]);

/*
 * Hash the runtime data by @md.  @nonce needs no escape in JSON; @key is canonical JSON
 * (tee_key_text()).  Returns 0, or -ENOMEM.
 */
int bind_runtime_data(const char *nonce, const char *key, const EVP_MD *md, uint8_t *ret);

/* Hash the JWE's five texts, which base64url has only one form of, with dots between. */
int bind_jwe(const struct bytes texts[static 5], uint8_t ret[static BIND_SHA256_LEN]);

/* The text that the broker's identity signs.  @jwe is of bind_jwe().  Returns 0, or -ENOMEM. */
int bind_release(const uint8_t rd[static BIND_RD_LEN], const char *path, uint64_t version,
		 const uint8_t jwe[static BIND_SHA256_LEN], uint8_t ret[static BIND_RELEASE_LEN]);

#endif
