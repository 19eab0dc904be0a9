/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "base/text.h"
#include "broker/serve/jwt.h"
#include "broker/serve/kbs-call.h"

/*
 * Trustee's REST for an administrator, as far as it has a meaning here: a secret's value can be
 * set, and a secret removed.  How evidence must look is never set by it: a secret keeps its policy,
 * and one that has none yet is refused.  Rego is not evaluated, and to take it and to ignore it
 * would be a lie.
 */

#define BEARER "Bearer "

/* Returns true with who it is; else the request is answered. */
static bool is_admin(struct kbs_call *c, char who[static 80])
{
	const char *header = c->q->authorization ?: "";
	struct cause why = { "" };
	struct jwt_claims claims;
	int r;

	if (!c->service->admin_key)
		r = cause_set(&why, -EPERM,
			      "this broker takes no orders here: its TokenKey= is not set");
	else if (strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		r = cause_set(&why, -EACCES, "there is no header Authorization with a token");
	else
		r = jwt_verify(c->service->admin_key, header + strlen(BEARER), c->now, &claims,
			       &why);
	if (r == 0) {
		(void) snprintf(who, 80, "token %s", claims.subject[0] ? claims.subject : "admin");
		return true;
	}
	if (r == -ENOMEM)
		kbs_later(c, r, &why);
	else {
		log_warning("An administrator's request %llu of '%s' is refused: %s",
			    (unsigned long long)c->q->number, c->q->peer, why.text);
		kbs_refuse(c, 401, "AdminAuthAccess", why.text, NULL);
	}
	return false;
}

static void answer_change(struct kbs_call *c, int r, const struct cause *why)
{
	switch (r) {
	case 0:
		kbs_answer(c, strdup(""));
		break;
	case -ENOENT:
		kbs_refuse(c, 401, "PluginInternalError",
			   "There is no such secret.  A secret needs a policy, which this request "
			   "cannot bring: use 'coco-broker secret add --policy=FILE' first",
			   NULL);
		break;
	case -EBADMSG:
	case -EMSGSIZE:
	case -EINVAL:
	case -EPERM:
		kbs_refuse(c, 401, "PluginInternalError",
			   why->text[0] ? why->text : strerror(-r), NULL);
		break;
	default:
		kbs_later(c, r, why);
	}
}

/* The path of the secret, when the request may be made; else it is answered. */
static bool begin(struct kbs_call *c, char path[static BROKER_PATH_LEN], char who[static 80])
{
	if (!is_admin(c, who))
		return false;
	if (c->q->query || kbs_read_path(c->q, KBS_PREFIX "resource/", path) < 0) {
		kbs_refuse(c, 404, "InvalidRequestPath",
			   "The path is not resource/REPOSITORY/TYPE/TAG", NULL);
		return false;
	}
	return true;
}

void kbs_admin_set(struct kbs_call *c)
{
	_cleanup_(secret_freep) struct secret *value = NULL;
	char path[BROKER_PATH_LEN], who[80];
	struct secret_change change = { .path = path, .replace = true, .who = who };
	struct cause why = { "" };
	uint64_t version;
	int r;

	if (!begin(c, path, who))
		return;
	if (c->q->body.len == 0 || c->q->body.len > JWE_CIPHERTEXT_MAX) {
		cause_set(&why, 0, "A secret has 1 to %d bytes", JWE_CIPHERTEXT_MAX);
		answer_change(c, -EMSGSIZE, &why);
		return;
	}
	r = secret_new(c->q->body.len, &value);
	if (r >= 0) {
		memcpy(secret_bytes(value), c->q->body.p, c->q->body.len);
		change.value = value;
		r = service_secret_set(c->service, &change, &version, &why);
	}
	answer_change(c, r, &why);
}

void kbs_admin_remove(struct kbs_call *c)
{
	char path[BROKER_PATH_LEN], who[80];
	struct cause why = { "" };

	if (begin(c, path, who))
		answer_change(c, service_secret_remove(c->service, path, who, &why), &why);
}

void kbs_admin_policies(struct kbs_call *c)
{
	char who[80];

	if (is_admin(c, who))
		kbs_answer(c, strdup("[]"));
}

void kbs_admin_rego(struct kbs_call *c)
{
	char who[80];

	if (is_admin(c, who))
		kbs_refuse(c, 401, "PolicyEngine",
			   "This broker does not evaluate Rego.  Each secret has a policy of its "
			   "own: see 'coco-broker policy set'",
			   NULL);
}

void kbs_admin_reference(struct kbs_call *c)
{
	char who[80];

	if (is_admin(c, who))
		kbs_refuse(c, 401, "RvpsError",
			   "This broker has no reference values but those in the policies of its "
			   "secrets: see 'coco-broker policy set'",
			   NULL);
}
