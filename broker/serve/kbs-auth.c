/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "broker/serve/kbs-call.h"

/* POST /auth.  Nothing is stored, so that nobody can fill anything by it. */

#define FAILED "Attestation error: RCAR handshake Auth failed"

static void refuse(struct kbs_call *c, int error, const struct cause *why)
{
	struct denial d = { .step = "auth" };
	char detail[512];

	(void) snprintf(d.code, sizeof(d.code), "%s",
			error == -EPROTO	? "VERSION" :
			error == -EOPNOTSUPP ? "TEE" :
						    "REQUEST");
	(void) snprintf(d.reason, sizeof(d.reason), "%.500s", why->text);
	/* Clients find the version that is expected in this sentence. */
	(void) snprintf(detail, sizeof(detail), FAILED "%s%.400s", why->text[0] ? ": " : "",
			why->text);
	kbs_deny(c, "AttestationError", detail, &d);
}

void kbs_auth(struct kbs_call *c)
{
	uint8_t salt[BROKER_SALT_LEN], nonce[32];
	struct net_auth asked = { 0 };
	struct cause why = { "" };
	struct cookie cookie;
	char *body = NULL;
	int r;

	r = message_read_request(c->q->body, &asked, &why);
	if (r < 0 && r != -ENOMEM) {
		refuse(c, r, &why);
		return;
	}
	if (r >= 0)
		r = cookie_new(c->now, &cookie);
	if (r >= 0)
		r = challenge_make(c->service->keys, &cookie, &asked, salt, nonce);
	if (r >= 0)
		r = message_build_challenge(nonce, asked.coco ? salt : NULL, &body);
	if (r < 0) {
		kbs_later(c, r, &why);
		return;
	}
	kbs_set_cookie(c, &cookie);
	kbs_answer(c, body);
}
