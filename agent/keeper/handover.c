/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/handover.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "agent/keeper/decline.h"
#include "agent/keeper/event.h"
#include "base/io.h"
#include "base/log.h"

#define POLL_READ_USEC (2 * USEC_PER_MSEC)

/* ---- where it comes from ---- */

bool handover_take_origin(struct delivery *d, const struct store_entry *e, bool *ret_wait)
{
	struct keeper *k = d->keeper;

	*ret_wait = false;
	for (; store_origin(k->store, e, d->n_origin, &d->origin); d->n_origin++) {
		int gate = keeper_gate_for(k, d->origin);

		if (gate > 0)
			return true;
		if (gate == 0) {
			*ret_wait = true;
			return false;
		}
	}
	return false;
}

/* ---- writing the key ---- */

static void end_taken(struct delivery *d)
{
	d->key = secret_free(d->key);
	d->fd = close_fd(d->fd);
	d->kind->taken(d);
}

/* The whole key is written.  Has the peer taken it out of the socket? */
static int on_poll_read(void *userdata)
{
	struct delivery *d = userdata;
	int unread = -1, error = 0;
	socklen_t len = sizeof(error);

	if (ioctl(d->fd, SIOCOUTQ, &unread) < 0 ||
	    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	/*
	 * A peer that closes with unread bytes leaves ECONNRESET and an empty queue: look at the
	 * error first.
	 */
	if (error)
		delivery_decline(d,
				 "%s went away before it had read it (%s); the secret is kept",
				 delivery_peer(d), strerror(error));
	else if (unread == 0)
		end_taken(d);
	else if (delivery_now(d) >= d->deadline)
		delivery_decline(d, "%s did not read it in time; the secret is kept",
				 delivery_peer(d));
	else
		(void) delivery_poll_again(d, POLL_READ_USEC);
	return 0;
}

static int on_writable(void *userdata);

static int on_write_timeout(void *userdata)
{
	delivery_decline(userdata, "%s did not read it in time; the secret is kept",
			 delivery_peer(userdata));
	return 0;
}

static void write_key(struct delivery *d)
{
	int r = 0;

	while (d->n_sent < d->key_len) {
		ssize_t n = send(d->fd, secret_data(d->key) + d->n_sent, d->key_len - d->n_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			if (!d->io)
				r = watch_fd(d->keeper->loop, d->fd, POLLOUT, on_writable, d,
					     &d->io);
			if (r < 0)
				delivery_decline(d, "out of memory");
			return;
		}
		if (n < 0) {
			delivery_decline(d, "%s went away in the middle (%s); the secret is kept",
					 delivery_peer(d), strerror(errno));
			return;
		}
		d->n_sent += (size_t)n;
	}
	d->io = watch_free(d->io);
	d->key = secret_free(d->key);
	(void) shutdown(d->fd, SHUT_WR);
	if (delivery_start_polling(d, d->keeper->config->read_usec, on_poll_read) < 0)
		delivery_decline(d, "out of memory");
}

static int on_writable(void *userdata)
{
	write_key(userdata);
	return 0;
}

static void begin_write(struct delivery *d)
{
	int r = 0;

	if (!d->key)
		r = store_read(d->keeper->store, d->entry, &d->key);
	if (r >= 0)
		stamps_note(d->keeper->stamps, STAMP_READ, d->entry->policy.name, d->consumer);
	if (r >= 0)
		d->key_len = d->kind->payload_len(&d->entry->policy, d->key);
	if (r >= 0 && d->key_len == 0 &&
	    !(d->kind->may_be_empty && d->entry->policy.allow_empty)) {
		delivery_decline(d, "secret '%s' is empty%s", d->entry->policy.name,
				 d->kind->may_be_empty ? ", and AllowEmpty=yes is not set" : "");
		return;
	}
	if (r >= 0)
		r = d->kind->offer(d);
	if (r >= 0)
		r = watch_after(d->keeper->loop, d->keeper->config->read_usec, on_write_timeout, d,
				&d->timer);
	if (r < 0) {
		delivery_decline(d, "secret '%s' cannot be read: %s", d->entry->policy.name,
				 strerror(-r));
		return;
	}
	write_key(d);
}

/* ---- the broker ---- */

void handover_give(struct delivery *d, struct secret *key)
{
	d->key = key;
	begin_write(d);
}

static void on_fetched(void *userdata, struct secret *s, const struct fetch_failure *why)
{
	struct delivery *d = userdata;
	bool wait;

	d->hangup = watch_free(d->hangup);
	if (s && d->entry->state == SECRET_WIPED) {
		secret_free(s);
		delivery_decline(d, "secret '%s' was wiped while the broker was asked",
				 d->entry->policy.name);
		return;
	}
	if (s) {
		handover_give(d, s);
		return;
	}
	d->fetch = fetch_free(d->fetch);
	d->n_origin++;
	/* The owner may have named a launch secret as second choice. */
	if (handover_take_origin(d, d->entry, &wait)) {
		log_warning("%s '%s': %s; trying the launch secret", d->kind->noun,
			    delivery_target(d), why->text);
		handover_begin(d);
	} else {
		d->kind->not_released(d, why->error, why->text);
	}
}

/* The peer only reads, so that a hangup is the end of it. */
static int on_hangup(void *userdata)
{
	delivery_decline(userdata, "%s went away while the broker was asked",
			 delivery_peer(userdata));
	return 0;
}

static void begin_fetch(struct delivery *d)
{
	const struct fetch_question q = {
		.path = d->entry->policy.path,
		.done = on_fetched,
		.userdata = d,
	};
	int r;

	if (!keeper_is_quiet(d->keeper, d->entry, d->consumer))
		event_log(&(struct event){ .kind = EVENT_ASKED,
					   .priority = LOG_INFO,
					   .secret = d->entry->policy.name,
					   .consumer = d->consumer,
					   .state = secret_state_name(d->entry->state),
					   .origin = "broker" },
			  "%s '%s': the broker is asked for secret '%s'", d->kind->noun,
			  delivery_target(d), d->entry->policy.name);
	r = watch_fd(d->keeper->loop, d->fd, 0, on_hangup, d, &d->hangup);
	if (r >= 0)
		r = fetch_new(d->keeper->broker, &q, &d->fetch);
	if (r < 0)
		delivery_decline(d, "the broker cannot be asked: %s", strerror(-r));
}

void handover_begin(struct delivery *d)
{
	if (d->origin == ORIGIN_BROKER)
		begin_fetch(d);
	else
		begin_write(d);
}
