/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_SOCKETS_H
#define COCO_BROKER_SERVE_SOCKETS_H

#include "base/cause.h"
#include "broker/serve/settings.h"

/*
 * What the broker listens on.  systemd passes sockets by the names of their units:
 * FileDescriptorName=tls, unix, plain or admin.  If it passes any, those of [Listen] are not
 * opened.  Without TLS only a unix socket or a loopback address will do, behind which something
 * else ends TLS.  Tls= may be the path of a unix socket too, where a monitor puts a guest's vsock.
 */
#define SOCKETS_MAX 64

struct sockets {
	int fds[SOCKETS_MAX];		/* for guests */
	bool plain[SOCKETS_MAX];	/* for each: without TLS */
	unsigned n;
	int admin;			/* or -EBADF */
};

/*
 * Take the sockets of systemd, or open those of the settings.  @ret is for sockets_done(), also
 * after an error.
 *
 * Returns 0; -EINVAL for a socket of another name or kind, a wrong address, and when guests could
 * not reach it at all; -EADDRINUSE; another errno of socket(2), bind(2) or listen(2).  The reason
 * is in @why.
 */
int sockets_take(const struct broker_settings *s, struct sockets *ret, struct cause *why);
void sockets_done(struct sockets *s);

#endif
