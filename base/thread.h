/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_THREAD_H
#define COCO_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

#include "base/macro.h"

/* Start a thread that takes no signals: they are for main().  Returns 0, -ENOMEM or -EAGAIN. */
static inline int thread_start(pthread_t *ret, void *(*run)(void *), void *userdata)
{
	sigset_t all, before;
	int error;

	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(ret, NULL, run, userdata);
	(void) pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

#endif
