/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/loop.h"

#include <event2/event.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/systemd.h"

#define USEC_PER_SEC 1000000ULL
#define MAX_WAIT_USEC (3600 * USEC_PER_SEC)

enum kind { KIND_FD, KIND_HANGUP, KIND_TIME, KIND_SIGNAL, KIND_CHILD, KIND_FOLDER };

struct watch {
	struct loop *loop;
	struct watch *next, **prev;		/* of all watches of the loop */
	enum kind kind;
	bool on;
	struct event *event;			/* NULL where the loop has one for all of a kind */
	int fd;					/* its own but for KIND_FD and KIND_HANGUP */
	void *userdata;
	union {
		watch_call call;
		int (*child_call)(const siginfo_t *info, void *userdata);
		int (*folder_call)(const struct inotify_event *event, void *userdata);
	};
	union {
		struct {
			clockid_t clock;
			uint64_t usec;
		} time;
		int signal;
		pid_t child;
		struct {
			int wd;
			uint32_t mask;
		} folder;
	};
};

/* A descriptor of the loop's own, for all watches of one kind. */
struct shared {
	int fd;
	struct event *event;
};

struct loop {
	struct event_base *base;
	pid_t pid;
	struct shared signals, folders, hangups;
	struct event *timeout;			/* of a turn */
	sigset_t mask;
	struct watch *watches;
	struct watch *cursor;			/* where a walk over the watches goes on */
	struct watch *calling;			/* whose function runs, unless that has freed it */
	struct watch *watchdog;
	uint64_t watchdog_usec;
	uint64_t n_turns, now_usec;
	bool called;				/* a function, in this turn */
	bool freed;				/* and somebody still has a watch */
	bool exiting;
	int exit_code;
};

/* ---- the loop ---- */

/* Each function of libevent that fails says so by what it returns, too. */
static void on_libevent_says(int severity, const char *text)
{
	log_debug("libevent: %s", text);
}

/* Nobody's environment chooses how the loop waits, and another way than epoll is none. */
static int base_new(struct event_base **ret)
{
	struct event_config *c = event_config_new();
	int r = -ENOMEM;

	event_set_log_callback(on_libevent_says);
	if (c && event_config_avoid_method(c, "select") == 0 &&
	    event_config_avoid_method(c, "poll") == 0 &&
	    event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
				     EVENT_BASE_FLAG_NO_CACHE_TIME |
				     EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
		errno = 0;
		*ret = event_base_new_with_config(c);
		r = *ret ? 0 : -(errno ?: ENOMEM);
	}
	if (c)
		event_config_free(c);
	return r;
}

static void destroy(struct loop *l)
{
	struct shared *all[] = { &l->signals, &l->folders, &l->hangups };
	/* In a child libevent's epoll is the same as the parent's, who goes on with it. */
	bool ours = l->pid == getpid();

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (ours && all[i]->event)
			event_free(all[i]->event);
		(void) close_fd(all[i]->fd);
	}
	if (ours && l->timeout)
		event_free(l->timeout);
	if (ours && l->base)
		event_base_free(l->base);
	free(l);
}

/* It has ended the wait, and what is due at the same moment is called now. */
static void on_timeout(evutil_socket_t fd, short what, void *userdata)
{
}

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->pid = getpid();
	l->signals.fd = l->folders.fd = l->hangups.fd = -EBADF;
	(void) sigemptyset(&l->mask);
	r = base_new(&l->base);
	if (r >= 0) {
		l->timeout = event_new(l->base, -1, 0, on_timeout, NULL);
		r = l->timeout ? 0 : -ENOMEM;
	}
	if (r < 0)
		destroy(l);
	else
		*ret = l;
	return r;
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	l->watchdog = watch_free(l->watchdog);
	l->freed = true;
	if (!l->watches)
		destroy(l);
	return NULL;
}

void loop_exit(struct loop *l, int code)
{
	l->exiting = true;
	l->exit_code = code;
}

uint64_t loop_n_turns(const struct loop *l)
{
	return l->n_turns;
}

uint64_t loop_now(const struct loop *l)
{
	return l->now_usec ?: now_usec();
}

static int begin_waiting(struct event *event, uint64_t usec)
{
	const struct timeval t = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
				   .tv_usec = (suseconds_t)(usec % USEC_PER_SEC) };

	errno = 0;
	return event_add(event, usec == UINT64_MAX ? NULL : &t) < 0 ? -(errno ?: ENOMEM) : 0;
}

int loop_turn(struct loop *l, uint64_t usec)
{
	int r = 0;

	if (l->exiting)
		return -ESTALE;
	if (l->pid != getpid())
		return -ECHILD;
	l->n_turns++;
	l->called = false;
	if (usec > 0 && usec != UINT64_MAX)
		r = begin_waiting(l->timeout, usec);
	if (r < 0)
		return r;
	errno = 0;
	if (event_base_loop(l->base, usec == 0 ? EVLOOP_NONBLOCK :
						 EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		r = -(errno ?: EIO);
	if (!l->called)
		l->now_usec = now_usec();
	(void) event_del(l->timeout);
	return r < 0 ? r : l->called;
}

int loop_run(struct loop *l)
{
	int r = 0;

	while (r >= 0 && !l->exiting)
		r = loop_turn(l, UINT64_MAX);
	return r < 0 ? r : l->exit_code;
}

/* ---- what all kinds of watches have ---- */

static int watch_new(struct loop *l, enum kind kind, void *userdata, struct watch **ret)
{
	struct watch *w;

	if (l->pid != getpid())
		return -ECHILD;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct watch){ .loop = l, .next = l->watches, .prev = &l->watches, .kind = kind,
			     .fd = -EBADF, .userdata = userdata };
	if (w->next)
		w->next->prev = &w->next;
	l->watches = w;
	*ret = w;
	return 0;
}

static int event_for(struct watch *w, int fd, short what, event_callback_fn call)
{
	w->event = event_new(w->loop->base, fd, what, call, w);
	return w->event ? 0 : -ENOMEM;
}

/* @fd is the result of a system call. */
static int shared_open(struct loop *l, struct shared *s, int fd, event_callback_fn call)
{
	int r = -ENOMEM;

	if (fd < 0)
		return -errno;
	s->event = event_new(l->base, fd, EV_READ | EV_PERSIST, call, l);
	if (s->event)
		r = begin_waiting(s->event, UINT64_MAX);
	if (r >= 0) {
		s->fd = fd;
		return 0;
	}
	if (s->event)
		event_free(s->event);
	s->event = NULL;
	(void) close_fd(fd);
	return r;
}

static void on_signals(evutil_socket_t fd, short what, void *userdata);

static int update_signals(struct loop *l)
{
	/* -1 makes a new one, and no other number does. */
	int fd = signalfd(l->signals.fd < 0 ? -1 : l->signals.fd, &l->mask,
			  SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	return l->signals.fd >= 0 ? 0 : shared_open(l, &l->signals, fd, on_signals);
}

static int start_time(struct watch *w)
{
	uint64_t usec = w->time.usec, now = clock_usec(w->time.clock);
	struct itimerspec its = { 0 };

	if (w->time.clock == CLOCK_BOOTTIME) {
		/* All zeros would stop it. */
		its.it_value.tv_sec = (time_t)(usec / USEC_PER_SEC);
		its.it_value.tv_nsec = usec > 0 ? (long)(usec % USEC_PER_SEC) * 1000 : 1;
		if (timerfd_settime(w->fd, TFD_TIMER_ABSTIME, &its, NULL) < 0)
			return -errno;
		return begin_waiting(w->event, UINT64_MAX);
	}
	/* One that waits for longer looks at the clock meanwhile. */
	return begin_waiting(w->event, usec <= now ? 0 : MIN(usec - now, MAX_WAIT_USEC));
}

static int start(struct watch *w)
{
	struct epoll_event ev = { .events = 0, .data.ptr = w };
	int r;

	switch (w->kind) {
	case KIND_FD:
	case KIND_CHILD:
		return begin_waiting(w->event, UINT64_MAX);
	case KIND_HANGUP:
		return epoll_ctl(w->loop->hangups.fd, EPOLL_CTL_ADD, w->fd, &ev) < 0 ? -errno : 0;
	case KIND_TIME:
		return start_time(w);
	case KIND_SIGNAL:
		(void) sigaddset(&w->loop->mask, w->signal);
		r = update_signals(w->loop);
		if (r < 0)
			(void) sigdelset(&w->loop->mask, w->signal);
		return r;
	case KIND_FOLDER:
		return 0;
	}
	return -EINVAL;
}

static bool is_watched(const struct loop *l, int wd)
{
	for (const struct watch *w = l->watches; w; w = w->next)
		if (w->kind == KIND_FOLDER && w->on && w->folder.wd == wd)
			return true;
	return false;
}

static void stop(struct watch *w)
{
	struct loop *l = w->loop;

	if (w->kind == KIND_SIGNAL)
		(void) sigdelset(&l->mask, w->signal);
	/* In a child all descriptors are the same as the parent's, who goes on with them. */
	if (l->pid != getpid())
		return;
	if (w->event)
		(void) event_del(w->event);
	else if (w->kind == KIND_HANGUP)
		(void) epoll_ctl(l->hangups.fd, EPOLL_CTL_DEL, w->fd, NULL);
	else if (w->kind == KIND_SIGNAL)
		(void) update_signals(l);
	else if (w->kind == KIND_FOLDER && !is_watched(l, w->folder.wd))
		(void) inotify_rm_watch(l->folders.fd, w->folder.wd);
}

static int set_on(struct watch *w, bool on)
{
	int r = 0;

	if (on == w->on)
		return 0;
	w->on = on;
	if (!on)
		stop(w);
	else
		r = start(w);
	if (r < 0)
		w->on = false;
	return r;
}

/* Hand the new watch out, switched on, or take it back after an error. */
static int finish(int r, struct watch *w, struct watch **ret)
{
	if (r >= 0)
		r = set_on(w, true);
	if (r < 0)
		(void) watch_free(w);
	else
		*ret = w;
	return r;
}

struct watch *watch_free(struct watch *w)
{
	struct loop *l;

	if (!w)
		return NULL;
	l = w->loop;
	(void) set_on(w, false);
	if (w->event && l->pid == getpid())
		event_free(w->event);
	if (w->kind != KIND_FD && w->kind != KIND_HANGUP)
		(void) close_fd(w->fd);
	if (l->cursor == w)
		l->cursor = w->next;
	if (l->calling == w)
		l->calling = NULL;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	free(w);
	if (l->freed && !l->watches)
		destroy(l);
	return NULL;
}

/* ---- calls ---- */

/* A function of libevent's calls one of ours, and then the turn is over. */
static void begin_calls(struct loop *l)
{
	l->now_usec = now_usec();
	l->called = true;
	(void) event_base_loopbreak(l->base);
}

static void end_call(struct loop *l, int r)
{
	/* One that fails is not called again. */
	if (r < 0 && l->calling)
		(void) set_on(l->calling, false);
	l->calling = NULL;
}

static bool is_for(const struct watch *w, const struct inotify_event *event)
{
	return w->kind == KIND_FOLDER && w->on &&
	       (event->mask & IN_Q_OVERFLOW ||
		(event->wd == w->folder.wd &&
		 event->mask & (w->folder.mask | IN_IGNORED | IN_UNMOUNT)));
}

static void tell(struct loop *l, const struct inotify_event *event)
{
	for (struct watch *w = l->watches; w; w = l->cursor) {
		l->cursor = w->next;
		if (!is_for(w, event))
			continue;
		l->calling = w;
		end_call(l, w->folder_call(event, w->userdata));
	}
	l->cursor = NULL;
}

static void call_folders(struct loop *l)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(l->folders.fd, buffer, sizeof(buffer));
	const struct inotify_event *event;

	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const void *)(buffer + at);
		tell(l, event);
	}
}

/* Where many are ready, libevent may see that folders are only after it has called for another. */
static bool are_folders_ready(const struct loop *l)
{
	struct pollfd p = { .fd = l->folders.fd, .events = POLLIN };

	return l->folders.fd >= 0 && poll(&p, 1, 0) > 0;
}

/* True if functions of folders were called instead; what else was ready still is. */
static bool begin_with_folders(struct loop *l)
{
	begin_calls(l);
	if (!are_folders_ready(l))
		return false;
	call_folders(l);
	return true;
}

static void invoke(struct watch *w)
{
	struct loop *l = w->loop;

	l->calling = w;
	end_call(l, w->call(w->userdata));
}

/* ---- descriptors ---- */

static void on_fd(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *w = userdata;

	if (!begin_with_folders(w->loop))
		invoke(w);
}

static void on_hangups(evutil_socket_t fd, short what, void *userdata)
{
	struct epoll_event ev;

	if (!begin_with_folders(userdata) && epoll_wait(fd, &ev, 1, 0) == 1)
		invoke(ev.data.ptr);
}

/* libevent would also tell of a peer that writes no more, but still reads. */
static int hangups_open(struct loop *l)
{
	if (l->hangups.fd >= 0)
		return 0;
	return shared_open(l, &l->hangups, epoll_create1(EPOLL_CLOEXEC), on_hangups);
}

int watch_fd(struct loop *l, int fd, short events, watch_call call, void *userdata,
	     struct watch **ret)
{
	short what = EV_PERSIST | (events & POLLIN ? EV_READ : 0) |
		     (events & POLLOUT ? EV_WRITE : 0);
	struct watch *w;
	int r = events ? 0 : hangups_open(l);

	if (r >= 0)
		r = watch_new(l, events ? KIND_FD : KIND_HANGUP, userdata, &w);
	if (r < 0)
		return r;
	w->fd = fd;
	w->call = call;
	if (events)
		r = event_for(w, fd, what, on_fd);
	return finish(r, w, ret);
}

int watch_enable(struct watch *w, bool on)
{
	return set_on(w, on);
}

/* ---- times ---- */

static void on_time(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *w = userdata;
	struct loop *l = w->loop;

	if (clock_usec(w->time.clock) < w->time.usec && start_time(w) >= 0)
		return;
	begin_calls(l);
	if (are_folders_ready(l) && start_time(w) >= 0) {
		call_folders(l);
		return;
	}
	(void) set_on(w, false);
	invoke(w);
}

int watch_at(struct loop *l, clockid_t clock, uint64_t usec, watch_call call, void *userdata,
	     struct watch **ret)
{
	struct watch *w;
	int r = watch_new(l, KIND_TIME, userdata, &w);

	if (r < 0)
		return r;
	w->call = call;
	w->time.clock = clock;
	w->time.usec = usec;
	if (clock == CLOCK_BOOTTIME) {
		w->fd = timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
		r = w->fd < 0 ? -errno : event_for(w, w->fd, EV_READ, on_time);
	} else {
		r = event_for(w, -1, 0, on_time);
	}
	if (r < 0 || usec != UINT64_MAX)
		return finish(r, w, ret);
	*ret = w;
	return 0;
}

static uint64_t from_now(const struct loop *l, uint64_t usec)
{
	uint64_t at;

	return __builtin_add_overflow(loop_now(l), usec, &at) ? UINT64_MAX : at;
}

int watch_after(struct loop *l, uint64_t usec, watch_call call, void *userdata,
		struct watch **ret)
{
	return watch_at(l, CLOCK_MONOTONIC, from_now(l, usec), call, userdata, ret);
}

int watch_again_at(struct watch *w, uint64_t usec)
{
	(void) set_on(w, false);
	w->time.usec = usec;
	return usec == UINT64_MAX ? 0 : set_on(w, true);
}

int watch_again_after(struct watch *w, uint64_t usec)
{
	return watch_again_at(w, from_now(w->loop, usec));
}

uint64_t watch_time(const struct watch *w)
{
	return w && w->on ? w->time.usec : UINT64_MAX;
}

/* ---- signals ---- */

static void on_signals(evutil_socket_t fd, short what, void *userdata)
{
	struct signalfd_siginfo info;
	struct loop *l = userdata;

	if (begin_with_folders(l) || read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	for (struct watch *w = l->watches; w; w = w->next)
		if (w->kind == KIND_SIGNAL && w->on && (uint32_t)w->signal == info.ssi_signo) {
			invoke(w);
			return;
		}
}

int watch_signal(struct loop *l, int number, watch_call call, void *userdata, struct watch **ret)
{
	struct watch *w;
	sigset_t blocked;
	int r;

	if (sigprocmask(SIG_SETMASK, NULL, &blocked) < 0)
		return -errno;
	if (sigismember(&blocked, number) != 1 || sigismember(&l->mask, number) != 0)
		return -EBUSY;
	r = watch_new(l, KIND_SIGNAL, userdata, &w);
	if (r < 0)
		return r;
	w->call = call;
	w->signal = number;
	return finish(0, w, ret);
}

/* ---- children ---- */

static void on_child(evutil_socket_t fd, short what, void *userdata)
{
	struct watch *w = userdata;
	struct loop *l = w->loop;
	pid_t pid = w->child;
	siginfo_t info = { 0 };

	if (begin_with_folders(l) ||
	    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != pid)
		return;
	(void) set_on(w, false);
	l->calling = w;
	end_call(l, w->child_call(&info, w->userdata));
	(void) waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG);
}

int watch_child(struct loop *l, pid_t pid, int (*call)(const siginfo_t *info, void *userdata),
		void *userdata, struct watch **ret)
{
	struct watch *w;
	int r = watch_new(l, KIND_CHILD, userdata, &w);

	if (r < 0)
		return r;
	w->child_call = call;
	w->child = pid;
	w->fd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = w->fd < 0 ? -errno : event_for(w, w->fd, EV_READ | EV_PERSIST, on_child);
	return finish(r, w, ret);
}

/* ---- folders ---- */

static void on_folders(evutil_socket_t fd, short what, void *userdata)
{
	begin_calls(userdata);
	call_folders(userdata);
}

int watch_folder(struct loop *l, const char *path, uint32_t mask,
		 int (*call)(const struct inotify_event *event, void *userdata), void *userdata,
		 struct watch **ret)
{
	struct watch *w;
	int r = 0, wd;

	/* One descriptor for all, as a user may have few of this kind. */
	if (l->folders.fd < 0)
		r = shared_open(l, &l->folders, inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
				on_folders);
	if (r < 0)
		return r;
	/* Another watch may be of the same folder, and has the same number. */
	wd = inotify_add_watch(l->folders.fd, path, mask | IN_MASK_ADD);
	if (wd < 0)
		return -errno;
	r = watch_new(l, KIND_FOLDER, userdata, &w);
	if (r < 0) {
		if (!is_watched(l, wd))
			(void) inotify_rm_watch(l->folders.fd, wd);
		return r;
	}
	w->folder_call = call;
	w->folder.wd = wd;
	w->folder.mask = mask;
	return finish(0, w, ret);
}

/* ---- the watchdog of the unit ---- */

static int on_watchdog(void *userdata)
{
	struct loop *l = userdata;

	(void) systemd_notify("WATCHDOG=1");
	return watch_again_after(l->watchdog, l->watchdog_usec);
}

/* WATCHDOG_USEC= for the process WATCHDOG_PID=, or for any.  Returns 0 when there is none. */
static uint64_t watchdog_usec(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t n;

	if (pid && (parse_u64(pid, &n) < 0 || n != (uint64_t)getpid()))
		return 0;
	return usec && parse_u64(usec, &n) == 0 && n < UINT64_MAX ? n : 0;
}

int loop_tell_watchdog(struct loop *l)
{
	int r;

	l->watchdog_usec = watchdog_usec() / 3;
	if (l->watchdog_usec == 0 || l->watchdog)
		return l->watchdog != NULL;
	r = watch_after(l, 0, on_watchdog, l, &l->watchdog);
	return r < 0 ? r : 1;
}
