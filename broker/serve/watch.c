/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"

#define WATCHERS_MAX 16
#define LINE_LEN 4096

struct watcher {
	int fd;				/* -EBADF: free */
	unsigned lost;			/* lines since the last one that got through */
};

struct watchers {
	pthread_mutex_t lock;
	struct watcher list[WATCHERS_MAX];
};

int watchers_new(struct watchers **ret)
{
	struct watchers *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	if (pthread_mutex_init(&w->lock, NULL) != 0) {
		free(w);
		return -ENOMEM;
	}
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		w->list[i].fd = -EBADF;
	*ret = w;
	return 0;
}

struct watchers *watchers_free(struct watchers *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		(void) close_fd(w->list[i].fd);
	(void) pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

/*
 * Write a line whole or not at all; no guest waits for a watcher.  A message of a sequenced socket
 * is whole by itself.  Returns 0; -EAGAIN if there is no room; another error when nobody reads.
 */
static int write_line(int fd, const char *line)
{
	ssize_t n = send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? -errno : (size_t)n == strlen(line) ? 0 : -EPIPE;
}

/* @line NULL: it was too long. */
static void tell_one(struct watcher *w, const char *line)
{
	char lost[64];
	int r = 0;

	if (w->lost > 0 && line) {
		(void) snprintf(lost, sizeof(lost), "{\"what\":\"lost\",\"n\":%u}\n", w->lost);
		r = write_line(w->fd, lost);
		if (r == 0)
			w->lost = 0;
	}
	if (r == 0)
		r = line ? write_line(w->fd, line) : -EAGAIN;
	if (r == -EAGAIN)
		w->lost++;
	else if (r < 0)
		w->fd = close_fd(w->fd);
}

void watchers_tell(struct watchers *w, const char *line)
{
	char text[LINE_LEN];
	bool fits;

	if (!w)
		return;
	/* What there was no memory for is missing, as what is too long. */
	fits = line && (size_t)snprintf(text, sizeof(text), "%s\n", line) < sizeof(text);
	(void) pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WATCHERS_MAX; i++)
		if (w->list[i].fd >= 0)
			tell_one(&w->list[i], fits ? text : NULL);
	(void) pthread_mutex_unlock(&w->lock);
}

int watchers_add(struct watchers *w, int fd)
{
	int r = -EBUSY;

	(void) pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WATCHERS_MAX && r < 0; i++)
		if (w->list[i].fd < 0) {
			w->list[i] = (struct watcher){ .fd = fd };
			r = 0;
		}
	(void) pthread_mutex_unlock(&w->lock);
	if (r < 0)
		(void) close_fd(fd);
	return r;
}
