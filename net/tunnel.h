/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_TUNNEL_H
#define COCO_NET_TUNNEL_H

#include <poll.h>

#include "base/cause.h"

/*
 * A unix socket of this process that leads to a port of a vsock.  libcurl can connect to the one
 * and not to the other.  Whoever uses the socket must also poll and serve the tunnel.
 */
struct tunnel;

#define TUNNEL_FDS 9

/*
 * Listen on a socket in a folder that only this user may enter, below /tmp.  The vsock is
 * connected when somebody connects to the socket, who must be this process.
 *
 * Returns 0; -ENOMEM; -EIO when the socket cannot be made, with the reason in @why.
 */
int tunnel_new(uint32_t cid, uint32_t port, struct tunnel **ret, struct cause *why);

/* All connections end; the socket and its folder are removed. */
struct tunnel *tunnel_free(struct tunnel *t);
DEFINE_CLEANUP(struct tunnel *, tunnel_free)

const char *tunnel_path(const struct tunnel *t);

/* What to poll for; an fd of -1 stands for nothing. */
void tunnel_wants(const struct tunnel *t, struct pollfd ret[static TUNNEL_FDS]);

/* Take new connections, and move what can be moved without waiting. */
void tunnel_serve(struct tunnel *t);

/*
 * The errno, positive, with which the vsock could not be reached or was lost since the last call;
 * 0 without.
 */
int tunnel_take_error(struct tunnel *t);

/* True if somebody waits for a connection to the vsock that is neither made nor refused. */
bool tunnel_is_connecting(const struct tunnel *t);

#endif
