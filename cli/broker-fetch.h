/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_BROKER_FETCH_H
#define COCO_CLI_BROKER_FETCH_H

#include "base/secret.h"
#include "wire/msg.h"

/*
 * Ask cocod for a secret that the broker has, over the connection @fd, and wait as long as cocod
 * may need.  @type is MSG_SECRET_FETCH or MSG_BROKER_GET, with its body @q of @len bytes.
 *
 * Returns 0 with cocod's answer in @ret, whose text is printable.  If that is NET_OK, the secret
 * is in @ret_secret, which is yours; it is NULL when it is a launch secret, which cocod has
 * already.  Otherwise an error of client_call(), or -EPROTO when cocod sends fewer bytes than it
 * said.
 */
int broker_fetch(int fd, uint16_t type, const void *q, size_t len, struct msg_fetched *ret,
		 struct secret **ret_secret);

/* Tell cocod that the secret was used.  Returns 0 or an error of client_call(). */
int broker_fetch_done(int fd);

/* Log why @what is not to be had, and what to do.  Returns the exit status. */
int broker_fetch_failed(const struct msg_fetched *m, const char *what);

#endif
