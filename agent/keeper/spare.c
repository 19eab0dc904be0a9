/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/spare.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/keeper/open-volumes.h"
#include "base/io.h"
#include "base/log.h"
#include "ipc/client.h"

#define KEYS "/run/cryptsetup-keys.d/"
#define KEY_SUFFIX ".key"

struct spare {
	sd_event *event;
	sd_event_source *deadline;
	uint64_t until;			/* CLOCK_MONOTONIC */
	int conns[SPARE_MAX];		/* -EBADF where there is none */
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

unsigned spare_count_volumes(const char *sys, int first, unsigned n)
{
	struct open_volumes volumes = { NULL };
	struct sockaddr_un sa;
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		const char *volume = volume_of(first + (int)i, &sa);

		count += volume && open_volumes_has(&volumes, sys, /* turn= */ 1, volume) <= 0;
	}
	open_volumes_done(&volumes);
	return count;
}

static void let_go(struct spare *s)
{
	for (unsigned i = 0; i < SPARE_MAX; i++)
		s->conns[i] = close_fd(s->conns[i]);
}

/* A worker sees the end of its connection, and ends without a complaint. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	let_go(userdata);
	return 0;
}

/* Whoever says something before he was asked, or is gone, is not asked. */
static bool is_waiting(int conn)
{
	struct pollfd p = { .fd = conn, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

int spare_take(struct spare *s)
{
	uint64_t now;

	if (!s || sd_event_now(s->event, CLOCK_MONOTONIC, &now) < 0)
		return -ENOENT;
	/* After a standstill the loop may come to a question before it comes to the deadline. */
	if (now >= s->until)
		let_go(s);
	for (unsigned i = 0; i < SPARE_MAX; i++) {
		_cleanup_(closep) int conn = TAKE_FD(s->conns[i]);

		if (conn >= 0 && is_waiting(conn))
			return TAKE_FD(conn);
	}
	return -ENOENT;
}

int spare_new(sd_event *event, const char *path, unsigned n, struct spare **ret)
{
	_cleanup_(spare_freep) struct spare *s = calloc(1, sizeof(*s));
	uint64_t now;
	int r;

	if (!s)
		return -ENOMEM;
	for (unsigned i = 0; i < SPARE_MAX; i++)
		s->conns[i] = -EBADF;
	s->event = event;
	r = sd_event_now(event, CLOCK_MONOTONIC, &now);
	if (r < 0)
		return r;
	s->until = now + SPARE_USEC;
	r = sd_event_add_time(event, &s->deadline, CLOCK_MONOTONIC, s->until, 0, on_deadline, s);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < MIN(n, (unsigned)SPARE_MAX) && r >= 0; i++) {
		r = client_connect_now(path, &s->conns[i]);
		if (r < 0)
			log_debug("No worker is started before it is asked: %s", strerror(-r));
	}
	*ret = TAKE_PTR(s);
	return 0;
}

struct spare *spare_free(struct spare *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->deadline);
	let_go(s);
	free(s);
	return NULL;
}
