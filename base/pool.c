/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/pool.h"

#include <sched.h>

#include "base/thread.h"

/* Linux refuses a set that is smaller than its own, which on x86 is no larger than this. */
#define PROCESSORS_MAX 8192

/* How many threads of ours can run at once. */
static size_t count_processors(void)
{
	cpu_set_t set[PROCESSORS_MAX / CPU_SETSIZE];
	int n;

	CPU_ZERO_S(sizeof(set), set);
	if (sched_getaffinity(0, sizeof(set), set) < 0)
		return 1;
	n = CPU_COUNT_S(sizeof(set), set);
	return MAX((size_t)n, (size_t)1);
}

void pool_init(struct pool *ret)
{
	size_t n = MIN(count_processors(), (size_t)POOL_THREADS_MAX);

	*ret = (struct pool){ .n_threads_max = n - 1 };
	ret->end = &ret->first;
	(void) pthread_mutex_init(&ret->lock, NULL);
	(void) pthread_cond_init(&ret->added, NULL);
	(void) pthread_cond_init(&ret->done, NULL);
}

/* With the lock held.  Returns false when somebody has begun @job. */
static bool take(struct pool *p, const struct pool_job *job)
{
	struct pool_job **at = &p->first;

	while (*at && *at != job)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = job->next;
	if (!*at)
		p->end = at;
	p->n_waiting--;
	return true;
}

/* With the lock held.  @job was taken. */
static void run(struct pool *p, struct pool_job *job)
{
	int r;

	(void) pthread_mutex_unlock(&p->lock);
	r = job->run(job->data);
	(void) pthread_mutex_lock(&p->lock);
	job->r = r;
	job->done = true;
	(void) pthread_cond_signal(&p->done);
}

static void *work(void *data)
{
	struct pool *p = data;

	(void) pthread_mutex_lock(&p->lock);
	while (!p->ends) {
		struct pool_job *job = p->first;

		if (job) {
			(void) take(p, job);
			run(p, job);
			continue;
		}
		p->n_idle++;
		(void) pthread_cond_wait(&p->added, &p->lock);
		p->n_idle--;
	}
	(void) pthread_mutex_unlock(&p->lock);
	return NULL;
}

void pool_add(struct pool *p, struct pool_job *job)
{
	bool more;

	job->next = NULL;
	job->done = false;
	(void) pthread_mutex_lock(&p->lock);
	*p->end = job;
	p->end = &job->next;
	p->n_waiting++;
	more = p->n_waiting > p->n_idle && p->n_threads < p->n_threads_max;
	(void) pthread_cond_signal(&p->added);
	(void) pthread_mutex_unlock(&p->lock);
	if (more && thread_start(&p->threads[p->n_threads], work, p) == 0)
		p->n_threads++;
}

int pool_wait(struct pool *p, struct pool_job *job)
{
	struct pool_job *other;

	(void) pthread_mutex_lock(&p->lock);
	if (take(p, job))
		run(p, job);
	while (!job->done) {
		for (other = p->first; other && other->lasts; other = other->next)
			;
		if (other && take(p, other))
			run(p, other);
		else
			(void) pthread_cond_wait(&p->done, &p->lock);
	}
	(void) pthread_mutex_unlock(&p->lock);
	return job->r;
}

bool pool_ends(struct pool *p)
{
	bool ends;

	(void) pthread_mutex_lock(&p->lock);
	ends = p->ends;
	(void) pthread_mutex_unlock(&p->lock);
	return ends;
}

void pool_done(struct pool *p)
{
	(void) pthread_mutex_lock(&p->lock);
	p->ends = true;
	(void) pthread_cond_broadcast(&p->added);
	(void) pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		(void) pthread_join(p->threads[i], NULL);
	(void) pthread_cond_destroy(&p->added);
	(void) pthread_cond_destroy(&p->done);
	(void) pthread_mutex_destroy(&p->lock);
}
