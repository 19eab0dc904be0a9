/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process of cocod-place and its keeper, for test-place-key and test-place-file. */
#ifndef COCO_TESTS_UNIT_PLACE_RUN_H
#define COCO_TESTS_UNIT_PLACE_RUN_H

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/place/place.h"
#include "ipc/frame.h"

struct placer {
	int conn;
	pid_t pid;
};

static void placer_start(const struct place_ops *ops, const char *folder, struct placer *ret)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	ret->conn = pair[0];
	ret->pid = fork();
	assert_true(ret->pid >= 0);
	if (ret->pid == 0) {
		close(pair[0]);
		(void) close(STDERR_FILENO);
		_exit(place_serve(ops, pair[1], folder) == 0 ? 0 : 7);
	}
	close(pair[1]);
}

/* Returns its exit status. */
static int placer_end(struct placer *p)
{
	int status;

	close(p->conn);
	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void placer_send(const struct placer *p, uint16_t type, const void *body, size_t len)
{
	assert_int_equal(frame_send(p->conn, type, 0, body, len, -EBADF), 0);
}

/* Serves its questions for the bytes, and takes its answer to the request of @type. */
static void placer_take(const struct placer *p, uint16_t type, const void *bytes, size_t len,
			struct place_answer *ret)
{
	union {
		struct msg_offset offset;
		struct place_answer answer;
	} body;
	struct msg_header h;

	for (;;) {
		assert_int_equal(frame_recv(p->conn, &h, &body, sizeof(body), NULL), 1);
		if (h.type != MSG_PLACE_READ)
			break;
		assert_int_equal(h.len, sizeof(body.offset));
		assert_true(body.offset.offset < len);
		placer_send(p, MSG_PLACE_READ, (const uint8_t *)bytes + body.offset.offset,
			    MIN(len - body.offset.offset, (size_t)MSG_BODY_MAX));
	}
	assert_int_equal(h.type, type);
	assert_int_equal(h.len, sizeof(body.answer));
	*ret = body.answer;
}

/* Returns the answer's error; what was prepared appears with @commit. */
static int placer_put(const struct place_ops *ops, const char *folder,
		      const struct place_order *o, const void *bytes, bool commit,
		      struct place_answer *ret)
{
	struct placer p;

	placer_start(ops, folder, &p);
	placer_send(&p, MSG_PLACE_PREPARE, o, sizeof(*o));
	placer_take(&p, MSG_PLACE_PREPARE, bytes, o->len, ret);
	if (ret->error == 0 && commit) {
		placer_send(&p, MSG_PLACE_COMMIT, NULL, 0);
		placer_take(&p, MSG_PLACE_COMMIT, bytes, o->len, ret);
	}
	assert_int_equal(placer_end(&p), 0);
	assert_true((ret->error < 0) == (ret->reason[0] != '\0'));
	return ret->error;
}

static int placer_remove(const struct place_ops *ops, const char *folder,
			 const struct place_order *o)
{
	struct place_answer a;
	struct placer p;

	placer_start(ops, folder, &p);
	placer_send(&p, MSG_PLACE_REMOVE, o, sizeof(*o));
	placer_take(&p, MSG_PLACE_REMOVE, NULL, 0, &a);
	assert_int_equal(placer_end(&p), 0);
	return a.error;
}

/* An order that breaks the protocol has no answer. */
static void placer_assert_refused(const struct place_ops *ops, uint16_t type, const void *body,
				  size_t len)
{
	struct msg_header h;
	struct placer p;

	placer_start(ops, "/nowhere", &p);
	placer_send(&p, type, body, len);
	assert_int_equal(frame_recv(p.conn, &h, NULL, 0, NULL), 0);
	assert_int_equal(placer_end(&p), 7);
}

#endif
