/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_SERVICE_H
#define COCO_BROKER_SERVE_SERVICE_H

#include <stdatomic.h>

#include "broker/core/judge.h"
#include "broker/core/keys.h"
#include "broker/core/record.h"
#include "broker/core/sev-rules.h"
#include "broker/serve/denials.h"
#include "broker/serve/http.h"
#include "broker/serve/metrics.h"
#include "broker/store/writer.h"

/*
 * What all requests share.  Everything in it may be used by several threads at once.
 */
/* How long a guest waits for a transaction. */
#define WRITE_USEC (8 * UINT64_C(1000000))

struct service {
	const struct keys *keys;
	struct store *store;
	struct writer *writer;
	struct judge *judge;
	struct denials *denials;
	struct metrics *metrics;
	struct watchers *watchers;	/* serve/watch.h; may be NULL */
	struct refresher *refresher;	/* serve/refresh.h; may be NULL */
	struct asked_log *asked;	/* serve/asked.h; may be NULL */
	struct policy_memo *policies;	/* core/policy-memo.h; may be NULL */
	EVP_PKEY *admin_key;		/* of Admin TokenKey=, or NULL */
	const char *instance;
	/*
	 * The store went back.  Until accept-restore, what is once per VM needs an approval, and
	 * what is once per launch is marked in the audit log.
	 */
	atomic_bool restored;
	/* the store for /readyz: when it was looked at, and if it was good; all zero at first */
	struct {
		_Atomic uint64_t at_usec;
		atomic_bool good, busy;
		uint64_t counted_usec;	/* claims; of the thread that is busy */
	} look;
};

/*
 * The handler of the HTTP server (serve/http.h): /kbs/v0/auth, attest, resource/R/T/G,
 * coco/confirm; Trustee's admin REST; /healthz, /readyz, /metrics; else 404 as Trustee has it.
 * @userdata is the struct service.
 */
void service_handle(void *userdata, const struct http_request *q, struct http_reply *ret);

/*
 * Decide about the release of @path to a session, and answer: the whole of R7, with the claim, the
 * audit line and the secret in one transaction.
 * serve/release.c; its callers are GET /resource and serve/launch-packet.c.
 *
 * With @sev the session is that of a launch of SEV, which launch_packet() has made: the launch is
 * judged by [sev], with @tik, and the secret comes in the clear, for a packet.
 */
struct release_request {
	const struct session_record *session;
	const struct sev_launch *sev;	/* or NULL */
	const struct secret *tik;
	bool bearer;			/* by a token: for Release=always alone */
	const char *path;
	const char *peer;
	int64_t now;
};

enum release_result {
	RELEASE_GOOD,
	RELEASE_ABSENT,
	RELEASE_POLICY,		/* the policy refuses the evidence */
	RELEASE_NOT_LISTED,	/* not among the uris of the challenge */
	RELEASE_DONE,		/* released already */
	RELEASE_REBOOTED,
	RELEASE_NEEDS_APPROVAL,
	RELEASE_LATER,		/* store, collateral, queue: 503 */
};

struct release_answer {
	enum release_result result;
	char id[32];			/* of the denial or the approval, "" when released */
	char *body, *header;		/* when it is good; yours */
	struct secret *plain;		/* instead of them, for a launch of SEV; yours */
	char why[512];			/* when it is refused, for the owner */
	uint32_t retry_sec;
};

int service_release(struct service *s, const struct release_request *q,
		    struct release_answer *ret);

/*
 * The guest has opened its volume with @path (R8): the claim is confirmed, and nobody gets the
 * secret under it again.  The session that got it may say so, or a later one of the same launch.
 * Saying it twice is no error, and a secret with Release=always has nothing to confirm.
 *
 * Returns 0; -ENOENT when it was not released to this guest; -EBADMSG for a damaged store; an error
 * of the writer.
 */
int service_confirm(struct service *s, const struct session_record *session, const char *path,
		    struct cause *why);

/*
 * Change a secret: the same functions for the admin socket and for Trustee's REST.  The who of all
 * of them is for the audit line: "uid 0", "token admin".
 *
 * Each returns 0; -ENOENT; -EEXIST; -EBADMSG for a path or a policy that is refused, or a damaged
 * store; -EMSGSIZE for a value that is too long; -EAGAIN when others are faster all the time; an
 * error of the writer.  @why has the cause.
 */
struct secret_change {
	const char *path;
	const struct secret *value;	/* NULL: the value stays */
	const char *policy;		/* NULL: the policy stays */
	size_t policy_len;
	bool create, replace;		/* may be new; may be there */
	bool check;			/* all but the change itself */
	bool unless_same;		/* a policy that is there already is no change */
	const char *who;
};

int service_secret_set(struct service *s, const struct secret_change *c, uint64_t *ret_version,
		       struct cause *why);
int service_secret_remove(struct service *s, const char *path, const char *who, struct cause *why);
/* @launch NULL: of all launches. */
int service_secret_rearm(struct service *s, const char *path, const uint8_t *launch,
			 const char *who, unsigned *ret_n, struct cause *why);
/*
 * Say yes or no to what waits for an approval as @id.  Whoever said it before is overruled.  A yes
 * is used up by one claim.
 */
int service_approve(struct service *s, const char *id, bool approve, uint32_t uid,
		    struct cause *why);

#endif
