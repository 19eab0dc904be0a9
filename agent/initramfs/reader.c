/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/initramfs/reader.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/parse.h"

#define POLL_MSEC 5

void readers_done(struct readers *r)
{
	for (size_t i = 0; i < r->n; i++)
		(void) close_fd(r->pidfds[i]);
	r->n = 0;
}

/* True if the process @pid has the pipe open. */
static bool has_pipe(const char *proc, const char *pid, const struct stat *pipe)
{
	_cleanup_(closedirp) DIR *d = NULL;
	char path[300];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s/fd", proc, pid) >= (int)sizeof(path))
		return false;
	d = opendir(path);
	if (!d)
		return false;	/* it has ended */
	for (struct dirent *de; (de = readdir(d)); )
		if (fstatat(dirfd(d), de->d_name, &st, 0) == 0 && S_ISFIFO(st.st_mode) &&
		    st.st_ino == pipe->st_ino && st.st_dev == pipe->st_dev)
			return true;
	return false;
}

static int add(struct readers *r, pid_t pid)
{
	int fd;

	if (r->n == READERS_MAX)
		return -EMSGSIZE;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	r->pidfds[r->n++] = fd;
	return 0;
}

int readers_find(int fd, const char *proc, struct readers *ret)
{
	_cleanup_(closedirp) DIR *d = opendir(proc);
	struct stat pipe;
	uint64_t pid;
	int r = 0;

	*ret = (struct readers){ .n = 0 };
	if (!d || fstat(fd, &pipe) < 0)
		return -errno;
	if (!S_ISFIFO(pipe.st_mode))
		return -ENOTSUP;
	for (struct dirent *de; r >= 0 && (de = readdir(d)); ) {
		if (parse_u64(de->d_name, &pid) < 0 || pid == (uint64_t)getpid() ||
		    pid == (uint64_t)getppid())
			continue;
		if (has_pipe(proc, de->d_name, &pipe))
			r = add(ret, (pid_t)pid);
	}
	return r;
}

int readers_await_read(int fd, uint64_t usec)
{
	const uint64_t end = now_usec() + usec;
	struct pollfd p = { .fd = fd };
	int unread;

	for (;;) {
		if (ioctl(fd, FIONREAD, &unread) < 0)
			return -errno;
		/* An empty pipe that nobody reads may have been emptied by closing it. */
		if (poll(&p, 1, 0) > 0 && p.revents & POLLERR)
			return -EPIPE;
		if (unread == 0)
			return 0;
		if (now_usec() >= end)
			return -ETIMEDOUT;
		(void) poll(&p, 1, POLL_MSEC);
	}
}

int readers_await_end(const struct readers *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct pollfd p = { .fd = r->pidfds[i], .events = POLLIN };

		while (poll(&p, 1, -1) < 0)
			if (errno != EINTR)
				return -errno;
	}
	return 0;
}
