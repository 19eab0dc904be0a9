/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Credentials for systemd's units: LoadCredential=NAME:/run/cocod/credential.sock.
 *
 * For each credential, and before systemd 256 for each process of the unit that it starts, a child
 * of PID 1 binds its socket to a name with the unit and the credential, connects, shuts down its
 * sending side, and takes all it reads up to the end as the credential (systemd.exec(5)).  It
 * waits for ever, so every step here has a deadline.
 *
 *	connect -> who is it? -> a secret of that name -> may this unit have it? -> gate
 *	  -> (the broker releases it) -> write -> read by the peer: taken
 *
 * systemd cannot be told "no": an end without a byte is an empty credential, and the unit starts
 * with it.  A unit must not run with an empty key, so whoever is refused gets more bytes than all
 * credentials of a unit may have.  Then systemd does not start it (243/CREDENTIALS).
 *
 * A unit confirms nothing.  It may ask several times while it starts, so a secret that is wiped
 * when it is delivered stays until that is over (outlook.h).
 */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/keeper/decline.h"
#include "agent/keeper/event.h"
#include "agent/keeper/handover.h"
#include "agent/keeper/peer-unit.h"
#include "base/io.h"
#include "base/log.h"

/* systemd's limit for all credentials of a unit, and one more byte. */
#define REFUSAL_LEN ((1u << 20) + 1)
#define STOP_MSEC 1000

/* ---- refusing ---- */

/*
 * Write what is missing in a refusal.  Returns 1 when all is written, 0 when the peer has to read
 * first, or an errno.
 */
static int send_refusal(struct delivery *d)
{
	static const uint8_t zeros[16384];

	while (d->n_sent < REFUSAL_LEN) {
		ssize_t n = send(d->fd, zeros, MIN(sizeof(zeros), REFUSAL_LEN - d->n_sent),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		d->n_sent += (size_t)n;
	}
	return 1;
}

static int on_refusal_writable(void *userdata)
{
	if (send_refusal(userdata) != 0)
		delivery_free(userdata);
	return 0;
}

static int on_refusal_timeout(void *userdata)
{
	delivery_free(userdata);
	return 0;
}

/* For a peer that has had a part of the secret too: systemd throws all of it away. */
static void credential_refuse(struct delivery *d)
{
	int r = send_refusal(d);

	if (r == 0)
		r = watch_fd(d->keeper->loop, d->fd, POLLOUT, on_refusal_writable, d, &d->io);
	if (r > 0 || d->io == NULL) {
		delivery_free(d);
		return;
	}
	r = watch_after(d->keeper->loop, d->keeper->config->read_usec, on_refusal_timeout, d,
			&d->timer);
	if (r < 0)
		delivery_free(d);
}

/* cocod ends.  A peer that has all of it is left alone. */
static void credential_stop(struct delivery *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLOUT };

	if (d->fd < 0 || (d->key_len > 0 && d->n_sent == d->key_len))
		return;
	while (send_refusal(d) == 0 && poll(&p, 1, STOP_MSEC) > 0)
		;
}

/* ---- handing over ---- */

static size_t all_of_it(const struct secret_policy *p, const struct secret *s)
{
	return secret_len(s);
}

static int credential_offer(struct delivery *d)
{
	int r;

	d->peer = (struct delivery_peer){ .pid = (uint32_t)d->pid };
	r = store_offer(d->keeper->store, d->entry, d->consumer, &d->peer);
	if (r == -ENOMEM)
		return r;
	d->offered = true;
	keeper_noted(d->keeper, r);
	return 0;
}

static void credential_taken(struct delivery *d)
{
	struct store_entry *e = d->entry;

	(void) keeper_deliver(d->keeper, e, d->consumer, DELIVERY_TAKEN,
			      "Secret '%s' is delivered to unit '%s', from source '%s'",
			      e->policy.name, d->unit, e->source->name);
	d->offered = false;
	if (d->fetch)
		fetch_confirm(TAKE_PTR(d->fetch));
	delivery_free(d);
}

/* Whoever starts the unit again asks again. */
static void credential_not_released(struct delivery *d, unsigned error, const char *why)
{
	delivery_decline(d, "%s", why);
}

const struct consumer consumer_credential = {
	.noun = "Unit",
	.what = "credential",
	.payload_len = all_of_it,
	.may_be_empty = true,
	.offer = credential_offer,
	.taken = credential_taken,
	.not_released = credential_not_released,
	.refuse = credential_refuse,
	.stop = credential_stop,
};

/* ---- the secret ---- */

/* Returns 1 when a secret was taken, 0 to wait for a source or a verdict, -1 after declining. */
static int choose_secret(struct delivery *d)
{
	struct keeper *k = d->keeper;
	int found = delivery_scan(d), gate;
	struct store_entry *e = store_find(k->store, d->wanted);
	bool wait;

	if (e && !secret_policy_allows(&e->policy, d->consumer)) {
		keeper_note_denied(k, d->consumer, e->policy.name,
				   "its Consumers= does not name that unit");
		delivery_refuse(d);
		return -1;
	}
	if (e && e->state == SECRET_WIPED) {
		delivery_decline(d, "secret '%s' is wiped", d->wanted);
		return -1;
	}
	d->n_origin = 0;
	if (e && handover_take_origin(d, e, &wait)) {
		delivery_take_entry(d, e);
		return 1;
	}
	if (e && store_is_remote(e)) {
		delivery_decline(d, "no broker is asked for secret '%s': %s", d->wanted,
				 keeper_gate_reason(k, ORIGIN_BROKER));
		return -1;
	}
	gate = keeper_gate(k);
	if (gate == 0)
		return 0;	/* the attempt to verify evidence has its own deadline */
	if (gate < 0) {
		delivery_decline(d, "the gate is closed: %s", k->gate.reason);
		return -1;
	}
	if (found == -ENOENT && delivery_now(d) < d->deadline)
		return 0;
	delivery_decline(d, "there is no secret '%s'; see 'cococtl secrets list'", d->wanted);
	return -1;
}

static int on_poll_source(void *userdata)
{
	struct delivery *d = userdata;
	bool turn = delivery_has_turn(d);
	int r = turn ? choose_secret(d) : 0;

	if (r == 0 && turn && !d->waits)
		event_log(&(struct event){ .kind = EVENT_ASKED,
					   .priority = LOG_INFO,
					   .secret = d->wanted,
					   .consumer = d->consumer },
			  "Unit '%s' waits for credential '%s'", d->unit, d->wanted);
	d->waits = d->waits || (r == 0 && turn);
	if (r == 0)
		(void) delivery_poll_again(d, DELIVERY_POLL_USEC);
	if (r <= 0)
		return 0;
	d->timer = watch_free(d->timer);
	handover_begin(d);
	return 0;
}

/* ---- who is it ---- */

/* True if the process that has connected still exists, so that its pid is its own. */
static bool peer_is_there(const struct delivery *d)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };

	return d->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

/* The child of PID 1 is in the unit's cgroup already when it connects. */
static int identify_unit(const struct delivery *d)
{
	char unit[UNIT_NAME_MAX + 1];

	if (peer_unit(d->pid, unit) < 0 || !streq(unit, d->unit))
		return -EACCES;
	return peer_is_there(d) ? 0 : -EACCES;
}

/* Find out who connected.  Returns 0, or a negative errno with the reason in @ret_why. */
static int identify(struct delivery *d, const char **ret_why)
{
	struct credential_peer peer;
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);

	*ret_why = "it is not named as systemd names its sockets for LoadCredential=";
	if (getpeername(d->fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	if (len < offsetof(struct sockaddr_un, sun_path) ||
	    credential_peer_parse(sa.sun_path, len - offsetof(struct sockaddr_un, sun_path),
				  &peer) < 0)
		return -EACCES;
	strcpy(d->unit, peer.unit);
	strcpy(d->wanted, peer.name);
	snprintf(d->consumer, sizeof(d->consumer), CONSUMER_CREDENTIAL ":%s", d->unit);
	*ret_why = "it is not root";
	if (delivery_take_peer(d) < 0)
		return -EACCES;
	*ret_why = "its process is not of that unit";
	return identify_unit(d);
}

bool credentials_have_room(void *userdata)
{
	return delivery_has_room(userdata, &consumer_credential);
}

void on_credential_connection(void *userdata, int conn)
{
	struct keeper *k = userdata;
	struct delivery *d;
	const char *why;

	if (delivery_new(k, &consumer_credential, conn, &d) < 0) {
		log_oom();
		(void) close_fd(conn);
		return;
	}
	if (identify(d, &why) < 0) {
		keeper_note_denied(k, d->consumer, d->wanted, why);
		delivery_refuse(d);
		return;
	}
	delivery_leave_with_systemd(d, CREDENTIAL_STORED);
	if (delivery_start_polling(d, k->config->wait_usec, on_poll_source) < 0)
		delivery_decline(d, "out of memory");
}

void credential_take_back(struct keeper *k, int conn)
{
	struct delivery *d;

	if (delivery_new(k, &consumer_credential, conn, &d) < 0)
		(void) close_fd(conn);
	else
		delivery_refuse(d);
}

void credential_resume(struct keeper *k, struct store_entry *e, const char *consumer)
{
	log_warning("Whether '%s' has read secret '%s' before cocod was restarted is not known; "
		    "the secret is kept",
		    consumer, e->policy.name);
	keeper_noted(k, store_withdraw(k->store, e, consumer));
}
