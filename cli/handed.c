/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/handed.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* Where the ramfs is; outside of our namespace the folder stays empty. */
#define FILES "/run/cococtl"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010	/* Linux 5.1 */
#endif

/* ---- a descriptor ---- */

/*
 * With F_SEAL_FUTURE_WRITE the mapping that exists stays writable, and nothing else is.  With
 * F_SEAL_WRITE nobody could wipe the bytes any more while another process has them.
 */
static int seal(int fd)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE;

	return fcntl(fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

static int fill(int fd, const struct secret *s, struct handed *ret)
{
	void *map;

	if (secret_len(s) == 0)
		return 0;
	if (ftruncate(fd, (off_t)secret_len(s)) < 0)
		return -errno;
	map = mmap(NULL, secret_len(s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	ret->map = map;
	ret->len = secret_len(s);
	if (mlock(map, ret->len) < 0 || madvise(map, ret->len, MADV_DONTDUMP) < 0 ||
	    madvise(map, ret->len, MADV_DONTFORK) < 0)
		return -errno;
	memcpy(map, secret_data(s), ret->len);
	return 0;
}

int handed_fd(const struct secret *s, struct handed *ret)
{
	_cleanup_(closep) int fd = memfd_create("coco-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char path[64];
	int r;

	if (fd < 0)
		return -errno;
	r = fill(fd, s, ret);
	if (r >= 0)
		r = seal(fd);
	if (r < 0)
		return r;
	/* Another open file, so that its position is nobody else's and it cannot write. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
	return ret->fd < 0 ? -errno : 0;
}

/* ---- a file ---- */

int handed_mount(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	if (mkdir(FILES, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mount("cococtl", FILES, "ramfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0711") < 0)
		return -errno;
	return 0;
}

int handed_file(const struct secret *s, const char *name, uid_t uid, gid_t gid, mode_t mode,
		struct handed *ret)
{
	int r, n = snprintf(ret->path, sizeof(ret->path), FILES "/%s", name);

	if (n < 0 || (size_t)n >= sizeof(ret->path))
		return -ENAMETOOLONG;
	ret->file = open(ret->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ret->file < 0)
		return -errno;
	r = write_full(ret->file, secret_data(s), secret_len(s));
	if (r < 0)
		return r;
	return fchown(ret->file, uid, gid) < 0 || fchmod(ret->file, mode) < 0 ? -errno : 0;
}

/* ramfs has one copy of a page, and writes into it. */
static void wipe_file(struct handed *h)
{
	static const uint8_t zeros[4096];
	struct stat st;

	if (fstat(h->file, &st) == 0)
		for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros))
			(void)!pwrite(h->file, zeros,
				      MIN(sizeof(zeros), (size_t)(st.st_size - at)), at);
	(void)!ftruncate(h->file, 0);
	(void) unlink(h->path);
}

void handed_wipe(struct handed *h)
{
	if (h->map) {
		explicit_bzero(h->map, h->len);
		(void) munmap(h->map, h->len);
	}
	if (h->file >= 0)
		wipe_file(h);
	h->fd = close_fd(h->fd);
	h->file = close_fd(h->file);
	h->map = NULL;
}
