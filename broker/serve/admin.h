/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_ADMIN_H
#define COCO_BROKER_SERVE_ADMIN_H

#include "broker/serve/service.h"

/*
 * The admin socket, a unix socket (SOCK_STREAM) in /run/coco-broker.  A request is one message in a
 * sealed memfd, JSON:
 *
 *	{"v":1,"do":"secret-add","path":...,...}
 *
 * with, where a secret goes in, a second descriptor that it is read from to its end (a file, a pipe
 * or a memfd): a secret is never in the JSON.  The answer is JSON in a memfd too,
 * {"v":1,"ok":true,...} or {"v":1,"ok":false,"errno":"EBADMSG","error":"sentence"}.  Who the peer
 * is says the kernel; root and the users of Admin Users= may ask.
 */
struct admin_server;

int admin_server_new(struct service *s, int listen_fd, const char *users,
		     struct admin_server **ret, struct cause *why);
struct admin_server *admin_server_free(struct admin_server *a);
DEFINE_CLEANUP(struct admin_server *, admin_server_free)

#endif
