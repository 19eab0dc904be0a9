/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_SECRET_READ_H
#define COCO_CLI_SECRET_READ_H

#include "base/secret.h"
#include "wire/msg.h"

/*
 * How cococtl has a secret of cocod's, over a connection of its own for each secret.  The
 * functions that return an int return 0, or the exit status after they have logged what is wrong.
 */

/* End each text, and bring each number into its range. */
void secret_sanitize(struct msg_secret *m);

/* Find the secret @name, which may be a GUID. */
int secret_find(int fd, const char *name, struct msg_secret *ret);

/* Have its bytes, from the broker if that has it.  @m is from secret_find().  @ret is yours. */
int secret_fetch(int fd, const char *name, const struct msg_secret *m, struct secret **ret);

/* Report that it was used, over the connection that fetched it. */
int secret_delivered(int fd, const char *name, const struct msg_secret *m);

#endif
