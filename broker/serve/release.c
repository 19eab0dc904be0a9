/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "broker/core/policy-memo.h"
#include "broker/core/respond.h"
#include "broker/core/seal.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/asked.h"
#include "broker/serve/claim-plan.h"
#include "broker/serve/record-io.h"
#include "broker/serve/service.h"
#include "broker/serve/watch.h"

/* How often a release is decided anew because somebody else changed what it rests on. */
#define TRIES_MAX 8
#define LATER_SEC 2

/* A release on its way, from the secret's record to the answer. */
struct attempt {
	struct service *s;
	const struct release_request *q;
	struct release_answer *answer;
	struct bundle evidence;
	char key[RECORD_KEY_LEN];		/* of the secret */
	char release[40];			/* its id */

	/* of this try */
	struct secret_record record;
	uint64_t revision;			/* of the record */
	struct secret_mode mode;
	char *policy;				/* for evidence */
	uint8_t rules[32];
	struct claim_plan plan;
	struct store_member member;

	/* what the evidence was judged by last, and how */
	uint8_t judged_rules[32];
	bool has_judged;
	struct judged judged;
};

static void try_done(struct attempt *a)
{
	secret_record_done(&a->record);
	free(a->policy);
	a->policy = NULL;
	claim_plan_done(&a->plan);
	for (unsigned i = 0; i < a->member.n_reads; i++)
		store_value_done(&a->member.read[i]);
	memset(&a->member, 0, sizeof(a->member));
	free(a->answer->body);
	free(a->answer->header);
	a->answer->body = a->answer->header = NULL;
	secret_freep(&a->answer->plain);
	a->answer->plain = NULL;
}

/* For people. */
static const char *tee_of(const struct attempt *a)
{
	return a->q->sev ? sev_launch_tee(a->q->sev) : broker_tee_name(a->q->session->tee);
}

/* ---- what a policy that is to come is judged by ---- */

/*
 * Launches that are not known are told apart by their keys when they got it; when they did not, by
 * what they are, for they come again with another key.
 */
static void note_asked(const struct attempt *a, bool released, const char *code)
{
	const struct session_record *session = a->q->session;
	struct asked asked = {
		.tee = session->tee,
		.released = released,
		.has_launch = session->launch.known,
		.evidence = session->evidence,
		.evidence_len = session->evidence_len,
	};
	char who[sizeof(a->judged.chip) + sizeof(a->judged.measurement) + sizeof(asked.code)];

	/* A launch of SEV has no evidence that could be judged again. */
	if (a->q->sev)
		return;
	memcpy(asked.launch, session->launch.id, sizeof(asked.launch));
	(void) snprintf(asked.code, sizeof(asked.code), "%s", code);
	(void) snprintf(asked.path, sizeof(asked.path), "%s", a->q->path);
	(void) snprintf(who, sizeof(who), "%s %s %s", a->judged.chip, a->judged.measurement, code);
	if (released)
		memcpy(asked.other, session->rd, sizeof(asked.other));
	else if (EVP_Digest(who, strlen(who), asked.other, NULL, EVP_sha256(), NULL) != 1)
		return;
	asked_log_note(a->s->asked, &asked);
}

/*
 * What the policy decides; claims are as they are under any policy.  Evidence that is authentic was
 * judged, by the policy or only by its signature.
 */
static bool is_of_policy(const struct attempt *a, enum release_result result, const char *code)
{
	return a->has_judged && !streq(code, "VTPM-WENT-BACK") &&
	       (result == RELEASE_POLICY || result == RELEASE_NEEDS_APPROVAL);
}

/* ---- a refusal ---- */

static const enum metric metric_of[] = {
	[RELEASE_ABSENT] = METRIC_DENIED_ABSENT,
	[RELEASE_POLICY] = METRIC_DENIED_POLICY,
	[RELEASE_NOT_LISTED] = METRIC_DENIED_POLICY,
	[RELEASE_DONE] = METRIC_DENIED_ONCE,
	[RELEASE_REBOOTED] = METRIC_DENIED_ONCE,
	[RELEASE_NEEDS_APPROVAL] = METRIC_DENIED_APPROVAL,
	[RELEASE_LATER] = METRIC_STORE_ERRORS,
};

static int refuse_as(struct attempt *a, enum metric metric, enum release_result result,
		     const char *code, const char *reason)
{
	struct denial d = { .step = "resource" };

	(void) snprintf(d.code, sizeof(d.code), "%s", code);
	(void) snprintf(d.path, sizeof(d.path), "%s", a->q->path);
	(void) snprintf(d.peer, sizeof(d.peer), "%s", a->q->peer ? a->q->peer : "");
	(void) snprintf(d.tee, sizeof(d.tee), "%s", tee_of(a));
	(void) snprintf(d.chip, sizeof(d.chip), "%s", a->judged.chip);
	(void) snprintf(d.measurement, sizeof(d.measurement), "%s", a->judged.measurement);
	(void) snprintf(d.reason, sizeof(d.reason), "%s", reason);
	(void) snprintf(a->answer->why, sizeof(a->answer->why), "%s", reason);
	if (is_of_policy(a, result, code))
		note_asked(a, /* released= */ false, code);
	a->answer->result = result;
	a->answer->retry_sec = result == RELEASE_LATER ? LATER_SEC : 0;
	metrics_count(a->s->metrics, metric);
	if (a->plan.approval[0] && result != RELEASE_LATER) {
		/* What is to be approved has a name that stays the same for every try. */
		(void) snprintf(a->answer->id, sizeof(a->answer->id), "%s", a->plan.approval);
		(void) snprintf(d.id, sizeof(d.id), "%s", a->plan.approval);
		denials_note_as(a->s->denials, &d);
	} else {
		char id[DENIAL_ID_LEN];

		denials_note(a->s->denials, &d, id);
		(void) snprintf(d.id, sizeof(d.id), "%s", id);
		(void) snprintf(a->answer->id, sizeof(a->answer->id), "%s", id);
	}
	denial_tell(a->s, &d);
	return 0;
}

static int refuse(struct attempt *a, enum release_result result, const char *code,
		  const char *reason)
{
	return refuse_as(a, metric_of[result], result, code, reason);
}

/* Something here is not as it must be: the guest may come again, the owner has to look. */
static int fail(struct attempt *a, int error, const char *what)
{
	if (error != -EAGAIN && error != -EBUSY)
		log_error("The secret '%s' cannot be released: %s", a->q->path, what);
	return refuse(a, RELEASE_LATER, "STORE", what);
}

/* ---- the secret and its policy ---- */

static bool is_listed(const struct attempt *a)
{
	const struct net_auth *coco = &a->q->session->coco;

	if (!coco->coco)
		return true;
	for (uint32_t i = 0; i < coco->n_paths; i++)
		if (streq(coco->paths[i], a->q->path))
			return true;
	return false;
}

/* Returns 1 with a record, 0 after an answer. */
static int read_secret(struct attempt *a)
{
	struct cause why = { "" };
	int r;

	r = secret_get(a->s, a->q->path, &a->record, &a->revision, &why);
	if (r < 0)
		return fail(a, r, why.text);
	if (a->revision == 0)
		return refuse(a, RELEASE_ABSENT, "ABSENT", "there is no such secret");
	r = policy_memo_read(a->s->policies, a->record.policy, a->record.policy_len, &a->mode,
			     &a->policy, a->rules, &why);
	if (r < 0)
		return fail(a, r, why.text[0] ? why.text : "its policy cannot be read");
	if (a->q->bearer && a->mode.release != RELEASE_ALWAYS)
		return refuse(a, RELEASE_POLICY, "BEARER",
			      "a bearer token is good for secrets with Release=always alone");
	return 1;
}

static int judge_by_policy(struct attempt *a)
{
	if (a->q->sev)
		return sev_launch_judge(a->q->sev, a->q->tik, &a->mode.sev, a->q->now, &a->judged);
	return judge_evidence(a->s->judge, a->q->session->tee, &a->evidence, a->q->session->rd,
			      a->policy, a->q->now, &a->judged, NULL);
}

/* Returns 1 when the evidence is as the policy wants it, 0 after an answer. */
static int judge(struct attempt *a)
{
	int r;

	if (!a->has_judged || memcmp(a->judged_rules, a->rules, sizeof(a->rules)) != 0) {
		memset(&a->judged, 0, sizeof(a->judged));
		r = judge_by_policy(a);
		if (r < 0)
			return fail(a, r, "out of memory");
		memcpy(a->judged_rules, a->rules, sizeof(a->rules));
		a->has_judged = true;
	}
	switch (a->judged.result) {
	case JUDGED_GOOD:
		break;
	case JUDGED_LATER:
		/* What is lacking is collateral; the store is well. */
		return refuse_as(a, METRIC_EVIDENCE_UNDECIDED, RELEASE_LATER, a->judged.code,
				 a->judged.reason);
	case JUDGED_EVIDENCE:
	case JUDGED_POLICY:
	default:
		return refuse(a, RELEASE_POLICY, a->judged.code, a->judged.reason);
	}
	if (a->mode.first_only && a->q->session->launch.released_before)
		return refuse(a, RELEASE_POLICY, "FIRST-ONLY",
			      "a secret was released before in this launch, or RTMR3 and its log "
			      "do not rule that out");
	return 1;
}

/* ---- the answer ---- */

/*
 * It is ready before anything is committed, so that nothing can fail between the claim and the
 * answer.  Nobody sees it unless the transaction succeeds.
 */
static int prepare(struct attempt *a)
{
	_cleanup_(secret_freep) struct secret *plain = NULL;
	int r;

	r = unseal(a->s->keys, a->q->path, a->record.version, a->rules, a->record.sealed,
		   a->record.sealed_len, &plain);
	if (r == -EKEYREJECTED || r == -EBADMSG)
		return fail(a, r,
			    "what the store has is not what was sealed: the value, the policy or "
			    "the version was exchanged, or the master key is another one");
	if (r == 0 && a->q->sev) {
		a->answer->plain = TAKE_PTR(plain);
		return 1;
	}
	if (r == 0)
		r = respond_release(a->s->keys, &a->q->session->key, a->q->session->rd,
				    a->q->path, a->record.version, plain, &a->answer->body,
				    &a->answer->header);
	return r < 0 ? fail(a, r, "it cannot be encrypted") : 1;
}

static struct json_object *build_line(const struct attempt *a)
{
	struct json_object *o = line_new(a->plan.again ? "again" : "release", a->q->path, NULL);
	const struct session_record *session = a->q->session;
	bool once = a->mode.release != RELEASE_ALWAYS;

	if (line_text(o, "release", once ? a->plan.claim.release : a->release) == 0 &&
	    line_number(o, "version", a->record.version) == 0 &&
	    line_text(o, "tee", tee_of(a)) == 0 &&
	    (!session->launch.known || line_hex(o, "launch", session->launch.id, 32) == 0) &&
	    (!session->coco.coco || line_hex(o, "boot", session->coco.boot, 32) == 0) &&
	    line_hex(o, "rd", session->rd, 48) == 0 && line_hex(o, "rules", a->rules, 32) == 0 &&
	    line_text(o, "chip", a->judged.chip) == 0 &&
	    line_text(o, "measurement", a->judged.measurement) == 0 &&
	    line_text(o, "peer", a->q->peer ? a->q->peer : "") == 0 &&
	    (!once || line_number(o, "n", a->plan.claim.n) == 0) &&
	    (!a->plan.approved || line_text(o, "approved", a->plan.approval) == 0) &&
	    (!a->s->restored || line_text(o, "restored", "the store went back before") == 0))
		return o;
	(void) json_object_put(o);
	return NULL;
}

static void note_release(struct attempt *a, struct json_object *line)
{
	a->answer->result = RELEASE_GOOD;
	a->answer->retry_sec = 0;
	note_asked(a, /* released= */ true, "OK");
	metrics_count(a->s->metrics, a->plan.again ? METRIC_RELEASED_AGAIN : METRIC_RELEASED);
	watchers_tell(a->s->watchers, json_to_text(line, JSON_C_TO_STRING_PLAIN, NULL));
}

/* Returns 1 when it is committed, 0 after an answer, -ESTALE to decide anew. */
static int commit(struct attempt *a)
{
	struct json_object *line = build_line(a);
	struct cause why = { "" };
	int r = -ENOMEM;

	if (line)
		r = writer_commit(a->s->writer, &a->member, line, WRITE_USEC, &why);
	if (r == 0 && a->member.done)
		note_release(a, line);
	(void) json_object_put(line);
	if (r < 0)
		return fail(a, r, why.text[0] ? why.text : "out of memory");
	return a->member.done ? 1 : -ESTALE;
}

/* ---- all of it ---- */

static int plan(struct attempt *a)
{
	struct cause why = { "" };
	int r;

	a->member.compares[a->member.n_compares++] =
		(struct store_compare){ a->key, a->revision };
	if (a->mode.release == RELEASE_ALWAYS)
		return 1;
	r = claim_plan(a->s, a->q, &a->mode, a->release, &a->plan, &a->member, &why);
	if (r < 0)
		return fail(a, r, why.text);
	if (a->plan.result != RELEASE_GOOD)
		return refuse(a, a->plan.result, a->plan.code, a->plan.why);
	return 1;
}

static int try_release(struct attempt *a)
{
	static int (*const steps[])(struct attempt *a) = { read_secret, judge, plan, prepare,
							   commit };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		r = steps[i](a);
		if (r <= 0)
			break;
	}
	return r;
}

static int new_release(char ret[static 40])
{
	uint8_t id[16];

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	format_hex(id, sizeof(id), ret);
	return 0;
}

static int release(struct attempt *a)
{
	int r;

	if (!is_listed(a))
		return refuse(a, RELEASE_NOT_LISTED, "NOT-LISTED",
			      "the guest did not name this secret when it asked for the nonce");
	if (!a->q->sev && bundle_read_pack(&a->evidence, a->q->session->evidence,
					   a->q->session->evidence_len) < 0)
		return fail(a, -EBADMSG, "the session's evidence in the store is damaged");
	if (new_release(a->release) < 0)
		return fail(a, -EIO, "there is no randomness");
	for (unsigned i = 0; i < TRIES_MAX; i++) {
		r = try_release(a);
		if (r != -ESTALE) {
			struct release_answer answer = *a->answer;

			if (answer.result == RELEASE_GOOD) {
				a->answer->body = a->answer->header = NULL;
				a->answer->plain = NULL;
			}
			try_done(a);
			if (answer.result == RELEASE_GOOD)
				*a->answer = answer;
			return 0;
		}
		try_done(a);
	}
	return refuse(a, RELEASE_LATER, "BUSY", "too many ask for it at once");
}

int service_release(struct service *s, const struct release_request *q,
		    struct release_answer *ret)
{
	struct attempt *a = calloc(1, sizeof(*a));
	uint64_t began = now_usec();
	int r;

	*ret = (struct release_answer){ .result = RELEASE_LATER, .retry_sec = LATER_SEC };
	if (!a)
		return -ENOMEM;
	a->s = s;
	a->q = q;
	a->answer = ret;
	key_secret(q->path, a->key);
	r = release(a);
	bundle_done(&a->evidence);
	free(a);
	metrics_time(s->metrics, TIME_RELEASE, now_usec() - began);
	return r;
}
