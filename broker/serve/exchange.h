/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_EXCHANGE_H
#define COCO_BROKER_SERVE_EXCHANGE_H

#include <sys/queue.h>

#include "broker/serve/http.h"
#include "wire/http-chunks.h"
#include "wire/http-head.h"

struct http_connection;

/*
 * A request and its answer, from the end of its head until the answer is written.  Its bytes may
 * hold a secret or a token, and are wiped before they are given back.
 */
struct exchange {
	TAILQ_ENTRY(exchange) next;		/* in a queue of whoever has it */
	/* Set and read by the loop alone; NULL when the connection went away meanwhile. */
	struct http_connection *connection;
	void *loop;				/* that owns the connection */
	struct http_head head;
	struct http_chunks chunks;
	uint8_t *body;				/* of @body_max bytes */
	size_t body_len, body_max;
	uint64_t number, whole_usec;
	char peer[64];
	struct http_reply reply;
	size_t text_len;
	char text[];				/* of the head, which points here */
};

TAILQ_HEAD(exchange_list, exchange);

/* Make one for a head of @head_len bytes.  Returns 0 or -ENOMEM. */
int exchange_new(size_t head_len, struct exchange **ret);
struct exchange *exchange_free(struct exchange *x);
DEFINE_CLEANUP(struct exchange *, exchange_free)

/*
 * Room for a body of @max bytes.  What is not used of it takes no memory.  Returns 0 or -ENOMEM.
 */
int exchange_expect_body(struct exchange *x, size_t max);
/* Returns 0, or -EMSGSIZE when there is no room. */
int exchange_add_body(struct exchange *x, struct bytes piece);

/* Let @handler answer: fills in @x->reply. */
void exchange_handle(struct exchange *x, http_handler_t handler, void *userdata);

/*
 * The answer as it is sent.  @keep: the connection stays.  A header that has a control character
 * makes it a 500, and so does a Coco-Release of over 1 KiB.  @ret is yours, @ret_len bytes, and to
 * be wiped: there may be a token in it.  Returns 0; -EMSGSIZE for a type that is too long; -ENOMEM.
 */
int exchange_format_reply(const struct http_reply *r, bool keep, char **ret, size_t *ret_len);

/* Wipes and frees the texts of @r. */
void http_reply_done(struct http_reply *r);

#endif
