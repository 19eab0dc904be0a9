/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_ADMIN_H
#define COCO_BROKER_SERVE_ADMIN_H

#include "broker/serve/service.h"

/*
 * The admin socket, a unix socket of messages (SOCK_SEQPACKET): the frames of ipc/frame.h.  A
 * request is one frame with a sealed memfd, JSON:
 *
 *	{"v":1,"do":"secret-add","path":...,...}
 *
 * and, where a secret goes in, a second frame with a descriptor that it is read from to its end (a
 * file, a pipe or a memfd): a secret is never in the JSON.  The answer is a frame with JSON in a
 * memfd, {"v":1,"ok":true,...} or {"v":1,"ok":false,"errno":"EBADMSG","error":"sentence"}.  Who the
 * peer is says the kernel; root and the users of Admin Users= may ask.
 */
struct admin_server;

int admin_server_new(struct service *s, int listen_fd, const char *users,
		     struct admin_server **ret, struct cause *why);
struct admin_server *admin_server_free(struct admin_server *a);
DEFINE_CLEANUP(struct admin_server *, admin_server_free)

#endif
