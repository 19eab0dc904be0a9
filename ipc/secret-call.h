/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_IPC_SECRET_CALL_H
#define COCO_IPC_SECRET_CALL_H

#include "base/secret.h"
#include "ipc/client.h"

/*
 * Have the bytes of a secret of cocod's.  They come in chunks, straight into locked memory.
 * @ret is yours.  Return 0; -EPROTO when there are other than @size bytes; what client_call() and
 * secret_new() return.
 */

/* A launch secret, by its @name or GUID: MSG_SECRET_READ.  An empty one is asked for too. */
int secret_call_read(int fd, const char *name, uint64_t size, struct secret **ret);

/* What this connection is about, by a request whose body is struct msg_offset. */
int secret_call_bytes(int fd, uint16_t type, uint64_t size, struct secret **ret);

/* What the broker has released on this connection: MSG_FETCHED_READ. */
static inline int secret_call_fetched(int fd, uint64_t size, struct secret **ret)
{
	return secret_call_bytes(fd, MSG_FETCHED_READ, size, ret);
}

#endif
