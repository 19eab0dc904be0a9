/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys for systemd-cryptsetup.
 *
 * It binds its socket to a name that has the volume in it, connects, shuts down its sending
 * side, and takes what it reads up to the end as the key (crypttab(5)).  It has no timeout of
 * its own and waits for ever; so every step here has a deadline, and to decline is to close
 * without a byte: then it asks for a passphrase, or fails when the volume is "headless".
 *
 *	connect -> who is it? -> gate -> a secret for the volume -> the volume's header -> write -> read by the peer: delivered
 *		-> the peer is gone and the volume is open: confirmed		-> ... is not open, or a person is asked: kept
 *
 * This stands in agent/, not in secrets/: it needs the gate, the worker and the store, which
 * only agent/ may join.
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

#include "agent/keeper.h"
#include "agent/volume.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/client.h"

#define MAX_DELIVERIES 64
#define POLL_SOURCE_USEC (250 * USEC_PER_MSEC)
#define POLL_READ_USEC (2 * USEC_PER_MSEC)
#define POLL_OUTCOME_USEC (200 * USEC_PER_MSEC)
#define VERDICT_USEC (15 * USEC_PER_SEC)
#define RESUME_USEC (120 * USEC_PER_SEC)
#define ASK_PASSWORD_DIR "/run/systemd/ask-password"

struct delivery {
	struct delivery *next, **prev;	/* in the keeper's list */
	struct keeper *keeper;
	char volume[VOLUME_NAME_MAX + 1];
	char consumer[sizeof(CONSUMER_CRYPTSETUP) + 1 + VOLUME_NAME_MAX];
	int fd;				/* the connection */
	pid_t pid;			/* 0 after a restart of ours: the peer is unknown */
	int pidfd;
	int worker_fd;
	struct store_entry *entry;	/* counted in its n_pending */
	struct secret *key;
	size_t key_len, n_sent;
	uint64_t deadline;		/* CLOCK_MONOTONIC, of the step at hand */
	sd_event_source *io, *timer, *exit;
};

static void delivery_free(struct delivery *d)
{
	struct store_entry *e = d->entry;
	struct keeper *k = d->keeper;

	sd_event_source_disable_unref(d->io);
	sd_event_source_disable_unref(d->timer);
	sd_event_source_disable_unref(d->exit);
	secret_free(d->key);
	(void) close_fd(d->fd);
	(void) close_fd(d->pidfd);
	(void) close_fd(d->worker_fd);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d);
	k->n_deliveries--;
	if (e) {
		e->n_pending--;
		keeper_settle(k, e);
	}
}

static int delivery_new(struct keeper *k, int fd, struct delivery **ret)
{
	struct delivery *d = malloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	*d = (struct delivery){
		.keeper = k,
		.next = k->deliveries,
		.prev = &k->deliveries,
		.fd = fd,
		.pidfd = -EBADF,
		.worker_fd = -EBADF,
	};
	if (d->next)
		d->next->prev = &d->next;
	k->deliveries = d;
	k->n_deliveries++;
	*ret = d;
	return 0;
}

static uint64_t now(const struct delivery *d)
{
	uint64_t usec = 0;

	(void) sd_event_now(d->keeper->event, CLOCK_MONOTONIC, &usec);
	return usec;
}

/* The end without a key: say why, and close. */
static void decline(struct delivery *d, const char *format, ...) _printf_(2, 3);
static void decline(struct delivery *d, const char *format, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	log_warning("Volume '%s' gets no key: %s", d->volume, why);
	delivery_free(d);
}

/*
 * Call @handler at once and then whenever it has set the timer again; the deadline is @usec
 * from now.
 */
static int start_polling(struct delivery *d, uint64_t usec, sd_event_time_handler_t handler)
{
	d->deadline = now(d) + usec;
	d->timer = sd_event_source_disable_unref(d->timer);
	return sd_event_add_time_relative(d->keeper->event, &d->timer, CLOCK_MONOTONIC, 0, 1,
					  handler, d);
}

static int poll_again(struct delivery *d, uint64_t usec)
{
	int r = sd_event_source_set_time_relative(d->timer, usec);

	return r < 0 ? r : sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

/* ---- the outcome ---- */

static void end_rejected(struct delivery *d, const char *how)
{
	log_warning("Volume '%s' did not open with secret '%s' (%s): the secret is kept; compare it with the volume's passphrase",
		    d->volume, d->entry->policy.name, how);
	if (store_reject(d->keeper->store, d->entry) < 0)
		log_warning("Failed to note that in the journal, ignoring");
	delivery_free(d);
}

/* Once the peer is gone the volume is open or it is not.  delivery_free() settles what follows. */
static void end_outcome(struct delivery *d)
{
	if (volume_is_open("/sys", d->volume) > 0)
		delivery_free(d);
	else
		end_rejected(d, "systemd-cryptsetup ended without it");
}

static int on_peer_exit(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	end_outcome(userdata);
	return 0;
}

static int on_poll_outcome(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct delivery *d = userdata;

	if (d->pid == 0) {
		/*
		 * After a restart: only the volume itself can tell, and only its being there is
		 * an answer.
		 */
		if (volume_is_open("/sys", d->volume) > 0 || now(d) >= d->deadline) {
			delivery_free(d);
			return 0;
		}
	} else if (volume_asks_passphrase(ASK_PASSWORD_DIR, d->pid)) {
		/*
		 * What is typed now may open the volume, and would prove nothing about the
		 * secret.
		 */
		end_rejected(d, "systemd-cryptsetup asks for a passphrase instead");
		return 0;
	}
	(void) poll_again(d, POLL_OUTCOME_USEC);
	return 0;
}

static void await_outcome(struct delivery *d)
{
	int r;

	if (d->pid != 0 && d->pidfd < 0) {
		end_outcome(d);		/* it was gone before we could hold on to it */
		return;
	}
	r = start_polling(d, RESUME_USEC, on_poll_outcome);
	if (r >= 0 && d->pidfd >= 0)
		r = sd_event_add_io(d->keeper->event, &d->exit, d->pidfd, EPOLLIN, on_peer_exit, d);
	if (r < 0) {
		log_warning_errno(r,
				  "Failed to watch for volume '%s', its secret stays until it is wiped by hand: %m",
				  d->volume);
		delivery_free(d);
	}
}

/* ---- writing the key ---- */

static void end_delivered(struct delivery *d)
{
	struct store_entry *e = d->entry;

	d->key = secret_free(d->key);
	d->fd = close_fd(d->fd);
	log_notice("Secret '%s' is delivered to volume '%s'", e->policy.name, d->volume);
	keeper_advance(d->keeper, e, SECRET_DELIVERED, d->consumer);
	await_outcome(d);
}

/* All is written, and the end: has the peer taken it out of the socket? */
static int on_poll_read(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct delivery *d = userdata;
	int unread = -1, error = 0;
	socklen_t len = sizeof(error);

	if (ioctl(d->fd, SIOCOUTQ, &unread) < 0 ||
	    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	/*
	 * A peer that closes with bytes unread leaves ECONNRESET and an empty queue: look at
	 * the error first.
	 */
	if (error)
		decline(d,
			"systemd-cryptsetup went away before it had read it (%s); the secret is kept",
			strerror(error));
	else if (unread == 0)
		end_delivered(d);
	else if (now(d) >= d->deadline)
		decline(d, "systemd-cryptsetup did not read it in time; the secret is kept");
	else
		(void) poll_again(d, POLL_READ_USEC);
	return 0;
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static int on_write_timeout(sd_event_source *s, uint64_t usec, void *userdata)
{
	decline(userdata, "systemd-cryptsetup did not read it in time; the secret is kept");
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
				decline(d, "out of memory");
			return;
		}
		if (n < 0) {
			decline(d,
				"systemd-cryptsetup went away in the middle (%m); the secret is kept");
			return;
		}
		d->n_sent += (size_t)n;
	}
	d->io = sd_event_source_disable_unref(d->io);
	d->key = secret_free(d->key);
	(void) shutdown(d->fd, SHUT_WR);
	if (start_polling(d, d->keeper->config->read_usec, on_poll_read) < 0)
		decline(d, "out of memory");
}

static int on_writable(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	write_key(userdata);
	return 0;
}

static void begin_write(struct delivery *d)
{
	int r;

	r = store_read(d->entry, &d->key);
	if (r >= 0)
		r = sd_event_add_time_relative(d->keeper->event, &d->timer, CLOCK_MONOTONIC,
					       d->keeper->config->read_usec, 0, on_write_timeout, d);
	if (r < 0) {
		decline(d, "secret '%s' cannot be read: %s", d->entry->policy.name, strerror(-r));
		return;
	}
	d->key_len = policy_passphrase_len(&d->entry->policy, d->key);
	write_key(d);
}

/* ---- the volume's header, judged by the worker ---- */

static int on_verdict_timeout(sd_event_source *s, uint64_t usec, void *userdata)
{
	decline(userdata,
		"cocod-worker did not judge its header in time; " WORKER_LUKS_ADVICE);
	return 0;
}

static int on_verdict(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct delivery *d = userdata;
	struct luks_verdict v;
	struct msg_header h;
	int r;

	r = frame_recv(d->worker_fd, &h, &v, sizeof(v), NULL);
	d->io = sd_event_source_disable_unref(d->io);
	d->timer = sd_event_source_disable_unref(d->timer);
	d->worker_fd = close_fd(d->worker_fd);
	/*
	 * The worker has read what a hostile host wrote: what it says is believed no further
	 * than its form.
	 */
	if (r <= 0 || h.type != MSG_LUKS_CHECK || h.error || h.len != sizeof(v) ||
	    !memchr(v.reason, 0, sizeof(v.reason))) {
		decline(d,
			"cocod-worker could not judge its header; " WORKER_LUKS_ADVICE);
		return 0;
	}
	make_printable(v.reason);
	if (v.error) {
		decline(d, "its header is refused: %s", v.reason);
		return 0;
	}
	log_info("Volume '%s' has a good header: %s", d->volume, v.reason);
	begin_write(d);
	return 0;
}

/*
 * The device and its header are the host's to change until cryptsetup reads them; the manual
 * says what this check is good for.
 */
static int open_header(struct delivery *d, int *ret_fd)
{
	_cleanup_(closep) int fd = -EBADF;
	_cleanup_(freep) char *cmdline = NULL;
	struct volume_request req;
	char path[64];
	struct stat st;
	size_t len;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)d->pid);
	r = read_file_at(AT_FDCWD, path, 4096, &cmdline, &len);
	if (r < 0)
		return r;
	r = volume_request_parse(cmdline, len, &req);
	if (r < 0)
		return r;
	if (!streq(req.volume, d->volume))
		return -EINVAL;
	fd = open(req.device, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTBLK;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static void begin_header(struct delivery *d)
{
	_cleanup_(closep) int header = -EBADF;
	int r;

	r = open_header(d, &header);
	if (r < 0) {
		decline(d, "the device of its header cannot be opened: %s", strerror(-r));
		return;
	}
	r = client_connect(WORKER_LUKS_SOCKET, VERDICT_USEC, &d->worker_fd);
	if (r >= 0)
		r = frame_send(d->worker_fd, MSG_LUKS_CHECK, 0, NULL, 0, header);
	if (r >= 0)
		r = sd_event_add_io(d->keeper->event, &d->io, d->worker_fd, EPOLLIN, on_verdict, d);
	if (r >= 0)
		r = sd_event_add_time_relative(d->keeper->event, &d->timer, CLOCK_MONOTONIC,
					       VERDICT_USEC, 0, on_verdict_timeout, d);
	if (r < 0)
		decline(d, "cocod-worker cannot be asked about its header: %s", strerror(-r));
}

/* ---- the secret ---- */

/* Returns 1 when a secret was taken, 0 to wait for a source, -1 after declining. */
static int choose_secret(struct delivery *d)
{
	struct keeper *k = d->keeper;
	struct store_entry *e;
	int r;

	r = keeper_gate(k);
	if (r == 0)
		return 0;	/* this has a deadline of its own */
	if (r < 0) {
		decline(d, "the gate is closed: %s", k->gate.reason);
		return -1;
	}
	r = keeper_scan(k);
	e = store_for_volume(k->store, d->volume);
	if (!e && r == -ENOENT && now(d) < d->deadline)
		return 0;
	if (!e) {
		decline(d,
			r == -ENOENT ?
				"there are no launch secrets on this machine (neither coco_secret nor efi_secret serves any)" :
				"no launch secret may go to it; see 'cococtl secrets list'");
		return -1;
	}
	if (e->state == SECRET_WIPED) {
		decline(d, "secret '%s' was wiped after it had served '%s'", e->policy.name,
			e->delivered_to[0] ? e->delivered_to : "nobody");
		return -1;
	}
	if (volume_is_open("/sys", d->volume) > 0) {
		decline(d, "it is open already");
		return -1;
	}
	d->entry = e;
	e->n_pending++;
	return 1;
}

static int on_poll_source(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct delivery *d = userdata;
	int r = choose_secret(d);

	if (r == 0)
		(void) poll_again(d, POLL_SOURCE_USEC);
	if (r <= 0)
		return 0;
	d->timer = sd_event_source_disable_unref(d->timer);
	if (d->keeper->config->verify_header)
		begin_header(d);
	else
		begin_write(d);
	return 0;
}

/* ---- who is it ---- */

/* Fills in who connected.  Returns 0, or a negative errno and why in @ret_why. */
static int identify(struct delivery *d, const char **ret_why)
{
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);
	struct ucred peer;
	char *unit = NULL;
	bool ours;

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

	*ret_why = "it is not the unit systemd-cryptsetup@.service of that volume; start that unit instead of attaching by hand";
	if (sd_pid_get_unit(peer.pid, &unit) < 0)
		return -EACCES;
	ours = cryptsetup_unit_is_for(unit, d->volume);
	free(unit);
	return ours ? 0 : -EACCES;
}

int on_cryptsetup_connection(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct keeper *k = userdata;
	struct delivery *d;
	const char *why;
	int conn;

	conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0)
		return 0;
	if (k->n_deliveries >= MAX_DELIVERIES) {
		log_warning("More than %d volumes ask at once, declining another", MAX_DELIVERIES);
		(void) close_fd(conn);
		return 0;
	}
	if (delivery_new(k, conn, &d) < 0) {
		(void) close_fd(conn);
		return 0;
	}
	if (identify(d, &why) < 0) {
		log_warning("A connection on the cryptsetup socket is refused: %s%s%s%s", why,
			    d->volume[0] ? " (volume '" : "", d->volume, d->volume[0] ? "')" : "");
		delivery_free(d);
		return 0;
	}
	log_info("Volume '%s' asks for its key", d->volume);
	if (start_polling(d, k->config->wait_usec, on_poll_source) < 0)
		decline(d, "out of memory");
	return 0;
}

void cryptsetup_resume(struct keeper *k)
{
	struct store_entry *e;

	for (size_t i = 0; (e = store_get(k->store, i)); i++) {
		const char *volume = startswith(e->delivered_to, CONSUMER_CRYPTSETUP ":");
		struct delivery *d;

		if (e->state != SECRET_DELIVERED || !volume || strlen(volume) > VOLUME_NAME_MAX ||
		    e->rejected)
			continue;
		if (delivery_new(k, -EBADF, &d) < 0)
			return;
		strcpy(d->volume, volume);
		d->entry = e;
		e->n_pending++;
		await_outcome(d);
	}
}

void cryptsetup_stop(struct keeper *k)
{
	while (k->deliveries)
		delivery_free(k->deliveries);
}
