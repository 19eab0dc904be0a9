/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_CHALLENGE_H
#define COCO_BROKER_CORE_CHALLENGE_H

#include "broker/core/keys.h"

/*
 * The challenge of a handshake.  Nothing is stored for it: the cookie names the handshake, and what
 * else there is to know can be computed again from the cookie, the master key, and what the guest
 * repeats.  Numbers are big-endian, and labels include their NUL.
 *
 *	cookie	= expiry u32 | 12 random bytes, in 32 hexadecimal digits
 *	bound	= of boot and paths; zeros if neither was sent
 *	salt	= HMAC-SHA256(HKDF(master, "coco salt" | hour of expiry, expiry / 3600 u32),
 *			      "coco salt 1" | cookie | tee u8 | bound)
 *	nonce	= SHA-256("coco nonce 1" | id | bound | salt)
 *
 * crypto/bind.h has bound and nonce, which the guest computes too.
 */
#define COOKIE_TEXT_LEN 33		/* 32 digits and NUL */
#define COOKIE_LIFE_SEC 300
#define COOKIE_EARLY_SEC 30		/* how much the clocks of two instances may differ */

struct cookie {
	uint32_t expiry;		/* seconds since 1970 */
	uint8_t random[12];
};

/*
 * Make a cookie for COOKIE_LIFE_SEC from @now on.  Returns 0; -EIO without randomness; -ERANGE when
 * the clock has a time that 32 bits cannot hold.
 */
int cookie_new(int64_t now, struct cookie *ret);
void cookie_format(const struct cookie *c, char ret[static COOKIE_TEXT_LEN]);

/* Returns 0, or -EBADMSG for anything but 32 lower-case hexadecimal digits. */
int cookie_parse(const char *text, struct cookie *ret);

/*
 * Returns 0, or -EKEYEXPIRED if its expiry is not between COOKIE_EARLY_SEC before @now and
 * COOKIE_LIFE_SEC and COOKIE_EARLY_SEC after.
 */
int cookie_check(const struct cookie *c, int64_t now);

enum broker_tee {
	BROKER_TEE_NONE,
	BROKER_TEE_SNP,
	BROKER_TEE_TDX,
	BROKER_TEE_AZ_SNP,
	BROKER_TEE_AZ_TDX,
	_BROKER_TEE_MAX,
};

const char *broker_tee_name(enum broker_tee tee);	/* "snp", ..., "az-tdx-vtpm"; NULL */
enum broker_tee broker_tee_parse(const char *name);	/* BROKER_TEE_NONE if unknown */

/*
 * Compute salt and nonce for a cookie and the request @asked, whose tee is known and whose paths
 * are valid.  Returns 0; -EINVAL for an unknown tee; -ENOMEM.
 */
int challenge_make(const struct keys *k, const struct cookie *c, const struct net_auth *asked,
		   uint8_t ret_salt[static BROKER_SALT_LEN], uint8_t ret_nonce[static 32]);

/*
 * Find which TEE was named in the request whose challenge is @nonce, as text, for this cookie and
 * what the guest repeats of its request (struct attestation): its second message does not name it.
 * repeated->tee is not looked at.
 *
 * Returns 0; -ESTALE when the nonce is not of this cookie, boot and list, or is no nonce; -ENOMEM.
 */
int challenge_find(const struct keys *k, const struct cookie *c, const struct net_auth *repeated,
		   const char *nonce, enum broker_tee *ret);

#endif
