/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file on a ramfs, which is never swapped out.  It is written without a name, gets its owner and
 * mode, and then its name, in one step that replaces nothing and follows no link.
 *
 * The folder is root's alone to write to, so that nobody exchanges what is in it.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/place/place.h"
#include "base/io.h"
#include "base/parse.h"

#define MODE_ALLOWED 0660u

static int check(const struct place_order *o)
{
	if (o->owner == UINT32_MAX || o->group == UINT32_MAX || o->len > SECRET_MAX ||
	    o->rights & ~MODE_ALLOWED || !name_is_valid(o->name, MSG_NAME_LEN))
		return -EINVAL;
	return 0;
}

static int open_folder(struct place *p, struct cause *why)
{
	_cleanup_(closep) int fd = open(p->folder,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return cause_set(why, -errno, "'%s' cannot be opened (%m): start "
					      "run-cocod.files.mount", p->folder);
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return cause_set(why, -errno, "Cannot look at '%s': %m", p->folder);
	if (fs.f_type != RAMFS_MAGIC)
		return cause_set(why, -EPERM, "'%s' is not a ramfs: what is swapped out, the host "
					      "can read; start run-cocod.files.mount", p->folder);
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return cause_set(why, -EPERM, "Others than root can write to '%s': restart "
					      "run-cocod.files.mount", p->folder);
	p->folder_fd = TAKE_FD(fd);
	return 0;
}

static int overwrite(int fd, off_t len)
{
	static const uint8_t zeros[4096];
	int r = 0;

	for (off_t at = 0; r == 0 && at < len; at += (off_t)sizeof(zeros)) {
		size_t n = MIN(sizeof(zeros), (size_t)(len - at));

		if (pwrite(fd, zeros, n, at) != (ssize_t)n)
			r = errno ? -errno : -EIO;
	}
	return r;
}

/* ramfs has one copy of each page: who has the file open or mapped sees the zeros too. */
static int wipe(struct place *p)
{
	const char *name = p->order.name;
	_cleanup_(closep) int fd = -EBADF;
	struct stat st;
	int r;

	if (fstatat(p->folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Root has put something else there; our file is gone. */
	if (!S_ISREG(st.st_mode))
		return 0;
	/* From here on the owner cannot open it again. */
	if (fchownat(p->folder_fd, name, geteuid(), getegid(), AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(p->folder_fd, name, 0600, 0) < 0)
		return -errno;
	fd = openat(p->folder_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	r = overwrite(fd, st.st_size);
	if (unlinkat(p->folder_fd, name, 0) < 0 && r == 0)
		r = -errno;
	return r;
}

static int remove_file(struct place *p, struct cause *why)
{
	int r = open_folder(p, why);

	if (r < 0)
		return r;
	r = wipe(p);
	return r < 0 ? cause_set(why, r, "The file '%s/%s' cannot be wiped: %s", p->folder,
				 p->order.name, strerror(-r)) : 0;
}

static int prepare(struct place *p, struct cause *why)
{
	int r = p->order.old ? remove_file(p, why) : open_folder(p, why);

	if (r < 0)
		return r;
	p->fd = openat(p->folder_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return cause_set(why, -errno, "No file can be made in '%s': %m", p->folder);
	r = write_full(p->fd, secret_data(p->bytes), secret_len(p->bytes));
	if (r < 0)
		return cause_set(why, r, "A file in '%s' cannot be written: %s", p->folder,
				 strerror(-r));
	if (fchmod(p->fd, p->order.rights) < 0 || fchown(p->fd, p->order.owner, p->order.group) < 0)
		return cause_set(why, -errno, "The file '%s/%s' cannot be given to user %u, group "
					      "%u: %m", p->folder, p->order.name, p->order.owner,
				 p->order.group);
	p->id = 1;
	return 0;
}

static int commit(struct place *p, struct cause *why)
{
	char path[64];

	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fd);
	if (linkat(AT_FDCWD, path, p->folder_fd, p->order.name, AT_SYMLINK_FOLLOW) >= 0)
		return 0;
	if (errno == EEXIST)
		return cause_set(why, -EEXIST, "'%s/%s' exists already, and is not cocod's: "
					       "remove it", p->folder, p->order.name);
	return cause_set(why, -errno, "The file '%s/%s' cannot be made: %m", p->folder,
			 p->order.name);
}

static void drop(struct place *p)
{
	(void) overwrite(p->fd, (off_t)p->order.len);
}

const struct place_ops place_file = {
	.name = "file",
	.socket = "cocod-place-file",
	.check = check,
	.prepare = prepare,
	.commit = commit,
	.drop = drop,
	.remove = remove_file,
};
