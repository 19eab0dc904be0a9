/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/fetch-step.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

#include "agent/keeper/measure.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/openssl-late.h"
#include "wire/broker-url.h"

#define APPROVAL_USEC (5 * USEC_PER_SEC)
#define RETRY_AFTER_MAX_SEC 3600
#define SESSIONS_MAX 3
#define NONCES_MAX 2

uint64_t fetch_now(const struct broker *b)
{
	return loop_now(b->setup.loop);
}

uint64_t fetch_spread(uint64_t usec)
{
	uint32_t word = 0;

	/* Without random bytes all machines wait equally long, and nothing worse. */
	if (getrandom(&word, sizeof(word), GRND_NONBLOCK) != sizeof(word))
		return usec;
	return usec / 2 + (uint64_t)((double)usec * word / UINT32_MAX);
}

const struct broker_identity *fetch_identity(const struct broker *b)
{
	return b->identity.n > 0 ? &b->identity : NULL;
}

/* ---- the turns ---- */

static int on_turn(void *userdata);

/* The fetch whose turn comes first, or NULL. */
static struct fetch *next_fetch(const struct broker *b)
{
	struct fetch *first = NULL;

	for (struct fetch *f = b->fetches; f; f = f->next)
		if (f->phase == PHASE_WAITING && (!first || f->due_usec < first->due_usec))
			first = f;
	return first;
}

/* Set the timer for the next turn, unless a handshake is under way, whose end comes here again. */
static void run(struct broker *b)
{
	const struct fetch *first = next_fetch(b);
	int r;

	b->turn = watch_free(b->turn);
	if (b->active || !first)
		return;
	r = watch_at(b->setup.loop, CLOCK_MONOTONIC, first->due_usec, on_turn, b, &b->turn);
	if (r < 0)
		log_error_errno(r, "Failed to set a timer, no broker is asked: %m");
}

static int on_turn(void *userdata)
{
	struct broker *b = userdata;
	struct fetch *first = next_fetch(b);

	if (first && first->due_usec <= fetch_now(b) && !b->active)
		fetch_start(first);
	else
		run(b);
	return 0;
}

/* What a handshake held is gone, key pair first. */
static void drop_handshake(struct fetch *f)
{
	f->gathering = false;
	f->handshake = handshake_free(f->handshake);
	f->talk = net_talk_free(f->talk);
	f->call = worker_call_free(f->call);
	f->pack = close_fd(f->pack);
	f->session = watch_free(f->session);
	if (f->broker->active == f)
		f->broker->active = NULL;
}

/* ---- the end of an attempt ---- */

const char *fetch_address(const struct fetch *f, unsigned i)
{
	return i < f->net.n_urls ? f->net.urls[i] : "";
}

static void end(struct fetch *f, const struct fetch_failure *why)
{
	struct broker *b = f->broker;

	drop_handshake(f);
	f->phase = PHASE_FAILED;
	f->q.done(f->q.userdata, NULL, why);
	run(b);
}

/* How to go on after a failure. */
enum after {
	GIVE_UP,
	PAUSE,		/* a pause that grows */
	AT_ONCE,	/* a new handshake */
	WAIT_FOR_OWNER,	/* a pause that does not */
};

static enum after after_error(struct fetch *f, unsigned error, bool stale)
{
	switch (error) {
	case NET_UNREACHABLE:
	case NET_BUSY:
	case NET_LOCAL:
		return PAUSE;
	case NET_APPROVAL:
		return WAIT_FOR_OWNER;
	case NET_SESSION:
		return ++f->n_sessions < SESSIONS_MAX ? AT_ONCE : GIVE_UP;
	case NET_FORGED:
		return stale && ++f->n_nonces < NONCES_MAX ? AT_ONCE : GIVE_UP;
	default:
		return GIVE_UP;
	}
}

static uint64_t pause_of(struct fetch *f, enum after after, uint32_t retry_sec)
{
	uint64_t usec = 0;

	if (after == WAIT_FOR_OWNER)
		usec = fetch_spread(APPROVAL_USEC);
	if (after == PAUSE) {
		usec = fetch_spread(f->pause_usec);
		f->pause_usec = MIN(2 * f->pause_usec, FETCH_BACKOFF_MAX_USEC);
	}
	/* All who are told the same time would come at the same time. */
	if (retry_sec > 0)
		usec = MAX(usec, MIN(retry_sec, (uint32_t)RETRY_AFTER_MAX_SEC) * USEC_PER_SEC +
					 fetch_spread(USEC_PER_SEC) / 2);
	return usec;
}

void fetch_fail_as(struct fetch *f, unsigned error, bool stale, uint32_t retry_sec,
		    const char *id, const char *format, ...)
{
	struct fetch_failure why = { .error = error };
	struct broker *b = f->broker;
	enum after after = after_error(f, error, stale);
	uint64_t due = fetch_now(b) + pause_of(f, after, retry_sec);
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why.text, sizeof(why.text), format, ap);
	va_end(ap);
	make_printable(why.text);
	snprintf(why.id, sizeof(why.id), "%s", id);
	b->setup.note(b->setup.userdata, error, why.text, why.id);
	if (after == GIVE_UP || due >= f->deadline_usec) {
		end(f, &why);
		return;
	}
	log_debug("Secret '%s' is asked for again in %llu ms: %s", f->path,
		  (unsigned long long)(due - fetch_now(b)) / 1000, why.text);
	f->last = why;
	drop_handshake(f);
	f->phase = PHASE_WAITING;
	f->due_usec = due;
	run(b);
}

/* Something failed on this machine. */
void fetch_fail(struct fetch *f, unsigned error, const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fetch_fail_as(f, error, false, 0, "", "%s", text);
}

bool fetch_text_ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* The attempt that had no time left tells nothing; the one before it may. */
static void time_is_over(struct fetch *f)
{
	const struct fetch_failure last = f->last;

	if (last.error == NET_OK)
		fetch_fail(f, NET_UNREACHABLE, "TimeoutSec= of broker.conf is over, and the broker "
					       "has not answered");
	else
		fetch_fail_as(f, last.error, false, 0, last.id,
			      "%s; then TimeoutSec= of broker.conf was over", last.text);
}

/*
 * Returns true when the result is good.  Otherwise the attempt is over, and @f may be gone.  Only
 * the form of what cocod-net says is checked; its words are for people.
 */
bool fetch_succeeded(struct fetch *f, const struct net_result *result, const char *why)
{
	struct net_result r;
	char text[sizeof(r.text) + 2];
	const char *url;

	if (!result) {
		if (fetch_now(f->broker) >= f->deadline_usec)
			time_is_over(f);
		else
			fetch_fail(f, NET_LOCAL, "%s", why);
		return false;
	}
	r = *result;
	if (!fetch_text_ends(r.id, sizeof(r.id)) || !fetch_text_ends(r.text, sizeof(r.text)) ||
	    r.error >= NET_SETTINGS) {
		fetch_fail(f, NET_PROTOCOL, "cocod-net's answer does not have the form of one");
		return false;
	}
	if (r.error == NET_OK)
		return true;
	make_printable(r.id);
	make_printable(r.text);
	snprintf(text, sizeof(text), "%s%s", r.text[0] ? ": " : "", r.text);
	url = fetch_address(f, r.url);
	fetch_fail_as(f, r.error, false, r.retry_sec, r.id, "%s (%s)%s%s%s",
		      net_error_text(r.error), url[0] ? url : "no address", text,
		      r.id[0] ? "; ask its owner: coco-broker why " : "", r.id);
	return false;
}

/* ---- asking cocod-net ---- */

/* A round may take its time, but all of them together no longer than the fetch. */
void fetch_ask(struct fetch *f, struct net_talk_question q)
{
	uint64_t usec = fetch_now(f->broker);
	int r;

	q.timeout_usec = MIN(q.timeout_usec, f->deadline_usec - MIN(usec, f->deadline_usec));
	q.userdata = f;
	r = net_talk_ask(f->talk, &q);
	if (r < 0)
		fetch_fail(f, NET_LOCAL, "cocod-net cannot be asked: %s", strerror(-r));
}

/* ---- the session after the secret is there ---- */

static int on_session_over(void *userdata)
{
	struct fetch *f = userdata;

	if (f->phase == PHASE_CONFIRMING)
		fetch_free(f);
	else
		drop_handshake(f);
	return 0;
}

/* From now on the session is there for a confirmation only. */
void fetch_opened(struct fetch *f, struct secret *s)
{
	struct broker *b = f->broker;

	f->handshake = handshake_free(f->handshake);
	f->phase = PHASE_OPENED;
	b->active = NULL;
	b->setup.note(b->setup.userdata, NET_OK, "", "");
	if (watch_after(b->setup.loop, HANDSHAKE_USEC, on_session_over, f, &f->session) < 0)
		f->talk = net_talk_free(f->talk);
	f->q.done(f->q.userdata, s, NULL);
	run(b);
}

/* ---- a fetch ---- */

int fetch_new(struct broker *b, const struct fetch_question *q, struct fetch **ret)
{
	struct fetch *f = calloc(1, sizeof(*f));
	struct broker_url url;

	if (!f)
		return -ENOMEM;
	f->broker = b;
	f->q = *q;
	f->pack = -EBADF;
	snprintf(f->path, sizeof(f->path), "%s", q->path);
	if (q->url)
		snprintf(f->url, sizeof(f->url), "%s",
			 broker_url_parse(q->url, &url) == 0 ? url.text : q->url);
	f->due_usec = fetch_now(b);
	f->deadline_usec = f->due_usec + (q->timeout_usec ?: b->setup.settings->timeout_usec);
	f->pause_usec = FETCH_BACKOFF_USEC;
	f->next = b->fetches;
	f->prev = &b->fetches;
	if (f->next)
		f->next->prev = &f->next;
	b->fetches = f;
	run(b);
	*ret = f;
	return 0;
}

struct fetch *fetch_free(struct fetch *f)
{
	struct broker *b;

	if (!f)
		return NULL;
	b = f->broker;
	drop_handshake(f);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	free(f);
	run(b);
	return NULL;
}

static void on_confirmed(void *userdata, const void *reply, int fd, const char *why)
{
	struct fetch *f = userdata;
	struct net_result r = { .error = NET_LOCAL };

	if (reply)
		memcpy(&r, reply, sizeof(r));
	log_debug("The broker's answer to the confirmation of secret '%s': %s", f->path,
		  net_error_name(r.error));
	fetch_free(f);
}

/* What RTMR3 lacks, the evidence lacks, and what that means is the broker's to say. */
static void measure(struct broker *b, const char *path)
{
	struct cause why = { "" };
	int r;

	if (!b->setup.settings->measure_release)
		return;
	r = path ? measure_released(b->setup.root, b->setup.folder, path, &why) :
		   measure_launch(b->setup.root, b->setup.folder, &why);
	if (r < 0)
		log_warning("MeasureRelease=yes: %s%s is not measured, going on: %s",
			    path ? "the release of " : "the launch", path ?: "", why.text);
}

void fetch_confirm(struct fetch *f)
{
	struct net_get get = { "" };
	const struct net_talk_question q = {
		.type = MSG_NET_CONFIRM, .body = &get, .len = sizeof(get), .fd = -EBADF,
		.reply_len = sizeof(struct net_result), .timeout_usec = FETCH_ROUND_USEC,
		.done = on_confirmed, .userdata = f,
	};

	strcpy(get.path, f->asked.paths[0]);
	measure(f->broker, get.path);
	if (f->phase != PHASE_OPENED || !f->talk || net_talk_ask(f->talk, &q) < 0) {
		fetch_free(f);
		return;
	}
	f->phase = PHASE_CONFIRMING;
}

/* ---- the broker ---- */

int broker_new(const struct broker_setup *s, struct broker **ret, struct cause *why)
{
	const struct broker_settings *set = s->settings;
	struct broker *b;
	int r;

	if (!set->present || set->trust == BROKER_TRUST_NONE || set->trust >= _BROKER_TRUST_MAX)
		return cause_set(why, -EINVAL, "broker.conf names no broker that can be trusted");
	b = calloc(1, sizeof(*b));
	if (!b)
		return cause_set_oom(why);
	b->setup = *s;
	r = openssl_load(why);
	if (r >= 0 && set->trust == BROKER_TRUST_IDENTITY)
		r = set->pem ? broker_identity_parse(set->pem, set->pem_len, &b->identity, why) :
			       cause_set(why, -EINVAL, "Identity= has no text");
	if (r >= 0 && release_init() < 0)
		r = cause_set(why, -ENOMEM, "no memory can be locked for key pairs");
	if (r >= 0) {
		const struct evidence_child_setup child = {
			.loop = s->loop,
			.root = s->root,
			.gather = s->gather,
			.done = fetch_on_evidence,
			.userdata = b,
		};

		r = evidence_child_new(&child, &b->child);
		if (r < 0)
			r = cause_set_oom(why);
	}
	if (r < 0) {
		broker_identity_done(&b->identity);
		free(b);
		return r;
	}
	measure(b, /* path= */ NULL);
	*ret = b;
	return 0;
}

struct broker *broker_free(struct broker *b)
{
	if (!b)
		return NULL;
	while (b->fetches) {
		assert(b->fetches->phase == PHASE_CONFIRMING);
		fetch_free(b->fetches);
	}
	watch_free(b->turn);
	evidence_child_free(b->child);
	broker_identity_done(&b->identity);
	free(b);
	return NULL;
}
