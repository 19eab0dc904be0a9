/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/placing.h"

#include <stdio.h>

#include "agent/keeper/event.h"
#include "agent/keeper/place-call.h"
#include "base/log.h"
#include "ipc/client.h"

/* The pause grows to the longest. */
#define RETRY_USEC (USEC_PER_SEC / 2)
#define RETRY_MAX_USEC (60 * USEC_PER_SEC)

struct placing {
	struct placing *next, **prev;	/* in the keeper's list */
	struct keeper *keeper;
	struct placing_question q;	/* without bytes: remove it */
	char consumer[128];
	struct place_order order;
	bool puts;			/* and so counts as a use of the secret */
	bool had;			/* it was there before */
	struct place_call *call;	/* NULL while it waits for the next attempt */
	struct watch *retry;
	uint64_t pause_usec;		/* before the next attempt */
};

static void unlink_placing(struct placing *p)
{
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
}

static struct placing *placing_free(struct placing *p)
{
	struct store_entry *e = p->q.entry;
	struct keeper *k = p->keeper;

	place_call_free(p->call);
	watch_free(p->retry);
	secret_free(p->q.bytes);
	fetch_free(p->q.fetch);
	unlink_placing(p);
	if (p->puts)
		e->n_pending--;
	free(p);
	keeper_settle(k, e);
	return NULL;
}

static int placing_new(struct keeper *k, struct store_entry *e, const char *consumer,
		       struct placing **ret)
{
	struct placing *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->keeper = k;
	p->q.entry = e;
	snprintf(p->consumer, sizeof(p->consumer), "%s", consumer);
	p->next = k->placings;
	p->prev = &k->placings;
	if (p->next)
		p->next->prev = &p->next;
	k->placings = p;
	*ret = p;
	return 0;
}

static struct placing *find(const struct keeper *k, const struct store_entry *e,
			    const char *consumer)
{
	for (struct placing *p = k->placings; p; p = p->next)
		if (p->q.entry == e && streq(p->consumer, consumer))
			return p;
	return NULL;
}

/* "key 12 in the keyring of user 1000", "file 'db'" */
static void describe(const struct placing *p, uint32_t id, char *ret, size_t size)
{
	const char *rest = strchr(p->consumer, ':') + 1;

	if (p->q.kind == PLACE_KEYRING)
		snprintf(ret, size, "the keyring of user %s, as key %u", rest, id);
	else
		snprintf(ret, size, "the file '%s' in /run/cocod.files", rest);
}

static int ask(struct placing *p);

/* ---- removing ---- */

static int try_later(struct placing *p)
{
	p->pause_usec = MIN(MAX(2 * p->pause_usec, RETRY_USEC), RETRY_MAX_USEC);
	return watch_again_after(p->retry, p->pause_usec);
}

static int on_retry(void *userdata)
{
	struct placing *p = userdata;

	return ask(p) < 0 ? try_later(p) : 0;
}

static void removal_failed(struct placing *p, const char *why)
{
	struct keeper *k = p->keeper;
	char where[128];

	describe(p, p->order.old, where, sizeof(where));
	if (!p->q.entry->still_placed)
		log_error("Secret '%s' could not be removed from %s; this is tried again: %s",
			  p->q.entry->policy.name, where, why);
	p->q.entry->still_placed = true;
	p->call = place_call_free(p->call);
	(void) try_later(p);
	clients_placing_ended(k);
}

static void on_removed(void *userdata, int error, enum place_stage stage, const char *why)
{
	struct placing *p = userdata;
	struct store_entry *e = p->q.entry;
	struct keeper *k = p->keeper;
	char where[128];

	if (error < 0) {
		removal_failed(p, why);
		return;
	}
	describe(p, p->order.old, where, sizeof(where));
	log_notice("Secret '%s' is removed from %s", e->policy.name, where);
	keeper_noted(k, store_forget(k->store, e, p->consumer));
	placing_free(p);
	e->still_placed = placing_has_failed(k, e);
	clients_placing_ended(k);
}

/* What the journal has says what is to be removed, whatever the policy says by now. */
static int remove_from(struct keeper *k, struct store_entry *e, const struct store_delivery *d)
{
	struct placing *p;
	const char *rest;
	int r = placing_new(k, e, d->consumer, &p);

	if (r < 0)
		return r;
	r = watch_after(k->loop, UINT64_MAX, on_retry, p, &p->retry);
	if (r < 0) {
		unlink_placing(p);
		free(p);
		return -ENOMEM;
	}
	if (!place_consumer_parse(d->consumer, &p->q.kind, &rest) ||
	    place_order_remove(d->consumer, d->peer.placed, &p->order) < 0)
		r = -EINVAL;
	if (r >= 0)
		r = ask(p);
	if (r < 0)
		removal_failed(p, strerror(-r));
	return 0;
}

/* ---- putting ---- */

static void put_done(struct placing *p, int error, const char *text)
{
	struct keeper *k = p->keeper;

	if (p->q.done)
		p->q.done(p->q.userdata, error, text);
	placing_free(p);
	clients_placing_ended(k);
}

static void put_failed(struct placing *p, int error, enum place_stage stage, const char *why)
{
	struct store *s = p->keeper->store;
	struct store_entry *e = p->q.entry;

	event_log(&(struct event){ .kind = EVENT_DENIED,
				   .priority = LOG_WARNING,
				   .secret = e->policy.name,
				   .consumer = place_kind_name(p->q.kind),
				   .reason = why },
		  "Secret '%s' is not put into a %s: %s", e->policy.name,
		  place_kind_name(p->q.kind), why);
	/* What may be there stays noted as offered, and so placing_settle() removes it. */
	if (stage == PLACE_UNSENT)
		keeper_noted(p->keeper, store_withdraw(s, e, p->consumer));
	else if (stage == PLACE_SENT && !p->had)
		keeper_noted(p->keeper, store_forget(s, e, p->consumer));
	put_done(p, error, why);
}

/* From here on it will be there, unless this is the end of cocod, or of the connection. */
static int on_prepared(void *userdata, uint32_t id)
{
	const struct delivery_peer peer = { .placed = id };
	struct placing *p = userdata;
	const char *why = NULL;
	int r = 0;

	if (p->q.entry->state == SECRET_WIPED)
		why = "it was wiped meanwhile";
	else if ((r = store_offer(p->keeper->store, p->q.entry, p->consumer, &peer)) < 0)
		why = "the journal of states cannot be written, and a restart of cocod would "
		      "forget where it is: make room in /run";
	if (!why)
		return 0;
	p->call = place_call_free(p->call);
	put_failed(p, r ?: -EKEYREVOKED, PLACE_SENT, why);
	return 1;
}

static void on_put(void *userdata, int error, enum place_stage stage, const char *why)
{
	struct placing *p = userdata;
	struct store_entry *e = p->q.entry;
	const struct store_delivery *d = store_delivery_find(e, p->consumer);
	char where[128], text[256];

	if (error < 0) {
		put_failed(p, error, stage, why);
		return;
	}
	describe(p, d ? d->peer.placed : 0, where, sizeof(where));
	snprintf(text, sizeof(text), "Secret '%s' is in %s", e->policy.name, where);
	keeper_noted(p->keeper,
		     store_deliver(p->keeper->store, e, p->consumer, DELIVERY_TAKEN));
	event_log_secret(EVENT_DELIVERED, e, place_kind_name(p->q.kind), "%s", text);
	if (p->q.fetch)
		fetch_confirm(TAKE_PTR(p->q.fetch));
	put_done(p, 0, text);
}

/* Note that it may be there, and find what is there already. */
static int note_offer(struct placing *p)
{
	const struct store_delivery *d = store_delivery_find(p->q.entry, p->consumer);
	struct delivery_peer peer = { 0 };
	int r;

	p->had = d != NULL;
	if (d)
		peer = d->peer;
	p->order.old = p->q.kind == PLACE_FILE ? p->had : peer.placed;
	r = store_offer(p->keeper->store, p->q.entry, p->consumer, &peer);
	keeper_noted(p->keeper, r);
	if (r >= 0 || r == -ENOMEM)
		return r;
	(void) store_withdraw(p->keeper->store, p->q.entry, p->consumer);
	return -EIO;
}

static size_t payload_len(const struct placing_question *q)
{
	if (q->kind == PLACE_KEYRING && q->entry->policy.place.type == KEYRING_CRYPTSETUP)
		return secret_policy_passphrase_len(&q->entry->policy, q->bytes);
	return secret_len(q->bytes);
}

int placing_put(struct keeper *k, const struct placing_question *q)
{
	const struct secret_policy *policy = &q->entry->policy;
	struct placing *p = NULL;
	char consumer[128];
	int r;

	place_consumer(&policy->place, q->kind, policy->name, consumer);
	r = find(k, q->entry, consumer) ? -EBUSY : placing_new(k, q->entry, consumer, &p);
	if (r < 0) {
		secret_free(q->bytes);
		fetch_free(q->fetch);
		return r;
	}
	p->q = *q;
	p->puts = true;
	q->entry->n_pending++;
	secret_truncate(p->q.bytes, payload_len(q));
	place_order_fill(&policy->place, q->kind, policy->name, secret_len(p->q.bytes), &p->order);
	r = note_offer(p);
	if (r >= 0)
		r = ask(p);
	if (r < 0)
		placing_free(p);
	return r;
}

static int ask(struct placing *p)
{
	const struct place_question q = {
		.loop = p->keeper->loop,
		.path = p->q.kind == PLACE_KEYRING ? PLACE_KEYRING_SOCKET : PLACE_FILE_SOCKET,
		.order = p->order,
		.bytes = p->q.bytes,
		.prepared = on_prepared,
		.done = p->q.bytes ? on_put : on_removed,
		.userdata = p,
	};

	return place_call_new(&q, &p->call);
}

/* ---- all ---- */

void placing_forget(struct keeper *k, const void *userdata)
{
	for (struct placing *p = k->placings; p; p = p->next)
		if (p->q.userdata == userdata)
			p->q.done = NULL;
}

/*
 * True if @d is there, and is to stay.  A configuration with mistakes may not have the policy that
 * was meant.
 */
static bool is_wanted(const struct keeper *k, const struct store_entry *e,
		      const struct store_delivery *d, enum place_kind kind)
{
	char consumer[128];

	if (e->state == SECRET_WIPED || d->outcome != DELIVERY_TAKEN)
		return false;
	if (k->config && k->config->errors.n > 0)
		return true;
	if (!secret_policy_allows(&e->policy, place_kind_name(kind)))
		return false;
	place_consumer(&e->policy.place, kind, e->policy.name, consumer);
	return streq(consumer, d->consumer);
}

static int remove_all(struct keeper *k, struct store_entry *e, const enum place_kind *only)
{
	enum place_kind kind;
	const char *rest;
	int r = 0;

	/* Nothing is forgotten before the loop runs, so that the list stays as it is. */
	for (size_t i = 0; k->loop && i < e->n_deliveries; i++) {
		const struct store_delivery *d = &e->deliveries[i];

		if (!place_consumer_parse(d->consumer, &kind, &rest) || find(k, e, d->consumer) ||
		    (only ? kind != *only : is_wanted(k, e, d, kind)))
			continue;
		if (remove_from(k, e, d) < 0)
			r = log_oom();
	}
	return r;
}

int placing_withdraw(struct keeper *k, struct store_entry *e, enum place_kind kind)
{
	return remove_all(k, e, &kind);
}

void placing_settle(struct keeper *k, struct store_entry *e)
{
	(void) remove_all(k, e, NULL);
}

bool placing_is_busy(const struct keeper *k, const struct store_entry *e)
{
	for (const struct placing *p = k->placings; p; p = p->next)
		if (p->call && (!e || p->q.entry == e))
			return true;
	return false;
}

bool placing_has_failed(const struct keeper *k, const struct store_entry *e)
{
	for (const struct placing *p = k->placings; p; p = p->next)
		if (!p->call && (!e || p->q.entry == e))
			return true;
	return false;
}

void placings_stop(struct keeper *k)
{
	struct loop *loop = k->loop;

	/* So that nothing begins anew. */
	k->loop = NULL;
	while (k->placings)
		placing_free(k->placings);
	k->loop = loop;
}
