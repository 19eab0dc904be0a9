/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_PROGRESS_H
#define COCO_BASE_PROGRESS_H

#include <pthread.h>

#include "base/macro.h"

/*
 * Whoever waits at a terminal for more than two seconds is told for what, and for how long so far:
 * one line on standard error, which goes away at the end.  Elsewhere nothing is said.
 */
struct progress {
	const char *what;	/* borrowed: "the broker is asked" */
	uint64_t after_usec;
	bool runs, over;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

#define PROGRESS_AFTER_USEC UINT64_C(2000000)

/*
 * Begin; nothing else may be written to the terminal until progress_end().  Without a terminal, or
 * where no thread can be started, nothing is said.
 */
void progress_begin(struct progress *p, const char *what);

/* The same, for another time than two seconds. */
void progress_begin_after(struct progress *p, const char *what, uint64_t after_usec);

/* For _cleanup_() too. */
void progress_end(struct progress *p);

#endif
