/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/spare.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "ipc/client.h"

#define KEYS "/run/cryptsetup-keys.d/"
#define KEY_SUFFIX ".key"

struct spare {
	struct spare_setup setup;
	struct watch *deadline, *pause;
	struct {
		int conn;		/* -EBADF where there is none */
		uint64_t until;		/* CLOCK_MONOTONIC */
	} workers[SPARE_MAX];
};

/* The volume that the listening socket @fd is for, NULL if it is for none or for any. */
static const char *volume_of(int fd, struct sockaddr_un *sa)
{
	socklen_t len = sizeof(*sa) - 1;
	char *name, *end;

	memset(sa, 0, sizeof(*sa));
	if (getsockname(fd, (struct sockaddr *)sa, &len) < 0 || sa->sun_family != AF_UNIX ||
	    strncmp(sa->sun_path, KEYS, strlen(KEYS)) != 0)
		return NULL;
	name = sa->sun_path + strlen(KEYS);
	end = strstr(name, KEY_SUFFIX);
	while (end && end[strlen(KEY_SUFFIX)])
		end = strstr(end + 1, KEY_SUFFIX);
	if (!end)
		return NULL;
	*end = '\0';
	return name[0] && !strchr(name, '/') ? name : NULL;
}

unsigned spare_count_volumes(int first, unsigned n,
			     bool (*may_ask)(void *userdata, const char *volume), void *userdata)
{
	struct sockaddr_un sa;
	unsigned count = 0;

	for (unsigned i = 0; i < n && count < SPARE_MAX; i++) {
		const char *volume = volume_of(first + (int)i, &sa);

		count += volume && may_ask(userdata, volume);
	}
	return count;
}

/* A worker sees the end of its connection, and ends without a complaint. */
static void let_go(struct spare *s, uint64_t now)
{
	for (unsigned i = 0; i < SPARE_MAX; i++)
		if (now >= s->workers[i].until)
			s->workers[i].conn = close_fd(s->workers[i].conn);
}

static void let_all_go(struct spare *s)
{
	let_go(s, UINT64_MAX);
}

/* Whoever says something before he was asked, or is gone, is not asked. */
static bool is_waiting(int conn)
{
	struct pollfd p = { .fd = conn, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* No worker is kept without the timer that lets it go. */
static void watch_deadline(struct spare *s)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < SPARE_MAX; i++)
		if (s->workers[i].conn >= 0)
			first = MIN(first, s->workers[i].until);
	if (first != UINT64_MAX && watch_again_at(s->deadline, first) < 0)
		let_all_go(s);
}

static int on_deadline(void *userdata)
{
	struct spare *s = userdata;

	let_go(s, loop_now(s->setup.loop));
	watch_deadline(s);
	return 0;
}

/* How many are left of those that were there. */
static unsigned count_waiting(struct spare *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SPARE_MAX; i++) {
		int conn = s->workers[i].conn;

		if (conn >= 0 && !is_waiting(conn))
			s->workers[i].conn = close_fd(conn);
		n += s->workers[i].conn >= 0;
	}
	return n;
}

static void start(struct spare *s, uint64_t now)
{
	unsigned wanted = s->setup.wanted(s->setup.userdata), n;
	int r = 0;

	let_go(s, now);
	n = count_waiting(s);
	for (unsigned i = 0; i < SPARE_MAX && n < wanted && r >= 0; i++) {
		if (s->workers[i].conn >= 0)
			continue;
		r = client_connect_now(s->setup.path, &s->workers[i].conn);
		if (r < 0)
			log_debug("No worker is started before it is asked: %s", strerror(-r));
		s->workers[i].until = now + SPARE_USEC;
		n++;
	}
	watch_deadline(s);
}

static int on_pause(void *userdata)
{
	struct spare *s = userdata;

	start(s, loop_now(s->setup.loop));
	return 0;
}

int spare_take(struct spare *s)
{
	if (!s)
		return -ENOENT;
	/* After a standstill the loop may come to a question before it comes to the deadline. */
	let_go(s, loop_now(s->setup.loop));
	for (unsigned i = 0; i < SPARE_MAX; i++) {
		_cleanup_(closep) int conn = TAKE_FD(s->workers[i].conn);

		if (conn >= 0 && is_waiting(conn))
			return TAKE_FD(conn);
	}
	return -ENOENT;
}

/* Without the timer there are none, as before there were any. */
void spare_replace(struct spare *s)
{
	if (s)
		(void) watch_again_at(s->pause, loop_now(s->setup.loop) + SPARE_PAUSE_USEC);
}

int spare_new(const struct spare_setup *setup, struct spare **ret)
{
	_cleanup_(spare_freep) struct spare *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	for (unsigned i = 0; i < SPARE_MAX; i++)
		s->workers[i].conn = -EBADF;
	s->setup = *setup;
	r = watch_after(setup->loop, UINT64_MAX, on_deadline, s, &s->deadline);
	if (r >= 0)
		r = watch_after(setup->loop, UINT64_MAX, on_pause, s, &s->pause);
	if (r < 0)
		return r;
	start(s, loop_now(setup->loop));
	*ret = TAKE_PTR(s);
	return 0;
}

struct spare *spare_free(struct spare *s)
{
	if (!s)
		return NULL;
	watch_free(s->deadline);
	watch_free(s->pause);
	let_all_go(s);
	free(s);
	return NULL;
}
