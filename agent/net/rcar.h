/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_RCAR_H
#define COCO_AGENT_NET_RCAR_H

#include <json-c/json.h>

#include "base/cause.h"
#include "wire/broker.h"
#include "wire/bytes.h"

/*
 * The messages of the key broker protocol, "request, challenge, attestation, response", in
 * version 0.4.0: what we send is built here, what comes is read here.  What a broker may answer
 * instead is in refusal.h, and the secret in jwe.h.
 *
 * To our own broker the request and the attestation say more: in "coco", this kernel's boot and
 * the secrets that will be asked for.  Other brokers ignore it.
 */
#define RCAR_VERSION "0.4.0"
#define RCAR_ANSWER_MAX (128 * 1024)	/* bytes; a secret of 64 KiB has 86 KiB in base64 */

/*
 * Build the body of POST /auth.  Text is in @a as the header of wire/broker.h says.  @ret is
 * yours.  Returns 0 or -ENOMEM.
 */
int rcar_build_request(const struct net_auth *a, char **ret);

/*
 * Read the answer: all of @ret but its result, which stays as it was.  Returns 0; -EPROTO when it
 * is not a challenge that can be met, with the reason in @why.
 */
int rcar_read_challenge(struct bytes answer, struct net_challenge *ret, struct cause *why);

struct rcar_attestation {
	const char *nonce;			/* of the challenge, as received */
	const struct net_attest *key;
	const struct net_auth *coco;		/* to repeat "coco" of this request; or NULL */
	const char *init_data;			/* a TOML document, or NULL */
	size_t init_data_len;
	struct json_object *evidence;		/* borrowed */
};

/* Build the body of POST /attest.  @ret is yours.  Returns 0 or -ENOMEM. */
int rcar_build_attestation(const struct rcar_attestation *a, char **ret);

/*
 * Check that the answer has a token.  We do not use it: the cookie names the session.  Returns 0,
 * or -EPROTO with the reason in @why.
 */
int rcar_check_token(struct bytes answer, struct cause *why);

/* Build the body of POST /coco/confirm for a valid path.  @ret is yours.  Returns 0 or -ENOMEM. */
int rcar_build_confirm(const char *path, char **ret);

/*
 * Take the session out of the value of a header Set-Cookie: "kbs-session-id=WORD", as it goes
 * back in a header Cookie.  When it expires is not looked at, for the clock is the host's.
 *
 * Returns 0, or -EPROTO when it is another cookie or WORD is not 1 to 128 letters, digits and
 * '-'.
 */
#define RCAR_COOKIE_LEN 144
int rcar_read_cookie(const char *set_cookie, char ret[static RCAR_COOKIE_LEN]);

#endif
