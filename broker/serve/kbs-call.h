/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_KBS_CALL_H
#define COCO_BROKER_SERVE_KBS_CALL_H

#include "broker/serve/service.h"

/*
 * One request of the key broker protocol, and the ways to answer it.  For our clients the name of
 * a refusal decides what they do next (agent/net/refusal.c), for those of Trustee the status does:
 * 401 is what the guest is or asks, 404 what no broker has, 503 what we lack just now.
 */
#define KBS_PREFIX "/kbs/v0/"
#define KBS_COMMIT_USEC 5000000		/* how long an answer of the store is waited for */
#define KBS_RETRY_SEC 1

struct kbs_call {
	struct service *service;
	const struct http_request *q;
	struct http_reply *ret;
	int64_t now;			/* seconds since 1970 */
};

/* The endpoints, each in a file of its own.  @c->ret has the answer afterwards. */
void kbs_auth(struct kbs_call *c);
void kbs_attest(struct kbs_call *c);
void kbs_resource(struct kbs_call *c);
void kbs_confirm(struct kbs_call *c);

/* Trustee's REST for its administrator (kbs-admin.c). */
void kbs_admin_set(struct kbs_call *c);
void kbs_admin_remove(struct kbs_call *c);
void kbs_admin_policies(struct kbs_call *c);
void kbs_admin_rego(struct kbs_call *c);
void kbs_admin_reference(struct kbs_call *c);

/* /healthz, /readyz, /metrics (kbs-health.c). */
void kbs_healthz(struct kbs_call *c);
void kbs_readyz(struct kbs_call *c);
void kbs_metrics(struct kbs_call *c);

/* ---- answers (kbs-call.c) ---- */

/* Answer 200 with @body, a C string that is taken over; NULL: there was no memory, which is 503. */
void kbs_answer(struct kbs_call *c, char *body);

/* Refuse with Trustee's error @name.  @id may be NULL. */
void kbs_refuse(struct kbs_call *c, int status, const char *name, const char *detail,
		const char *id);

/*
 * Answer 503: what is asked may be right, and cannot be done now.  @error says why, and is logged
 * with @why, which may be NULL; 0: it was logged before.
 */
void kbs_later(struct kbs_call *c, int error, const struct cause *why);

/*
 * Note for the owner why something is refused, or put off: the step, code, path, reason and what
 * else is known of @d are set.  Tells the watchers.  Afterwards @d has an id.
 */
void kbs_note(struct kbs_call *c, struct denial *d);

/* Note the refusal @d, and refuse with its id. */
void kbs_deny(struct kbs_call *c, const char *name, const char *detail, struct denial *d);

/* What all sessions end with: the guest must begin again. */
void kbs_no_session(struct kbs_call *c);

/* ---- sessions ---- */

/* Set the header Set-Cookie. */
void kbs_set_cookie(struct kbs_call *c, const struct cookie *cookie);

/*
 * Find our cookie in the header @header, which may be NULL and may have others.
 * Returns 0; -ENOENT when there is none; -EBADMSG when it is there twice or malformed.
 */
int kbs_read_cookie(const char *header, struct cookie *ret);

/*
 * Read the session that lies in the store at @key.  Returns 0 with @ret, for
 * session_record_done(); -EBADMSG when no broker of ours wrote it there; -ENOMEM.
 */
int kbs_parse_session(struct kbs_call *c, const char *key, const struct store_value *v,
		      struct session_record *ret);

/*
 * Get the session of @cookie.  @ret is for session_record_done().
 * Returns 0; -ENOENT when there is none, or it is over; -EIO when what is there is not that
 * session; an error of store_get() with @why.
 */
int kbs_get_session(struct kbs_call *c, const struct cookie *cookie, struct session_record *ret,
		    struct cause *why);

/* ---- paths ---- */

/*
 * The path of a secret in the request's own path, behind @prefix, with the query.
 * Returns 0, or -EINVAL when no secret has such a path.
 */
int kbs_read_path(const struct http_request *q, const char *prefix,
		  char ret[static BROKER_PATH_LEN]);

#endif
