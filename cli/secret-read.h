/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_SECRET_READ_H
#define COCO_CLI_SECRET_READ_H

#include "base/nearest.h"
#include "base/options-complete.h"
#include "base/secret.h"
#include "wire/msg.h"

/*
 * How cococtl has a secret of cocod's, over a connection of its own for each secret.  The
 * functions that return an int return 0, or the exit status after they have logged what is wrong.
 */

/* Find the secret @name, which may be a GUID. */
int secret_find(int fd, const char *name, struct msg_secret *ret);

/*
 * Log that there is no secret @name, and which one may be meant: one that 'secrets list' would
 * show to this user.  Returns STATUS_NO_SECRET.
 */
int secret_missing(int fd, const char *name);

/* "; did you mean data?", or "" as above.  Returns @ret. */
const char *secret_nearest_text(int fd, const char *name, char ret[static NEAREST_TEXT_MAX]);

/* Offer the names of the secrets that 'secrets list' would show to this user. */
void secret_offer(const struct offers *o);

/* The same of their names at the broker: "kbs:///default/luks/root". */
void secret_offer_uri(const struct offers *o);

struct secret_list {
	struct msg_secret *secrets;
	unsigned n;
};

/* All secrets, to be given to secret_list_done().  Returns 0, -ENOMEM, or what cocod answered. */
int secret_list_ask(int fd, struct secret_list *ret);
void secret_list_done(struct secret_list *l);

/* Have its bytes, from the broker if that has it.  @m is from secret_find().  @ret is yours. */
int secret_fetch(int fd, const char *name, const struct msg_secret *m, struct secret **ret);

/* Report that it was used, over the connection that fetched it. */
int secret_delivered(int fd, const char *name, const struct msg_secret *m);

#endif
