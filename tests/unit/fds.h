/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_FDS_H
#define COCO_TESTS_UNIT_FDS_H

#include <dirent.h>

/* How many files are open, and a constant more: to compare before and after. */
static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
