/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_MACHINES_H
#define COCO_TESTS_UNIT_MACHINES_H

/*
 * Test doubles of machines for what uses a pool: as many processors as a test wants, and a system
 * that gives no thread.  The test is linked with --wrap=sched_getaffinity,--wrap=pthread_create and
 * sets @machine; it is the first at the start.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

static const struct machine {
	unsigned processors;
	bool no_threads;	/* the system gives none */
} machines[] = { { 1, false }, { 2, false }, { 3, false }, { 64, false }, { 64, true } };

static const struct machine *machine = &machines[0];

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *ret);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *ret)
{
	memset(ret, 0, size);
	for (unsigned i = 0; i < machine->processors; i++)
		CPU_SET_S(i, size, ret);
	return 0;
}

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *data);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *data);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*run)(void *),
			  void *data)
{
	return machine->no_threads ? EAGAIN : __real_pthread_create(ret, attr, run, data);
}

#endif
