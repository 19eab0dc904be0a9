/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_POOL_H
#define COCO_BASE_POOL_H

#include <pthread.h>

#include "base/macro.h"

/*
 * A thread pool for jobs that know nothing of each other, such as the hashes of pages and of files.
 * They run on as many threads as this process may use processors, and the caller's own is one of
 * these while it waits.  A pool without other threads (there is one processor, or the system
 * gives none) is no error: the caller then does all of it.
 *
 * A pool belongs to one thread, which alone calls the functions here, but for pool_ends().
 */
#define POOL_THREADS_MAX 64	/* with the caller's */

struct pool_job {
	int (*run)(void *data);		/* what it returns is for pool_wait() */
	void *data;
	bool lasts;			/* who waits for another one does not begin it */

	/* The pool's, from pool_add() on. */
	struct pool_job *next;
	bool done;
	int r;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t added, done;
	struct pool_job *first, **end;	/* those that nobody has begun */
	size_t n_waiting, n_idle, n_threads, n_threads_max;
	bool ends;
	pthread_t threads[POOL_THREADS_MAX - 1];
};

/* @ret is yours, for pool_done(), and not to be moved.  No thread is started yet. */
void pool_init(struct pool *ret);

/*
 * Have @job done, which begins after those that were added before, or when it is waited for.  It is
 * borrowed until pool_wait() has returned for it, or pool_done().
 */
void pool_add(struct pool *p, struct pool_job *job);

/*
 * Wait until @job is done: do it, or if somebody has begun it, do others meanwhile, but none that
 * lasts.  Returns what it has returned.
 */
int pool_wait(struct pool *p, struct pool_job *job);

/* True when nobody waits for results any more: what takes long may end early. */
bool pool_ends(struct pool *p);

/* Begin no further job, wait for those that run, and end the threads. */
void pool_done(struct pool *p);

#endif
