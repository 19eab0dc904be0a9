/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_PROBE_H
#define COCO_CLI_LUKS_PROBE_H

#include <sys/stat.h>

#include "base/cause.h"

#define PROBE_LEN 128

/*
 * What blkid(8) sees on @device: "" for nothing, or what people call it, such as "ext4", or
 * "dos, ext4" for a partition table beside it.  What it cannot tell apart is "several".
 * Returns 0; -EIO when blkid cannot be run or fails, with the cause: then nobody knows.
 */
int luks_probe(const char *device, char ret[static PROBE_LEN], struct cause *c);

/*
 * Is @device, which is as @st says, used by somebody: mounted, part of another device, or an
 * image behind a loop device?  Returns 0; -EBUSY or -EIO with the cause.
 */
int luks_check_unused(const char *device, const struct stat *st, struct cause *c);

/* Have wipefs(8) remove what luks_probe() would see.  Returns 0 or -EIO. */
int luks_wipe_signatures(const char *device, struct cause *c);

#endif
