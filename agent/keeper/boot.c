/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/boot.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/io.h"

static int make(const char *path, uint8_t ret[static BROKER_BOOT_LEN])
{
	uint8_t bytes[BROKER_BOOT_LEN];
	int r;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	/* The whole file appears at once. */
	r = write_file_atomic(path, bytes, sizeof(bytes), 0600, /* exclusive= */ true);
	if (r >= 0)
		memcpy(ret, bytes, sizeof(bytes));
	return r;
}

int boot_read(const char *folder, uint8_t ret[static BROKER_BOOT_LEN], struct cause *why)
{
	_cleanup_(freep) char *bytes = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r;

	(void)!snprintf(path, sizeof(path), "%s/boot", folder);
	r = read_file_at(AT_FDCWD, path, BROKER_BOOT_LEN, &bytes, &len);
	if (r == -ENOENT) {
		r = make(path, ret);
		return r < 0 ? cause_set(why, r, "'%s' cannot be made: %s", path, strerror(-r)) :
			       0;
	}
	if (r == -EMSGSIZE || r == -EFBIG || (r >= 0 && len != BROKER_BOOT_LEN))
		return cause_set(why, -EBADMSG,
				 "'%s' does not have %d bytes: somebody else wrote it", path,
				 BROKER_BOOT_LEN);
	if (r < 0)
		return cause_set(why, r, "'%s' cannot be read: %s", path, strerror(-r));
	memcpy(ret, bytes, BROKER_BOOT_LEN);
	return 0;
}
