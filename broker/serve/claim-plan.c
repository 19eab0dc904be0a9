/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/claim-plan.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/parse.h"
#include "broker/core/record-mac.h"
#include "broker/serve/record-io.h"

enum { KEY_CLAIM, KEY_LAUNCHES, KEY_VTPM, KEY_APPROVAL };

struct planning {
	struct service *s;
	const struct release_request *q;
	const struct launch *launch;
	const struct secret_mode *mode;
	struct store_member *member;
	struct claim_plan *plan;
	struct cause *why;
};

static int refuse(struct planning *p, enum release_result result, const char *code,
		  const char *why)
{
	p->plan->result = result;
	p->plan->code = code;
	(void) snprintf(p->plan->why, sizeof(p->plan->why), "%s", why);
	return 0;
}

static bool is_good(const struct planning *p)
{
	return p->plan->result == RELEASE_GOOD;
}

static int damaged(struct planning *p, unsigned key)
{
	return cause_set(p->why, -EBADMSG, "'%s' in the store is damaged", p->plan->keys[key]);
}

static void compare(struct planning *p, unsigned key, uint64_t revision)
{
	struct store_member *m = p->member;

	assert(m->n_compares < STORE_PARTS_MAX);
	m->compares[m->n_compares++] = (struct store_compare){ p->plan->keys[key], revision };
}

/* NULL deletes. */
static void change(struct planning *p, unsigned key, const char *text)
{
	struct store_member *m = p->member;

	assert(m->n_changes < STORE_PARTS_MAX);
	m->changes[m->n_changes++] =
		(struct store_change){ p->plan->keys[key], text, text ? strlen(text) : 0, 0 };
}

/* Sign @text for a key and keep it; then it is what the key gets. */
static int write_record(struct planning *p, unsigned key, const char *text)
{
	if (record_sign(p->s->keys, p->plan->keys[key], text, &p->plan->texts[key]) < 0)
		return cause_set_oom(p->why);
	change(p, key, p->plan->texts[key]);
	return 0;
}

int approval_name(const char *path, const uint8_t launch[static 32],
		  char ret[static DENIAL_ID_LEN])
{
	static const char label[] = "coco approval 1";
	uint8_t text[sizeof(label) + 32 + BROKER_PATH_LEN], hash[32];
	size_t len = strnlen(path, BROKER_PATH_LEN);

	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), launch, 32);
	memcpy(text + sizeof(label) + 32, path, len);
	if (EVP_Digest(text, sizeof(label) + 32 + len, hash, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	(void) snprintf(ret, DENIAL_ID_LEN, "%02x%02x-%02x%02x-%02x%02x", hash[0], hash[1], hash[2],
			hash[3], hash[4], hash[5]);
	return 0;
}

/* ---- an approval ---- */

/*
 * Read the approval for this secret and launch.  One that somebody made for another secret or
 * launch is none, whatever its name is.
 */
static int read_approval(struct planning *p, struct approval *ret, uint64_t *ret_revision)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	int r;

	*ret = (struct approval){ .by = 0 };
	*ret_revision = 0;
	r = approval_name(p->q->path, p->launch->id, p->plan->approval);
	if (r < 0)
		return cause_set_oom(p->why);
	key_approval(p->plan->approval, p->plan->keys[KEY_APPROVAL]);
	r = record_get(p->s, p->plan->keys[KEY_APPROVAL], &v, p->why);
	if (r < 0 || v.revision == 0)
		return r;
	if (approval_parse(v.data, v.len, ret) < 0 || !streq(ret->path, p->q->path) ||
	    !ret->has_launch || memcmp(ret->launch, p->launch->id, 32) != 0)
		return damaged(p, KEY_APPROVAL);
	*ret_revision = v.revision;
	return 0;
}

/*
 * The store forgets what is so old, but somebody may have kept it: a yes that was used up, put back
 * in its place, would be good for ever.
 */
static bool is_over(const struct approval *a, int64_t now)
{
	return now - MAX(a->asked, a->answered) > APPROVAL_LIFE_SEC + APPROVAL_LATE_SEC;
}

/* Let somebody be asked, in the place of what has @revision. */
static int ask_for_approval(struct planning *p, uint64_t revision, const char *why)
{
	struct approval a = { .has_launch = true, .asked = p->q->now };
	_cleanup_(freep) char *text = NULL, *whole = NULL;
	struct store_member m = { .n_compares = 1, .n_changes = 1 };
	int r;

	(void) snprintf(a.id, sizeof(a.id), "%s", p->plan->approval);
	(void) snprintf(a.path, sizeof(a.path), "%s", p->q->path);
	(void) snprintf(a.reason, sizeof(a.reason), "%s", why);
	memcpy(a.launch, p->launch->id, sizeof(a.launch));
	memcpy(a.rd, p->q->session->rd, sizeof(a.rd));
	r = approval_format(&a, &text);
	if (r == 0)
		r = record_sign(p->s->keys, p->plan->keys[KEY_APPROVAL], text, &whole);
	if (r < 0)
		return cause_set_oom(p->why);
	m.compares[0] = (struct store_compare){ p->plan->keys[KEY_APPROVAL], revision };
	m.changes[0] = (struct store_change){ p->plan->keys[KEY_APPROVAL], whole, strlen(whole),
					      APPROVAL_LIFE_SEC };
	return writer_commit(p->s->writer, &m, NULL, WRITE_USEC, p->why);
}

/* The claim needs a yes.  @result and @code are what the guest hears without one. */
static int need_approval(struct planning *p, enum release_result result, const char *code,
			 const char *why, bool *ret_approved)
{
	struct approval a;
	uint64_t revision;
	int r;

	*ret_approved = false;
	/* Without a launch there is nothing that an approval could name. */
	if (!p->launch->known)
		return refuse(p, result == RELEASE_NEEDS_APPROVAL ? RELEASE_POLICY : result, code,
			      why);
	r = read_approval(p, &a, &revision);
	if (r < 0)
		return r;
	if (revision == 0 || is_over(&a, p->q->now)) {
		r = ask_for_approval(p, revision, why);
		return r < 0 ? r : refuse(p, result, code, why);
	}
	if (a.approved) {
		/* It is used up in the transaction that it makes possible. */
		compare(p, KEY_APPROVAL, revision);
		change(p, KEY_APPROVAL, NULL);
		p->plan->approved = *ret_approved = true;
		return 0;
	}
	if (a.answered > 0)
		return refuse(p, RELEASE_POLICY, "NOT-APPROVED", "somebody said no to it");
	return refuse(p, result, code, why);
}

/* ---- the claim ---- */

static int read_claim(struct planning *p, struct claim *ret, uint64_t *ret_revision)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	int r;

	r = key_claim(p->q->path, secret_mode_per(p->mode), p->launch->id,
		      p->plan->keys[KEY_CLAIM]);
	if (r < 0)
		return cause_set_oom(p->why);
	r = record_get(p->s, p->plan->keys[KEY_CLAIM], &v, p->why);
	if (r < 0)
		return r;
	*ret_revision = v.revision;
	if (v.revision > 0 && claim_parse(v.data, v.len, ret) < 0)
		return damaged(p, KEY_CLAIM);
	return 0;
}

static void fill_request(const struct planning *p, struct once_request *ret)
{
	const struct session_record *session = p->q->session;

	*ret = (struct once_request){ .has_launch = p->launch->known,
				      .has_boot = session->coco.coco,
				      .now = p->q->now };
	memcpy(ret->launch, p->launch->id, sizeof(ret->launch));
	memcpy(ret->boot, session->coco.boot, sizeof(ret->boot));
	memcpy(ret->rd, session->rd, sizeof(ret->rd));
}

/* What once_decide() says, as it is without an approval. */
static int take_answer(struct planning *p, enum once_answer answer, const char *why,
		       bool *ret_approved)
{
	const bool must_ask = p->mode->release == RELEASE_APPROVE ||
			      (p->s->restored && p->mode->per == PER_VM);

	*ret_approved = false;
	switch (answer) {
	case ONCE_AGAIN:
		p->plan->again = true;
		return 0;
	case ONCE_CLAIM:
		if (!must_ask)
			return 0;
		return need_approval(p, RELEASE_NEEDS_APPROVAL, "APPROVAL",
				     p->mode->release == RELEASE_APPROVE ?
					     "somebody must approve each launch" :
					     "the store went back, so that it may have been "
					     "released already",
				     ret_approved);
	case ONCE_REBOOTED:
		return need_approval(p, RELEASE_REBOOTED, "REBOOTED", why, ret_approved);
	case ONCE_RELEASED:
		return need_approval(p, RELEASE_DONE, "RELEASED", why, ret_approved);
	case ONCE_NO_LAUNCH:
		return refuse(p, RELEASE_POLICY, "NO-LAUNCH",
			      p->launch->why_not[0] ? p->launch->why_not : why);
	case ONCE_CLOCK:
		break;
	}
	return refuse(p, RELEASE_LATER, "CLOCK", why);
}

static int plan_claim(struct planning *p, const char *release)
{
	struct claim old;
	struct once_request q;
	enum once_answer answer;
	_cleanup_(freep) char *text = NULL;
	uint64_t revision = 0;
	const char *why;
	bool approved;
	int r;

	r = read_claim(p, &old, &revision);
	if (r < 0)
		return r;
	fill_request(p, &q);
	answer = once_decide(secret_mode_per(p->mode), revision > 0 ? &old : NULL, &q,
			     &p->plan->claim, &why);
	r = take_answer(p, answer, why, &approved);
	if (r < 0 || !is_good(p))
		return r;
	if (approved) {
		q.approved = true;
		(void) once_decide(secret_mode_per(p->mode), revision > 0 ? &old : NULL, &q,
				   &p->plan->claim, &why);
	}
	if (!p->plan->again)
		(void) snprintf(p->plan->claim.release, sizeof(p->plan->claim.release), "%s",
				release);
	if (claim_format(&p->plan->claim, &text) < 0)
		return cause_set_oom(p->why);
	compare(p, KEY_CLAIM, revision);
	return write_record(p, KEY_CLAIM, text);
}

/* ---- how many launches ---- */

static void forget_old(struct launches_record *l, int64_t before)
{
	unsigned n = 0;

	while (n < l->n && l->list[n].at < before)
		n++;
	memmove(l->list, l->list + n, (l->n - n) * sizeof(l->list[0]));
	l->n -= n;
}

static bool is_listed(const struct launches_record *l, const uint8_t launch[static 32])
{
	for (unsigned i = 0; i < l->n; i++)
		if (memcmp(l->list[i].launch, launch, 32) == 0)
			return true;
	return false;
}

static int count_launch(struct planning *p, struct launches_record *l)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	_cleanup_(freep) char *text = NULL;
	int64_t at = p->q->now;
	int r;

	r = key_launches(p->q->path, p->plan->keys[KEY_LAUNCHES]);
	if (r < 0)
		return cause_set_oom(p->why);
	r = record_get(p->s, p->plan->keys[KEY_LAUNCHES], &v, p->why);
	if (r < 0)
		return r;
	if (v.revision > 0 && launches_parse(v.data, v.len, l) < 0)
		return damaged(p, KEY_LAUNCHES);
	forget_old(l, p->q->now - (int64_t)p->mode->launches_sec);
	if (is_listed(l, p->launch->id))
		return 0;
	if (l->n >= p->mode->launches || l->n == LAUNCHES_MAX)
		return refuse(p, RELEASE_DONE, "LAUNCHES",
			      "it was released to as many launches as Launches= allows");
	/* Another instance's clock may be ahead; the list stays in order. */
	if (l->n > 0)
		at = MAX(at, l->list[l->n - 1].at);
	l->list[l->n].at = at;
	memcpy(l->list[l->n++].launch, p->launch->id, 32);
	if (launches_format(l, &text) < 0)
		return cause_set_oom(p->why);
	compare(p, KEY_LAUNCHES, v.revision);
	return write_record(p, KEY_LAUNCHES, text);
}

static int plan_launches(struct planning *p)
{
	struct launches_record *l;
	int r;

	if (p->mode->launches == 0 || p->plan->again)
		return 0;
	l = calloc(1, sizeof(*l));
	r = l ? count_launch(p, l) : cause_set_oom(p->why);
	free(l);
	return r;
}

/* ---- a vTPM ---- */

/*
 * The reset count only grows, modulo 2^32.  When it has become smaller, the vTPM is a copy from
 * before, and its launch would count as a new one.
 */
static int plan_vtpm(struct planning *p)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	uint32_t now = p->launch->reset_count, highest = 0;
	char text[16];
	int r;

	if (!p->launch->has_vtpm)
		return 0;
	key_vtpm(p->launch->ak_sha256, p->plan->keys[KEY_VTPM]);
	r = record_get(p->s, p->plan->keys[KEY_VTPM], &v, p->why);
	if (r < 0)
		return r;
	if (v.revision > 0) {
		(void) snprintf(text, sizeof(text), "%.*s", (int)MIN(v.len, 15u),
				(const char *)v.data);
		if (v.len > 10 || parse_u32(text, &highest) < 0)
			return damaged(p, KEY_VTPM);
		if ((int32_t)(now - highest) < 0)
			return refuse(p, RELEASE_POLICY, "VTPM-WENT-BACK",
				      "the vTPM was reset more often before: it is a copy of an "
				      "earlier state");
	}
	compare(p, KEY_VTPM, v.revision);
	if (v.revision > 0 && now == highest)
		return 0;
	(void) snprintf(text, sizeof(text), "%" PRIu32, now);
	return write_record(p, KEY_VTPM, text);
}

int claim_plan(struct service *s, const struct release_request *q, const struct secret_mode *m,
	       const char *release, struct claim_plan *ret, struct store_member *member,
	       struct cause *why)
{
	struct planning p = { .s = s, .q = q, .launch = &q->session->launch, .mode = m,
			      .member = member, .plan = ret, .why = why };
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->result = RELEASE_GOOD;
	r = plan_vtpm(&p);
	if (r == 0 && is_good(&p))
		r = plan_claim(&p, release);
	if (r == 0 && is_good(&p))
		r = plan_launches(&p);
	return r;
}

void claim_plan_done(struct claim_plan *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->texts); i++)
		free(p->texts[i]);
	memset(p->texts, 0, sizeof(p->texts));
}
