/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_REST_REST_ASK_H
#define COCO_AGENT_REST_REST_ASK_H

#include "base/secret.h"
#include "wire/guid.h"

/* What cocod gives to a request, over a connection of its own. */
struct rest_answer {
	int fd;				/* to cocod */
	char guid[GUID_TEXT_LEN + 1];	/* the secret's */
	struct secret *secret;
};

/*
 * Ask cocod at @socket for the secret of @path, for whoever is at the other end of the connection
 * @conn.  If a broker has it, the answer takes as long as the broker does.
 *
 * Returns the HTTP status to answer with: with 200 @ret has the secret, and is to be given to
 * rest_answer_done(), as in any other case.  -ECONNRESET when the peer went away meanwhile.
 */
int rest_ask(const char *socket, int conn, const char *path, struct rest_answer *ret);

/* Tell cocod that the peer has all of it.  Returns 0 or a negative errno. */
int rest_delivered(const struct rest_answer *a);

void rest_answer_done(struct rest_answer *a);

#endif
