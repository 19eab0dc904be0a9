/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_RELAY_H
#define COCO_NET_RELAY_H

#include <poll.h>

#include "base/macro.h"

/*
 * Moves bytes between two stream sockets, in both directions, and looks at none.  When one side
 * ends its direction, the other side gets what was on the way, and then the end.  There is no
 * loop and no clock in here: the caller polls.
 */
struct relay;

/*
 * The sockets @a and @b do not block, and are the relay's from now on, even after an error.  The
 * connect() of @b may still be in progress.  Returns 0 or -ENOMEM.
 */
int relay_new(int a, int b, struct relay **ret);

/* The sockets are closed. */
struct relay *relay_free(struct relay *r);
DEFINE_CLEANUP(struct relay *, relay_free)

/* What to poll for; an fd of -1 stands for nothing. */
void relay_wants(const struct relay *r, struct pollfd ret[static 2]);

/*
 * Move what can be moved without waiting.
 *
 * Returns 1 while there may be more; 0 when both directions have ended; a negative errno when a
 * connection broke, or when connect() failed.  After 0 or an error only relay_free() is left.
 */
int relay_move(struct relay *r);

/* True from the time when connect() has succeeded. */
bool relay_is_connected(const struct relay *r);

#endif
