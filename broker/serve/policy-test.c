/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/policy-test.h"

#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/asked.h"
#include "broker/serve/record-io.h"
#include "broker/serve/watch.h"

struct test {
	struct service *s;
	struct secret_mode mode;
	char *policy;			/* for evidence */
	int64_t now;
	struct json_object *list;
};

static const char *after_judging(const struct test *t, struct judged *j)
{
	if (j->result == JUDGED_LATER)
		return "undecided";
	if (j->result != JUDGED_GOOD)
		return "refused";
	if (t->mode.first_only && j->launch.released_before) {
		(void) snprintf(j->code, sizeof(j->code), "FIRST-ONLY");
		(void) snprintf(j->reason, sizeof(j->reason),
				"a secret was released before in this launch, or RTMR3 and its log "
				"do not rule that out");
		return "refused";
	}
	if (t->mode.release != RELEASE_ALWAYS && !j->launch.known &&
	    secret_mode_per(&t->mode) == PER_LAUNCH) {
		(void) snprintf(j->code, sizeof(j->code), "NO-LAUNCH");
		(void) snprintf(j->reason, sizeof(j->reason), "%s", j->launch.why_not);
		return "refused";
	}
	return t->mode.release == RELEASE_APPROVE ? "approval" : "released";
}

static int add_row(struct test *t, const struct asked *a, struct judged *j)
{
	const char *now = after_judging(t, j);
	struct json_object *o = json_object_new_object();

	if ((a->has_launch ? line_hex(o, "launch", a->launch, 32) :
			     line_text(o, "launch", "")) == 0 &&
	    line_number(o, "at", (uint64_t)a->at) == 0 &&
	    line_text(o, "tee", broker_tee_name(a->tee) ?: "") == 0 &&
	    line_text(o, "chip", j->chip) == 0 &&
	    line_text(o, "measurement", j->measurement) == 0 &&
	    line_text(o, "was", a->released ? "released" : "refused") == 0 &&
	    line_text(o, "was-code", a->code) == 0 && line_text(o, "now", now) == 0 &&
	    line_text(o, "code", j->code) == 0 && line_text(o, "reason", j->reason) == 0)
		return json_append(t->list, o);
	(void) json_object_put(o);
	return -ENOMEM;
}

static int test_one(void *userdata, const struct asked *a)
{
	struct test *t = userdata;
	struct bundle b = { .n_items = 0 };
	struct judged j;
	int r = bundle_read_pack(&b, a->evidence, a->evidence_len);

	if (r == 0)
		r = judge_try(t->s->judge, a->tee, &b, t->policy, t->now, &j);
	bundle_done(&b);
	return r == 0 ? add_row(t, a, &j) : r;
}

static int check_secret(struct service *s, const char *path, struct cause *why)
{
	_cleanup_(secret_record_done) struct secret_record record = { .version = 0 };
	uint64_t revision = 0;
	int r = strlen(path) < BROKER_PATH_LEN ? secret_get(s, path, &record, &revision, why) : 0;

	return r == 0 && revision == 0 ?
		       cause_set(why, -ENOENT, "there is no secret '%s'", path) :
		       r;
}

static int test_all(struct test *t, const char *path, int64_t from, struct json_object *answer,
		    struct cause *why)
{
	struct asked_log *asked = t->s->asked;
	int64_t released, refused;
	int r;

	t->list = json_object_new_array();
	if (json_add(answer, "launches", t->list) < 0)
		return cause_set_oom(why);
	r = asked_log_walk(asked, true, path, from, test_one, t, why);
	if (r == 0)
		r = asked_log_walk(asked, false, path, from, test_one, t, why);
	if (r < 0)
		return why->text[0] ? r : cause_set(why, r, "what was asked cannot be judged: %s",
						    strerror(-r));
	/* After it was read: what was pushed out meanwhile is said to be missing. */
	released = asked_log_since(asked, true);
	refused = asked_log_since(asked, false);
	if (line_number(answer, "from", (uint64_t)from) < 0 ||
	    line_number(answer, "kept-since-released", (uint64_t)released) < 0 ||
	    line_number(answer, "kept-since-refused", (uint64_t)refused) < 0 ||
	    json_add_bool(answer, "complete", from == 0 || from >= MAX(released, refused)) < 0)
		return cause_set_oom(why);
	return 0;
}

int policy_test(struct service *s, const char *path, const char *policy, uint64_t last_sec,
		struct json_object *answer, struct cause *why)
{
	struct test t = { .s = s, .now = (int64_t)time(NULL) };
	int64_t from = last_sec > 0 ? MAX(t.now - (int64_t)MIN(last_sec, INT64_MAX / 2), 1) : 0;
	int r;

	r = secret_policy_read(policy, strlen(policy), &t.mode, &t.policy, why);
	if (r == 0)
		r = secret_policy_check_until(&t.mode, t.policy, t.now, why);
	if (r == 0)
		r = check_secret(s, path, why);
	if (r == 0 && !s->asked)
		r = cause_set(why, -EOPNOTSUPP, "what is asked is not kept here; the log of the "
						"broker's start says why");
	if (r == 0)
		r = test_all(&t, path, from, answer, why);
	free(t.policy);
	return r;
}
