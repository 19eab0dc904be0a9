/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int close_fd(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		(void) close(fd);
		errno = saved;
	}
	return -EBADF;
}

#define AT_POSITION ((off_t)-1)

/* From the byte @at on, or from where the file's position is. */
static ssize_t read_all(int fd, uint8_t *buf, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = at == AT_POSITION ?
				    read(fd, buf + done, len - done) :
				    pread(fd, buf + done, len - done, at + (off_t)done);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t read_full(int fd, void *buf, size_t len)
{
	return read_all(fd, buf, len, AT_POSITION);
}

ssize_t pread_full(int fd, void *buf, size_t len, off_t at)
{
	return at < 0 ? -EINVAL : read_all(fd, buf, len, at);
}

int write_full(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The size of the file @fd and a byte more, which tells that it has ended; others get a page. */
static size_t first_room(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return MIN(4096u, max + 1);
	return (size_t)MIN((uintmax_t)st.st_size, (uintmax_t)max) + 1;
}

int read_file_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_(freep) char *buf = NULL;
	size_t len = 0, room = first_room(fd, max);

	/* Files of procfs and sysfs do not know their size, pipes have none, and files grow. */
	for (;;) {
		char *more = realloc(buf, room);
		ssize_t n;

		if (!more)
			return -ENOMEM;
		buf = more;
		n = read_full(fd, buf + len, room - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len < room)
			break;
		room = MIN(room * 2, max + 1);
	}
	buf[len] = '\0';

	if (ret_len)
		*ret_len = len;
	*ret = TAKE_PTR(buf);
	return 0;
}

int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	_cleanup_(closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : read_file_fd(fd, max, ret, ret_len);
}

int write_file_atomic(const char *path, const void *buf, size_t len, mode_t mode, bool exclusive)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_(closep) int fd = -EBADF;
	char tmp[PATH_MAX];
	int r;

	/* Hidden, so that readers of the folder do not take it for the finished file. */
	r = snprintf(tmp, sizeof(tmp), "%.*s.%s.XXXXXX", (int)(name - path), path, name);
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = mkostemp(tmp, O_CLOEXEC);	/* O_EXCL, 0600 */
	if (fd < 0)
		return -errno;

	r = write_full(fd, buf, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno;
	/* link() refuses an existing name where rename() would replace it. */
	if (r == 0 && (exclusive ? link(tmp, path) : rename(tmp, path)) < 0)
		r = -errno;
	if (r < 0 || exclusive)
		(void) unlink(tmp);
	return r;
}

int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(closep) int fd = -EBADF;
	char folder[PATH_MAX];
	int n;

	n = snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		     slash ? path : ".");
	if (n < 0 || (size_t)n >= sizeof(folder))
		return -ENAMETOOLONG;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems flush no folder. */
	return fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != EROFS) ? -errno : 0;
}

int make_folders(const char *path, mode_t mode)
{
	char dir[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		char c = dir[i];

		if (c != '/' && c)
			continue;
		dir[i] = '\0';
		if (mkdir(dir, mode) < 0 && errno != EEXIST)
			return -errno;
		dir[i] = c;
	}
	return 0;
}

int memfd_seal(int fd)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

	return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int memfd_new_sealed(const char *name, const void *buf, size_t len, int *ret_fd)
{
	_cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = write_full(fd, buf, len);
	if (r >= 0)
		r = memfd_seal(fd);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
