/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_ADMIN_H
#define COCO_BROKER_SERVE_ADMIN_H

#include "broker/serve/service.h"
#include "ipc/admin-client.h"

/* The broker's end of the admin socket (ipc/admin-client.h). */
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
