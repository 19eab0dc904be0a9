/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/listen.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/log.h"

#define PAUSE_USEC (1 * UINT64_C(1000000))

struct listener {
	struct listener_setup setup;
	struct watch *io, *timer;
	bool complained;
};

static int try_accept(const struct listener *l)
{
	int conn = accept4(l->setup.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return conn < 0 ? -errno : conn;
}

/* Errors that trying again at once does not cure. */
static bool is_shortage(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS;
}

static void pause_listening(struct listener *l)
{
	/* The timer was made with the listener: now there may be no descriptor left to make one. */
	if (watch_again_after(l->timer, l->setup.pause_usec) >= 0)
		(void) watch_enable(l->io, false);
}

static void complain(struct listener *l, int r)
{
	if (!l->complained)
		(void) log_warning_errno(r,
					 "Nobody new is served on the socket '%s' until there are "
					 "descriptors and memory again: %m",
					 l->setup.name);
	l->complained = true;
	pause_listening(l);
}

static int on_pause_over(void *userdata)
{
	struct listener *l = userdata;

	return watch_enable(l->io, true);
}

static int on_connection(void *userdata)
{
	struct listener *l = userdata;
	int r;

	if (l->setup.has_room && !l->setup.has_room(l->setup.userdata)) {
		pause_listening(l);
		return 0;
	}
	r = try_accept(l);
	if ((r == -EMFILE || r == -ENFILE) && l->setup.make_room &&
	    l->setup.make_room(l->setup.userdata))
		r = try_accept(l);
	if (is_shortage(r)) {
		complain(l, r);
	} else if (r >= 0) {
		l->complained = false;
		l->setup.accept(l->setup.userdata, r);
	} else if (r != -EAGAIN && r != -EINTR && r != -ECONNABORTED) {
		complain(l, r);
	}
	return 0;
}

int listener_new(const struct listener_setup *s, struct listener **ret)
{
	_cleanup_(listener_freep) struct listener *l = calloc(1, sizeof(*l));
	int flags, r;

	if (!l)
		return -ENOMEM;
	l->setup = *s;
	l->setup.pause_usec = s->pause_usec ?: PAUSE_USEC;
	/*
	 * A client that leaves between poll() and accept() must not make us wait for the next
	 * one.
	 */
	flags = fcntl(s->fd, F_GETFL);
	if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	r = watch_fd(s->loop, s->fd, POLLIN, on_connection, l, &l->io);
	if (r >= 0)
		r = watch_after(s->loop, UINT64_MAX, on_pause_over, l, &l->timer);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

struct listener *listener_free(struct listener *l)
{
	if (!l)
		return NULL;
	watch_free(l->io);
	watch_free(l->timer);
	free(l);
	return NULL;
}
