/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/worker-call.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/io.h"
#include "ipc/client.h"

#define TRY_AGAIN_USEC (50 * UINT64_C(1000))

struct worker_call {
	struct worker_question q;
	struct {
		uint16_t type;
		size_t len;
		int fd;
		uint8_t body[WORKER_BODY_MAX];
	} frames[WORKER_FRAMES_MAX];
	int conn;
	struct watch *io, *again, *deadline;
	uint8_t reply[];	/* of q.reply_len bytes */
};

/* The call ends here: @done may free @c. */
static void end(struct worker_call *c, const void *reply, const char *why)
{
	c->io = watch_free(c->io);
	c->again = watch_free(c->again);
	c->deadline = watch_free(c->deadline);
	c->conn = close_fd(c->conn);
	c->q.done(c->q.userdata, reply, why);
}

static void end_without(struct worker_call *c, const char *format, ...) _printf_(2, 3);
static void end_without(struct worker_call *c, const char *format, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(why, sizeof(why), format, ap);
	va_end(ap);
	end(c, NULL, why);
}

static int on_reply(void *userdata)
{
	struct worker_call *c = userdata;
	struct msg_header h;
	int r;

	r = frame_recv(c->conn, &h, c->reply, c->q.reply_len, NULL);
	if (r == -EAGAIN)
		return 0;
	if (r <= 0)
		end_without(c, "cocod-worker ended without a verdict (%s); %s",
			    r == 0 ? "connection closed" : strerror(-r), c->q.advice);
	else if (h.type == c->frames[c->q.n_frames - 1].type && h.error)
		end_without(c, "cocod-worker could not judge it: %s", strerror(-h.error));
	else if (h.type != c->frames[c->q.n_frames - 1].type || h.len != c->q.reply_len)
		end_without(c, "cocod-worker's answer is not a verdict");
	else
		end(c, c->reply, NULL);
	return 0;
}

static int on_deadline(void *userdata)
{
	struct worker_call *c = userdata;

	if (c->conn < 0)
		end_without(c, "cocod-worker cannot be asked: its socket '%s' has a full queue; %s",
			    c->q.path, c->q.advice);
	else
		end_without(c, "cocod-worker did not answer in time; %s", c->q.advice);
	return 0;
}

static int ask(struct worker_call *c)
{
	int r = 0;

	for (size_t i = 0; i < c->q.n_frames && r >= 0; i++)
		r = frame_send(c->conn, c->frames[i].type, 0,
			       c->frames[i].len ? c->frames[i].body : NULL, c->frames[i].len,
			       c->frames[i].fd);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c->q.n_frames; i++)
		c->frames[i].fd = close_fd(c->frames[i].fd);
	return watch_fd(c->q.loop, c->conn, POLLIN, on_reply, c, &c->io);
}

/* A spare worker may have ended just now: its socket is there still. */
static bool ask_spare(struct worker_call *c)
{
	c->conn = spare_take(c->q.spare);
	if (c->conn >= 0 && ask(c) >= 0)
		return true;
	c->conn = close_fd(c->conn);
	return false;
}

/* Returns 0; -EAGAIN when the queue is full; another errno. */
static int try_to_ask(struct worker_call *c)
{
	int r;

	if (ask_spare(c))
		return 0;
	r = client_connect_now(c->q.path, &c->conn);
	return r < 0 ? r : ask(c);
}

static int on_again(void *userdata)
{
	struct worker_call *c = userdata;
	int r = try_to_ask(c);

	if (r == -EAGAIN && c->conn < 0)
		r = watch_again_after(c->again, TRY_AGAIN_USEC);
	if (r < 0)
		end_without(c, "cocod-worker cannot be asked: %s", strerror(-r));
	return 0;
}

static int take_frames(struct worker_call *c, const struct worker_question *q)
{
	for (size_t i = 0; i < q->n_frames; i++) {
		const struct worker_frame *f = &q->frames[i];

		c->frames[i].type = f->type;
		c->frames[i].len = f->len;
		if (f->len > 0)
			memcpy(c->frames[i].body, f->body, f->len);
		if (f->fd >= 0)
			c->frames[i].fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
		if (f->fd >= 0 && c->frames[i].fd < 0)
			return -errno;
	}
	return 0;
}

int worker_call_new(const struct worker_question *q, struct worker_call **ret)
{
	_cleanup_(worker_call_freep) struct worker_call *c = calloc(1, sizeof(*c) + q->reply_len);
	int r;

	if (!c)
		return -ENOMEM;
	assert(q->n_frames > 0 && q->n_frames <= WORKER_FRAMES_MAX);
	c->q = *q;
	c->conn = -EBADF;
	for (size_t i = 0; i < WORKER_FRAMES_MAX; i++) {
		assert(i >= q->n_frames || q->frames[i].len <= WORKER_BODY_MAX);
		c->frames[i].fd = -EBADF;
	}
	r = take_frames(c, q);
	if (r >= 0)
		r = watch_after(q->loop, q->timeout_usec, on_deadline, c, &c->deadline);
	if (r < 0)
		return r;
	r = try_to_ask(c);
	if (r == -EAGAIN && c->conn < 0)
		r = watch_after(q->loop, TRY_AGAIN_USEC, on_again, c, &c->again);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct worker_call *worker_call_free(struct worker_call *c)
{
	if (!c)
		return NULL;
	watch_free(c->io);
	watch_free(c->again);
	watch_free(c->deadline);
	for (size_t i = 0; i < WORKER_FRAMES_MAX; i++)
		(void) close_fd(c->frames[i].fd);
	(void) close_fd(c->conn);
	free(c);
	return NULL;
}
