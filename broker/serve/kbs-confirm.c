/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "broker/serve/kbs-call.h"

/* POST /coco/confirm: the guest has used the secret, so it goes out no more under this claim. */

static void refuse(struct kbs_call *c, const struct session_record *s, const char *path,
		   const char *code, const char *reason)
{
	struct denial d = { .step = "confirm" };

	(void) snprintf(d.code, sizeof(d.code), "%s", code);
	(void) snprintf(d.path, sizeof(d.path), "%s", path);
	(void) snprintf(d.tee, sizeof(d.tee), "%s", broker_tee_name(s->tee) ?: "");
	(void) snprintf(d.reason, sizeof(d.reason), "%s", reason);
	kbs_deny(c, "PluginInternalError", "Plugin internal error", &d);
}

void kbs_confirm(struct kbs_call *c)
{
	_cleanup_(session_record_done) struct session_record session = { 0 };
	char path[BROKER_PATH_LEN];
	struct cause why = { "" };
	struct cookie cookie;
	int r;

	r = kbs_read_cookie(c->q->cookie, &cookie);
	if (r >= 0)
		r = kbs_get_session(c, &cookie, &session, &why);
	if (r == -ENOENT || r == -EBADMSG) {
		kbs_no_session(c);
		return;
	}
	if (r < 0) {
		kbs_later(c, r, &why);
		return;
	}
	if (message_read_confirm(c->q->body, path) < 0) {
		refuse(c, &session, "", "REQUEST", "the body is not a confirmation");
		return;
	}
	r = service_confirm(c->service, &session, path, &why);
	if (r == -ENOENT)
		refuse(c, &session, path, "CLAIM", why.text);
	else if (r < 0)
		kbs_later(c, r, &why);
	else
		kbs_answer(c, strdup("{}"));
}
