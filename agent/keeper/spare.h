/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_SPARE_H
#define COCO_AGENT_KEEPER_SPARE_H

#include <systemd/sd-event.h>

#include "base/macro.h"

/*
 * Workers that are started before there is a question for them, because to start one takes longer
 * than to judge.  Each is one process with one connection, as any other, gets one question, and
 * knows nothing before it.  None takes the place of one that was used or has ended: whoever finds
 * no spare worker connects to the socket.
 */
struct spare;

#define SPARE_MAX 8
#define SPARE_USEC (60 * UINT64_C(1000000))	/* less than a worker waits for its question */

/*
 * How many volumes will ask for a key: those with a socket of their own among the @n descriptors
 * from @first on, and that are not open, as sysfs below @sys ("/sys") has it.
 */
unsigned spare_count_volumes(const char *sys, int first, unsigned n);

/*
 * Connect to the worker's socket @path (n, but at most SPARE_MAX times), without waiting.  That a
 * worker cannot be had is no error.  @ret is yours.  Returns 0; -ENOMEM; an errno of sd-event.
 */
int spare_new(sd_event *event, const char *path, unsigned n, struct spare **ret);

/*
 * The connection of a worker that has not been asked anything, yours now; -ENOENT when there is
 * none.  NULL has none.
 */
int spare_take(struct spare *s);

struct spare *spare_free(struct spare *s);
DEFINE_CLEANUP(struct spare *, spare_free)

#endif
