/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/judge.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "attest/bundle-evidence.h"
#include "attest/policy.h"
#include "attest/verify.h"
#include "base/parse.h"
#include "base/text.h"
#include "broker/core/launch-read.h"

#define RD_LEN 48

/*
 * Verifiers and the collateral that they have seen go together: after a reload there are new ones,
 * and the old ones go when the last thread gives its verifier back.
 */
struct generation {
	struct collateral *collateral;
	struct verifier **verifiers;
	bool *lent;
	unsigned n, n_lent;
	unsigned n_readers;		/* of the collateral alone */
};

struct judge {
	struct trust trust;
	char *folders[_COLLATERAL_PLACE_MAX];
	unsigned n_verifiers;
	void (*heard)(void *userdata, enum judge_news news, const struct needs *n);
	void *userdata;
	pthread_mutex_t reloading;	/* who began to read last has the newest files */
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct generation *now;
};

/* ---- verifiers ---- */

static struct generation *generation_free(struct generation *g)
{
	if (!g)
		return NULL;
	for (unsigned i = 0; g->verifiers && i < g->n; i++)
		verifier_free(g->verifiers[i]);
	free(g->verifiers);
	free(g->lent);
	collateral_free(g->collateral);
	free(g);
	return NULL;
}
DEFINE_CLEANUP(struct generation *, generation_free)

static int generation_new(const struct judge *j, struct generation **ret, struct cause *why)
{
	_cleanup_(generation_freep) struct generation *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return cause_set_oom(why);
	g->n = j->n_verifiers;
	g->verifiers = calloc(g->n, sizeof(*g->verifiers));
	g->lent = calloc(g->n, sizeof(*g->lent));
	if (!g->verifiers || !g->lent)
		return cause_set_oom(why);
	r = collateral_new((const char *const *)j->folders, &g->collateral, why);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < g->n; i++) {
		if (verifier_new(&j->trust, &g->verifiers[i]) < 0)
			return cause_set_oom(why);
		verifier_set_newest(g->verifiers[i], collateral_newest(g->collateral));
	}
	*ret = TAKE_PTR(g);
	return 0;
}

int judge_new(const struct trust *trust, const char *const folders[static _COLLATERAL_PLACE_MAX],
	      unsigned n_verifiers, struct judge **ret, struct cause *why)
{
	_cleanup_(judge_freep) struct judge *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return cause_set_oom(why);
	(void) pthread_mutex_init(&j->reloading, NULL);
	(void) pthread_mutex_init(&j->lock, NULL);
	(void) pthread_cond_init(&j->returned, NULL);
	if (trust)
		j->trust = *trust;
	else
		trust_init(&j->trust);
	j->n_verifiers = MAX(n_verifiers, 1u);
	for (unsigned i = 0; i < _COLLATERAL_PLACE_MAX; i++) {
		j->folders[i] = folders[i] ? strdup(folders[i]) : NULL;
		if (folders[i] && !j->folders[i])
			return cause_set_oom(why);
	}
	r = generation_new(j, &j->now, why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(j);
	return 0;
}

struct judge *judge_free(struct judge *j)
{
	if (!j)
		return NULL;
	generation_free(j->now);
	(void) pthread_cond_destroy(&j->returned);
	(void) pthread_mutex_destroy(&j->lock);
	(void) pthread_mutex_destroy(&j->reloading);
	for (unsigned i = 0; i < _COLLATERAL_PLACE_MAX; i++)
		free(j->folders[i]);
	free(j);
	return NULL;
}

static bool is_over(const struct judge *j, const struct generation *g)
{
	return g != j->now && g->n_lent == 0 && g->n_readers == 0;
}

static int reload(struct judge *j, struct cause *why)
{
	struct generation *g, *old;
	int r;

	r = generation_new(j, &g, why);
	if (r < 0)
		return r;
	(void) pthread_mutex_lock(&j->lock);
	old = j->now;
	j->now = g;
	if (!is_over(j, old))
		old = NULL;	/* whoever gives the last one back frees it */
	(void) pthread_cond_broadcast(&j->returned);
	(void) pthread_mutex_unlock(&j->lock);
	generation_free(old);
	return 0;
}

int judge_reload(struct judge *j, struct cause *why)
{
	int r;

	(void) pthread_mutex_lock(&j->reloading);
	r = reload(j, why);
	(void) pthread_mutex_unlock(&j->reloading);
	return r;
}

const struct trust *judge_trust(const struct judge *j)
{
	return &j->trust;
}

void judge_listen(struct judge *j,
		  void (*heard)(void *userdata, enum judge_news news, const struct needs *n),
		  void *userdata)
{
	j->heard = heard;
	j->userdata = userdata;
}

/*
 * Wait for a verifier; returns which one of @ret_from it is.  The evidence of a handshake goes to
 * the same one each time, if that is free: it remembers what it has verified.
 */
static unsigned lend(struct judge *j, const uint8_t *rd, struct generation **ret_from)
{
	struct generation *g;
	unsigned i;

	(void) pthread_mutex_lock(&j->lock);
	while (j->now->n_lent == j->now->n)
		(void) pthread_cond_wait(&j->returned, &j->lock);
	g = j->now;
	i = rd ? rd[0] % g->n : 0;
	while (g->lent[i])
		i = (i + 1) % g->n;
	g->lent[i] = true;
	g->n_lent++;
	(void) pthread_mutex_unlock(&j->lock);
	*ret_from = g;
	return i;
}

static void give_back(struct judge *j, struct generation *g, unsigned i)
{
	bool over;

	(void) pthread_mutex_lock(&j->lock);
	g->lent[i] = false;
	g->n_lent--;
	over = is_over(j, g);
	(void) pthread_cond_signal(&j->returned);
	(void) pthread_mutex_unlock(&j->lock);
	if (over)
		generation_free(g);
}

/* ---- the collateral alone ---- */

static struct generation *begin_reading(struct judge *j)
{
	struct generation *g;

	(void) pthread_mutex_lock(&j->lock);
	g = j->now;
	g->n_readers++;
	(void) pthread_mutex_unlock(&j->lock);
	return g;
}

static void end_reading(struct judge *j, struct generation *g)
{
	bool over;

	(void) pthread_mutex_lock(&j->lock);
	g->n_readers--;
	over = is_over(j, g);
	(void) pthread_mutex_unlock(&j->lock);
	if (over)
		generation_free(g);
}

int64_t judge_collateral_until(struct judge *j, const struct needs *n)
{
	struct generation *g = begin_reading(j);
	int64_t until = collateral_until(g->collateral, n);

	end_reading(j, g);
	return until;
}

int judge_collateral_walk(struct judge *j,
			  int (*each)(void *userdata, const struct collateral_file *f),
			  void *userdata)
{
	struct generation *g = begin_reading(j);
	int r = collateral_walk(g->collateral, each, userdata);

	end_reading(j, g);
	return r;
}

/* ---- one judgement ---- */

static const struct {
	const char *type;
	/* claims: what the evidence is over, and for people */
	const char *over, *chip, *measurement;
	size_t over_len;	/* with the zeros behind the digest */
} tees[_BROKER_TEE_MAX] = {
	[BROKER_TEE_SNP] = { "snp", "snp.report_data", "snp.chip_id", "snp.measurement", 64 },
	[BROKER_TEE_TDX] = { "tdx", "tdx.report_data", "tdx.ppid", "tdx.mrtd", 64 },
	[BROKER_TEE_AZ_SNP] = { "azure", "tpm.nonce", "snp.chip_id", "snp.measurement", RD_LEN },
	[BROKER_TEE_AZ_TDX] = { "azure", "tpm.nonce", "tdx.ppid", "tdx.mrtd", RD_LEN },
};

struct judgement {
	enum broker_tee tee;
	const struct bundle *bundle;
	const struct attest_verifier *type;
	const struct policy_kind *kind;
	struct evidence evidence;
	struct needs needs;		/* of @evidence, as it was sent */
	struct policies *policies;	/* half a megabyte, and cleared only once */
	bool has_policy;
	const uint8_t *rd;		/* RD_LEN */
	struct judged *ret;
};

_printf_(4, 5) static int conclude(struct judgement *j, enum judged_result result,
				   const char *code, const char *format, ...)
{
	va_list ap;

	j->ret->result = result;
	(void) snprintf(j->ret->code, sizeof(j->ret->code), "%s", code);
	va_start(ap, format);
	(void) vsnprintf(j->ret->reason, sizeof(j->ret->reason), format, ap);
	va_end(ap);
	make_printable(j->ret->reason);
	return 0;
}

/* Returns 1; 0 when it is concluded. */
static int read_policy(struct judgement *j, const char *policy)
{
	char error[POLICY_ERROR_LEN];
	struct policy *p;

	policies_init(j->policies);
	j->has_policy = policy != NULL;
	if (!policy)
		return 1;
	if (policies_parse_new(j->policies, policy, strlen(policy), error) < 0)
		return conclude(j, JUDGED_POLICY, "POLICY", "the secret's policy, %s", error);
	/* Software at another VMPL is not what was measured: the owner says that it may ask. */
	p = policies_of(j->policies, j->kind);
	if (!policy_asks(p, "max_vmpl"))
		p->max_vmpl = (struct policy_number){ true, 0 };
	return 1;
}

/*
 * The evidence must be over these data.  A line of the policy about the same field could not hold
 * as well.  Returns 1; 0 when it is concluded.
 */
static int ask_for_rd(struct judgement *j, const uint8_t *rd)
{
	/* What is only tried may be old. */
	if (!rd)
		return 1;
	if (policy_ask(policies_of(j->policies, j->kind), j->kind->nonce, rd, RD_LEN,
		       MAX(j->kind->nonce_len, (size_t)RD_LEN)) < 0)
		return conclude(j, JUDGED_POLICY, "POLICY",
				"the secret's policy sets %s=, which is the broker's to ask",
				j->kind->nonce);
	return 1;
}

/* Returns 1; 0 when it is concluded. */
static int find_kind(struct judgement *j)
{
	j->kind = j->type->find_kind ? j->type->find_kind(&j->evidence) : j->type->kinds[0];
	if (!j->kind || !j->kind->nonce)
		return conclude(j, JUDGED_EVIDENCE, "NONCE", "the evidence proves no freshness");
	return 1;
}

/* Collateral of our own comes first, so that what was sent cannot take its room. */
static int find_evidence(struct judgement *j, const struct collateral *c, struct verifier *ctx)
{
	_cleanup_(freep) struct evidence *sent = calloc(1, sizeof(*sent));
	int r;

	if (!sent)
		return -ENOMEM;
	r = bundle_evidence(j->bundle, j->type, sent);
	if (r >= 0)
		r = collateral_find(c, ctx, j->type, sent, &j->evidence, &j->needs);
	return r < 0 ? r : bundle_evidence(j->bundle, j->type, &j->evidence);
}

/*
 * No hardware vouches for an event log, and only the owner knows of which registers it must be:
 * with IMA, RTMR2 goes on where the log ends (regs=).  Without a policy the quote is judged alone.
 */
static void leave_out_log(struct judgement *j)
{
	j->evidence.piece[EVIDENCE_EVENT_LOG] = (struct bytes){ NULL, 0 };
	j->evidence.piece[EVIDENCE_RUNTIME_LOG] = (struct bytes){ NULL, 0 };
}

/* Nothing that was sent can be a rule, or collateral of our own. */
static bool is_all_sent(const struct bundle *b)
{
	for (size_t i = 0; i < b->n_items; i++)
		if (b->items[i].own || bundle_kind_is_rule(b->items[i].kind))
			return false;
	return true;
}

static int refuse_check(struct judgement *j, enum judged_result result, const struct verdict *v)
{
	const struct verdict_check *c = v->first_failed >= 0 ? &v->checks[v->first_failed] : NULL;

	if (!c)
		return conclude(j, result, v->code, "nothing was decided");
	return conclude(j, result, v->code, "%s: expected %.160s, found %.160s", c->name,
			c->expected[0] ? c->expected : "it to hold",
			c->found[0] ? c->found : "otherwise");
}

/* Authentic evidence over the right data, by the policy of a secret. */
static int judge_by_policy(struct judgement *j, const struct verdict *v)
{
	if (v->result == VERDICT_REFUSED)
		return refuse_check(j, JUDGED_POLICY, v);
	if (!policy_is_identified(v))
		return conclude(j, JUDGED_POLICY, "IDENTITY",
				"the policy names no identity that this evidence has: add %s",
				j->kind->identity);
	return conclude(j, JUDGED_GOOD, "OK", "%u checks", v->n_checks);
}

/* Asked of the verifier too; this does not rest on how it counts what a policy asks. */
static bool is_over_rd(const struct judgement *j, const struct verdict *v)
{
	const char *found = verdict_find_claim(v, tees[j->tee].over);
	uint8_t data[64] = { 0 };
	char text[2 * sizeof(data) + 1];

	if (!j->rd)
		return true;
	memcpy(data, j->rd, RD_LEN);
	format_hex(data, tees[j->tee].over_len, text);
	return found && streq(found, text);
}

static int take_verdict(struct judgement *j, const struct verdict *v)
{
	switch (v->result) {
	case VERDICT_UNDECIDED:
		/* What a guest left out, or what nobody here knows, does not come by waiting. */
		return refuse_check(j, verdict_lacks_collateral(v) ? JUDGED_LATER : JUDGED_EVIDENCE,
				    v);
	case VERDICT_ACCEPTED:
	case VERDICT_AUTHENTIC:
	case VERDICT_REFUSED:
		break;
	default:
		return refuse_check(j, JUDGED_EVIDENCE, v);
	}
	if (!v->authentic)
		return refuse_check(j, JUDGED_EVIDENCE, v);
	if (!is_over_rd(j, v))
		return conclude(j, JUDGED_EVIDENCE, "NONCE",
				"the evidence is not over this handshake's key and nonce");
	if (j->has_policy)
		return judge_by_policy(j, v);
	/* The hardware vouches for the report, and the report for nothing. */
	if (v->result == VERDICT_REFUSED && streq(v->code, "IMPORTED"))
		return refuse_check(j, JUDGED_EVIDENCE, v);
	return conclude(j, JUDGED_GOOD, "OK", "%u checks", v->n_checks);
}

static void copy_claim(const struct verdict *v, const char *name, char *ret, size_t size)
{
	const char *value = name ? verdict_find_claim(v, name) : NULL;

	(void) snprintf(ret, size, "%s", value ?: "");
	make_printable(ret);
}

static int describe(struct judgement *j, const struct verdict *v)
{
	static const char *const identities[] = {
		[IDENTITY_NONE] = "none",
		[IDENTITY_PARTIAL] = "partial",
		[IDENTITY_WHOLE] = "whole",
	};

	copy_claim(v, tees[j->tee].chip, j->ret->chip, sizeof(j->ret->chip));
	copy_claim(v, tees[j->tee].measurement, j->ret->measurement, sizeof(j->ret->measurement));
	(void) snprintf(j->ret->identity, sizeof(j->ret->identity), "%s", identities[v->identity]);
	/* Of other evidence a launch would be what its sender wrote. */
	if (j->ret->result == JUDGED_GOOD || j->ret->result == JUDGED_POLICY)
		return launch_read(j->tee, j->bundle, &j->ret->launch);
	return 0;
}

static bool lacks_key(const struct verdict *v)
{
	return streq(v->code, "NO_VEK") || streq(v->code, "NO_CA");
}

/* Who is told may get what is missing, and knows what is in use. */
static void tell(const struct judge *with, const struct judgement *j, const struct verdict *v)
{
	if (!with->heard || !j->needs.vendor)
		return;
	if (j->ret->result == JUDGED_LATER && verdict_lacks_collateral(v))
		with->heard(with->userdata, lacks_key(v) ? JUDGE_LACKS_KEY : JUDGE_LACKS,
			    &j->needs);
	else if (j->ret->result == JUDGED_GOOD && j->has_policy && j->rd)
		with->heard(with->userdata, JUDGE_USED, &j->needs);
}

/* The policy ends with the judgement, and the verifier may end as soon as it is given back. */
static void detach(struct verdict *v)
{
	v->policy = NULL;
	v->trust = v->trust ? verdict_text(v, "%s", v->trust) : NULL;
}

static int judge(struct judgement *j, struct judge *with, const uint8_t *rd, const char *policy,
		 int64_t now, struct verdict *v)
{
	struct generation *g;
	unsigned i = lend(with, rd, &g);
	int r;

	r = find_evidence(j, g->collateral, g->verifiers[i]);
	if (r == -EMSGSIZE)
		r = conclude(j, JUDGED_LATER, "COLLATERAL", "there is too much collateral");
	else if (r >= 0)
		r = find_kind(j);
	if (r > 0 && !policy)
		leave_out_log(j);
	if (r > 0)
		r = read_policy(j, policy);
	if (r > 0)
		r = ask_for_rd(j, rd);
	if (r > 0)
		r = attest_verify_by_clock(g->verifiers[i], j->type, &j->evidence, j->policies,
					   now, v);
	else
		j->type = NULL;		/* concluded, or without memory */
	if (r >= 0 && j->type)
		r = take_verdict(j, v);
	if (r >= 0 && j->type)
		r = describe(j, v);
	if (r >= 0 && j->type)
		tell(with, j, v);
	detach(v);
	give_back(with, g, i);
	return r;
}

/* @rd is NULL for judge_try() alone. */
static int judge_all(struct judge *j, enum broker_tee tee, const struct bundle *b,
		     const uint8_t *rd, const char *policy, int64_t now, struct judged *ret,
		     struct verdict **ret_verdict)
{
	_cleanup_(verdict_freep) struct verdict *v = verdict_new();
	_cleanup_(freep) struct policies *policies = malloc(sizeof(*policies));
	_cleanup_(freep) struct judgement *q = malloc(sizeof(*q));
	int r = -ENOMEM;

	*ret = (struct judged){ .result = JUDGED_LATER, .code = "MEMORY",
				.reason = "out of memory" };
	if (!v || !policies || !q)
		return r;
	*q = (struct judgement){ .tee = tee, .bundle = b, .policies = policies, .rd = rd,
				 .ret = ret };
	if (tee < _BROKER_TEE_MAX && tees[tee].type)
		q->type = attest_verifier_find(tees[tee].type);
	if (!q->type || !streq(bundle_text(b, BUNDLE_TYPE), tees[tee].type))
		r = conclude(q, JUDGED_EVIDENCE, "TYPE", "the evidence is of another type");
	else if (!is_all_sent(b))
		r = conclude(q, JUDGED_EVIDENCE, "PACK",
			     "there is something in the evidence that only the judge may have");
	else {
		(void) snprintf(ret->type, sizeof(ret->type), "%s", tees[tee].type);
		r = judge(q, j, rd, policy, now, v);
	}
	if (r < 0) {
		*ret = (struct judged){ .result = JUDGED_LATER, .code = "MEMORY",
					.reason = "out of memory" };
		return r;
	}
	if (ret_verdict)
		*ret_verdict = TAKE_PTR(v);
	return 0;
}

int judge_evidence(struct judge *j, enum broker_tee tee, const struct bundle *b,
		   const uint8_t rd[static 48], const char *policy, int64_t now,
		   struct judged *ret, struct verdict **ret_verdict)
{
	assert(rd);
	return judge_all(j, tee, b, rd, policy, now, ret, ret_verdict);
}

int judge_try(struct judge *j, enum broker_tee tee, const struct bundle *b, const char *policy,
	      int64_t now, struct judged *ret)
{
	return judge_all(j, tee, b, NULL, policy, now, ret, NULL);
}
