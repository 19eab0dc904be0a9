/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_HOST_DIAL_H
#define COCO_INJECT_HOST_DIAL_H

#include "base/macro.h"

#define DIAL_ADDRESSES_MAX 16

/*
 * Connect to @host, a name or an address, within @timeout_msec.  The name is resolved now, which
 * takes as long as the resolver likes.  Each of its first DIAL_ADDRESSES_MAX addresses is tried a
 * little later than the one before it, without waiting for that one, and the first that answers
 * is taken: an address that leads nowhere costs little time.
 *
 * Returns a socket that does not block; -ENXIO when the name has no address, with the resolver's
 * words in @ret_why; otherwise the negative errno of the address that failed last, or -ETIMEDOUT.
 */
int dial(const char *host, const char *port, int timeout_msec, const char **ret_why);

#endif
