/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/late.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/keeper/decline.h"
#include "agent/keeper/event.h"
#include "agent/keeper/outcome.h"
#include "agent/status.h"
#include "base/io.h"
#include "base/log.h"

/* Longer answers are cut by systemd, whose limit is LINE_MAX. */
#define ANSWER_MAX 2047

/* The peer is gone, or cocod-key has an answer of a person's. */
static int on_late_exit(void *userdata)
{
	delivery_free(userdata);
	return 0;
}

static int on_late_timer(void *userdata);

static uint64_t pause_usec(const struct delivery *d)
{
	return fetch_spread(d->keeper->late_usec ?: LATE_USEC);
}

static void try_later(struct delivery *d)
{
	if (watch_again_after(d->timer, pause_usec(d)) < 0)
		delivery_free(d);
}

/*
 * "+", the passphrase, NUL.  Without a copy of the key outside locked memory the three are sent as
 * pieces of one datagram.  systemd takes no answer from anybody but root.
 */
static int answer_question(const char *path, const struct secret *key, size_t len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct iovec pieces[] = {
		{ (void *)"+", 1 },
		{ (void *)secret_data(key), len },
		{ (void *)"", 1 },
	};
	struct msghdr m = { .msg_name = &sa, .msg_namelen = sizeof(sa), .msg_iov = pieces,
			    .msg_iovlen = ARRAY_SIZE(pieces) };
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strcpy(sa.sun_path, path);
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Only a text can be typed. */
static int check_key(const struct secret *key, size_t len)
{
	return len == 0 || len > ANSWER_MAX || memchr(secret_data(key), 0, len) ? -EINVAL : 0;
}

static void answer(struct delivery *d, struct secret *key)
{
	size_t len = secret_policy_passphrase_len(&d->entry->policy, key);
	char path[ASK_SOCKET_LEN];
	int r;

	if (check_key(key, len) < 0) {
		log_warning("Volume '%s': secret '%s' came too late and cannot be typed for an "
			    "answer: it has a NUL or is too long. Start the volume's unit again",
			    d->volume, d->entry->policy.name);
		delivery_free(d);
		return;
	}
	r = volume_asks_at(ASK_PASSWORD_DIR, d->pid, path);
	if (r == 0) {
		/* It was answered just now, or is about to ask again. */
		d->fetch = fetch_free(d->fetch);
		try_later(d);
		return;
	}
	/* From here on the secret may open the volume, whatever happens to cocod. */
	if (r > 0)
		r = outcome_offer(d);
	if (r >= 0)
		r = answer_question(path, key, len);
	if (r < 0) {
		delivery_decline(d, "its question for a passphrase cannot be answered with secret "
				    "'%s': %s", d->entry->policy.name, strerror(-r));
		return;
	}
	outcome_suspect(d, "a person may have answered the question for a passphrase first");
	outcome_note(d, DELIVERY_READ);
	event_log_secret(EVENT_DELIVERED, d->entry, d->consumer,
			 "Secret '%s' is delivered to volume '%s', as the answer to its question "
			 "for a passphrase", d->entry->policy.name, d->volume);
	d->offered = false;
	outcome_await_exit(d);
}

static void on_fetched(void *userdata, struct secret *s, const struct fetch_failure *why)
{
	struct delivery *d = userdata;

	if (s && d->entry->state != SECRET_WIPED && d->give_late) {
		d->hangup = watch_free(d->hangup);
		d->timer = watch_free(d->timer);
		d->exit = watch_free(d->exit);
		d->give_late(d, s);
		return;
	}
	if (s && d->entry->state != SECRET_WIPED) {
		answer(d, s);
		secret_free(s);
		return;
	}
	secret_free(s);
	d->fetch = fetch_free(d->fetch);
	if (!why || why->error == NET_SETTINGS) {
		delivery_free(d);
		return;
	}
	/* A person should see a change, and not the same sentence each minute. */
	if (why->error != d->late_error)
		log_warning("Volume '%s' still gets no key: %s", d->volume, why->text);
	d->late_error = why->error;
	try_later(d);
}

static int on_late_timer(void *userdata)
{
	struct delivery *d = userdata;
	const struct fetch_question q = {
		.path = d->entry->policy.path,
		.done = on_fetched,
		.userdata = d,
	};

	if (d->entry->state == SECRET_WIPED || keeper_volume_is_open(d->keeper, d->volume) > 0) {
		delivery_free(d);
		return 0;
	}
	/* It may be about to ask: a peer that is busy with a passphrase ends soon. */
	if (!d->give_late && !volume_asks_passphrase(ASK_PASSWORD_DIR, d->pid))
		try_later(d);
	else if (fetch_new(d->keeper->broker, &q, &d->fetch) < 0)
		try_later(d);
	return 0;
}

/* Returns 0 or a negative errno. */
static int let_ask(struct delivery *d, void (*give)(struct delivery *d, struct secret *key))
{
	if (!d->keeper->initramfs) {
		delivery_let_go(d);
		return 0;
	}
	d->give_late = give;
	if (syscall(SYS_pidfd_send_signal, d->pidfd, LATE_SIGNAL, NULL, 0) < 0)
		return -errno;
	return watch_fd(d->keeper->loop, d->fd, 0, on_late_exit, d, &d->hangup);
}

void late_begin(struct delivery *d, unsigned error, const char *why,
		void (*give)(struct delivery *d, struct secret *key))
{
	int r;

	if (error == NET_SETTINGS || !d->entry || d->pid <= 0 || d->pidfd < 0) {
		delivery_decline(d, "%s", why);
		return;
	}
	event_log(&(struct event){ .kind = EVENT_DENIED,
				   .priority = LOG_WARNING,
				   .secret = d->entry->policy.name,
				   .consumer = d->consumer,
				   .origin = "broker",
				   .reason = why },
		  "Volume '%s' gets no key: %s. The broker is asked again each minute for as "
		  "long as a passphrase is asked for", d->volume, why);
	d->late_error = error;
	d->fetch = fetch_free(d->fetch);
	d->timer = watch_free(d->timer);
	r = let_ask(d, give);
	if (r >= 0)
		r = watch_fd(d->keeper->loop, d->pidfd, POLLIN, on_late_exit, d, &d->exit);
	if (r >= 0)
		r = watch_after(d->keeper->loop, pause_usec(d), on_late_timer, d, &d->timer);
	if (r < 0)
		delivery_free(d);
}
