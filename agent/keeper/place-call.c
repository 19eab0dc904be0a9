/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/place-call.h"

#include <stdio.h>

#include "base/io.h"
#include "base/text.h"
#include "ipc/client.h"

#define TIMEOUT_USEC (25 * UINT64_C(1000000))
#define TRY_AGAIN_USEC (50 * UINT64_C(1000))

/* Early in the boot, mounts come and go while systemd makes the process's own. */
#define TRIES 3
#define STARTED_AGAIN_USEC (500 * UINT64_C(1000))

struct place_call {
	struct place_question q;
	enum place_stage stage;
	uint16_t type;			/* of the answer that comes next */
	unsigned n_tries;		/* connections */
	bool begun;			/* it has asked for bytes */
	int conn;
	struct watch *io, *start, *deadline;
};

/* The call ends here: done() may free @c. */
static void end(struct place_call *c, int error, const char *why)
{
	c->io = watch_free(c->io);
	c->start = watch_free(c->start);
	c->deadline = watch_free(c->deadline);
	c->conn = close_fd(c->conn);
	c->q.done(c->q.userdata, error, c->stage, why);
}

static void end_errno(struct place_call *c, int error, const char *what)
{
	char why[256];

	(void) snprintf(why, sizeof(why), "%s (%s); " PLACE_ADVICE, what, strerror(-error));
	end(c, error, why);
}

/* Returns 0, or an errno. */
static int send_bytes(struct place_call *c, uint32_t offset)
{
	size_t len = secret_len(c->q.bytes);

	if (offset >= len)
		return -EPROTO;
	return frame_send(c->conn, MSG_PLACE_READ, 0, secret_data(c->q.bytes) + offset,
			  MIN(len - offset, (size_t)MSG_BODY_MAX), -EBADF);
}

static void take_answer(struct place_call *c, struct place_answer *a)
{
	int r;

	a->reason[sizeof(a->reason) - 1] = '\0';
	make_printable(a->reason);
	if (a->error < 0) {
		end(c, MAX(a->error, -4095), a->reason);
		return;
	}
	if (c->type != MSG_PLACE_PREPARE) {
		end(c, 0, NULL);
		return;
	}
	if (c->q.prepared(c->q.userdata, a->id) != 0)
		return;
	c->type = MSG_PLACE_COMMIT;
	c->stage = PLACE_COMMITTED;
	r = frame_send(c->conn, MSG_PLACE_COMMIT, 0, NULL, 0, -EBADF);
	if (r < 0)
		end_errno(c, r, "cocod-place went away");
}

/* True if the process was gone before it did anything, and another is to be started. */
static bool starts_again(struct place_call *c)
{
	if (c->type != MSG_PLACE_PREPARE || c->begun || c->n_tries >= TRIES ||
	    watch_again_after(c->start, STARTED_AGAIN_USEC) < 0)
		return false;
	c->io = watch_free(c->io);
	c->conn = close_fd(c->conn);
	return true;
}

static int on_frame(void *userdata)
{
	struct place_call *c = userdata;
	union {
		struct msg_offset offset;
		struct place_answer answer;
	} body;
	struct msg_header h;
	int r = frame_recv(c->conn, &h, &body, sizeof(body), NULL);

	if (r == -EAGAIN)
		return 0;
	if (r <= 0) {
		if (!starts_again(c))
			end_errno(c, r ?: -ECONNRESET, "cocod-place ended without an answer");
		return 0;
	}
	if (h.type == MSG_PLACE_READ && c->type == MSG_PLACE_PREPARE && c->q.bytes && !h.error &&
	    h.len == sizeof(body.offset)) {
		c->begun = true;
		r = send_bytes(c, body.offset.offset);
		if (r < 0)
			end_errno(c, r, "cocod-place does not take the secret");
	} else if (h.type == c->type && !h.error && h.len == sizeof(body.answer)) {
		take_answer(c, &body.answer);
	} else {
		end_errno(c, -EPROTO, "cocod-place's answer does not have the form of one");
	}
	return 0;
}

static int on_deadline(void *userdata)
{
	end_errno(userdata, -ETIMEDOUT, "cocod-place did not answer in time");
	return 0;
}

/* Returns 0; -EAGAIN when the queue of the listener is full; another errno. */
static int try_to_ask(struct place_call *c)
{
	int r = client_connect_now(c->q.path, &c->conn);

	if (r < 0)
		return r;
	r = frame_send(c->conn, c->type, 0, &c->q.order, sizeof(c->q.order), -EBADF);
	if (r < 0)
		return r == -EAGAIN ? -EPIPE : r;
	c->stage = PLACE_SENT;
	c->n_tries++;
	return watch_fd(c->q.loop, c->conn, POLLIN, on_frame, c, &c->io);
}

static int on_start(void *userdata)
{
	struct place_call *c = userdata;
	int r = try_to_ask(c);

	if (r == -EAGAIN)
		r = watch_again_after(c->start, TRY_AGAIN_USEC);
	if (r < 0)
		end_errno(c, r, "cocod-place cannot be asked");
	return 0;
}

int place_call_new(const struct place_question *q, struct place_call **ret)
{
	_cleanup_(place_call_freep) struct place_call *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->q = *q;
	c->conn = -EBADF;
	c->type = q->bytes ? MSG_PLACE_PREPARE : MSG_PLACE_REMOVE;
	r = watch_after(q->loop, 0, on_start, c, &c->start);
	if (r >= 0)
		r = watch_after(q->loop, TIMEOUT_USEC, on_deadline, c, &c->deadline);
	if (r < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(c);
	return 0;
}

struct place_call *place_call_free(struct place_call *c)
{
	if (!c)
		return NULL;
	watch_free(c->io);
	watch_free(c->start);
	watch_free(c->deadline);
	(void) close_fd(c->conn);
	free(c);
	return NULL;
}
