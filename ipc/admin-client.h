/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_IPC_ADMIN_CLIENT_H
#define COCO_IPC_ADMIN_CLIENT_H

#include <json-c/json.h>

#include "base/macro.h"

/*
 * The admin socket of coco-broker, a unix socket of messages (SOCK_SEQPACKET): the frames of
 * ipc/frame.h.  A request is one frame with a sealed memfd, JSON:
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
#define ADMIN_SOCKET_DEFAULT "/run/coco-broker/admin.sock"
#define ADMIN_REQUEST 1		/* the types of frames */
#define ADMIN_SECRET 2				/* or the file of store-copy */
#define ADMIN_ANSWER 3
#define ADMIN_DATA 4
#define ADMIN_REQUEST_MAX (4 * 1024 * 1024)	/* bytes of JSON; a bundle may be in it */
#define ADMIN_ANSWER_MAX (64 * 1024 * 1024)

/* A connection to it. */
struct admin_client {
	int fd;
	struct json_object *answer;	/* of the last request; borrowed by the caller */
	int data;			/* a memfd that came with it, or -EBADF */
};

/*
 * Connect to @path; @timeout_usec as of client_connect().  @ret is for admin_client_done() in any
 * case.  Returns 0, or an error of client_connect().
 */
int admin_client_open(const char *path, uint64_t timeout_usec, struct admin_client *ret);
void admin_client_done(struct admin_client *c);

/*
 * Send the request @text, with @extra_fd in the second frame unless it is negative, and receive
 * the answer; @has_data: and what comes with it when it says yes.
 *
 * Returns 0 with an answer that says yes; 1 with one that says no; -EACCES when the broker does
 * not answer whoever we are; -ECONNRESET, -EPROTO for what is no answer; an error of frame_send()
 * or read(2); -ENOMEM.
 */
int admin_client_call(struct admin_client *c, const char *text, int extra_fd, bool has_data);

/*
 * For both ends: send @text in a frame of @type, and @more_fd in one of @more_type behind it unless
 * it is negative.  Returns 0; an error of memfd_create(2) or frame_send().
 */
int admin_send(int fd, uint16_t type, const char *text, uint16_t more_type, int more_fd);

/* A text of an object of the answer; "" if it is not there. */
const char *admin_text(struct json_object *o, const char *name);

#endif
