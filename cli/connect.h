/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_CONNECT_H
#define COCO_CLI_CONNECT_H

/*
 * Connect to cocod at @socket; NULL is COCOD_SOCKET.  @ret_fd is yours.  Returns 0, or what
 * client_connect() returns, after it has logged that and what to do.
 */
int cocod_connect(const char *socket, int *ret_fd);

#endif
