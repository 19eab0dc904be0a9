/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_HTTP_LOOP_H
#define COCO_BROKER_SERVE_HTTP_LOOP_H

#include "broker/serve/http-core.h"

/* A thread with an event base; it owns the connections that it has accepted. */
struct http_loop;

/* Returns 0; -ENOMEM; -EIO. */
int http_loop_new(struct http_core *core, struct http_loop **ret);

/* Start its thread, when all loops are in the core.  Returns 0; -ENOMEM; -EAGAIN. */
int http_loop_start(struct http_loop *l);

/* An exchange that was given to the workers comes back with its answer.  From any thread. */
void http_loop_answer(struct http_loop *l, struct exchange *x);

/* Look at stopping and aborting again.  From any thread. */
void http_loop_wake(struct http_loop *l);

/* Wait until the thread has ended, at most until @deadline_usec (now_usec()).  True if it has. */
bool http_loop_join(struct http_loop *l, uint64_t deadline_usec);

/* Free a loop whose thread has ended; nobody may call http_loop_answer() any more. */
struct http_loop *http_loop_free(struct http_loop *l);

#endif
