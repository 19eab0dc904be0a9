/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys for systemd-cryptsetup, and in an initramfs without systemd for cocod-key, which speaks as
 * systemd-cryptsetup does and has its arguments (agent/initramfs/cocod-key.c).
 *
 * systemd-cryptsetup binds its socket to a name that contains the volume, connects, shuts down
 * its sending side, and takes all it reads up to the end as the key (crypttab(5)).  It has no
 * timeout of its own and waits for ever, so every step here has a deadline.  To decline is to send
 * random bytes, never none (delivery_let_go()): then systemd-cryptsetup asks for a passphrase, or
 * fails when the volume is "headless".  Where a header is not known to be good it is killed.
 *
 *	connect -> who is it? -> gate -> a secret for the volume -> the volume's header
 *	  -> (the broker releases it) -> write -> read by the peer: delivered
 *	  -> the peer is gone, the volume is open, and nobody was asked for a passphrase: opened
 *	  -> the peer is gone and the volume is not open, or a person was asked: rejected
 *	  -> the volume is open, but a question may have been missed meanwhile: undecided
 *
 * Each step is noted in the journal before it counts, the first one before the first byte of the
 * key goes out.  After a restart the peer is found again by its pid and its start time.  If the
 * modification time of the directory of questions has not changed since before the key went out,
 * nobody was asked while cocod was away.
 *
 * This file is in agent/, not in secrets/, because it needs the gate, the worker and the store,
 * which only agent/ may join.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/keeper/decline.h"
#include "agent/keeper/event.h"
#include "agent/keeper/handover.h"
#include "agent/keeper/late.h"
#include "agent/keeper/outcome.h"
#include "agent/keeper/peer-unit.h"
#include "agent/keeper/volume-header.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "ipc/client.h"

/* ---- the volume's header, judged by the worker ---- */

static void on_verdict(struct delivery *d, int error, const char *text)
{
	if (error < 0) {
		d->header = HEADER_REFUSED;
		delivery_decline(d, "%s", text);
		return;
	}
	d->header = HEADER_GOOD;
	if (!keeper_is_quiet(d->keeper, d->entry, d->consumer))
		log_info("Volume '%s' has a good header: %s", d->volume, text);
	handover_begin(d);
}

/* ---- the secret ---- */

static bool is_of_broker(const struct store_entry *e)
{
	enum secret_origin o;

	for (unsigned n = 0; secret_policy_origin(&e->policy, n, &o); n++)
		if (o == ORIGIN_BROKER)
			return true;
	return false;
}

/* Returns 1 when the delivery may go on with @e, -1 after declining. */
static int check_entry(struct delivery *d, const struct store_entry *e)
{
	if (d->wanted[0] && !streq(d->wanted, e->policy.name)) {
		delivery_decline(d, "crypttab names secret '%s', and it may have '%s'", d->wanted,
				 e->policy.name);
		return -1;
	}
	if (e->state == SECRET_WIPED) {
		delivery_decline(d, "secret '%s' was wiped after it had served '%s'",
				 e->policy.name, e->delivered_to[0] ? e->delivered_to : "nobody");
		return -1;
	}
	if (keeper_volume_is_open(d->keeper, d->volume) > 0) {
		delivery_decline(d, "it is open already");
		return -1;
	}
	return 1;
}

/* The same as choose_secret(), for a secret that the broker may have. */
static int choose_origin(struct delivery *d, struct store_entry *e)
{
	bool wait;
	int r = check_entry(d, e);

	if (r < 0)
		return r;
	d->n_origin = 0;
	if (handover_take_origin(d, e, &wait)) {
		delivery_take_entry(d, e);
		return 1;
	}
	if (wait)
		return 0;
	delivery_decline(d, "no broker is asked for secret '%s': %s", e->policy.name,
			 keeper_gate_reason(d->keeper, ORIGIN_BROKER));
	return -1;
}

/* Returns 1 when a secret was taken, 0 to wait for a source, -1 after declining. */
static int choose_secret(struct delivery *d)
{
	struct keeper *k = d->keeper;
	struct store_entry *e;
	int found = delivery_scan(d), r;
	const char *why;

	e = store_for_volume(k->store, d->volume);
	if (e && is_of_broker(e))
		return choose_origin(d, e);
	r = keeper_gate(k);
	if (r == 0)
		return 0;	/* the attempt to verify evidence has its own deadline */
	if (r < 0) {
		delivery_decline(d, "the gate is closed: %s", k->gate.reason);
		return -1;
	}
	if (!e && found == -ENOENT && delivery_now(d) < d->deadline)
		return 0;
	why = keeper_ignored_why(k);
	if (!e && why) {
		delivery_decline(d, "no launch secret may go to it; %s", why);
		return -1;
	}
	if (!e) {
		delivery_decline(d, found == -ENOENT ?
					    "there are no launch secrets on this machine (neither "
					    "coco_secret nor efi_secret serves any)" :
					    "no launch secret may go to it; "
					    "see 'cococtl secrets list'");
		return -1;
	}
	r = check_entry(d, e);
	if (r < 0)
		return r;
	d->origin = ORIGIN_LAUNCH;
	delivery_take_entry(d, e);
	return 1;
}

static int on_poll_source(void *userdata)
{
	struct delivery *d = userdata;
	int r = delivery_has_turn(d) ? choose_secret(d) : 0;

	if (r == 0)
		(void) delivery_poll_again(d, DELIVERY_POLL_USEC);
	if (r <= 0)
		return 0;
	d->timer = watch_free(d->timer);
	if (delivery_wants_header(d)) {
		volume_header_judge(d, /* any_token= */ false, on_verdict);
	} else {
		log_warning("Volume '%s' gets secret '%s' though nobody has looked at its header: "
			    "VerifyVolumeHeader=no",
			    d->volume, d->entry->policy.name);
		handover_begin(d);
	}
	return 0;
}

/* ---- the key ---- */

static void volume_taken(struct delivery *d)
{
	d->again = keeper_deliver(d->keeper, d->entry, d->consumer, DELIVERY_READ,
				  "Secret '%s' is delivered to volume '%s', from source '%s'",
				  d->entry->policy.name, d->volume, d->entry->source->name);
	d->offered = false;
	outcome_await(d);
}

static void volume_not_released(struct delivery *d, unsigned error, const char *why)
{
	late_begin(d, error, why, handover_give);
}

const struct consumer consumer_cryptsetup = {
	.noun = "Volume",
	.what = "key",
	.payload_len = secret_policy_passphrase_len,
	.offer = outcome_offer,
	.taken = volume_taken,
	.not_released = volume_not_released,
};

/* ---- who is it ---- */

/* Is it the unit systemd-cryptsetup@.service of the volume? */
static int identify_unit(struct delivery *d)
{
	char unit[UNIT_NAME_MAX + 1];

	if (peer_unit(d->pid, unit) < 0 || !cryptsetup_unit_is_for(unit, d->volume))
		return -EACCES;
	return 0;
}

/* Is it cocod-key, by its arguments?  It may name the secret that the volume is to get. */
static int identify_key(struct delivery *d)
{
	struct volume_request req;
	int r = delivery_request(d, &req);

	if (r < 0)
		return r;
	if (!streq(req.key, "none") && !streq(req.key, "-"))
		strcpy(d->wanted, req.key);
	return 0;
}

/* Find out who connected.  Returns 0, or a negative errno with the reason in @ret_why. */
static int identify(struct delivery *d, const char **ret_why)
{
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);

	*ret_why = "it is not named as systemd-cryptsetup names its sockets";
	if (getpeername(d->fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	if (len < offsetof(struct sockaddr_un, sun_path) ||
	    cryptsetup_peer_parse(sa.sun_path, len - offsetof(struct sockaddr_un, sun_path),
				  d->volume) < 0)
		return -EACCES;
	if (!volume_name_is_valid(d->volume))
		return -EACCES;
	snprintf(d->consumer, sizeof(d->consumer), CONSUMER_CRYPTSETUP ":%s", d->volume);

	*ret_why = "it is not root";
	if (delivery_take_peer(d) < 0)
		return -EACCES;

	if (d->keeper->initramfs) {
		*ret_why = "its arguments are not those of cocod-key for that volume";
		return identify_key(d);
	}
	*ret_why = "it is not the unit systemd-cryptsetup@.service of that volume; start that unit "
		   "instead of attaching by hand";
	return identify_unit(d);
}

bool cryptsetup_has_room(void *userdata)
{
	return delivery_has_room(userdata, &consumer_cryptsetup);
}

void on_cryptsetup_connection(void *userdata, int conn)
{
	struct keeper *k = userdata;
	struct delivery *d;
	const char *why;

	if (delivery_new(k, &consumer_cryptsetup, conn, &d) < 0) {
		delivery_refuse_connection(conn);
		return;
	}
	if (identify(d, &why) < 0) {
		event_log(&(struct event){ .kind = EVENT_DENIED,
					   .priority = LOG_WARNING,
					   .consumer = d->consumer,
					   .reason = why },
			  "A connection on the cryptsetup socket is refused: %s%s%s%s", why,
			  d->volume[0] ? " (volume '" : "", d->volume, d->volume[0] ? "')" : "");
		delivery_free(d);
		return;
	}
	d->identified = true;
	if (!k->initramfs)
		delivery_leave_with_systemd(d, CRYPTSETUP_STORED);
	if (!keeper_is_quiet(k, store_for_volume(k->store, d->volume), d->consumer))
		event_log(&(struct event){ .kind = EVENT_ASKED,
					   .priority = LOG_INFO,
					   .secret = d->wanted,
					   .consumer = d->consumer },
			  "Volume '%s' asks for its key", d->volume);
	if (delivery_start_polling(d, k->config->wait_usec, on_poll_source) < 0)
		delivery_decline(d, "out of memory");
}

/* The delivery to the peer of @conn, or NULL. */
static const struct delivery *find_delivery(const struct keeper *k, int conn)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return NULL;
	for (const struct delivery *d = k->deliveries; d; d = d->next)
		if (d->pid == peer.pid)
			return d;
	return NULL;
}

void cryptsetup_take_back(struct keeper *k, int conn)
{
	const struct delivery *d = find_delivery(k, conn);

	/*
	 * The journal says that its key was on the way, so that it may have some of it.  What was
	 * sent to its end has been shut down, and cannot be spoilt.
	 */
	if (d && d->fd < 0)
		delivery_refuse_connection(conn);
	else if (d)
		(void) close_fd(conn);	/* left with systemd twice */
	else
		on_cryptsetup_connection(k, conn);
}

void cryptsetup_stop(struct keeper *k)
{
	while (k->deliveries) {
		struct delivery *d = k->deliveries;

		if (d->kind->stop)
			d->kind->stop(d);
		delivery_free(d);
	}
}
