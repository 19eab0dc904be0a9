/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_LISTEN_H
#define COCO_AGENT_KEEPER_LISTEN_H

#include "agent/loop.h"
#include "base/macro.h"

/*
 * A listening socket in the event loop.  Connections are accepted here, close-on-exec and
 * non-blocking, and handed over.
 *
 * When no descriptor is left, a connection stays in the socket's queue, where it would wake the
 * loop at once and for ever.  So the socket is left alone for a while, and the log says so once.
 */
struct listener;

struct listener_setup {
	struct loop *loop;
	int fd;				/* borrowed */
	const char *name;		/* for the log; borrowed */
	void (*accept)(void *userdata, int conn);	/* takes over @conn */
	bool (*make_room)(void *userdata);	/* closes an idle connection; may be NULL */
	/* NULL, or whether another may be accepted now; if not, it waits in the queue */
	bool (*has_room)(void *userdata);
	void *userdata;
	uint64_t pause_usec;		/* 0: one second */
};

/* @ret is yours.  Returns 0; -ENOMEM; an errno of agent/loop.h or of fcntl(2). */
int listener_new(const struct listener_setup *s, struct listener **ret);
struct listener *listener_free(struct listener *l);
DEFINE_CLEANUP(struct listener *, listener_free)

#endif
