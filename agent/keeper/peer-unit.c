/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/peer-unit.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"

/* Thirteen hierarchies, whose paths are no longer than PATH_MAX each. */
#define CGROUP_MAX 65536

int peer_unit(pid_t pid, char ret[static UNIT_NAME_MAX + 1])
{
	char path[64], *text = NULL;
	size_t len;
	int r;

	if (pid <= 0)
		return -EINVAL;
	(void)!snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	r = read_file_at(AT_FDCWD, path, CGROUP_MAX, &text, &len);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	r = strlen(text) == len ? unit_of_cgroup(text, ret) : -ENXIO;
	free(text);
	return r;
}
