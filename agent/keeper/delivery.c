/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/delivery.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/systemd.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77		/* Linux 6.5 */
#endif

#define NO_KEY_LEN 40

/* ---- peers that get no key ---- */

/* Returns 0, or a negative errno when it could not be sent. */
static int send_no_key(int fd)
{
	uint8_t bytes[NO_KEY_LEN];

	if (getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != sizeof(bytes))
		return -EAGAIN;
	return send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(bytes) ?
		       0 : -EIO;
}

/* It must not go on, and would if the connection were only closed. */
static void kill_peer(struct delivery *d)
{
	int r = d->pidfd < 0 ? kill(d->pid, SIGKILL) :
			       (int)syscall(SYS_pidfd_send_signal, d->pidfd, SIGKILL, NULL, 0);

	if (r < 0 && errno != ESRCH)
		log_error_errno(errno, "Failed to stop what opens volume '%s': %m", d->volume);
	else
		log_warning("What opens volume '%s' is stopped: without a good header an empty key "
			    "may open it", d->volume);
}

/* systemd has the connection too, so that closing it is not the end of it for the peer. */
static int end_connection(int fd)
{
	if (fd >= 0)
		(void) shutdown(fd, SHUT_RDWR);
	return close_fd(fd);
}

void delivery_let_go(struct delivery *d)
{
	if (d->fd >= 0 && !d->keeper->initramfs && d->pid > 0 && send_no_key(d->fd) < 0)
		kill_peer(d);
	/*
	 * The watches come first: as long as systemd has the connection too the loop would go on to
	 * watch what nobody handles any more, and another connection may get its number.
	 */
	d->io = watch_free(d->io);
	d->hangup = watch_free(d->hangup);
	d->fd = end_connection(d->fd);
}

void delivery_refuse_connection(int fd)
{
	(void) send_no_key(fd);
	(void) end_connection(fd);
}

void delivery_leave_with_systemd(const struct delivery *d, const char *name)
{
	char text[80];
	int r;

	(void) snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
	r = systemd_notify_fds(text, &d->fd, 1);
	if (r < 0)
		log_warning_errno(r, "Failed to leave a connection with systemd, going on: %m");
}

bool delivery_waits(const struct delivery *d)
{
	return d->kind == &consumer_cryptsetup && d->fd >= 0 && d->n_sent == 0 &&
	       !d->keeper->initramfs && d->pid > 0;
}

bool delivery_wants_header(const struct delivery *d)
{
	return keeper_wants_good_header(d->keeper, d->entry);
}

bool delivery_wants_judge(const struct delivery *d)
{
	return d->identified && d->header != HEADER_GOOD && delivery_wants_header(d);
}

/* Close and wipe all but the connection.  Returns the secret, to be settled by the caller. */
static struct store_entry *drop_all(struct delivery *d)
{
	struct store_entry *e = TAKE_PTR(d->entry);

	d->io = watch_free(d->io);
	d->timer = watch_free(d->timer);
	d->exit = watch_free(d->exit);
	d->questions = watch_free(d->questions);
	d->hangup = watch_free(d->hangup);
	d->fetch = fetch_free(d->fetch);
	d->key = secret_free(d->key);
	d->pidfd = close_fd(d->pidfd);
	d->call = worker_call_free(d->call);
	if (e && d->pending)
		e->n_pending--;
	d->pending = d->offered = false;
	return e;
}

void delivery_free(struct delivery *d)
{
	struct keeper *k = d->keeper;
	struct store_entry *e;

	if (delivery_waits(d) && delivery_wants_judge(d))
		kill_peer(d);
	else if (delivery_waits(d))
		delivery_let_go(d);
	e = drop_all(d);
	(void) end_connection(d->fd);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	if (d->header != HEADER_UNKNOWN)
		spare_replace(k->spare);
	free(d);
	if (e)
		keeper_settle(k, e);
}

void delivery_refuse(struct delivery *d)
{
	struct store_entry *e;

	if (!d->kind->refuse || d->fd < 0) {
		delivery_free(d);
		return;
	}
	e = drop_all(d);
	if (e)
		keeper_settle(d->keeper, e);
	d->kind->refuse(d);
}

void delivery_take_entry(struct delivery *d, struct store_entry *e)
{
	d->entry = e;
	d->pending = true;
	e->n_pending++;
}

int delivery_new(struct keeper *k, const struct consumer *kind, int fd, struct delivery **ret)
{
	struct delivery *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct delivery){
		.keeper = k,
		.kind = kind,
		.next = k->deliveries,
		.prev = &k->deliveries,
		.fd = fd,
		.pidfd = -EBADF,
		.looked = { .nsec = ~0ULL },
	};
	if (d->next)
		d->next->prev = &d->next;
	k->deliveries = d;
	*ret = d;
	return 0;
}

int delivery_take_peer(struct delivery *d)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(d->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0)
		return -EACCES;
	d->pid = peer.pid;
	/* Where the kernel can, the process that connected, whoever has its pid by now. */
	len = sizeof(d->pidfd);
	if (getsockopt(d->fd, SOL_SOCKET, SO_PEERPIDFD, &d->pidfd, &len) < 0)
		d->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return 0;
}

/* What waits only for the end of its peer has one descriptor left; what waits for more has two. */
bool delivery_has_room(struct keeper *k, const struct consumer *kind)
{
	unsigned most = 2 * k->room.waiting, n = 0;

	for (const struct delivery *d = k->deliveries; d && n < most; d = d->next)
		if (d->kind == kind)
			n += d->fd >= 0 ? 2 : 1;
	if (n >= most && !k->said_full)
		log_warning("%u deliveries are under way or wait; others wait in their sockets "
			    "until one of these has ended. LimitNOFILE= of cocod.service limits "
			    "them", n);
	k->said_full = n >= most;
	return n < most;
}

/*
 * A person who is asked for a passphrase meanwhile (late.c) may take hours, and a peer may never
 * read what is written: others do not wait for these.
 */
static bool is_active(const struct delivery *d)
{
	return d->fd >= 0 && d->pending && d->n_sent == 0 && !d->give_late;
}

bool delivery_has_turn(struct delivery *d)
{
	unsigned n = 0;

	for (const struct delivery *o = d->keeper->deliveries; o && n < ROOM_ACTIVE; o = o->next)
		n += o != d && is_active(o);
	if (n < ROOM_ACTIVE)
		return true;
	if (!d->queued)
		log_info("%s '%s' waits for its turn: %u others are served now", d->kind->noun,
			 delivery_target(d), n);
	d->queued = true;
	/* How long it waits for a source counts from its turn. */
	d->deadline = delivery_now(d) + d->keeper->config->wait_usec;
	return false;
}

int delivery_scan(struct delivery *d)
{
	bool again = d->scanned;

	d->scanned = true;
	return again ? keeper_poll(d->keeper, delivery_now(d), DELIVERY_POLL_USEC) :
		       keeper_scan(d->keeper);
}

uint64_t delivery_now(const struct delivery *d)
{
	return loop_now(d->keeper->loop);
}

int delivery_start_polling(struct delivery *d, uint64_t usec, watch_call handler)
{
	d->deadline = delivery_now(d) + usec;
	d->timer = watch_free(d->timer);
	return watch_after(d->keeper->loop, 0, handler, d, &d->timer);
}

int delivery_poll_again(struct delivery *d, uint64_t usec)
{
	return watch_again_after(d->timer, usec);
}

const char *delivery_target(const struct delivery *d)
{
	return d->kind == &consumer_credential ? d->unit : d->volume;
}

const char *delivery_peer(const struct delivery *d)
{
	if (d->kind == &consumer_credential)
		return "systemd";
	return d->keeper->initramfs ? "cocod-key" : "systemd-cryptsetup";
}

int delivery_request(const struct delivery *d, struct volume_request *ret)
{
	_cleanup_(freep) char *cmdline = NULL;
	struct volume_request req;
	char path[64];
	size_t len;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)d->pid);
	r = read_file_at(AT_FDCWD, path, 4096, &cmdline, &len);
	if (r >= 0)
		r = volume_request_parse(cmdline, len, &req);
	if (r < 0)
		return r;
	if (!streq(req.volume, d->volume))
		return -EINVAL;
	*ret = req;
	return 0;
}
