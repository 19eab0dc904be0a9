/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/keeper.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/keeper/event.h"
#include "agent/keeper/outlook.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/systemd.h"

/*
 * True if this attempt gave no verdict for the same reason as the one before.  Every client that
 * asks causes an attempt; a worker that cannot be started is logged once, not each time.
 */
static bool is_said(struct keeper *k)
{
	bool same = k->gate.verdict.result == ATTEST_NONE &&
		    streq(k->gate.reason, k->no_verdict_why);

	snprintf(k->no_verdict_why, sizeof(k->no_verdict_why), "%s",
		 k->gate.verdict.result == ATTEST_NONE ? k->gate.reason : "");
	return same;
}

static void log_verdict(const struct keeper *k)
{
	const struct attest_verdict *v = &k->gate.verdict;
	char sha256[65] = "", trust[65] = "";
	const struct event_field fields[] = {
		{ "COCO_GATE", k->gate.state },
		{ "COCO_REQUIRE", require_name(k->gate.require) },
		{ "COCO_TEE", tee_name(k->gate.tee) },
		{ "COCO_VERDICT", attest_result_name(v->result) },
		{ "COCO_CODE", v->code },
		{ "COCO_EVIDENCE", v->type },
		{ "COCO_PROVIDER", v->provider },
		{ "COCO_POLICY_SHA256", sha256 },
		{ "COCO_TRUST_REPLACED", v->trust_replaced ? "1" : "0" },
		{ "COCO_TRUST_SHA256", trust },
		{ NULL },
	};

	if (v->result != ATTEST_NONE)
		format_hex(v->policy_sha256, sizeof(v->policy_sha256), sha256);
	if (v->trust_replaced)
		format_hex(v->trust_sha256, sizeof(v->trust_sha256), trust);
	event_log(&(struct event){ .kind = EVENT_VERDICT,
				   .priority = k->gate.open ? LOG_NOTICE : LOG_ERR,
				   .reason = k->gate.reason,
				   .more = fields },
		  "The gate is %s (%s): %s",
		  k->gate.open ? "open" : "closed, no secret is released", k->gate.state,
		  k->gate.reason);
}

void keeper_take_verdict(void *userdata, const struct attest_verdict *v, const char *why,
			 bool nobody)
{
	struct keeper *k = userdata;
	uint64_t usec = clock_usec(CLOCK_REALTIME);
	int r;

	gate_take_verdict(&k->gate, v, why, nobody, usec);
	/* The reason goes into the journal's fields unchanged. */
	make_printable(k->gate.reason);
	/* The policy that binds the next system is written already.  The verdict is for people. */
	r = v ? carried_note(&k->carried, v, usec) : 0;
	if (r < 0)
		log_warning_errno(r,
				  "Failed to note this verdict in '%s' for the system after the "
				  "initrd, ignoring: %m",
				  k->carried.path);
	if (!is_said(k))
		log_verdict(k);
	keeper_notify_status(k);
}

static void log_differences(const struct keeper *k)
{
	char names[128], policy[65] = "", trust[65] = "";
	const struct kept *kept = k->carried.kept;
	const struct event_field fields[] = {
		{ "COCO_DIFFERS", names },
		{ "COCO_GATE", k->gate.state },
		{ "COCO_INITRD_REQUIRE", require_name(kept->require) },
		{ "COCO_INITRD_POLICY_SHA256", policy },
		{ "COCO_INITRD_TRUST_SHA256", trust },
		{ "COCO_INITRD_VERDICT", attest_result_name(kept->result) },
		{ NULL },
	};

	carried_differences(k->carried.differs, names, sizeof(names));
	if (kept->policy)
		format_hex(kept->policy_sha256, sizeof(kept->policy_sha256), policy);
	if (kept->trust)
		format_hex(kept->trust_sha256, sizeof(kept->trust_sha256), trust);
	event_log(&(struct event){ .kind = EVENT_DIFFERS,
				   .priority = LOG_ERR,
				   .more = fields },
		  "This system's configuration is not the initrd's, whose policy holds beside it: "
		  "%s", names);
}

void keeper_log_carried(const struct keeper *k)
{
	const struct carried *c = &k->carried;

	if (!c->kept)
		return;
	if (c->own)
		log_info("What this initrd judges by is kept in '%s' for the system after it",
			 c->path);
	else
		log_info("What the initrd judged by holds here too: "
			 "Require=%s, %s, %s, verdict: %s",
			 require_name(c->kept->require),
			 c->kept->policy ? ATTEST_POLICY_FILE : "no " ATTEST_POLICY_FILE,
			 c->kept->trust ? ATTEST_TRUST_FILE : "the built-in roots",
			 attest_result_name(c->kept->result));
	if (c->differs)
		log_differences(k);
}

int keeper_gate(struct keeper *k)
{
	if (k->gate.open)
		return 1;
	if (!k->attestation)
		return -EPERM;
	return attestation_request(k->attestation) > 0 ? 0 : -EPERM;
}

int keeper_gate_for(struct keeper *k, enum secret_origin o)
{
	if (o == ORIGIN_LAUNCH)
		return keeper_gate(k);
	return k->broker_gate.open ? 1 : -EPERM;
}

const char *keeper_gate_reason(const struct keeper *k, enum secret_origin o)
{
	return o == ORIGIN_LAUNCH ? k->gate.reason : k->broker_gate.reason;
}

void keeper_note_broker(struct keeper *k, const char *result, const char *text, const char *id)
{
	struct msg_broker *m = &k->broker_last;

	*m = (struct msg_broker){ .result_usec = clock_usec(CLOCK_REALTIME) };
	snprintf(m->result, sizeof(m->result), "%s", result);
	(void)!snprintf(m->text, sizeof(m->text), "%s", text);
	(void)!snprintf(m->id, sizeof(m->id), "%s", id);
	make_printable(m->text);
	make_printable(m->id);
	keeper_notify_status(k);
}

/* Decide whose secrets count, as the gate stands now.  Logged once, and again on changes. */
static void believe_sources(struct keeper *k)
{
	const struct secret_source *src;
	const char *why;

	for (unsigned i = 0; i < KEEPER_MAX_SOURCES && (src = store_source(k->store, i, NULL));
	     i++) {
		enum gate_belief belief = gate_believes(&k->gate, src, &why);

		store_believe(k->store, src, belief != GATE_IGNORES);
		if (k->believed_why[i] == why || access(src->path, F_OK) < 0)
			continue;
		k->believed_why[i] = why;
		if (why[0])
			log_warning("Secrets of '%s': %s", src->path, why);
	}
}

/* Each secret once. */
static void log_found(struct keeper *k)
{
	struct store_entry *e;

	for (size_t i = 0; (e = store_get(k->store, i)); i++) {
		if (e->said_found || e->state != SECRET_PRESENT || !e->source ||
		    e->source->remote)
			continue;
		e->said_found = true;
		event_log_secret(EVENT_FOUND, e, NULL, "Secret '%s' is found in '%s'",
				 e->policy.name, e->source->path);
	}
}

int keeper_scan(struct keeper *k)
{
	int r;

	believe_sources(k);
	r = store_scan(k->store);
	keeper_noted(k, store_sync(k->store));

	if (r > 0)
		log_found(k);
	if (r > 0)
		log_info("Found %d new launch secret%s", r, r == 1 ? "" : "s");
	else if (r < 0 && r != -ENOENT)
		log_error_errno(r, "Failed to read the launch secrets: %m");
	/* Somebody else may have wiped one. */
	for (size_t i = 0; store_get(k->store, i); i++)
		placing_settle(k, store_get(k->store, i));
	return r;
}

int keeper_poll(struct keeper *k, uint64_t now, uint64_t usec)
{
	if (k->polled_usec > 0 && now - k->polled_usec < usec)
		return k->polled;
	k->polled_usec = now;
	k->polled = keeper_scan(k);
	return k->polled;
}

void keeper_noted(struct keeper *k, int r)
{
	if (r < 0 && !k->journal_failed)
		log_warning_errno(r, "Failed to write the journal of states (%m); a restart now "
				     "would forget the last ones. Each change is tried "
				     "again: make room in /run");
	else if (r >= 0 && k->journal_failed)
		log_notice("The journal of states is written again; nothing is missing in it");
	k->journal_failed = r < 0;
	keeper_notify_status(k);
}

int keeper_wipe(struct keeper *k, struct store_entry *e)
{
	bool zeroes = e->source && e->source->zeroes, remote = store_is_remote(e);
	int r;

	if (e->state == SECRET_WIPED && !e->returned) {
		placing_settle(k, e);
		return 0;
	}
	r = store_wipe(k->store, e);
	if (r < 0)
		return log_error_errno(r,
				       "Failed to wipe secret '%s', it is still "
				       "in the kernel's memory: %m",
				       e->policy.name);
	keeper_noted(k, store_sync(k->store));
	event_log_secret(EVENT_WIPED, e, NULL, "Secret '%s' is wiped: %s", e->policy.name,
			 remote ? "the broker is not asked for it again in this boot" :
			 zeroes ? "its bytes in the firmware's area are zero" :
				  "its file is unlinked (a directory for tests, no memory is "
				  "zeroed)");
	placing_settle(k, e);
	return 0;
}

/* Nothing that one turn of the loop does takes so long that it would matter. */
int keeper_volume_is_open(struct keeper *k, const char *volume)
{
	uint64_t turn = k->loop ? loop_n_turns(k->loop) + 1 : OPEN_VOLUMES_NOW;

	return open_volumes_has(&k->volumes, "/sys", turn, volume);
}

static int is_open(void *userdata, const char *volume)
{
	return keeper_volume_is_open(userdata, volume);
}

static bool wipe_is_due(const struct store_entry *e, const struct outlook *o)
{
	if (e->state == SECRET_WIPED)
		return false;
	if (e->wipe_due)
		return true;
	switch (e->policy.wipe) {
	case WIPE_CONFIRMED:
		return e->state == SECRET_CONFIRMED || o->used_up;
	case WIPE_DELIVERED:
		return (e->state == SECRET_DELIVERED || e->state == SECRET_CONFIRMED) &&
		       o->lease_usec == 0;
	default:
		return false;
	}
}

static int on_retry(void *userdata)
{
	keeper_settle_all(userdata);
	return 0;
}

/* Set the timer to the earliest of all waits.  A secret that is not due then will wait again. */
static void look_again(struct keeper *k, uint64_t wait_usec)
{
	uint64_t due = clock_usec(CLOCK_BOOTTIME) + wait_usec;
	int r = 0;

	if (!k->loop)
		return;
	if (!k->retry)
		r = watch_at(k->loop, CLOCK_BOOTTIME, due, on_retry, k, &k->retry);
	else if (watch_time(k->retry) > due)
		r = watch_again_at(k->retry, due);
	if (r < 0)
		log_warning_errno(r, "Failed to set a timer, a secret may stay "
				     "until the next change: %m");
}

/* A secret is settled often; its warning should be logged once. */
static void log_warning_once(struct store_entry *e, const char *text)
{
	uint64_t sum = 0;

	for (const char *p = text; *p; p++)
		sum = (sum ^ (uint8_t)*p) * 0x100000001b3u + 1;
	if (sum != e->warned && text[0])
		log_warning("%s", text);
	e->warned = sum;
}

void keeper_settle(struct keeper *k, struct store_entry *e)
{
	struct outlook o;

	placing_settle(k, e);
	outlook_judge(e, is_open, k, clock_usec(CLOCK_BOOTTIME), &o);
	if (e->state == SECRET_DELIVERED && o.confirmed) {
		keeper_noted(k, store_advance(k->store, e, SECRET_CONFIRMED));
		event_log_secret(EVENT_CONFIRMED, e, e->delivered_to,
				 "Secret '%s' is confirmed: it opened '%s'", e->policy.name,
				 e->delivered_to);
	}
	if (o.wait_usec > 0 && e->policy.wipe == WIPE_CONFIRMED && e->state != SECRET_WIPED)
		look_again(k, o.wait_usec);
	if (o.lease_usec > 0 && e->policy.wipe == WIPE_DELIVERED && e->state != SECRET_WIPED)
		look_again(k, o.lease_usec);
	if (e->n_pending > 0)
		return;
	if (wipe_is_due(e, &o)) {
		if (o.used_up && !o.confirmed)
			log_notice("Secret '%s' opened one volume, and none of its other volumes "
				   "needs it any more",
				   e->policy.name);
		(void) keeper_wipe(k, e);
	} else {
		log_warning_once(e, o.warning);
	}
}

void keeper_settle_all(struct keeper *k)
{
	store_hold(k->store);
	for (size_t i = 0; store_get(k->store, i); i++)
		keeper_settle(k, store_get(k->store, i));
	keeper_noted(k, store_let_go(k->store));
}

bool keeper_wants_good_header(const struct keeper *k, const struct store_entry *e)
{
	enum volume_header h = e ? e->policy.volume_header : VOLUME_HEADER_DEFAULT;

	/* A pin is asked for, whatever cocod.conf says of other volumes. */
	if (e && e->policy.volume_pins[0])
		return true;
	return h == VOLUME_HEADER_DEFAULT ? k->config->verify_header : h != VOLUME_HEADER_IGNORE;
}

/* ---- what a person should know ---- */

void keeper_secret_warning(struct keeper *k, const struct store_entry *e,
			   char ret[static MSG_WARNING_LEN])
{
	struct outlook o;

	ret[0] = '\0';
	if (e->still_placed) {
		snprintf(ret, MSG_WARNING_LEN,
			 "Secret '%s' could not be removed from the keyring or the file where it "
			 "was put, and can be read there still; this is tried again, and the "
			 "journal says why it failed", e->policy.name);
		return;
	}
	if (e->state == SECRET_WIPED) {
		if (e->returned)
			snprintf(ret, MSG_WARNING_LEN,
				 "Secret '%s' was wiped, and its source shows it again: it is "
				 "given to nobody. Find out who wrote it, "
				 "then: cococtl secrets wipe %s",
				 e->policy.name, e->policy.name);
		return;
	}
	outlook_judge(e, is_open, k, clock_usec(CLOCK_BOOTTIME), &o);
	if (e->n_pending == 0 && wipe_is_due(e, &o))
		snprintf(ret, MSG_WARNING_LEN,
			 "Secret '%s' should be wiped and could not be; the journal says why. Try: "
			 "cococtl secrets wipe %s",
			 e->policy.name, e->policy.name);
	else if (e->n_pending == 0)
		snprintf(ret, MSG_WARNING_LEN, "%s", o.warning);
}

/* The warnings about the keeper itself.  @ret is "" when a warning does not apply. */
static void journal_warning(struct keeper *k, char *ret)
{
	if (k->journal_failed)
		snprintf(ret, MSG_WARNING_LEN,
			 "The journal of states cannot be written; a restart of cocod would forget "
			 "the last ones. Make room in /run");
}

static void lossy_warning(struct keeper *k, char *ret)
{
	if (store_is_lossy(k->store))
		snprintf(ret, MSG_WARNING_LEN,
			 "The journal of states was damaged in this boot, so that what became of "
			 "some secrets may be unknown; 'journalctl -u cocod' says when");
}

static void source_warning(struct keeper *k, unsigned i, char *ret)
{
	const struct secret_source *src = store_source(k->store, i, NULL);
	const char *why;

	if (!src || access(src->path, F_OK) < 0 ||
	    gate_believes(&k->gate, src, &why) == GATE_BELIEVES)
		return;
	snprintf(ret, MSG_WARNING_LEN, "%.200s: %s", src->path, why);
}

const char *keeper_ignored_why(const struct keeper *k)
{
	const struct secret_source *src;
	const char *why;

	for (unsigned i = 0; (src = store_source(k->store, i, NULL)); i++)
		if (access(src->path, F_OK) == 0 &&
		    gate_believes(&k->gate, src, &why) == GATE_IGNORES)
			return why;
	return NULL;
}

bool keeper_is_quiet(const struct keeper *k, const struct store_entry *e, const char *consumer)
{
	return e && repeat_is_quiet(&k->repeats) && store_was_delivered(e, consumer);
}

static void log_number(const struct keeper *k, const struct store_entry *e, const char *consumer)
{
	event_log_secret(EVENT_DELIVERED, e, consumer,
			 "Secrets were delivered again %llu times to consumers that had them "
			 "before, just now secret '%s' to '%s'; the next ones are counted",
			 (unsigned long long)k->repeats.n, e->policy.name, consumer);
}

bool keeper_deliver(struct keeper *k, struct store_entry *e, const char *consumer,
		    enum delivery_outcome outcome, const char *format, ...)
{
	bool again = store_was_delivered(e, consumer);
	enum repeat_say say = again ? repeat_note(&k->repeats) : REPEAT_IN_FULL;
	char text[512];
	va_list ap;

	keeper_noted(k, store_deliver(k->store, e, consumer, outcome));
	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (say == REPEAT_IN_FULL)
		event_log_secret(EVENT_DELIVERED, e, consumer, "%s", text);
	else if (say == REPEAT_NUMBER)
		log_number(k, e, consumer);
	return again;
}

void keeper_log_repeats(const struct keeper *k)
{
	if (k->repeats.n > k->repeats.n_said)
		log_notice("Secrets were delivered again %llu times to consumers that had them "
			   "before", (unsigned long long)k->repeats.n);
}

void keeper_note_denied(struct keeper *k, const char *who, const char *secret, const char *why)
{
	const struct denial *d;
	char text[MSG_WARNING_LEN];
	bool say;

	d = denied_note(&k->denied, who, secret, why, clock_usec(CLOCK_BOOTTIME),
			clock_usec(CLOCK_REALTIME), &say);
	denial_format(d, "is refused", text);
	if (say)
		event_log(&(struct event){ .kind = EVENT_DENIED,
					   .priority = LOG_WARNING,
					   .secret = d->secret,
					   .consumer = d->who,
					   .reason = d->why },
			  "%s", text);
}

/* The @i-th warning about the keeper itself.  Returns 1, or 0 with their number in @ret_n. */
static int own_warning(struct keeper *k, unsigned i, unsigned *ret_n,
		       char ret[static MSG_WARNING_LEN])
{
	*ret_n = 0;
	for (unsigned which = 0; which < 3 + KEEPER_MAX_SOURCES; which++) {
		ret[0] = '\0';
		if (which == 0)
			journal_warning(k, ret);
		else if (which == 1)
			lossy_warning(k, ret);
		else if (which == 2)
			memcpy(ret, k->reload_error, sizeof(k->reload_error));
		else
			source_warning(k, which - 3, ret);
		if (ret[0] && (*ret_n)++ == i)
			return 1;
	}
	return 0;
}

int keeper_warning(struct keeper *k, unsigned i, char ret[static MSG_WARNING_LEN])
{
	const struct store_entry *e;
	unsigned n;
	size_t s = 0;

	if (own_warning(k, i, &n, ret))
		return 1;
	/* Whoever asks for one after the other does not begin with the first secret each time. */
	if (i > n && i == k->next_warning) {
		n = i;
		s = k->next_warned;
	}
	for (; (e = store_get(k->store, s)); s++) {
		keeper_secret_warning(k, e, ret);
		if (ret[0] && n++ == i) {
			k->next_warning = i + 1;
			k->next_warned = s + 1;
			return 1;
		}
	}
	k->next_warning = 0;
	return denied_warning(&k->denied, i - n, ret);
}

void keeper_count(const struct keeper *k, unsigned ret[static _SECRET_STATE_MAX],
		  unsigned *ret_remote)
{
	const struct store_entry *e;

	memset(ret, 0, _SECRET_STATE_MAX * sizeof(*ret));
	*ret_remote = 0;
	for (size_t i = 0; (e = store_get(k->store, i)); i++)
		if (e->state == SECRET_PRESENT && store_is_remote(e))
			++*ret_remote;
		else
			ret[e->state]++;
}

void keeper_notify_status(struct keeper *k)
{
	unsigned n[_SECRET_STATE_MAX], n_remote;
	char differs[128], text[sizeof(k->status)];

	/* Whoever holds it says how things stand when all is done. */
	if (store_is_held(k->store))
		return;
	keeper_count(k, n, &n_remote);
	carried_differences(k->carried.differs, differs, sizeof(differs));
	(void)!snprintf(text, sizeof(text),
			"STATUS=Gate %s (%s; Require=%s, %s).%s%s Broker: %s. Secrets: %u "
			"remote, %u present, %u delivered, %u confirmed, %u wiped.",
			k->gate.open ? "open" : "closed", k->gate.state,
			require_name(k->gate.require), k->gate.require_reason,
			k->carried.differs ? " ERROR, not as in the initrd: " : "", differs,
			k->broker_gate.state, n_remote, n[SECRET_PRESENT], n[SECRET_DELIVERED],
			n[SECRET_CONFIRMED], n[SECRET_WIPED]);
	/* Every request comes here; systemd, and its clients, are told of changes only. */
	if (streq(text, k->status))
		return;
	strcpy(k->status, text);
	(void) systemd_notify(text);
}
