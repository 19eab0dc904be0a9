/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/provider.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"

bool provider_pause(const struct attest_request *q, unsigned n)
{
	uint64_t usec = (q->retry_usec ? q->retry_usec : PROVIDER_RETRY_USEC) << (n - 1);
	struct timespec ts = {
		.tv_sec = (time_t)(usec / 1000000),
		.tv_nsec = (long)(usec % 1000000 * 1000),
	};

	if (n >= PROVIDER_TRIES)
		return false;
	(void) nanosleep(&ts, NULL);
	return true;
}

int provider_open_device(const struct attest_request *q, const char *path, struct cause *why)
{
	char full[PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s%s", q->root, path);
	fd = open(full, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return cause_set(why, -ENOENT, "there is no %s", path);
	return fd < 0 ? cause_set(why, -errno, "%s", strerror(errno)) : fd;
}

int provider_probe_device(const struct attest_request *q, const char *path, struct cause *why)
{
	_cleanup_(closep) int fd = provider_open_device(q, path, why);

	return fd >= 0 ? 1 : fd == -ENOENT ? 0 : fd;
}
