/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/rest/rest-ask.h"

#include <poll.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "ipc/secret-call.h"

#define TIMEOUT_USEC (30 * 1000000ULL)

/* Of what the peer may have, so that it may know. */
static int status_of(int r)
{
	switch (r) {
	case -ECANCELED:
		return -ECONNRESET;
	case -EACCES:
	case -ENOKEY:
		return 404;
	case -EKEYREVOKED:
		return 410;
	case -ENODATA:		/* it is empty, and AllowEmpty= is not set */
		return 500;
	default:
		return 503;
	}
}

static int status_of_broker(unsigned error)
{
	switch (error) {
	case NET_ABSENT:
		return 404;
	case NET_EVIDENCE:
	case NET_POLICY:
	case NET_APPROVAL:
	case NET_RELEASED:
	case NET_REBOOTED:
	case NET_REFUSED:
		return 403;
	default:
		return 503;
	}
}

/* Wait for cocod's answer.  Returns 0; -ECANCELED when the peer of @conn does not any more. */
static int wait_for_answer(int fd, int conn)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = conn } };

	while (poll(p, ARRAY_SIZE(p), -1) < 0)
		if (errno != EINTR)
			return -errno;
	return p[0].revents ? 0 : -ECANCELED;
}

/* Have the broker asked.  Returns 0 with the answer in @ret, or a negative errno. */
static int fetch(int fd, int conn, const char *guid, struct msg_fetched *ret)
{
	struct msg_name q = { "" };
	struct msg_header h;
	int r;

	snprintf(q.name, sizeof(q.name), "%s", guid);
	r = frame_send(fd, MSG_SECRET_FETCH, 0, &q, sizeof(q), -EBADF);
	if (r >= 0)
		r = wait_for_answer(fd, conn);
	if (r < 0)
		return r;
	r = frame_recv(fd, &h, ret, sizeof(*ret), NULL);
	if (r <= 0)
		return r < 0 ? r : -EPIPE;
	if (h.error)
		return h.error;
	return h.type == MSG_SECRET_FETCH && h.len == sizeof(*ret) ? 0 : -EPROTO;
}

static int have(int conn, const struct msg_secret *m, struct rest_answer *ret)
{
	struct msg_fetched fetched = { .here = 1 };
	int r = 0;

	if (m->state == SECRET_WIPED)
		return 410;
	if (m->uri[0])
		r = fetch(ret->fd, conn, ret->guid, &fetched);
	if (r >= 0 && fetched.error != NET_OK)
		return status_of_broker(fetched.error);
	if (r >= 0)
		r = fetched.here ? secret_call_read(ret->fd, ret->guid, m->size, &ret->secret) :
				   secret_call_fetched(ret->fd, fetched.len, &ret->secret);
	return r < 0 ? status_of(r) : 200;
}

int rest_ask(const char *socket, int conn, const char *path, struct rest_answer *ret)
{
	struct msg_rest q = { "" };
	struct msg_secret m;
	int r;

	*ret = (struct rest_answer){ .fd = -EBADF };
	r = client_connect(socket, TIMEOUT_USEC, &ret->fd);
	if (r < 0) {
		log_error_errno(r, "Failed to reach cocod on '%s': %m. Is cocod-rest-keeper.socket "
				   "enabled, and cocod running?", socket);
		return 503;
	}
	snprintf(q.path, sizeof(q.path), "%s", path);
	r = client_call(ret->fd, MSG_REST_FIND, &q, sizeof(q), conn, &m, sizeof(m), NULL);
	/* Of cocod itself, not of the peer. */
	if (r < 0)
		return r == -EACCES ? 404 : 503;
	snprintf(ret->guid, sizeof(ret->guid), "%.*s", GUID_TEXT_LEN, m.guid);
	return have(conn, &m, ret);
}

int rest_delivered(const struct rest_answer *a)
{
	struct msg_name q = { "" };

	snprintf(q.name, sizeof(q.name), "%s", a->guid);
	return client_call(a->fd, MSG_SECRET_DELIVERED, &q, sizeof(q), -EBADF, NULL, 0, NULL);
}

void rest_answer_done(struct rest_answer *a)
{
	a->secret = secret_free(a->secret);
	a->fd = close_fd(a->fd);
}
