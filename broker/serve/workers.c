/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/workers.h"

#include "base/thread.h"

struct workers {
	struct workers_setup setup;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct exchange_list queue;
	unsigned n_queued, n_threads;
	bool ends;
	pthread_t threads[];
};

/* The next exchange, or NULL when there will be none. */
static struct exchange *take(struct workers *w)
{
	struct exchange *x;

	(void) pthread_mutex_lock(&w->lock);
	while (TAILQ_EMPTY(&w->queue) && !w->ends)
		(void) pthread_cond_wait(&w->more, &w->lock);
	x = w->ends ? NULL : TAILQ_FIRST(&w->queue);
	if (x) {
		TAILQ_REMOVE(&w->queue, x, next);
		w->n_queued--;
		metrics_add(w->setup.metrics, GAUGE_QUEUE, -1);
	}
	(void) pthread_mutex_unlock(&w->lock);
	return x;
}

static void *work(void *userdata)
{
	struct workers *w = userdata;
	struct exchange *x;

	while ((x = take(w)))
		w->setup.run(w->setup.userdata, x);
	return NULL;
}

int workers_put(struct workers *w, struct exchange *x)
{
	bool full;

	(void) pthread_mutex_lock(&w->lock);
	full = w->n_queued >= w->setup.queue_max;
	if (!full) {
		TAILQ_INSERT_TAIL(&w->queue, x, next);
		w->n_queued++;
		metrics_add(w->setup.metrics, GAUGE_QUEUE, 1);
		(void) pthread_cond_signal(&w->more);
	}
	(void) pthread_mutex_unlock(&w->lock);
	return full ? -EBUSY : 0;
}

struct workers *workers_free(struct workers *w)
{
	struct exchange *x;

	if (!w)
		return NULL;
	(void) pthread_mutex_lock(&w->lock);
	w->ends = true;
	(void) pthread_cond_broadcast(&w->more);
	(void) pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n_threads; i++)
		(void) pthread_join(w->threads[i], NULL);
	while ((x = TAILQ_FIRST(&w->queue))) {
		TAILQ_REMOVE(&w->queue, x, next);
		metrics_add(w->setup.metrics, GAUGE_QUEUE, -1);
		exchange_free(x);
	}
	(void) pthread_cond_destroy(&w->more);
	(void) pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

int workers_new(const struct workers_setup *s, struct workers **ret)
{
	_cleanup_(workers_freep) struct workers *w = NULL;
	int r;

	w = calloc(1, sizeof(*w) + s->n_threads * sizeof(w->threads[0]));
	if (!w)
		return -ENOMEM;
	w->setup = *s;
	TAILQ_INIT(&w->queue);
	(void) pthread_mutex_init(&w->lock, NULL);
	(void) pthread_cond_init(&w->more, NULL);
	for (; w->n_threads < s->n_threads; w->n_threads++) {
		r = thread_start(&w->threads[w->n_threads], work, w);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(w);
	return 0;
}
