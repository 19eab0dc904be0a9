/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_KEEPER_PEER_UNIT_H
#define COCO_AGENT_KEEPER_PEER_UNIT_H

#include <sys/types.h>

#include "wire/unit-cgroup.h"

/*
 * The unit of systemd's that the process @pid belongs to, of those that run something, as
 * sd_pid_get_unit(3) would find it.  Who must not mistake another process for it holds a pidfd, and
 * looks afterwards whether the process still exists.
 *
 * Returns 0; -ESRCH when there is no such process; -ENXIO when it is of no such unit; -EINVAL for a
 * @pid that no process has; an errno of open(2) or read(2).
 */
int peer_unit(pid_t pid, char ret[static UNIT_NAME_MAX + 1]);

#endif
