/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "agent/place/place.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "ipc/secret-call.h"

static void place_done(struct place *p)
{
	p->bytes = secret_free(p->bytes);
	p->fd = close_fd(p->fd);
	p->folder_fd = close_fd(p->folder_fd);
}

static int answer(int conn, uint16_t type, int error, uint32_t id, const struct cause *why)
{
	struct place_answer a = { .error = error, .id = error < 0 ? 0 : id };

	if (error < 0) {
		log_error("%s", why->text);
		(void)!snprintf(a.reason, sizeof(a.reason), "%.399s", why->text);
		make_printable(a.reason);
	}
	return frame_send(conn, type, 0, &a, sizeof(a), /* pass_fd= */ -EBADF);
}

static int serve_commit(const struct place_ops *ops, int conn, struct place *p)
{
	struct cause why = { "" };
	struct msg_header h;
	int r = frame_recv(conn, &h, NULL, 0, NULL);

	if (r > 0 && (h.type != MSG_PLACE_COMMIT || h.len || h.error))
		r = -EPROTO;
	/* The keeper has thought better of it, or is gone. */
	if (r <= 0) {
		ops->drop(p);
		return r;
	}
	r = ops->commit(p, &why);
	if (r < 0)
		ops->drop(p);
	return answer(conn, MSG_PLACE_COMMIT, r, p->id, &why);
}

static int serve_put(const struct place_ops *ops, int conn, struct place *p)
{
	struct cause why = { "" };
	int r = secret_call_bytes(conn, MSG_PLACE_READ, p->order.len, &p->bytes), err;

	if (r < 0)
		return r;
	r = ops->prepare(p, &why);
	p->bytes = secret_free(p->bytes);
	err = answer(conn, MSG_PLACE_PREPARE, r, p->id, &why);
	return r < 0 || err < 0 ? err : serve_commit(ops, conn, p);
}

static int serve_remove(const struct place_ops *ops, int conn, struct place *p)
{
	struct cause why = { "" };
	int r = ops->remove(p, &why);

	return answer(conn, MSG_PLACE_REMOVE, r, p->order.old, &why);
}

int place_serve(const struct place_ops *ops, int conn, const char *folder)
{
	_cleanup_(place_done) struct place p = {
		.folder = folder,
		.folder_fd = -EBADF,
		.fd = -EBADF,
	};
	struct msg_header h;
	int r = frame_recv(conn, &h, &p.order, sizeof(p.order), NULL);

	if (r <= 0)
		return r;
	if (h.len != sizeof(p.order) || h.error ||
	    !memchr(p.order.name, 0, sizeof(p.order.name)) || ops->check(&p.order) < 0)
		return -EPROTO;
	if (h.type == MSG_PLACE_PREPARE)
		return serve_put(ops, conn, &p);
	return h.type == MSG_PLACE_REMOVE ? serve_remove(ops, conn, &p) : -EPROTO;
}
