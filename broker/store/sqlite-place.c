/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/store/sqlite-place.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* <linux/magic.h> of Debian 12 has not all of them. */
#define CIFS_MAGIC 0xff534d42u
#define SMB2_MAGIC 0xfe534d42u
#define FUSE_MAGIC 0x65735546u
#define CEPH_MAGIC 0x00c36400u
#define OCFS2_MAGIC 0x7461636fu
#define GFS2_MAGIC 0x01161970u
#define VBOXSF_MAGIC 0x786f4256u

/* SQLite locks bytes near 1 GiB; this one is far behind the end of any file. */
#define LOCK_OFFSET (INT64_MAX - 1)

static const struct {
	uint32_t magic;
	const char *name;
} shared_file_systems[] = {
	{ NFS_SUPER_MAGIC, "NFS" },	   { V9FS_MAGIC, "9p" },
	{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { FUSE_MAGIC, "FUSE" },
	{ CIFS_MAGIC, "CIFS" },		   { SMB2_MAGIC, "SMB" },
	{ SMB_SUPER_MAGIC, "SMB" },	   { CEPH_MAGIC, "Ceph" },
	{ OCFS2_MAGIC, "OCFS2" },	   { GFS2_MAGIC, "GFS2" },
	{ AFS_SUPER_MAGIC, "AFS" },	   { AFS_FS_MAGIC, "AFS" },
	{ CODA_SUPER_MAGIC, "Coda" },	   { VBOXSF_MAGIC, "vboxsf" },
};

static int io_error(int error, const char *what, const char *path, struct cause *why)
{
	error = abs(error);
	(void) cause_set_io(why, error, "%s '%s': %m", what, path);
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
		return -EACCES;
	case ENOSPC:
	case EDQUOT:
		return -ENOSPC;
	case ENOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int check_file_system(int fd, const char *path, struct cause *why)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return io_error(errno, "Cannot ask for the file system of", path, why);
	for (size_t i = 0; i < ARRAY_SIZE(shared_file_systems); i++)
		if ((uint32_t)fs.f_type == shared_file_systems[i].magic)
			return cause_set(why, -EPERM,
					 "'%s' is on %s, whose locks do not keep a second broker "
					 "out: put the store on this machine's disk, or use etcd",
					 path, shared_file_systems[i].name);
	return 0;
}

/*
 * Whoever can write the folder can exchange the file.  Root may act for a service that has a user
 * of its own, whose folder it is: @ret_owner.
 */
static int open_folder(const char *path, int *ret_fd, uid_t *ret_owner, struct cause *why)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(closep) int fd = -EBADF;
	char folder[PATH_MAX];
	struct stat st;
	int r;

	r = snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
	if (r < 0 || (size_t)r >= sizeof(folder))
		return cause_set(why, -EINVAL, "The path of the store is too long");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return io_error(errno, "Cannot open the folder", folder, why);
	if ((st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0) || st.st_mode & 022)
		return cause_set(why, -EPERM,
				 "Others can write to the folder '%s': it must be ours or root's, "
				 "and nobody else's (chmod go-w)",
				 folder);
	r = check_file_system(fd, folder, why);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	*ret_owner = geteuid() == 0 ? st.st_uid : geteuid();
	return 0;
}

static int check_file(int fd, uid_t owner, const char *path, struct cause *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return io_error(errno, "Cannot look at", path, why);
	if (!S_ISREG(st.st_mode))
		return cause_set(why, -EPERM, "'%s' is not a file", path);
	if (st.st_uid != owner)
		return cause_set(why, -EPERM, "'%s' belongs to another user (uid %u)", path,
				 st.st_uid);
	if (st.st_mode & 077)
		return cause_set(why, -EPERM,
				 "Others can read or write '%s': it must have mode 0600", path);
	if (st.st_nlink != 1)
		return cause_set(why, -EPERM, "'%s' has a second name, a hard link", path);
	/* A file may be mounted over another one. */
	return check_file_system(fd, path, why);
}

static int lock_file(int fd, const char *path, struct cause *why)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_OFFSET, .l_len = 1
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return cause_set(why, -EBUSY, "Another broker has '%s' open", path);
	return io_error(errno, "Cannot lock", path, why);
}

/* Open @name in @folder, or create it, and take it. */
static int take_file(int folder, uid_t owner, const char *name, const char *path, int *ret_fd,
		     struct cause *why)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	_cleanup_(closep) int fd = -EBADF;
	int r;

	fd = openat(folder, name, flags | O_CREAT | O_EXCL, 0600);
	if (fd >= 0 && owner != geteuid() && fchown(fd, owner, (gid_t)-1) < 0)
		return io_error(errno, "Cannot give away", path, why);
	if (fd < 0 && errno == EEXIST)
		fd = openat(folder, name, flags);
	if (fd < 0)
		return io_error(errno, "Cannot open", path, why);
	r = check_file(fd, owner, path, why);
	if (r == 0)
		r = lock_file(fd, path, why);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

/*
 * PATH.lock comes first: to close a descriptor of the file itself drops the locks that SQLite has
 * in this process, so a second store in here must not even open it.
 */
int sqlite_place_take(const char *path, struct sqlite_place *ret, struct cause *why)
{
	struct sqlite_place p = { .lock_fd = -EBADF, .file_fd = -EBADF };
	_cleanup_(closep) int folder = -EBADF;
	char lock[NAME_MAX + 1];
	const char *name;
	uid_t owner;
	int r;

	name = strrchr(path, '/');
	if (path[0] != '/' || !name[1])
		return cause_set(why, -EINVAL, "'%s' is not the absolute path of a file", path);
	name++;
	if (snprintf(lock, sizeof(lock), "%s.lock", name) >= (int)sizeof(lock))
		return cause_set(why, -EINVAL, "The name of the store is too long");
	r = open_folder(path, &folder, &owner, why);
	if (r == 0)
		r = take_file(folder, owner, lock, path, &p.lock_fd, why);
	if (r == 0)
		r = take_file(folder, owner, name, path, &p.file_fd, why);
	/* A file that was created just now is still there after the power fails. */
	if (r == 0 && fsync(folder) < 0 && errno != EINVAL)
		r = io_error(errno, "Cannot flush the folder of", path, why);
	if (r < 0) {
		sqlite_place_leave(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void sqlite_place_leave(struct sqlite_place *p)
{
	p->file_fd = close_fd(p->file_fd);
	p->lock_fd = close_fd(p->lock_fd);
}
