/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_JWT_H
#define COCO_BROKER_SERVE_JWT_H

#include <openssl/evp.h>

#include "base/cause.h"

/*
 * The token of an administrator, as Trustee's kbs-client sends it: a JWT in compact form, which
 * the owner signed with the key of Admin TokenKey=.
 *
 * The key says which algorithm it is: Ed25519 EdDSA, P-256 ES256, RSA of 2048 to 8192 bits RS256.
 * A header that names another one is refused, and so is one with "crit", which would say that
 * something in it must be understood.  All other members of the header, a key among them, are
 * ignored.
 */
#define JWT_MAX 8192			/* bytes of a token */
#define JWT_LEEWAY_SEC 60		/* how much the owner's clock may differ */

struct jwt_claims {
	int64_t exp;			/* seconds since 1970 */
	char role[32];			/* "admin", or "" */
	char subject[64];		/* for people, printable; or "" */
};

/* True if a token can be signed by this kind of key. */
bool jwt_key_is_good(EVP_PKEY *key);

/*
 * Verify @token.  "exp" must be there and not be over, "nbf" not to come; "role" must be "admin"
 * if it is there.
 * Returns 0 with @ret; -EBADMSG when it is malformed; -EOPNOTSUPP for another algorithm;
 * -EKEYREJECTED when @key did not sign it; -EKEYEXPIRED; -EACCES for another role; -EMSGSIZE;
 * -ENOMEM.  The reason is in @why.
 */
int jwt_verify(EVP_PKEY *key, const char *token, int64_t now, struct jwt_claims *ret,
	       struct cause *why);

#endif
