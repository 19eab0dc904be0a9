/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_REST_REST_HTTP_H
#define COCO_AGENT_REST_REST_HTTP_H

#include "base/secret.h"
#include "wire/http-head.h"

/*
 * One request and its reply on a connection of a unix socket.  All deadlines are of now_usec().
 * The connection carries no second request: each reply says "Connection: close".
 */

/*
 * Read the head of a request into @buffer; @ret points there.  Returns 0; the status to answer
 * with: one of http_head_parse(), 408 when it is not whole by the deadline, 413 for a body, 431
 * when it is too long; or -ECONNRESET when the peer is gone.
 */
int rest_http_read(int fd, uint64_t deadline, char buffer[static HTTP_HEAD_MAX],
		   struct http_head *ret);

/*
 * Send the reply @status, with the bytes of @body, or with NULL a word for people.  The bytes go
 * to the kernel from where they lie.  Returns 0; -ETIMEDOUT; -ECONNRESET.
 */
int rest_http_reply(int fd, unsigned status, const struct secret *body, uint64_t deadline);

/*
 * End the reply, and wait until the peer has taken all of it out of the socket.  Returns 0;
 * -ETIMEDOUT; -ECONNRESET when it went away before.
 */
int rest_http_finish(int fd, uint64_t deadline);

#endif
