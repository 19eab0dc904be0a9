/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_RELOAD_H
#define COCO_AGENT_KEEPER_RELOAD_H

#include "agent/keeper/keeper.h"

/*
 * SIGHUP: the configuration is read again.  With errors in it, the one from before holds, and the
 * log and the status say so.  Otherwise cocod begins anew as the same process: it ends its loop as
 * for a stop, notes all states in the journal, and executes itself, with its sockets.  So a new
 * configuration takes effect in one way only, that of a start, and everything is judged by it.
 *
 * That waits until nobody is being served.  A client that just stays connected is waited for only
 * for RELOAD_PATIENCE_USEC.
 */
#define RELOAD_PATIENCE_USEC (2 * USEC_PER_SEC)

/* The exit code of the event loop that asks for reload_execute(). */
#define RELOAD_CODE 1

struct reload {
	struct keeper *keeper;
	const char *config_root;	/* borrowed */
	struct watch *hup, *timer;
	uint64_t since_usec;		/* CLOCK_MONOTONIC at which a good one was read; 0: none */
};

/*
 * Have SIGHUP handled in the keeper's loop; the signal is blocked by this.  Pass @r to
 * reload_done(), also after an error.  Returns 0 or an errno of agent/loop.h.
 */
int reload_init(struct reload *r, struct keeper *k, const char *config_root);
void reload_done(struct reload *r);

/*
 * Execute this program again with @argv, and with the @n_fds descriptors that systemd has passed.
 * Returns a negative errno.
 */
int reload_execute(char **argv, int n_fds);

#endif
