/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/clock.h"
#include "broker/serve/kbs-call.h"
#include "broker/serve/refresh.h"

/*
 * What a load balancer and a monitor ask.  Anybody may ask it, so it says nothing about secrets and
 * costs next to nothing: the store is looked at once a second, by one thread.
 */

#define LOOK_EVERY_USEC 1000000
#define COUNT_EVERY_USEC (600 * UINT64_C(1000000))
#define TEXT "text/plain; charset=utf-8"

/* To count them takes the longer the more there are. */
static void count_claims(struct service *s)
{
	uint64_t now = now_usec(), n;
	struct cause ignored;

	if (s->look.counted_usec && now - s->look.counted_usec < COUNT_EVERY_USEC)
		return;
	if (store_count(s->store, CLAIMS_PREFIX, &n, &ignored) < 0)
		return;
	metrics_set(s->metrics, GAUGE_CLAIMS, (int64_t)n);
	s->look.counted_usec = now;
}

static void look(struct service *s)
{
	struct store_state state = { 0 };
	struct writer_state writer;
	struct cause why = { "" };
	bool good = store_look(s->store, &state, &why) >= 0;

	metrics_set(s->metrics, GAUGE_STORE_READY, good);
	if (!good) {
		metrics_count(s->metrics, METRIC_STORE_ERRORS);
	} else {
		metrics_set(s->metrics, GAUGE_STORE_BYTES, (int64_t)state.bytes);
		metrics_set(s->metrics, GAUGE_STORE_MAX_BYTES, (int64_t)state.max_bytes);
		count_claims(s);
	}
	writer_look(s->writer, &writer);
	metrics_set(s->metrics, GAUGE_AUDIT_BATCH, (int64_t)writer.batch);
	atomic_store(&s->look.good, good);
}

/* While one thread looks, the others have what was seen before. */
static bool store_is_good(struct service *s)
{
	uint64_t now = now_usec(), last = atomic_load(&s->look.at_usec);

	if (now - last >= LOOK_EVERY_USEC && !atomic_exchange(&s->look.busy, true)) {
		look(s);
		atomic_store(&s->look.at_usec, now_usec());
		atomic_store(&s->look.busy, false);
	}
	return atomic_load(&s->look.good);
}

static void answer(struct kbs_call *c, bool good, const char *text)
{
	c->ret->type = TEXT;
	c->ret->status = good ? 200 : 503;
	c->ret->body = strdup(text);
	if (!good)
		c->ret->retry_sec = KBS_RETRY_SEC;
}

/* Who answers is alive: the loop that took the request, and a thread. */
void kbs_healthz(struct kbs_call *c)
{
	answer(c, true, "alive\n");
}

void kbs_readyz(struct kbs_call *c)
{
	struct service *s = c->service;

	if (!s->keys)
		answer(c, false, "no keys\n");
	else if (!store_is_good(s))
		answer(c, false, "the store does not answer\n");
	else if (!refresher_is_good(s->refresher, c->now))
		answer(c, false, "collateral that is in use has expired\n");
	else
		answer(c, true, "ready\n");
}

void kbs_metrics(struct kbs_call *c)
{
	char *text = NULL;

	(void) store_is_good(c->service);
	if (!c->service->metrics || metrics_format(c->service->metrics, &text) < 0) {
		kbs_later(c, 0, NULL);
		return;
	}
	c->ret->type = METRICS_TYPE;
	kbs_answer(c, text);
}
