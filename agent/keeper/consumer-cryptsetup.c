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
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "agent/keeper/decline.h"
#include "agent/keeper/late.h"
#include "agent/keeper/outcome.h"
#include "agent/keeper/volume-header.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "ipc/client.h"

#define MAX_DELIVERIES 64
#define POLL_SOURCE_USEC (250 * USEC_PER_MSEC)
#define POLL_READ_USEC (2 * USEC_PER_MSEC)

/* ---- writing the key ---- */

static void end_delivered(struct delivery *d)
{
	struct store_entry *e = d->entry;

	d->key = secret_free(d->key);
	d->fd = close_fd(d->fd);
	log_notice("Secret '%s' is delivered to volume '%s', from source '%s'", e->policy.name,
		   d->volume, e->source->name);
	outcome_note(d, DELIVERY_READ);
	d->offered = false;
	outcome_await(d);
}

/* The whole key is written.  Has the peer taken it out of the socket? */
static int on_poll_read(sd_event_source *s, uint64_t usec, void *userdata)
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
		end_delivered(d);
	else if (delivery_now(d) >= d->deadline)
		delivery_decline(d, "%s did not read it in time; the secret is kept",
				 delivery_peer(d));
	else
		(void) delivery_poll_again(d, POLL_READ_USEC);
	return 0;
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int on_write_timeout(sd_event_source *s, uint64_t usec, void *userdata)
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
				r = sd_event_add_io(d->keeper->event, &d->io, d->fd, EPOLLOUT,
						    on_writable, d);
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
	d->io = sd_event_source_disable_unref(d->io);
	d->key = secret_free(d->key);
	(void) shutdown(d->fd, SHUT_WR);
	if (delivery_start_polling(d, d->keeper->config->read_usec, on_poll_read) < 0)
		delivery_decline(d, "out of memory");
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
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
		r = outcome_offer(d);
	if (r >= 0)
		r = sd_event_add_time_relative(d->keeper->event, &d->timer, CLOCK_MONOTONIC,
					       d->keeper->config->read_usec, 0, on_write_timeout,
					       d);
	if (r < 0) {
		delivery_decline(d, "secret '%s' cannot be read: %s", d->entry->policy.name,
				 strerror(-r));
		return;
	}
	d->key_len = secret_policy_passphrase_len(&d->entry->policy, d->key);
	if (d->key_len == 0)
		delivery_decline(d, "secret '%s' is empty", d->entry->policy.name);
	else
		write_key(d);
}

/* ---- the broker ---- */

static bool take_origin(struct delivery *d, struct store_entry *e, bool *ret_wait);
static void begin_key(struct delivery *d);

static void give_fetched(struct delivery *d, struct secret *key)
{
	d->key = key;
	begin_write(d);
}

static void on_fetched(void *userdata, struct secret *s, const struct fetch_failure *why)
{
	struct delivery *d = userdata;
	bool wait;

	d->hangup = sd_event_source_disable_unref(d->hangup);
	if (s && d->entry->state == SECRET_WIPED) {
		secret_free(s);
		delivery_decline(d, "secret '%s' was wiped while the broker was asked",
				 d->entry->policy.name);
		return;
	}
	if (s) {
		give_fetched(d, s);
		return;
	}
	d->fetch = fetch_free(d->fetch);
	d->n_origin++;
	/* The owner may have named a launch secret as second choice. */
	if (take_origin(d, d->entry, &wait)) {
		log_warning("Volume '%s': %s; trying the launch secret", d->volume, why->text);
		begin_key(d);
	} else {
		late_begin(d, why->error, why->text, give_fetched);
	}
}

/* systemd-cryptsetup only reads, so that a hangup is the end of it. */
static int on_hangup(sd_event_source *s, int fd, uint32_t revents, void *userdata)
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

	log_info("Volume '%s': the broker is asked for secret '%s'", d->volume,
		 d->entry->policy.name);
	r = sd_event_add_io(d->keeper->event, &d->hangup, d->fd, 0, on_hangup, d);
	if (r >= 0)
		r = fetch_new(d->keeper->broker, &q, &d->fetch);
	if (r < 0)
		delivery_decline(d, "the broker cannot be asked: %s", strerror(-r));
}

/* Where the key comes from is chosen, and its header is good or not to be looked at. */
static void begin_key(struct delivery *d)
{
	if (d->origin == ORIGIN_BROKER)
		begin_fetch(d);
	else
		begin_write(d);
}

/* ---- the volume's header, judged by the worker ---- */

static void on_verdict(struct delivery *d, int error, const char *text)
{
	if (error < 0) {
		d->header = HEADER_REFUSED;
		delivery_decline(d, "%s", text);
		return;
	}
	d->header = HEADER_GOOD;
	log_info("Volume '%s' has a good header: %s", d->volume, text);
	begin_key(d);
}

/* ---- the secret ---- */

/*
 * Choose the next origin of @e, from d->n_origin on, whose gate is open: the broker's own for a
 * secret of the broker's.  Returns false when there is none; with @ret_wait the gate of a launch
 * secret may open soon.
 */
static bool take_origin(struct delivery *d, struct store_entry *e, bool *ret_wait)
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
	if (volume_is_open("/sys", d->volume) > 0) {
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
	if (take_origin(d, e, &wait)) {
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
	const char *why;
	int r;

	(void) keeper_scan(k);
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
	r = keeper_scan(k);
	e = store_for_volume(k->store, d->volume);
	if (!e && r == -ENOENT && delivery_now(d) < d->deadline)
		return 0;
	why = keeper_ignored_why(k);
	if (!e && why) {
		delivery_decline(d, "no launch secret may go to it; %s", why);
		return -1;
	}
	if (!e) {
		delivery_decline(d, r == -ENOENT ?
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

static int on_poll_source(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct delivery *d = userdata;
	int r = choose_secret(d);

	if (r == 0)
		(void) delivery_poll_again(d, POLL_SOURCE_USEC);
	if (r <= 0)
		return 0;
	d->timer = sd_event_source_disable_unref(d->timer);
	if (delivery_wants_header(d)) {
		volume_header_judge(d, /* any_token= */ false, on_verdict);
	} else {
		log_warning("Volume '%s' gets secret '%s' though nobody has looked at its header: "
			    "VerifyVolumeHeader=no",
			    d->volume, d->entry->policy.name);
		begin_key(d);
	}
	return 0;
}

/* ---- who is it ---- */

/* Is it the unit systemd-cryptsetup@.service of the volume? */
static int identify_unit(struct delivery *d)
{
	char *unit = NULL;
	bool ours;

	if (sd_pid_get_unit(d->pid, &unit) < 0)
		return -EACCES;
	ours = cryptsetup_unit_is_for(unit, d->volume);
	free(unit);
	return ours ? 0 : -EACCES;
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
	struct ucred peer;

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
	len = sizeof(peer);
	if (getsockopt(d->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0)
		return -EACCES;
	d->pid = peer.pid;
	d->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);

	if (d->keeper->initramfs) {
		*ret_why = "its arguments are not those of cocod-key for that volume";
		return identify_key(d);
	}
	*ret_why = "it is not the unit systemd-cryptsetup@.service of that volume; start that unit "
		   "instead of attaching by hand";
	return identify_unit(d);
}

/*
 * systemd keeps the connection, too.  If cocod dies, it does not end, which systemd-cryptsetup
 * would take for an empty key, and the next cocod gets it; see cryptsetup_take_back().  systemd
 * drops it when the peer or we have ended it.
 */
static void leave_with_systemd(int conn)
{
	int r = sd_pid_notify_with_fds(0, /* unset_environment= */ false,
				       "FDSTORE=1\nFDNAME=" CRYPTSETUP_STORED, &conn, 1);

	if (r < 0)
		log_warning_errno(r, "Failed to leave a connection with systemd, going on: %m");
}

void on_cryptsetup_connection(void *userdata, int conn)
{
	struct keeper *k = userdata;
	struct delivery *d;
	const char *why;

	if (k->n_deliveries >= MAX_DELIVERIES) {
		log_warning("More than %d volumes ask at once, declining another", MAX_DELIVERIES);
		delivery_refuse_connection(conn);
		return;
	}
	if (delivery_new(k, conn, &d) < 0) {
		delivery_refuse_connection(conn);
		return;
	}
	if (identify(d, &why) < 0) {
		log_warning("A connection on the cryptsetup socket is refused: %s%s%s%s", why,
			    d->volume[0] ? " (volume '" : "", d->volume, d->volume[0] ? "')" : "");
		delivery_free(d);
		return;
	}
	d->identified = true;
	if (!k->initramfs)
		leave_with_systemd(conn);
	log_info("Volume '%s' asks for its key", d->volume);
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
	while (k->deliveries)
		delivery_free(k->deliveries);
}
