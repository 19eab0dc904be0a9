/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_SPARE_H
#define COCO_AGENT_KEEPER_SPARE_H

#include "agent/loop.h"
#include "base/macro.h"

/*
 * Workers that are started before there is a question for them, because to start one takes longer
 * than to judge.  Each is one process with one connection, as any other, gets one question, and
 * knows nothing before it.  Whoever finds no spare worker connects to the socket.
 *
 * They are started at once, and again when questions have been answered and nothing has happened
 * for SPARE_PAUSE_USEC: in the place of those that were used or have ended, and not while others
 * are at work.  None waits for longer than SPARE_USEC.
 */
struct spare;

#define SPARE_MAX 8
#define SPARE_USEC (60 * UINT64_C(1000000))	/* less than a worker waits for its question */
#define SPARE_PAUSE_USEC (2 * UINT64_C(1000000))

struct spare_setup {
	struct loop *loop;
	const char *path;		/* the worker's socket */
	/* how many there should be now; more than SPARE_MAX are as many */
	unsigned (*wanted)(void *userdata);
	void *userdata;
};

/*
 * Have workers connected, without waiting.  That a worker cannot be had is no error.  @ret is
 * yours.  Returns 0; -ENOMEM; an errno of agent/loop.h.
 */
int spare_new(const struct spare_setup *setup, struct spare **ret);

/*
 * The connection of a worker that has not been asked anything, yours now; -ENOENT when there is
 * none.  NULL has none.
 */
int spare_take(struct spare *s);

/* All that a question was asked for is done: begin the pause, anew if it is under way. */
void spare_replace(struct spare *s);

struct spare *spare_free(struct spare *s);
DEFINE_CLEANUP(struct spare *, spare_free)

/*
 * How many volumes will ask for a key: those with a socket of their own among the @n descriptors
 * from @first on of which @may_ask says so.  At most SPARE_MAX are counted.
 */
unsigned spare_count_volumes(int first, unsigned n,
			     bool (*may_ask)(void *userdata, const char *volume), void *userdata);

#endif
