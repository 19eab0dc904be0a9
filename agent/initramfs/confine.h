/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_INITRAMFS_CONFINE_H
#define COCO_AGENT_INITRAMFS_CONFINE_H

#include <sys/types.h>

#include "base/macro.h"

/*
 * What systemd's units keep from cocod and the processes that it asks, as far as a small program
 * can do it where there is no systemd.  cocod-start(8) says what is missing.
 *
 * Both functions are for a child between fork(2) and execve(2).  After an error nothing may be
 * executed.
 */

struct confinement {
	uid_t uid;		/* neither may be 0 */
	gid_t gid;
	bool network;		/* may have the network, and sockets of its own */
	unsigned n_files;	/* how many descriptors it may have */
	unsigned n_tasks;	/* how many processes and threads the user may have */
};

/*
 * Take from this process, and for good, all but what cocod-worker and cocod-net need: the user,
 * all capabilities, the network unless it is allowed, devices, other programs' sockets and files,
 * and some system calls.  Descriptors stay open.
 *
 * Returns 0; -EINVAL for uid or gid 0; the errno of the first call that failed.
 */
int confine_worker(const struct confinement *c);

/* Take from this process what cocod does not need.  It stays root.  Returns 0 or an errno. */
int confine_keeper(void);

#endif
