/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/ccel.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "attest/evidence-look.h"
#include "crypto/digest.h"
#include "wire/tcg-log.h"

/*
 * An event's index is one more than the number of its register.  Index 0 is MRTD, which the
 * module measured by itself before any log began.
 */
#define INDEX_MRTD 0
#define INDEX_RTMR0 1
#define INDEX_RTMR3 4
#define TPM_PCRS 24

const char *const ccel_rtmr_codes[4] = { "RTMR0", "RTMR1", "RTMR2", "RTMR3" };

/* RTMR = SHA-384(RTMR || digest) */
static int extend(EVP_MD_CTX *ctx, uint8_t rtmr[static RTMR_LEN], const uint8_t *digest)
{
	if (EVP_DigestInit_ex(ctx, digest_sha384(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, rtmr, RTMR_LEN) != 1 ||
	    EVP_DigestUpdate(ctx, digest, RTMR_LEN) != 1 ||
	    EVP_DigestFinal_ex(ctx, rtmr, NULL) != 1)
		return -ENOMEM;
	return 0;
}

/* The algorithms of a log without SHA-384, which every TD's log has and a TPM's need not have. */
static const char *algorithms(struct verdict *v, const struct tcg_log *log)
{
	static const struct {
		uint16_t id;
		const char *name;
	} names[] = {
		{ TCG_ALG_SHA1, "SHA-1" },	{ TCG_ALG_SHA256, "SHA-256" },
		{ TCG_ALG_SHA512, "SHA-512" },	{ TCG_ALG_SM3, "SM3" },
	};
	char text[80] = "";
	size_t n = 0;

	for (unsigned i = 0; i < log->n_algs; i++)
		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			if (log->algs[i].id == names[j].id)
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
						      n ? ", " : "", names[j].name);
	return verdict_text(v, "%s only: this may be the event log of a TPM, not of a TD",
			    n ? text : "other algorithms");
}

static int open_log(struct bytes bytes, struct verdict *v, struct tcg_log *ret)
{
	static const char name[] = "event log can be read";
	int r;

	r = tcg_log_open(bytes.p, bytes.len, ret);
	if (r == -EPROTO)
		return verdict_fail(v, VERDICT_MALFORMED, "SPECID", name,
				    "a log in the crypto agile format",
				    evidence_found(v, bytes,
						   "a first event that does not describe a log"));
	if (r < 0)
		return verdict_fail(
			v, VERDICT_MALFORMED, "FORMAT", name, "a log in the crypto agile format",
			evidence_found(
				v, bytes,
				verdict_text(v,
					     r == -EMSGSIZE ?
						     "%zu bytes, or algorithms, too many" :
						     "%zu bytes, which end inside the header",
					     bytes.len)));
	for (unsigned i = 0; i < ret->n_algs; i++)
		if (ret->algs[i].id == TCG_ALG_SHA384)
			return 0;
	return verdict_fail(v, VERDICT_MALFORMED, "ALG", name,
			    "SHA-384 digests, which the registers are made of",
			    algorithms(v, ret));
}

static int replay_event(const struct tcg_log *log, const struct tcg_event *event, EVP_MD_CTX *ctx,
			struct verdict *v, struct ccel *c)
{
	const uint8_t *digest = tcg_event_digest(log, event, TCG_ALG_SHA384);

	if (event->index == UINT32_MAX || event->index == INDEX_MRTD ||
	    event->type == TCG_EV_NO_ACTION)
		return 0;
	if (event->index > INDEX_RTMR3)
		return verdict_fail(
			v, VERDICT_MALFORMED, "INDEX", "events are of registers that a TD has",
			"RTMR0 to RTMR3",
			verdict_text(v, "register %u in event %u%s", event->index, log->n_events,
				     event->index < TPM_PCRS ?
					     ": a PCR, so this is the event log of a TPM" :
					     ""));
	if (!digest)
		return verdict_fail(v, VERDICT_MALFORMED, "ALG", "events have SHA-384 digests",
				    "a digest in each event",
				    verdict_text(v, "no digest in event %u", log->n_events));
	c->n_measured[event->index - INDEX_RTMR0]++;
	return extend(ctx, c->rtmr[event->index - INDEX_RTMR0], digest);
}

static int replay_events(struct tcg_log *log, EVP_MD_CTX *ctx, struct verdict *v, struct ccel *c)
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
				    verdict_text(v,
						 "event %u is malformed, %zu bytes before the end",
						 log->n_events + 1, log->rest.len));
	return 0;
}

static int replay(struct tcg_log *log, struct bytes runtime, EVP_MD_CTX *ctx, struct verdict *v,
		  struct ccel *c)
{
	int r;

	r = replay_events(log, ctx, v, c);
	if (r < 0)
		return r;
	c->n_events = log->n_events;
	if (tcg_log_continue(log, runtime.p, runtime.len) < 0)
		return verdict_fail(v, VERDICT_MALFORMED, "FORMAT", "event log can be read",
				    "a runtime log", verdict_text(v, "%zu bytes, too many",
								  runtime.len));
	return replay_events(log, ctx, v, c);
}

static void claims(const struct ccel *c, struct verdict *v)
{
	verdict_claim_number(v, "ccel.events", c->n_events);
	for (unsigned i = 0; i < 4; i++) {
		verdict_claim_hex(v, verdict_text(v, "ccel.rtmr%u", i), c->rtmr[i], RTMR_LEN);
		verdict_claim_number(v, verdict_text(v, "ccel.rtmr%u_events", i), c->n_measured[i]);
	}
}

int ccel_replay(struct bytes bytes, struct bytes runtime, struct verdict *v, struct ccel *ret)
{
	struct ccel c = { 0 };
	struct tcg_log log;
	EVP_MD_CTX *ctx;
	int r;

	r = open_log(bytes, v, &log);
	if (r < 0)
		return r;
	ctx = EVP_MD_CTX_new();
	r = ctx ? replay(&log, runtime, ctx, v, &c) : -ENOMEM;
	EVP_MD_CTX_free(ctx);
	if (r < 0)
		return r;
	verdict_pass(v, "event log can be read", verdict_text(v, "%u events", log.n_events));
	claims(&c, v);
	*ret = c;
	return 0;
}

/*
 * The firmware's log ends where the firmware ends.  The kernel goes on to extend RTMR2, and IMA
 * does so as long as the system runs.
 */
static void hint_rtmr2(struct verdict *v, uint64_t regs, uint64_t differ)
{
	if (differ == 1u << 2 && regs & 1u << 0 && regs & 1u << 1)
		verdict_skip(v, "RTMR2 alone differs",
			     "the log leads to RTMR0 and RTMR1, but something was measured into "
			     "RTMR2 that the log does not have, as IMA does while the system runs; "
			     "regs=0,1 leaves RTMR2 out");
}

int ccel_compare(const struct ccel *c, const struct td_body *body, const struct policy *p,
		 struct verdict *v)
{
	uint64_t regs = p->regs.set ? p->regs.value : 0x7, differ = 0;
	int r, first = 0;

	policy_judged(v, &p->regs);
	for (unsigned i = 0; i < 4; i++) {
		const char *name = verdict_text(v, "event log leads to the quote's RTMR%u", i);

		if (!(regs & 1u << i)) {
			verdict_skip(v, name, "not asked for");
			continue;
		}
		r = verdict_equal(v, VERDICT_NOT_AUTHENTIC, ccel_rtmr_codes[i], name,
				  (struct bytes){ body->rtmr[i], RTMR_LEN },
				  (struct bytes){ c->rtmr[i], RTMR_LEN });
		differ |= r < 0 ? UINT64_C(1) << i : 0;
		if (r < 0 && first == 0)
			first = r;
	}
	hint_rtmr2(v, regs, differ);
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
