/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_WORKERS_H
#define COCO_BROKER_SERVE_WORKERS_H

#include "broker/serve/exchange.h"

/* Threads that take exchanges out of a bounded queue, the oldest first. */
struct workers;

struct workers_setup {
	unsigned n_threads, queue_max;
	/* Called by several threads at once; takes the exchange over. */
	void (*run)(void *userdata, struct exchange *x);
	void *userdata;
	struct metrics *metrics;	/* GAUGE_QUEUE; borrowed; may be NULL */
};

/* Returns 0; -ENOMEM; -EAGAIN when the system gives no more threads. */
int workers_new(const struct workers_setup *s, struct workers **ret);

/*
 * Waits until run() has returned everywhere; what still waits in the queue is freed without it.
 * Nobody may put anything any more.
 */
struct workers *workers_free(struct workers *w);
DEFINE_CLEANUP(struct workers *, workers_free)

/* Returns 0, and then @x is no longer the caller's; -EBUSY when the queue is full. */
int workers_put(struct workers *w, struct exchange *x);

#endif
