/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_VOLUME_H
#define COCO_AGENT_VOLUME_H

#include <sys/types.h>

#include "base/macro.h"
#include "wire/cryptsetup-peer.h"

/*
 * Whether the dm-crypt device @name exists and has its table: sysfs below @sys ("/sys") shows a
 * device-mapper device of that name, of a size, with the UUID that cryptsetup gives
 * ("CRYPT-TYPE-...-NAME").  Returns 1 or 0, or a negative errno of opendir(3).
 */
int volume_is_open(const char *sys, const char *name);

/*
 * Whether the process @pid waits for a passphrase that a person types: a query of its own lies
 * in @dir ("/run/systemd/ask-password", systemd's password agent files).
 */
bool volume_asks_passphrase(const char *dir, pid_t pid);

/* What `systemd-cryptsetup attach VOLUME DEVICE KEY-FILE OPTIONS` was told. */
struct volume_request {
	char volume[VOLUME_NAME_MAX + 1];
	char device[256];	/* where the LUKS header is: the device, or header= of the options */
};

/*
 * Read it from the arguments as /proc/PID/cmdline has them, @len bytes with a NUL after each.
 * Returns 0; -EINVAL when they are no such call, or a path is not absolute or too long.
 */
int volume_request_parse(const char *cmdline, size_t len, struct volume_request *ret);

#endif
