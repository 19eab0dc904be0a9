/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_CORE_TOKEN_H
#define COCO_BROKER_CORE_TOKEN_H

#include "broker/core/message.h"

/*
 * The token in the answer to POST /attest: a JWT (ES256, by keys_token()) in the form of an EAT
 * attestation result.  Our guests do not use it; Trustee's clients decode it, look at exp, and may
 * send it back as a bearer token.  It names the session, so that nothing in it has to be believed.
 */

/*
 * Build the token of the session @cookie, valid until its expiry.  @status is "affirming" or
 * "none", @tee known.  @ret is yours.  Returns 0 or -ENOMEM.
 */
int token_build(const struct keys *k, const struct cookie *cookie, enum broker_tee tee,
		const struct attestation *a, int64_t now, const char *status, char **ret);

/*
 * Read a token of ours.  Returns 0 with the session that it names; -EBADMSG; -EKEYREJECTED when the
 * signature is not ours or the algorithm is another one; -EKEYEXPIRED as cookie_check(); -ENOMEM.
 */
int token_read(const struct keys *k, const char *token, int64_t now, struct cookie *ret);

#endif
