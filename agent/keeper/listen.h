/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_LISTEN_H
#define COCO_AGENT_KEEPER_LISTEN_H

#include <systemd/sd-event.h>

#include "base/macro.h"

/*
 * A listening socket in the loop.  Its connections are accepted here, close-on-exec and
 * non-blocking, and given away.
 *
 * When there is no descriptor left for a connection, it stays in the socket's queue, where it
 * would wake the loop at once and for ever: so the socket is left alone for a while, and the
 * log has it once.
 */
struct listener;

struct listener_setup {
	sd_event *event;
	int fd;				/* borrowed */
	const char *name;		/* for the log; borrowed */
	void (*accept)(void *userdata, int conn);	/* @conn is its own */
	bool (*make_room)(void *userdata);	/* close a connection that is not used; may be NULL */
	void *userdata;
	uint64_t pause_usec;		/* 0: the usual second */
};

/* @ret is yours.  Returns 0; -ENOMEM; an errno of sd-event or of fcntl(2). */
int listener_new(const struct listener_setup *s, struct listener **ret);
struct listener *listener_free(struct listener *l);
DEFINE_CLEANUP(struct listener *, listener_free)

#endif
