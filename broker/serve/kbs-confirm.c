/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "broker/core/record-mac.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/kbs-call.h"

/*
 * POST /coco/confirm: the guest has used the secret, so it goes out no more under this claim.  Any
 * session of the launch that has the claim may say so, for cocod may have begun anew in between.
 * It only ever closes something.
 */

#define TRIES 8			/* a claim may be counted up at the same time */

static struct json_object *audit_line(const struct kbs_call *c, const char *path,
				      const struct claim *claim)
{
	struct json_object *o = json_object_new_object();
	int bad = !o;

	if (o) {
		bad |= json_object_object_add(o, "event", json_object_new_string("confirmed"));
		bad |= json_object_object_add(o, "path", json_object_new_string(path));
		bad |= json_object_object_add(o, "release",
					      json_object_new_string(claim->release));
		bad |= json_object_object_add(o, "peer", json_object_new_string(c->q->peer));
	}
	if (!bad)
		return o;
	json_object_put(o);
	return NULL;
}

/* Mark the claim, if it is still what was read.  Returns 1; 0 when it is not; an errno. */
static int mark(struct kbs_call *c, const char *path, const char *key, uint64_t revision,
		const struct claim *claim, struct cause *why)
{
	struct json_object *line = audit_line(c, path, claim);
	_cleanup_(freep) char *text = NULL, *whole = NULL;
	struct store_member m = {
		.n_compares = 1, .n_changes = 1,
		.compares = { { key, revision } },
	};
	int r = line ? claim_format(claim, &text) : -ENOMEM;

	if (r >= 0)
		r = record_sign(c->service->keys, key, text, &whole);
	if (r >= 0) {
		m.changes[0] = (struct store_change){ .key = key, .data = whole,
						      .len = strlen(whole) };
		r = writer_commit(c->service->writer, &m, line, KBS_COMMIT_USEC, why);
	}
	json_object_put(line);
	return r < 0 ? r : m.done;
}

/*
 * Returns 1 when the claim @key of this launch is confirmed, now or before; 0 when somebody
 * changed it meanwhile; -ENOENT when there is none; another errno.
 */
static int try_mark(struct kbs_call *c, const struct session_record *s, const char *path,
		    const char *key, struct cause *why)
{
	struct store_value v = { 0 };
	struct claim claim;
	uint64_t revision;
	int r;

	r = store_get(c->service->store, key, &v, why);
	if (r < 0)
		return r;
	revision = v.revision;
	r = revision ? record_verify(c->service->keys, key, v.data, v.len, &v.len) : -ENOENT;
	if (r >= 0)
		r = claim_parse(v.data, v.len, &claim);
	store_value_done(&v);
	if (r == -EBADMSG || r == -EKEYREJECTED)
		return cause_set(why, -EIO, "the claim in the store is damaged");
	if (r < 0)
		return r;
	if (memcmp(claim.launch, s->launch.id, sizeof(claim.launch)) != 0)
		return -ENOENT;
	if (claim.confirmed)
		return 1;
	claim.confirmed = true;
	return mark(c, path, key, revision, &claim, why);
}

/* How often the secret may go out says where its claim is.  Returns 0; -ENOENT; an errno. */
static int find_mode(struct kbs_call *c, const char *path, struct secret_mode *ret,
		     struct cause *why)
{
	_cleanup_(secret_record_done) struct secret_record secret = { .version = 0 };
	_cleanup_(freep) char *evidence = NULL;
	struct store_value v = { 0 };
	char key[RECORD_KEY_LEN];
	int r;

	key_secret(path, key);
	r = store_get(c->service->store, key, &v, why);
	if (r < 0)
		return r;
	r = v.revision ? secret_record_parse(v.data, v.len, &secret) : -ENOENT;
	store_value_done(&v);
	if (r >= 0)
		r = secret_policy_read(secret.policy, secret.policy_len, ret, &evidence, why);
	return r == -ENOENT || r == -ENOMEM || r >= 0 ? r : -EIO;
}

static int confirm(struct kbs_call *c, const struct session_record *s, const char *path,
		   struct cause *why)
{
	char key[RECORD_KEY_LEN];
	struct secret_mode mode;
	int r;

	r = find_mode(c, path, &mode, why);
	if (r < 0)
		return r;
	if (mode.release == RELEASE_ALWAYS)	/* it has no claims */
		return 0;
	if (!s->launch.known)
		return -ENOENT;
	/* What somebody approves is a launch. */
	r = key_claim(path, mode.per == PER_NONE ? PER_LAUNCH : mode.per, s->launch.id, key);
	for (unsigned i = 0; r == 0 && i < TRIES; i++)
		r = try_mark(c, s, path, key, why);
	if (r == 0)
		return cause_set(why, -EAGAIN, "the claim changes all the time");
	return r < 0 ? r : 0;
}

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
	r = confirm(c, &session, path, &why);
	if (r == -ENOENT)
		refuse(c, &session, path, "CLAIM", "there is no release to this launch");
	else if (r < 0)
		kbs_later(c, r, &why);
	else {
		metrics_count(c->service->metrics, METRIC_CONFIRMED);
		kbs_answer(c, strdup("{}"));
	}
}
