/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/header/header-copy.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define POLL_MSEC 50

/* Returns the descriptor, or a negative errno. */
static int open_device(const char *device, uint64_t wait_usec)
{
	const uint64_t end = now_usec() + wait_usec;
	int fd;

	for (;;) {
		fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0)
			return fd;
		/* ENXIO: the node is there, and the device is not ready. */
		if (errno != ENOENT && errno != ENXIO)
			return -errno;
		if (now_usec() >= end)
			return -ENODEV;
		(void) poll(NULL, 0, POLL_MSEC);
	}
}

static int check_folder(const char *to, struct cause *why)
{
	const char *slash = strrchr(to, '/');
	char folder[PATH_MAX];
	struct statfs fs;

	if (!slash || (size_t)(slash - to) >= sizeof(folder))
		return cause_set(why, -EINVAL, "'%s' is no path", to);
	memcpy(folder, to, (size_t)(slash - to));
	folder[slash - to] = '\0';
	if (statfs(folder, &fs) < 0)
		return cause_set(why, -errno, "'%s' is not there (%m): start "
					      "run-cocod.headers.mount", folder);
	if (fs.f_type != RAMFS_MAGIC)
		return cause_set(why, -EPERM, "'%s' is not a ramfs: what is swapped out, the host "
					      "can change; start run-cocod.headers.mount", folder);
	return 0;
}

int header_folder_make(struct cause *why)
{
	struct statfs fs;

	if (mkdir(HEADER_FOLDER, 0700) < 0 && errno != EEXIST)
		return cause_set(why, -errno, "Cannot make '" HEADER_FOLDER "': %m");
	if (statfs(HEADER_FOLDER, &fs) == 0 && fs.f_type == RAMFS_MAGIC)
		return 0;
	if (mount("ramfs", HEADER_FOLDER, "ramfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700") < 0)
		return cause_set(why, -errno, "Cannot mount a ramfs on '" HEADER_FOLDER "': %m");
	return 0;
}

static ssize_t read_header(int fd, const char *device, char **ret, struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return cause_set(why, -errno, "Cannot look at '%s': %m", device);
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return cause_set(why, -ENOTBLK, "'%s' is neither a block device nor a file",
				 device);
	data = malloc(LUKS_COPY_LEN);
	if (!data)
		return cause_set_oom(why);
	n = read_full(fd, data, LUKS_COPY_LEN);
	if (n < 0)
		return cause_set(why, (int)n, "Cannot read '%s': %s", device, strerror((int)-n));
	if (n == 0)
		return cause_set(why, -EBADMSG, "'%s' is empty", device);
	*ret = TAKE_PTR(data);
	return n;
}

ssize_t header_copy(const char *device, uint64_t wait_usec, const char *to, struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	_cleanup_(closep) int fd = -EBADF;
	ssize_t n;
	int r = check_folder(to, why);

	if (r < 0)
		return r;
	fd = open_device(device, wait_usec);
	if (fd < 0)
		return cause_set(why, fd, "Cannot open '%s': %s", device, strerror(-fd));
	n = read_header(fd, device, &data, why);
	if (n < 0)
		return n;
	r = write_file_atomic(to, data, (size_t)n, 0600, /* exclusive= */ false);
	if (r < 0)
		return cause_set(why, r, "Cannot write '%s': %s", to, strerror(-r));
	return n;
}
