/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_IO_H
#define COCO_BASE_IO_H

#include <dirent.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/macro.h"

/* Close @fd unless it is negative; errno stays as it was.  Returns -EBADF, to be stored. */
int close_fd(int fd);

static inline void closep(int *fd)
{
	close_fd(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		(void) fclose(*f);
}

static inline void closedirp(DIR **d)
{
	if (*d)
		(void) closedir(*d);
}

/*
 * Read from @fd until @len bytes are there or the file ends.
 * Returns the number of bytes read, or a negative errno of read(2).
 */
ssize_t read_full(int fd, void *buf, size_t len);

/* The same from the byte @at of a file on, which leaves its position where it is. */
ssize_t pread_full(int fd, void *buf, size_t len, off_t at);

/*
 * Write all of @buf.  Returns 0, or a negative errno of write(2), and then part of it may be
 * written.
 */
int write_full(int fd, const void *buf, size_t len);

/*
 * Read the whole small text file @path, relative to @dirfd (AT_FDCWD allowed), NUL-terminated.
 *
 * Not for secrets: the bytes are on the heap and are not wiped.  @ret is yours; @ret_len (may be
 * NULL) is its length without the NUL.
 *
 * Returns 0; -EFBIG when the file has more than @max bytes; otherwise the negative errno of
 * open(2) or read(2).
 */
int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);

/* The same for the open file @fd, from its current position. */
int read_file_fd(int fd, size_t max, char **ret, size_t *ret_len);

/*
 * Create the file @path with @len bytes of @buf, or replace its content.  The file has the old
 * content or the new, never a part: it is written beside @path, flushed and renamed.  With
 * @exclusive an existing @path is left alone.
 *
 * Returns 0; -EEXIST with @exclusive when @path exists; otherwise the negative errno of the call
 * that failed, and then nothing is left behind.
 */
int write_file_atomic(const char *path, const void *buf, size_t len, mode_t mode, bool exclusive);

/*
 * Flush the folder that the file @path is in: a file that was made, renamed or removed there is so
 * after the power fails.  Returns 0, or the negative errno of open(2) or fsync(2).
 */
int sync_folder_of(const char *path);

/*
 * Nobody may write to the memfd @fd or change its size from now on.  Returns 0, or an errno of
 * fcntl(2): EPERM when it was made without MFD_ALLOW_SEALING, EBUSY while somebody maps it.
 */
int memfd_seal(int fd);

/*
 * Make a sealed memfd with @len bytes of @buf; @name is for /proc.  @ret_fd is yours.  Returns 0,
 * or an errno of memfd_create(2), write(2) or memfd_seal().
 */
int memfd_new_sealed(const char *name, const void *buf, size_t len, int *ret_fd);

/*
 * Make the folder @path and its parents, unless they exist.  Returns 0; -ENAMETOOLONG; an errno
 * of mkdir(2).
 */
int make_folders(const char *path, mode_t mode);

#endif
