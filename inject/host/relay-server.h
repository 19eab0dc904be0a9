/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_HOST_RELAY_SERVER_H
#define COCO_INJECT_HOST_RELAY_SERVER_H

#include "base/cause.h"

/*
 * Takes connections from guests, and makes one to a server for each: a guest without a network
 * reaches it over a vsock.  The bytes are TLS between the two; the relay looks at none of them,
 * and nobody need trust it.
 */
struct relay_server;

/*
 * Listen on @listen, "vsock:[CID]:PORT" or "unix:PATH", for connections to @to, "HOST:PORT"; at
 * most @max are served at once.  An old socket at PATH that nobody listens on is removed.
 * From now on SIGTERM and SIGINT are for relay_server_run().
 *
 * Returns 0; -EINVAL when one of them has another form; -EIO when it cannot be listened on;
 * -ENOMEM.  Then @why has the cause.
 */
int relay_server_new(const char *listen, const char *to, unsigned max, struct relay_server **ret,
		     struct cause *why);

/*
 * Serve until the process gets SIGTERM or SIGINT; systemd is told of the beginning and the end.
 * A server that cannot be reached, or a connection that breaks, is a warning, and ends that
 * connection.
 *
 * Returns 0; -EIO when no more connections can be taken, with the cause in @why.
 */
int relay_server_run(struct relay_server *s, struct cause *why);

/*
 * The socket at PATH is removed.  Connections that are left end with the process, which must not
 * go on for long.
 */
struct relay_server *relay_server_free(struct relay_server *s);
DEFINE_CLEANUP(struct relay_server *, relay_server_free)

#endif
