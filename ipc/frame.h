/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_IPC_FRAME_H
#define COCO_IPC_FRAME_H

#include "base/macro.h"
#include "wire/msg.h"

/*
 * One frame of wire/msg.h on a SOCK_SEQPACKET socket.  The body may be plaintext: it goes from
 * the caller's block to the kernel and back without a copy here, so the caller keeps it in a
 * struct secret.
 */

/*
 * Send one frame.  @body of @len bytes is borrowed (NULL with 0).  @error goes into the header.
 * @pass_fd is a descriptor to pass, or -EBADF; it stays the caller's.
 *
 * Returns 0; -EMSGSIZE over MSG_BODY_MAX; -EPIPE when the peer is gone; -EAGAIN when its queue is
 * full; another errno of sendmsg(2).
 */
int frame_send(int fd, uint16_t type, int error, const void *body, size_t len, int pass_fd);

/*
 * Receive one frame: the body into the @size bytes at @body, its length from the header.  @ret_fd
 * (may be NULL) gets the descriptor that was passed, which is yours, or -EBADF; any other
 * descriptor is closed.
 *
 * Returns 1 with a frame; 0 when the peer has closed; -EAGAIN without a frame on a non-blocking
 * socket, or after the socket's receive timeout; -EPROTO when it is not a frame of ours or its
 * body is longer than @size; another errno of recvmsg(2).
 */
int frame_recv(int fd, struct msg_header *ret_header, void *body, size_t size, int *ret_fd);

#endif
