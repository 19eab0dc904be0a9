/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_IPC_CLIENT_H
#define COCO_IPC_CLIENT_H

#include "ipc/frame.h"

#define COCOD_SOCKET "/run/cocod/cocod.sock"
#define COCOD_USER_SOCKET "/run/cocod/user.sock"	/* for users other than root */
#define COCOD_REST_SOCKET "/run/cocod/rest.sock"	/* for cocod-rest */
/* One socket for each kind of cocod-worker. */
#define WORKER_LUKS_SOCKET "/run/cocod/worker-luks.sock"
#define WORKER_EVIDENCE_SOCKET "/run/cocod/worker-evidence.sock"
#define NET_SOCKET "/run/cocod/net.sock"	/* cocod-net */
/* One socket for each kind of cocod-place. */
#define PLACE_KEYRING_SOCKET "/run/cocod/place-keyring.sock"
#define PLACE_FILE_SOCKET "/run/cocod/place-file.sock"
#define PLACE_ADVICE "see: journalctl -b -u 'cocod-place-*'"
#define WORKER_LUKS_ADVICE "see: journalctl -b -u 'cocod-worker-luks@*'"
#define WORKER_EVIDENCE_ADVICE "see: journalctl -b -u 'cocod-worker-evidence@*'"
#define NET_ADVICE "see: journalctl -b -u 'cocod-net@*'"

/*
 * Connect to one of our sockets.  @timeout_usec (0: none) holds for each send and each receive.
 * @ret_fd is yours.  Returns 0 or the negative errno of socket(2) or connect(2); -ENAMETOOLONG.
 */
int client_connect(const char *path, uint64_t timeout_usec, int *ret_fd);

/*
 * The same without ever waiting, here or on the socket, which is non-blocking.  -EAGAIN when the
 * listener's queue is full: then the caller can only try again later.
 */
int client_connect_now(const char *path, int *ret_fd);

/*
 * Ask and wait for the answer.  The request has the body @body of @len bytes, and @pass_fd unless
 * that is negative.  The reply's body goes into the @size bytes at @reply, and its length to
 * @ret_len (NULL: it must be exactly @size).
 *
 * Returns 0; the negative errno that the other side answered; -ECONNRESET when it closed;
 * -ETIMEDOUT; -EPROTO for a malformed answer; an error of frame_send().
 */
int client_call(int fd, uint16_t type, const void *body, size_t len, int pass_fd, void *reply,
		size_t size, size_t *ret_len);

#endif
