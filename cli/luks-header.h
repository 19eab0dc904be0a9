/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_CLI_LUKS_HEADER_H
#define COCO_CLI_LUKS_HEADER_H

#include <sys/stat.h>

#include "base/macro.h"
#include "wire/msg.h"

/*
 * Open a volume: a block device or an image.  With @write it must be writable, and a device
 * is locked against other programs that heed flock(2), such as udev and another one of us; that
 * may have to wait.  @ret_fd is yours, and holds the lock.
 *
 * Returns 0, or a negative errno after it has logged it: -ENOTBLK for something else.
 */
int luks_device_open(const char *path, bool write, int *ret_fd, struct stat *ret_st);

/*
 * Have the LUKS header that is open at @fd judged as cocod has it judged before a volume gets its
 * key: by a cocod-worker of its own, which alone reads it.  @allow_tokens and @pins are as in
 * struct luks_question.
 *
 * Returns 0 with the verdict in @ret, whose text is printable; a negative errno, after it has
 * logged why there is no verdict.
 */
int luks_header_judge(int fd, const char *allow_tokens, const char *pins,
		      struct luks_verdict *ret);

/* "good", "refused", "malformed", "no-luks" or "unread", for programs. */
const char *luks_verdict_name(const struct luks_verdict *v);

#endif
