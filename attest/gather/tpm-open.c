/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a TPM.  This is a file of its own because cocod only opens the TPM; cocod-worker speaks
 * to it.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attest/gather/tpm.h"
#include "base/io.h"

int tpm_open(const char *root, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = -EBADF;
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", path ? "" : root, path ? path : TPM_DEVICE);
	if (stat(full, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode)) {
		fd = open(full, O_RDWR | O_CLOEXEC | O_NOCTTY);
		return fd < 0 ? -errno : TAKE_FD(fd);
	}
	if (strlen(full) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, full);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return TAKE_FD(fd);
}
