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
 * memfd, {"v":1,"ok":true,...} or {"v":1,"ok":false,"errno":"EBADMSG","error":"sentence"}, and
 * with "audit-export" a second frame with a memfd of lines.  With "store-copy" the second frame of
 * the request has a regular file, which the broker writes the lines of store_dump() to.  After the
 * answer to "watch" lines come, a message each (serve/watch.h).  Who the peer is says the kernel;
 * root and the users of Admin Users= may ask.  A connection has as many requests as it likes.
 */
#define ADMIN_REQUEST 1		/* the types of frames */
#define ADMIN_SECRET 2				/* or the file of store-copy */
#define ADMIN_ANSWER 3
#define ADMIN_DATA 4
#define ADMIN_REQUEST_MAX (4 * 1024 * 1024)	/* bytes of JSON; a bundle may be in it */
#define ADMIN_ANSWER_MAX (64 * 1024 * 1024)

struct admin_server;

/*
 * Serve the listening socket @listen_fd, which is borrowed.  @users are names of users and groups
 * with blanks between, or NULL.  @ret is yours.  Returns 0; -EINVAL for a name that there is not;
 * -EIO; -ENOMEM.
 */
int admin_server_new(struct service *s, int listen_fd, const char *users,
		     struct admin_server **ret, struct cause *why);

/* Connections are closed; requests that are being answered are finished first. */
struct admin_server *admin_server_free(struct admin_server *a);
DEFINE_CLEANUP(struct admin_server *, admin_server_free)

/*
 * Answer one request, for whoever may ask.  @request is its text; @secret what came with it, or
 * NULL; @file the file that came with it, or -EBADF, borrowed; @uid who asks.  @ret is the answer,
 * and @ret_fd a memfd of lines or -EBADF, both yours.  Returns 0, or -ENOMEM.
 */
int admin_answer(struct service *s, struct bytes request, const struct secret *secret,
		 int file, uint32_t uid, char **ret, int *ret_fd);

/* What goes along with the request; and if the connection is a watcher's after it. */
bool admin_takes_secret(struct bytes request);
bool admin_takes_file(struct bytes request);
bool admin_is_watch(struct bytes request);

#endif
