/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_LOOP_H
#define COCO_AGENT_LOOP_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <time.h>

/*
 * What a program of one thread waits for, on libevent.
 *
 * A loop has watches: each of a descriptor, a time, a signal, a child or a folder, with a function
 * that is called when something has come of it.  One turn of the loop calls one function, or those
 * of what a folder had.  Functions of folders come before all others, so that who is called has
 * read what a folder had by then; among the others each has its turn.
 *
 * A watch that was freed or switched off is not called, also if it was ready before.  A function
 * may free its own watch and any other.  One that returns a negative errno is not called again.
 */
struct loop;
struct watch;

/* ---- the loop ---- */

/* @ret is yours.  Returns 0, or an errno of epoll_create(2) or malloc(3). */
int loop_new(struct loop **ret);

/* Returns NULL.  Watches may be freed before or after it, but not be used after it. */
struct loop *loop_free(struct loop *l);

/* Until loop_exit().  Returns the code of that, or a negative errno of the loop's own. */
int loop_run(struct loop *l);

/* After the function that calls this, no other is called. */
void loop_exit(struct loop *l, int code);

/*
 * Wait for up to @usec microseconds, UINT64_MAX for ever, and call one function.  Returns 1; 0 if
 * there was none to call; -ESTALE after loop_exit(); -ECHILD in a child that was forked; an errno
 * of epoll_wait(2).
 */
int loop_turn(struct loop *l, uint64_t usec);

/* How many turns there were, so that what holds for one turn can be remembered. */
uint64_t loop_n_turns(const struct loop *l);

/* Microseconds of CLOCK_MONOTONIC when this turn began to call; before the first one, now. */
uint64_t loop_now(const struct loop *l);

/*
 * From now on tell systemd that the loop runs, if it wants to know (WatchdogSec=).  Returns 1; 0 if
 * it does not; an errno.
 */
int loop_tell_watchdog(struct loop *l);

/* ---- watches ---- */

typedef int (*watch_call)(void *userdata);

/* All of these return 0, with @ret yours, or a negative errno: -ENOMEM, and what is said there. */

/*
 * @events is POLLIN, POLLOUT or both, and 0 for a hangup alone, which comes when the peer neither
 * writes nor reads any more.  @fd is borrowed: free the watch before it is closed.  -EPERM for what
 * is always ready, such as a file.
 */
int watch_fd(struct loop *l, int fd, short events, watch_call call, void *userdata,
	     struct watch **ret);

/* Switch the watch of a descriptor off, or on again. */
int watch_enable(struct watch *w, bool on);

/*
 * Once, at @usec by @clock, CLOCK_MONOTONIC or CLOCK_BOOTTIME; or @usec from now by
 * CLOCK_MONOTONIC.  UINT64_MAX is never.  An errno of timerfd_create(2).
 */
int watch_at(struct loop *l, clockid_t clock, uint64_t usec, watch_call call, void *userdata,
	     struct watch **ret);
int watch_after(struct loop *l, uint64_t usec, watch_call call, void *userdata,
		struct watch **ret);

/* Another time for a watch of those two, whether it has been called or not. */
int watch_again_at(struct watch *w, uint64_t usec);
int watch_again_after(struct watch *w, uint64_t usec);

/* When it will be called, by its clock; UINT64_MAX if it has been, and for NULL. */
uint64_t watch_time(const struct watch *w);

/* The signal must be blocked: otherwise, or if it has a watch, -EBUSY. */
int watch_signal(struct loop *l, int number, watch_call call, void *userdata,
		 struct watch **ret);

/*
 * Once, when the child @pid of this process has ended.  It stays a zombie, and its number its own,
 * until the function has returned.  An errno of pidfd_open(2).
 */
int watch_child(struct loop *l, pid_t pid, int (*call)(const siginfo_t *info, void *userdata),
		void *userdata, struct watch **ret);

/*
 * What inotify(7) tells of @path by @mask; of IN_Q_OVERFLOW, IN_IGNORED and IN_UNMOUNT, too.  An
 * errno of inotify_init(2) or inotify_add_watch(2).
 */
int watch_folder(struct loop *l, const char *path, uint32_t mask,
		 int (*call)(const struct inotify_event *event, void *userdata), void *userdata,
		 struct watch **ret);

/* Returns NULL.  @w may be NULL. */
struct watch *watch_free(struct watch *w);

static inline void watch_freep(struct watch **w)
{
	(void) watch_free(*w);
}

#endif
