/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/tdx/verify-ccel.h"

#include "attest/tdx/ccel.h"
#include "attest/tdx/verify-tdx.h"
#include "wire/tcg-log.h"

static bool names_registers(const struct policy *p)
{
	for (unsigned i = 0; i < 4; i++)
		if (p->rtmr[i].n > 0)
			return true;
	return false;
}

/*
 * Here the quote is not judged; the log is only compared with it, and the output says so.  The
 * type tdx judges the machine, and takes a log too.
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

	r = ccel_replay(e->piece[EVIDENCE_EVENT_LOG], e->piece[EVIDENCE_RUNTIME_LOG], v, &c);
	if (r == 0)
		r = compare_with_quote(&c, e->piece[EVIDENCE_QUOTE], p, v);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	v->consistent = true;
	for (unsigned i = 0; i < 4; i++)
		policy_check_values(v, &p->rtmr[i], ccel_rtmr_codes[i],
				    verdict_text(v, "RTMR%u as the log leads to", i), c.rtmr[i],
				    RTMR_LEN);
	ccel_apply_policy(&c, p, v);
	return 0;
}

/* ---- to look at ---- */

/* Nothing proves an event's data.  Only printable text, as firmware writes, is shown. */
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

static void show_events(struct tcg_log *log, struct verdict *v)
{
	struct tcg_event event;

	while (tcg_log_next(log, &event) > 0)
		verdict_claim_text(v, verdict_text(v, "event.%u", log->n_events),
				   event_text(v, log, &event));
}

static int show(const struct evidence *e, struct verdict *v)
{
	struct bytes bytes = e->piece[EVIDENCE_EVENT_LOG],
		     runtime = e->piece[EVIDENCE_RUNTIME_LOG];
	struct tcg_log log;
	struct ccel c;

	if (!bytes.p)
		return 0;
	if (tcg_log_open(bytes.p, bytes.len, &log) == 0) {
		show_events(&log, v);
		if (tcg_log_continue(&log, runtime.p, runtime.len) == 0)
			show_events(&log, v);
	}
	return ccel_replay(bytes, runtime, v, &c) == -ENOMEM ? -ENOMEM : 0;
}

const struct attest_verifier attest_verify_ccel = {
	.name = "ccel",
	.what = "event log of a TD: does it lead to these registers?",
	.needs = EVIDENCE_BIT(EVIDENCE_EVENT_LOG),
	.takes = EVIDENCE_BIT(EVIDENCE_QUOTE) | EVIDENCE_BIT(EVIDENCE_RUNTIME_LOG),
	.is_part = true,
	.kinds = { &policy_tdx },
	.verify = verify,
	.show = show,
};
