/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_SQLITE_PLACE_H
#define COCO_BROKER_STORE_SQLITE_PLACE_H

#include "base/cause.h"
#include "base/io.h"

/*
 * Where a file of SQLite may lie, and that it is ours alone.  Two brokers on one file would both
 * release a secret that may go out once.  SQLite's own locks do not keep out a second broker for
 * good, and on file systems of a network they may be missing.
 */
struct sqlite_place {
	int lock_fd;		/* of PATH.lock, locked; -EBADF: none */
	int file_fd;		/* of the file, locked too: it may have another name elsewhere */
};

/*
 * Take the file @path, an absolute path, and create it, empty, if it is not there.  It is taken
 * until sqlite_place_leave(), which must come after the last connection of SQLite is closed.
 *
 * Returns 0; -EINVAL for a relative path; -EBUSY when somebody else has taken it; -EPERM when its
 * file system has no locks one can rely on (NFS, CIFS, 9p, FUSE, overlay), or when others can write
 * the file or its folder, or read the file, or it has another owner or a second name;
 * -EACCES, -ENOSPC; -EIO.  Root may take what belongs to the folder's owner, and gives him what it
 * creates.
 */
int sqlite_place_take(const char *path, struct sqlite_place *ret, struct cause *why);
void sqlite_place_leave(struct sqlite_place *p);

#endif
