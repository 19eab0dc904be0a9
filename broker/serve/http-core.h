/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_HTTP_CORE_H
#define COCO_BROKER_SERVE_HTTP_CORE_H

#include <stdatomic.h>

#include "broker/serve/limits.h"
#include "broker/serve/tls.h"
#include "broker/serve/workers.h"

#define HTTP_LOOPS_MAX 64

/* What all loops share.  The setup and the loops do not change while a thread runs. */
struct http_core {
	struct http_setup setup;
	struct workers *workers;
	struct limits *limits;
	struct tls *tls;		/* NULL when all listeners are plain */
	unsigned n_loops;
	struct http_loop *loops[HTTP_LOOPS_MAX];
	_Atomic unsigned n_connections;
	_Atomic unsigned n_idle;	/* of these, those that may be closed for others */
	_Atomic unsigned n_unwanted;	/* and those that should be, by whichever loop has them */
	_Atomic uint64_t n_requests;
	_Atomic int64_t body_bytes;
	_Atomic bool stopping;		/* no new connections and requests */
	_Atomic bool aborting;		/* at once */
};

#endif
