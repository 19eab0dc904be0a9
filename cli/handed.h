/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_HANDED_H
#define COCO_CLI_HANDED_H

#include "base/secret.h"

/*
 * A secret in a form that a command can read: a descriptor that it inherits, or a file.  Both are
 * memory that is never swapped and that this process can still wipe when others have it open.
 */
struct handed {
	/* of a descriptor */
	int fd;			/* close-on-exec, read-only, at its beginning; or -EBADF */
	void *map;		/* its bytes, locked; NULL for none */
	size_t len;

	/* of a file */
	int file;		/* or -EBADF */
	char path[128];
};

#define HANDED_INIT { .fd = -EBADF, .file = -EBADF }

/*
 * Make a descriptor with the bytes of @s.  Nobody can write to it or change its size; only this
 * process still can, until it forgets how in handed_wipe().  Pass @ret to handed_wipe(), also
 * after an error.  Returns 0, or an errno of memfd_create(2), mmap(2), mlock(2) or fcntl(2).
 */
int handed_fd(const struct secret *s, struct handed *ret);

/*
 * Give this process a mount namespace of its own, with a ramfs for files.  Returns 0, or an errno
 * of unshare(2), mkdir(2) or mount(2).
 */
int handed_mount(void);

/*
 * Make a file called @name with the bytes of @s, which @uid owns and @gid, with @mode.  Call
 * handed_mount() before.  Pass @ret to handed_wipe(), also after an error.  Returns 0, or an errno
 * of open(2), write(2), fchown(2) or fchmod(2); -ENAMETOOLONG.
 */
int handed_file(const struct secret *s, const char *name, uid_t uid, gid_t gid, mode_t mode,
		struct handed *ret);

/* Overwrite the bytes, whoever has them open, and remove the file. */
void handed_wipe(struct handed *h);

#endif
