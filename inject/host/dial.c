/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/host/dial.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/io.h"

#define STAGGER_MSEC 250

/* The addresses that are being tried. */
struct attempts {
	struct pollfd fds[DIAL_ADDRESSES_MAX];	/* -1: has failed */
	unsigned n;
	int error;				/* negative, of the last that failed */
};

/* Returns a socket that is connected or connects, or a negative errno. */
static int begin(const struct addrinfo *a)
{
	_cleanup_(closep) int fd = socket(
		a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);

	if (fd < 0 || (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS))
		return -errno;
	return TAKE_FD(fd);
}

static void add(struct attempts *t, const struct addrinfo *a)
{
	int fd = begin(a);

	if (fd < 0)
		t->error = fd;
	else
		t->fds[t->n++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
}

/* Returns the socket that is connected, or -EAGAIN. */
static int take_answer(struct attempts *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct pollfd *p = &t->fds[i];
		socklen_t len = sizeof(int);
		int error = 0;

		if (p->fd < 0 || !p->revents)
			continue;
		if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			error = errno;
		if (error == 0)
			return TAKE_FD(p->fd);
		t->error = -error;
		p->fd = close_fd(p->fd);
	}
	return -EAGAIN;
}

static bool is_waiting(const struct attempts *t)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->fds[i].fd >= 0)
			return true;
	return false;
}

static int dial_list(struct attempts *t, const struct addrinfo *next, int timeout_msec)
{
	uint64_t now, end = now_usec() + (uint64_t)timeout_msec * 1000;
	int fd, wait;

	while ((now = now_usec()) < end) {
		if (next && t->n < DIAL_ADDRESSES_MAX) {
			add(t, next);
			next = next->ai_next;
		} else if (!is_waiting(t))
			return t->error;
		wait = (int)((end - now) / 1000) + 1;
		if (next && t->n < DIAL_ADDRESSES_MAX)
			wait = is_waiting(t) ? MIN(wait, STAGGER_MSEC) : 0;
		if (poll(t->fds, t->n, wait) < 0 && errno != EINTR)
			return -errno;
		fd = take_answer(t);
		if (fd >= 0)
			return fd;
	}
	return -ETIMEDOUT;
}

int dial(const char *host, const char *port, int timeout_msec, const char **ret_why)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct attempts t = { .error = -EHOSTUNREACH };
	struct addrinfo *list;
	int r;

	r = getaddrinfo(host, port, &hints, &list);
	if (r != 0) {
		*ret_why = gai_strerror(r);
		return -ENXIO;
	}
	r = dial_list(&t, list, timeout_msec);
	freeaddrinfo(list);
	for (unsigned i = 0; i < t.n; i++)
		(void) close_fd(t.fds[i].fd);
	return r;
}
