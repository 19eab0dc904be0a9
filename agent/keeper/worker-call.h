/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_WORKER_CALL_H
#define COCO_AGENT_KEEPER_WORKER_CALL_H

#include <systemd/sd-event.h>

#include "base/macro.h"

/*
 * One question to cocod-worker, and its answer.  Nothing here waits but in the loop: a socket
 * whose queue is full is tried again until the time is over.
 */
struct worker_call;

#define WORKER_FRAMES_MAX 3
#define WORKER_BODY_MAX 256

struct worker_frame {
	uint16_t type;
	const void *body;
	size_t len;			/* at most WORKER_BODY_MAX */
	int fd;				/* to go along, or -EBADF; it stays the caller's */
};

struct worker_question {
	sd_event *event;
	const char *path;		/* the worker's socket */
	const char *advice;		/* where a person finds out more; constant */
	const struct worker_frame *frames;	/* the last one is what is answered */
	size_t n_frames;
	size_t reply_len;		/* of the answer's body, exactly */
	uint64_t timeout_usec;		/* for all of it */
	/*
	 * Called once, from the loop, and the call is over then and may be freed: with the
	 * answer's body, or NULL and why there is none.  The worker has read what a hostile
	 * host wrote: it is believed no further than this form.
	 */
	void (*done)(void *userdata, const void *reply, const char *why);
	void *userdata;
};

/*
 * @ret is yours, and must be freed before or after it is done.  Returns 0; -ENOMEM; an errno of
 * sd-event, socket(2), connect(2) but EAGAIN, fcntl(2), or frame_send(); then @done is not
 * called.
 */
int worker_call_new(const struct worker_question *q, struct worker_call **ret);
struct worker_call *worker_call_free(struct worker_call *c);
DEFINE_CLEANUP(struct worker_call *, worker_call_free)

#endif
