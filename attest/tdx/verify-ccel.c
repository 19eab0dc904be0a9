/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/verify-ccel.h"

#include <openssl/evp.h>

#include "attest/tdx/verify-tdx.h"
#include "wire/tcg-log.h"

/*
 * The index of an event is one more than the register's; 0 is MRTD, which the module measured
 * by itself before any log.
 */
#define INDEX_MRTD 0
#define INDEX_RTMR0 1
#define INDEX_RTMR3 4

static const char *const rtmr_codes[] = { "RTMR0", "RTMR1", "RTMR2", "RTMR3" };

/* RTMR = SHA-384(RTMR || digest) */
static int extend(EVP_MD_CTX *ctx, uint8_t rtmr[static RTMR_LEN], const uint8_t *digest)
{
	if (EVP_DigestInit_ex(ctx, EVP_sha384(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, rtmr, RTMR_LEN) != 1 ||
	    EVP_DigestUpdate(ctx, digest, RTMR_LEN) != 1 || EVP_DigestFinal_ex(ctx, rtmr, NULL) != 1)
		return -ENOMEM;
	return 0;
}

static int open_log(struct bytes bytes, struct verdict *v, struct tcg_log *ret)
{
	static const char name[] = "event log can be read";
	int r;

	r = tcg_log_open(bytes.p, bytes.len, ret);
	if (r == -EPROTO)
		return verdict_fail(v, VERDICT_MALFORMED, "SPECID", name,
				    "a log in the crypto agile format",
				    "a first event that does not describe one");
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "FORMAT", name,
				    "a log in the crypto agile format",
				    verdict_text(v,
						 r == -EMSGSIZE ?
							 "%zu bytes, or algorithms, too many" :
							 "%zu bytes, which end inside the header",
						 bytes.len));
	for (unsigned i = 0; i < ret->n_algs; i++)
		if (ret->algs[i].id == TCG_ALG_SHA384)
			return 0;
	return verdict_fail(v, VERDICT_MALFORMED, "ALG", name,
			    "SHA-384 digests, which the registers are made of",
			    "other algorithms only");
}

static int replay_event(const struct tcg_log *log, const struct tcg_event *event, EVP_MD_CTX *ctx,
			struct verdict *v, struct ccel *c)
{
	const uint8_t *digest = tcg_event_digest(log, event, TCG_ALG_SHA384);

	if (event->index == UINT32_MAX || event->index == INDEX_MRTD ||
	    event->type == TCG_EV_NO_ACTION)
		return 0;
	if (event->index > INDEX_RTMR3)
		return verdict_fail(v, VERDICT_MALFORMED, "INDEX",
				    "events are of registers that a TD has", "RTMR0 to RTMR3",
				    verdict_text(v, "register %u in event %u", event->index,
						 log->n_events));
	if (!digest)
		return verdict_fail(v, VERDICT_MALFORMED, "ALG", "events have SHA-384 digests",
				    "one each", verdict_text(v, "none in event %u", log->n_events));
	c->n_measured[event->index - INDEX_RTMR0]++;
	return extend(ctx, c->rtmr[event->index - INDEX_RTMR0], digest);
}

static int replay(struct tcg_log *log, EVP_MD_CTX *ctx, struct verdict *v, struct ccel *c)
{
	struct tcg_event event;
	int r;

	while ((r = tcg_log_next(log, &event)) > 0) {
		r = replay_event(log, &event, ctx, v, c);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "FORMAT", "event log can be read",
				    "events to its end",
				    verdict_text(v, "event %u is malformed, %zu bytes before the end",
						 log->n_events + 1, log->rest.len));
	c->n_events = log->n_events;
	return 0;
}

static void claims(const struct ccel *c, struct verdict *v)
{
	verdict_claim_number(v, "ccel.events", c->n_events);
	for (unsigned i = 0; i < 4; i++) {
		verdict_claim_hex(v, verdict_text(v, "ccel.rtmr%u", i), c->rtmr[i], RTMR_LEN);
		verdict_claim_number(v, verdict_text(v, "ccel.rtmr%u_events", i), c->n_measured[i]);
	}
}

int ccel_replay(struct bytes bytes, struct verdict *v, struct ccel *ret)
{
	struct ccel c = { 0 };
	struct tcg_log log;
	EVP_MD_CTX *ctx;
	int r;

	r = open_log(bytes, v, &log);
	if (r < 0)
		return r;
	ctx = EVP_MD_CTX_new();
	r = ctx ? replay(&log, ctx, v, &c) : -ENOMEM;
	EVP_MD_CTX_free(ctx);
	if (r < 0)
		return r;
	verdict_pass(v, "event log can be read", verdict_text(v, "%u events", c.n_events));
	claims(&c, v);
	*ret = c;
	return 0;
}

int ccel_compare(const struct ccel *c, const struct td_body *body, const struct policy *p,
		 struct verdict *v)
{
	uint64_t regs = p->regs.set ? p->regs.value : 0x7;
	int r, first = 0;

	policy_judged(v, &p->regs);
	for (unsigned i = 0; i < 4; i++) {
		const char *name = verdict_text(v, "event log leads to the quote's RTMR%u", i);

		if (!(regs & 1u << i)) {
			verdict_skip(v, name, "not asked for");
			continue;
		}
		r = verdict_equal(v, VERDICT_NOT_AUTHENTIC, rtmr_codes[i], name,
				  (struct bytes){ body->rtmr[i], RTMR_LEN },
				  (struct bytes){ c->rtmr[i], RTMR_LEN });
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

void ccel_apply_policy(const struct ccel *c, const struct policy *p, struct verdict *v)
{
	policy_judged(v, &p->events);
	if (p->events.set)
		(void) verdict_check(v, p->events.value == c->n_events, VERDICT_REFUSED, "EVENTS",
				     "number of events",
				     verdict_text(v, "%llu", (unsigned long long)p->events.value),
				     verdict_text(v, "%u", c->n_events));
}

/* ---- a log by itself ---- */

static bool names_registers(const struct policy *p)
{
	for (unsigned i = 0; i < 4; i++)
		if (p->rtmr[i].n > 0)
			return true;
	return false;
}

/*
 * Here the quote is only what the log is compared with: who judges the machine uses the type
 * tdx, which takes a log too.  It must be a quote at least, and the output says what was not
 * done.
 */
static int compare_with_quote(const struct ccel *c, struct bytes quote, const struct policy *p,
			      struct verdict *v)
{
	struct tdx_quote q;
	int r;

	if (!quote.p && !names_registers(p))
		return verdict_fail(v, VERDICT_UNDECIDED, "MISSING",
				    "there is something to compare the log with",
				    "a quote, or rtmr0 to rtmr3 by policy", "neither");
	if (!quote.p)
		return 0;
	r = tdx_parse(v, quote, &q);
	if (r < 0)
		return r;
	verdict_skip(v, "quote is authentic",
		     "not asked: --type tdx judges the quote, and takes the log too");
	return ccel_compare(c, q.body, p, v);
}

static int verify(struct verifier *ctx, const struct evidence *e, const struct policy *p,
		  int64_t now, struct verdict *v)
{
	struct ccel c;
	int r;

	r = ccel_replay(e->piece[EVIDENCE_EVENT_LOG], v, &c);
	if (r == 0)
		r = compare_with_quote(&c, e->piece[EVIDENCE_QUOTE], p, v);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	v->consistent = true;
	for (unsigned i = 0; i < 4; i++)
		policy_check_values(v, &p->rtmr[i], rtmr_codes[i],
				    verdict_text(v, "RTMR%u as the log leads to", i), c.rtmr[i],
				    RTMR_LEN);
	ccel_apply_policy(&c, p, v);
	return 0;
}

/* ---- to look at ---- */

/*
 * What an event's data say is anybody's word, so only texts of the kind that firmware writes
 * are shown, and named as unproven.
 */
static const char *data_text(struct verdict *v, struct bytes data)
{
	size_t n = 0;

	while (n < data.len && n < 64 && data.p[n] >= 0x20 && data.p[n] < 0x7f)
		n++;
	if (n < 4 || n < MIN(data.len, 64) - 1)
		return verdict_text(v, "%zu bytes", data.len);
	return verdict_text(v, "%zu bytes: \"%.*s\"", data.len, (int)n, (const char *)data.p);
}

static const char *event_text(struct verdict *v, const struct tcg_log *log,
			      const struct tcg_event *event)
{
	const uint8_t *digest = tcg_event_digest(log, event, TCG_ALG_SHA384);
	const char *type = tcg_event_type(event->type);

	return verdict_text(v, "register %u, %s, SHA-384 %s, %s", event->index,
			    type ? type : verdict_text(v, "type %08x", event->type),
			    digest ? verdict_hex(v, digest, RTMR_LEN) : "none",
			    data_text(v, event->data));
}

static int show(const struct evidence *e, struct verdict *v)
{
	struct bytes bytes = e->piece[EVIDENCE_EVENT_LOG];
	struct tcg_event event;
	struct tcg_log log;
	struct ccel c;

	if (!bytes.p)
		return 0;
	if (tcg_log_open(bytes.p, bytes.len, &log) == 0)
		while (tcg_log_next(&log, &event) > 0)
			verdict_claim_text(v, verdict_text(v, "event.%u", log.n_events),
					   event_text(v, &log, &event));
	return ccel_replay(bytes, v, &c) == -ENOMEM ? -ENOMEM : 0;
}

const struct attest_verifier attest_verify_ccel = {
	.name = "ccel",
	.what = "event log of a TD: does it lead to these registers?",
	.needs = EVIDENCE_BIT(EVIDENCE_EVENT_LOG),
	.takes = EVIDENCE_BIT(EVIDENCE_QUOTE),
	.is_part = true,
	.kind = POLICY_TDX,
	.verify = verify,
	.show = show,
};
