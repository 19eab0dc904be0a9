/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_INITRAMFS_READER_H
#define COCO_AGENT_INITRAMFS_READER_H

#include "base/macro.h"

#define READERS_MAX 16

/* The processes at the other end of a pipe. */
struct readers {
	int pidfds[READERS_MAX];
	size_t n;
};

void readers_done(struct readers *r);

/*
 * Find who else has the pipe @fd open: in a pipeline, who reads it, and the shells around it.
 * @proc is "/proc".  This process and its parent do not count.
 *
 * @ret is for readers_done(), also after an error.  Returns 0, also when there is nobody;
 * -ENOTSUP when @fd is no pipe; -EMSGSIZE for more than READERS_MAX; an errno of opendir(3).
 */
int readers_find(int fd, const char *proc, struct readers *ret);

/*
 * Wait until all that was written to the pipe @fd was read.  Returns 0; -EPIPE when nobody has it
 * open for reading any more; -ETIMEDOUT after @usec.
 */
int readers_await_read(int fd, uint64_t usec);

/* Wait until all of them have ended.  Returns 0 or an errno of poll(2). */
int readers_await_end(const struct readers *r);

#endif
