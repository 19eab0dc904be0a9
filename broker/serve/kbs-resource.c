/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <strings.h>

#include "broker/core/token.h"
#include "broker/serve/kbs-call.h"

/* GET /resource/REPOSITORY/TYPE/TAG.  What is decided is decided in release.c. */

#define BEARER "Bearer "

/* What a refusal is called, and what foreign clients are told. */
static const struct {
	const char *name, *detail;
} refusals[] = {
	/* To Trustee's clients a secret that is not there looks like any trouble of a plugin. */
	[RELEASE_ABSENT] = { "PluginInternalError", "Plugin internal error" },
	[RELEASE_POLICY] = { "PolicyDeny", "Access denied by policy" },
	[RELEASE_NOT_LISTED] = { "PolicyDeny", "Access denied by policy" },
	[RELEASE_DONE] = { "Released", "It was released before, which is as often as it may be" },
	[RELEASE_REBOOTED] = { "Rebooted", "It was released to another kernel of this launch" },
	[RELEASE_NEEDS_APPROVAL] = { "Approval", "Somebody must approve it first" },
};

/*
 * The session that the cookie names, else that of a bearer token, which is ours and names it.
 * Returns 0; -ENOENT; an error of store_get().
 */
static int find_session(struct kbs_call *c, struct session_record *ret, bool *ret_bearer,
			struct cause *why)
{
	struct cookie cookie;
	int r;

	r = kbs_read_cookie(c->q->cookie, &cookie);
	if (r >= 0)
		r = kbs_get_session(c, &cookie, ret, why);
	*ret_bearer = false;
	if (r != -ENOENT && r != -EBADMSG)
		return r;
	if (!c->q->authorization ||
	    strncasecmp(c->q->authorization, BEARER, strlen(BEARER)) != 0)
		return -ENOENT;
	r = token_read(c->service->keys, c->q->authorization + strlen(BEARER), c->now, &cookie);
	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	*ret_bearer = true;
	return kbs_get_session(c, &cookie, ret, why);
}

static void answer(struct kbs_call *c, struct release_answer *a)
{
	if (a->result == RELEASE_GOOD) {
		c->ret->release = TAKE_PTR(a->header);
		kbs_answer(c, TAKE_PTR(a->body));
	} else if (a->result == RELEASE_LATER || (size_t)a->result >= ARRAY_SIZE(refusals)) {
		kbs_later(c, 0, NULL);
		if (a->retry_sec)
			c->ret->retry_sec = a->retry_sec;
	} else {
		kbs_refuse(c, 401, refusals[a->result].name, refusals[a->result].detail,
			   a->id[0] ? a->id : NULL);
	}
}

static void release(struct kbs_call *c, const struct session_record *session, bool bearer,
		    const char *path)
{
	struct release_answer a = { .result = RELEASE_LATER };
	const struct release_request q = {
		.session = session,
		.bearer = bearer,
		.path = path,
		.peer = c->q->peer,
		.now = c->now,
	};
	int r = service_release(c->service, &q, &a);

	if (r < 0)
		kbs_later(c, r, NULL);
	else
		answer(c, &a);
	free(a.body);
	free(a.header);
}

void kbs_resource(struct kbs_call *c)
{
	_cleanup_(session_record_done) struct session_record session = { 0 };
	char path[BROKER_PATH_LEN], detail[BROKER_PATH_LEN + 64];
	struct cause why = { "" };
	bool bearer;
	int r;

	if (kbs_read_path(c->q, KBS_PREFIX "resource/", path) < 0) {
		(void) snprintf(detail, sizeof(detail), "Request path %.200s is invalid",
				c->q->path);
		kbs_refuse(c, 404, "InvalidRequestPath", detail, NULL);
		return;
	}
	r = find_session(c, &session, &bearer, &why);
	if (r == -ENOENT)
		kbs_no_session(c);
	else if (r < 0)
		kbs_later(c, r, &why);
	else
		release(c, &session, bearer, path);
}
