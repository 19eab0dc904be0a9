/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_HEADER_HEADER_COPY_H
#define COCO_AGENT_HEADER_HEADER_COPY_H

#include "base/cause.h"
#include "wire/luks.h"

/*
 * Copies of LUKS headers in memory that the host cannot write.  A host can answer each reading of
 * a disk in another way, so whoever judges the header on a disk has not judged the one that
 * cryptsetup reads.  With header= in crypttab(5) both read the copy.
 */
#define HEADER_FOLDER "/run/cocod.headers"	/* a ramfs: nothing of it is swapped out */

/*
 * Where no unit does it, mount a ramfs on HEADER_FOLDER unless it is on one.  Returns 0 or the
 * errno of mkdir(2) or mount(2), with the cause in @why.
 */
int header_folder_make(struct cause *why);

/*
 * Copy what may be a header from @device to the new file @to, whose old content is replaced at
 * once.  It waits up to @wait_usec until @device exists.
 *
 * Returns the number of bytes; -ENODEV when there is no device in time; -ENOTBLK when it is
 * neither a block device nor a file; -EBADMSG when it is empty; -EPERM when the folder of @to is
 * not on a ramfs; -ENOMEM; another errno of reading or writing.  Then @why has the cause.
 */
ssize_t header_copy(const char *device, uint64_t wait_usec, const char *to, struct cause *why);

#endif
