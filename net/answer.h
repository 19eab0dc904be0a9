/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_ANSWER_H
#define COCO_NET_ANSWER_H

#include "base/macro.h"

/*
 * An answer over HTTP as it comes in: the lines of its header, whole but not NUL-terminated, and
 * then the bytes of its body in pieces.  A server or whoever plays one wrote all of it.
 */

/* ---- bytes that come in pieces ---- */

struct pieces {
	char *data;		/* yours to free */
	size_t len, allocated;
};

/*
 * Add @len bytes; the result may have @max.  A NUL that is not counted is always behind them.
 * Returns 0; -EMSGSIZE; -ENOMEM.  After an error nothing was added.
 */
int pieces_add(struct pieces *p, const void *data, size_t len, size_t max);

void pieces_done(struct pieces *p);

/* ---- a line of the header ---- */

/*
 * The value of the header @name, whose case does not matter, without blanks around it; NULL if
 * @line is another.  It points into @line.
 */
const char *header_value(const char *line, size_t len, const char *name, size_t *ret_len);

/*
 * Copy a value to @ret, which is NULL before.  Returns 0; -EPROTO when there is one already, for
 * then one of the two may be somebody else's, or when it has a NUL; -EMSGSIZE when it is longer
 * than @max; -ENOMEM.
 */
int header_keep(const char *value, size_t len, size_t max, char **ret);

/* ---- the header of an answer of a broker ---- */

#define ANSWER_HEADER_MAX 32768	/* bytes, of all lines */

struct answer_header {
	char *set_cookie;	/* of the cookie kbs-session-id, or NULL */
	char *release;		/* Coco-Release, or NULL */
	/* Retry-After; 0 without, or for a date: no clock here can be relied on */
	uint32_t retry_sec;

	/* how far it has come */
	bool has_retry;
	enum { ANSWER_BEGIN, ANSWER_PASSING, ANSWER_HEADER, ANSWER_TRAILER } at;
	size_t len;		/* bytes of all lines so far, those of a trailer too */
};

/*
 * Take one line, with its end.  What is said with "100 Continue", or behind the body, does not
 * count.
 *
 * Returns 0; -EMSGSIZE when the lines are longer than ANSWER_HEADER_MAX; -EPROTO when a line that
 * counts is malformed, or there twice; -ENOMEM.
 */
int answer_header_take(struct answer_header *h, const char *line, size_t len);

void answer_header_done(struct answer_header *h);

#endif
