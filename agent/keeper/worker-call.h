/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_WORKER_CALL_H
#define COCO_AGENT_KEEPER_WORKER_CALL_H

#include "agent/keeper/spare.h"
#include "agent/loop.h"
#include "base/macro.h"

/*
 * One question to cocod-worker, and its answer.  All waiting is done in the event loop.  If the
 * worker's socket has a full queue, the call tries again until the time is over.
 */
struct worker_call;

#define WORKER_FRAMES_MAX 3
#define WORKER_BODY_MAX 1024

struct worker_frame {
	uint16_t type;
	const void *body;
	size_t len;			/* at most WORKER_BODY_MAX */
	int fd;				/* sent along, or -EBADF; the caller keeps it */
};

struct worker_question {
	struct loop *loop;
	const char *path;		/* the worker's socket */
	struct spare *spare;		/* asked first if it has a worker; or NULL */
	const char *advice;		/* tells people where to look; constant */
	const struct worker_frame *frames;	/* the last one gets the answer */
	size_t n_frames;
	size_t reply_len;		/* of the answer's body */
	uint64_t timeout_usec;		/* for the whole call */
	/*
	 * Called once, from the loop, when the call is over; the call may be freed then.  @reply
	 * is the answer's body, or NULL, and then @why says why.  The worker has read what a
	 * hostile host wrote: believe no more of its answer than this form.
	 */
	void (*done)(void *userdata, const void *reply, const char *why);
	void *userdata;
};

/*
 * @ret is yours; free it before or after it is done.  Returns 0; -ENOMEM; an errno of agent/loop.h,
 * socket(2), connect(2) except EAGAIN, fcntl(2), or frame_send().  After an error @done is not
 * called.
 */
int worker_call_new(const struct worker_question *q, struct worker_call **ret);
struct worker_call *worker_call_free(struct worker_call *c);
DEFINE_CLEANUP(struct worker_call *, worker_call_free)

#endif
