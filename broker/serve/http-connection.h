/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_HTTP_CONNECTION_H
#define COCO_BROKER_SERVE_HTTP_CONNECTION_H

#include <event2/bufferevent.h>

#include "broker/serve/http-core.h"

/*
 * A connection: its requests one after another, with the time that each may take.  All functions
 * are for the thread of its loop.
 */
struct http_connection;
TAILQ_HEAD(http_connection_list, http_connection);

/* What the connections of a loop share. */
struct http_connections {
	struct http_core *core;
	struct event_base *base;
	void *loop;				/* for struct exchange */
	struct http_connection_list idle;	/* between requests, the longest first */
	struct http_connection_list busy;	/* all others */
};

struct http_peer {
	char text[64];			/* "192.0.2.1", "unix" */
	struct limits_place place;
};

/* Takes over @b, and @peer's place among the limits.  Returns 0 or -ENOMEM. */
int http_connection_new(struct http_connections *all, struct bufferevent *b,
			const struct http_peer *peer);

/* @x has its answer and comes back; the connection may be gone.  Takes @x over. */
void http_connection_answer(struct http_connections *all, struct exchange *x);

/* Close the one that has been idle longest.  False if there is none. */
bool http_connections_close_idle(struct http_connections *all);
void http_connections_close_all(struct http_connections *all);
bool http_connections_empty(const struct http_connections *all);

#endif
