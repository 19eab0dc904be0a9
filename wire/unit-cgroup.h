/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_UNIT_CGROUP_H
#define COCO_WIRE_UNIT_CGROUP_H

#include "wire/credential-peer.h"

#define UNIT_NAME_MAX CREDENTIAL_UNIT_MAX

/*
 * Find the unit of systemd's that a process belongs to in @text, which is its /proc/PID/cgroup:
 *
 *	0::/system.slice/system-getty.slice/getty@tty1.service/below
 *
 * The unit is the first part of the path that is no slice; what a unit has below itself it named
 * itself.  A name that could be a file of the kernel's has a "_" before it.  Without a line "0::"
 * counts that of the hierarchy "name=systemd" of systems with version 1 of cgroups.
 *
 * Returns 0; -ENXIO if the process is of no unit that runs something (unit_name_is_valid()), or if
 * the text is not of that form.
 */
int unit_of_cgroup(const char *text, char ret[static UNIT_NAME_MAX + 1]);

#endif
