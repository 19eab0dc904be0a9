/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/net-talk.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "ipc/client.h"

#define TRY_AGAIN_USEC (50 * UINT64_C(1000))

struct net_talk {
	struct loop *loop;
	const char *path;
	int conn;
	bool asking, over;
	struct net_talk_question q;
	uint8_t *body;			/* a copy of the question's, until it is sent */
	uint8_t *reply;
	int fd;
	struct watch *io, *again, *deadline;
};

static void forget_question(struct net_talk *t)
{
	t->io = watch_free(t->io);
	t->again = watch_free(t->again);
	t->deadline = watch_free(t->deadline);
	t->fd = close_fd(t->fd);
	free(t->body);
	t->body = NULL;
	t->asking = false;
}

/* done() may free @t. */
static void end(struct net_talk *t, const uint8_t *reply, int fd, const char *why)
{
	struct net_talk_question q = t->q;
	_cleanup_(freep) uint8_t *bytes = t->reply;
	_cleanup_(closep) int passed = fd;

	t->reply = NULL;
	forget_question(t);
	if (!reply) {
		t->over = true;
		t->conn = close_fd(t->conn);
	}
	q.done(q.userdata, reply ? bytes : NULL, passed, why);
}

static void end_without(struct net_talk *t, const char *format, ...) _printf_(2, 3);
static void end_without(struct net_talk *t, const char *format, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	end(t, NULL, -EBADF, why);
}

static int on_reply(void *userdata)
{
	struct net_talk *t = userdata;
	int passed = -EBADF, r;
	struct msg_header h;

	r = frame_recv(t->conn, &h, t->reply, t->q.reply_len, &passed);
	if (r == -EAGAIN)
		return 0;
	if (r <= 0) {
		end_without(t, "cocod-net ended without an answer (%s); " NET_ADVICE,
			    r == 0 ? "connection closed" : strerror(-r));
		return 0;
	}
	if (h.type == t->q.type && h.error == 0 && h.len == t->q.reply_len) {
		end(t, t->reply, passed, NULL);
		return 0;
	}
	(void) close_fd(passed);
	if (h.type == t->q.type && h.error < 0)
		end_without(t, "cocod-net could not ask: %s", strerror(-h.error));
	else
		end_without(t, "cocod-net's answer does not have the form of one");
	return 0;
}

static int on_deadline(void *userdata)
{
	struct net_talk *t = userdata;

	if (t->conn < 0)
		end_without(t, "cocod-net cannot be asked: its socket '%s' has a full queue; "
			       NET_ADVICE, t->path);
	else
		end_without(t, "cocod-net did not answer in time; " NET_ADVICE);
	return 0;
}

/* Returns 0; -EAGAIN when the queue of the listener is full; another errno. */
static int try_to_ask(struct net_talk *t)
{
	int r = t->conn < 0 ? client_connect_now(t->path, &t->conn) : 0;

	if (r < 0)
		return r;
	r = frame_send(t->conn, t->q.type, 0, t->q.len ? t->body : NULL, t->q.len, t->fd);
	/* The other end has read all that we sent before, so there is room. */
	if (r == -EAGAIN)
		return -ENOBUFS;
	if (r < 0)
		return r;
	t->fd = close_fd(t->fd);
	return watch_fd(t->loop, t->conn, POLLIN, on_reply, t, &t->io);
}

static int on_again(void *userdata)
{
	struct net_talk *t = userdata;
	int r = try_to_ask(t);

	if (r == -EAGAIN)
		r = watch_again_after(t->again, TRY_AGAIN_USEC);
	if (r < 0)
		end_without(t, "cocod-net cannot be asked: %s; " NET_ADVICE, strerror(-r));
	return 0;
}

static int take_question(struct net_talk *t, const struct net_talk_question *q)
{
	t->q = *q;
	t->q.body = NULL;
	t->reply = calloc(1, q->reply_len + 1);
	t->body = malloc(q->len + 1);
	if (!t->reply || !t->body)
		return -ENOMEM;
	if (q->len > 0)
		memcpy(t->body, q->body, q->len);
	if (q->fd >= 0) {
		t->fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 0);
		if (t->fd < 0)
			return -errno;
	}
	return watch_after(t->loop, q->timeout_usec, on_deadline, t, &t->deadline);
}

int net_talk_ask(struct net_talk *t, const struct net_talk_question *q)
{
	int r;

	if (t->over)
		return -ENOTCONN;
	if (t->asking)
		return -EBUSY;
	r = take_question(t, q);
	/* From the loop, so that done() is never called before this returns. */
	if (r >= 0)
		r = watch_after(t->loop, 0, on_again, t, &t->again);
	if (r < 0) {
		forget_question(t);
		free(t->reply);
		t->reply = NULL;
		return r;
	}
	t->asking = true;
	return 0;
}

int net_talk_new(struct loop *loop, const char *path, struct net_talk **ret)
{
	struct net_talk *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (struct net_talk){ .loop = loop, .path = path, .conn = -EBADF, .fd = -EBADF };
	*ret = t;
	return 0;
}

struct net_talk *net_talk_free(struct net_talk *t)
{
	if (!t)
		return NULL;
	forget_question(t);
	free(t->reply);
	(void) close_fd(t->conn);
	free(t);
	return NULL;
}
