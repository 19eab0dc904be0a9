/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_WATCH_H
#define COCO_BROKER_SERVE_WATCH_H

#include "base/macro.h"

/*
 * Decisions as they happen, for `coco-broker watch`: a line of JSON for each release and each
 * refusal.  A watcher that is too slow loses lines, and is told how many.
 */
struct watchers;

int watchers_new(struct watchers **ret);
struct watchers *watchers_free(struct watchers *w);
DEFINE_CLEANUP(struct watchers *, watchers_free)

/*
 * Tell all watchers.  @line is a JSON object without newline; one that is longer than 4 KiB counts
 * as lost.  @w may be NULL.
 */
void watchers_tell(struct watchers *w, const char *line);

/*
 * From now on write all lines to @fd, a unix socket of messages (SOCK_SEQPACKET), until it is
 * closed at the other end; that is noticed with the next line.  Takes @fd over, on an error too.
 * Returns 0, or -EBUSY for more than 16 watchers.
 */
int watchers_add(struct watchers *w, int fd);

#endif
