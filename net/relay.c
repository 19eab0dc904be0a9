/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/relay.h"

#include <sys/socket.h>

#include "base/io.h"

#define BUFFER 16384

/* One direction. */
struct way {
	int from, to;
	size_t start, end;	/* of what has been read and not yet been written */
	bool ended;		/* nothing more comes */
	bool passed_on;		/* and the other side knows */
	uint8_t data[BUFFER];
};

struct relay {
	struct way ways[2];	/* from a to b, from b to a */
	bool connected;
};

int relay_new(int a, int b, struct relay **ret)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r) {
		(void) close_fd(a);
		(void) close_fd(b);
		return -ENOMEM;
	}
	r->ways[0].from = r->ways[1].to = a;
	r->ways[0].to = r->ways[1].from = b;
	*ret = r;
	return 0;
}

struct relay *relay_free(struct relay *r)
{
	if (!r)
		return NULL;
	(void) close_fd(r->ways[0].from);
	(void) close_fd(r->ways[0].to);
	free(r);
	return NULL;
}

static short events_of(const struct way *reads, const struct way *writes)
{
	short events = 0;

	if (!reads->ended && reads->start == reads->end)
		events |= POLLIN;
	if (writes->start < writes->end)
		events |= POLLOUT;
	return events;
}

/*
 * poll() always reports the end of a connection.  So a socket of which nothing is wanted is left
 * out, or the caller would be awake all the time.
 */
void relay_wants(const struct relay *r, struct pollfd ret[static 2])
{
	for (size_t i = 0; i < 2; i++) {
		const struct way *reads = &r->ways[i], *writes = &r->ways[1 - i];
		short events = events_of(reads, writes);

		if (!r->connected)
			events = i == 0 ? 0 : POLLOUT;
		ret[i] = (struct pollfd){ .fd = events ? reads->from : -1, .events = events };
	}
}

static int finish_connecting(struct relay *r)
{
	struct pollfd p = { .fd = r->ways[0].to, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	if (getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	if (error)
		return -error;
	r->connected = true;
	return 0;
}

static bool would_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Returns 1 if something was read, 0 if not, or a negative errno. */
static int fill(struct way *w)
{
	ssize_t n;

	if (w->ended || w->start < w->end)
		return 0;
	n = recv(w->from, w->data, sizeof(w->data), 0);
	if (n < 0)
		return would_wait() ? 0 : -errno;
	w->start = 0;
	w->end = (size_t)n;
	w->ended = n == 0;
	return n > 0;
}

/* Returns 0, or a negative errno. */
static int empty(struct way *w)
{
	ssize_t n;

	while (w->start < w->end) {
		n = send(w->to, w->data + w->start, w->end - w->start, MSG_NOSIGNAL);
		if (n < 0)
			return would_wait() ? 0 : -errno;
		w->start += (size_t)n;
	}
	if (w->ended && !w->passed_on) {
		/* Whoever has gone already need not be told. */
		if (shutdown(w->to, SHUT_WR) < 0 && errno != ENOTCONN)
			return -errno;
		w->passed_on = true;
	}
	return 0;
}

/* A side that sends all the time does not keep the other direction waiting. */
static int move_one(struct way *w)
{
	int more, r;

	r = more = fill(w);
	if (r >= 0)
		r = empty(w);
	return r < 0 ? r : more;
}

int relay_move(struct relay *r)
{
	int error;

	if (!r->connected) {
		error = finish_connecting(r);
		if (error < 0)
			return error;
		if (!r->connected)
			return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(r->ways); i++) {
		error = move_one(&r->ways[i]);
		if (error < 0)
			return error;
	}
	return !(r->ways[0].passed_on && r->ways[1].passed_on);
}

bool relay_is_connected(const struct relay *r)
{
	return r->connected;
}
