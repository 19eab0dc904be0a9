/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/thread.h"

#define TEXT_MAX 128
#define TICK_USEC UINT64_C(1000000)
#define CLEAR "\r\033[K"	/* to the line's beginning, and nothing to its end */

static void say(const struct progress *p, uint64_t usec)
{
	char line[TEXT_MAX];
	int n = snprintf(line, sizeof(line), CLEAR "... %s, %u s", p->what,
			 (unsigned)(usec / 1000000));

	if (n > 0)
		(void) write_full(STDERR_FILENO, line, MIN((size_t)n, sizeof(line) - 1));
}

/* Wait until then, or until it is over.  ->lock is held.  True if it is over. */
static bool wait_until(struct progress *p, uint64_t usec)
{
	const struct timespec at = { .tv_sec = (time_t)(usec / 1000000),
				     .tv_nsec = (long)(usec % 1000000) * 1000 };

	while (!p->over)
		if (pthread_cond_timedwait(&p->changed, &p->lock, &at) != 0)
			break;
	return p->over;
}

static void *run(void *userdata)
{
	struct progress *p = userdata;
	uint64_t began = now_usec(), next = began + p->after_usec;
	bool said = false;

	(void) pthread_mutex_lock(&p->lock);
	while (!wait_until(p, next)) {
		say(p, next - began);
		said = true;
		next += TICK_USEC;
	}
	if (said)
		(void) write_full(STDERR_FILENO, CLEAR, sizeof(CLEAR) - 1);
	(void) pthread_mutex_unlock(&p->lock);
	return NULL;
}

static int prepare(struct progress *p)
{
	pthread_condattr_t attributes;
	int error = pthread_condattr_init(&attributes);

	if (error)
		return -error;
	error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!error)
		error = pthread_cond_init(&p->changed, &attributes);
	(void) pthread_condattr_destroy(&attributes);
	return -error;
}

void progress_begin_after(struct progress *p, const char *what, uint64_t after_usec)
{
	*p = (struct progress){ .what = what, .after_usec = after_usec,
				.lock = PTHREAD_MUTEX_INITIALIZER };
	if (!isatty(STDERR_FILENO) || prepare(p) < 0)
		return;
	p->runs = thread_start(&p->thread, run, p) == 0;
	if (!p->runs)
		(void) pthread_cond_destroy(&p->changed);
}

void progress_begin(struct progress *p, const char *what)
{
	progress_begin_after(p, what, PROGRESS_AFTER_USEC);
}

void progress_end(struct progress *p)
{
	if (!p->runs)
		return;
	p->runs = false;
	(void) pthread_mutex_lock(&p->lock);
	p->over = true;
	(void) pthread_cond_signal(&p->changed);
	(void) pthread_mutex_unlock(&p->lock);
	(void) pthread_join(p->thread, NULL);
	(void) pthread_cond_destroy(&p->changed);
}
