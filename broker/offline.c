/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/offline.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

int offline_read(const struct args *args, struct offline *ret, struct cause *why)
{
	*ret = (struct offline){ .path = args->config ?: SETTINGS_PATH };
	return broker_settings_read(ret->path, &ret->settings, why);
}

int offline_store(struct offline *o, struct cause *why)
{
	struct cause what = { "" };
	int r = broker_settings_store(&o->settings, &o->store, &what);

	if (r == -EBUSY)
		return cause_set(why, r, "%s: stop it first (systemctl stop coco-broker.socket "
					 "coco-broker-admin.socket coco-broker.service)",
				 what.text);
	return r < 0 ? cause_set(why, r, "%s", what.text) : 0;
}

void offline_done(struct offline *o)
{
	o->store = store_close(o->store);
	broker_settings_done(&o->settings);
}

int offline_scratch(int *ret_fd, struct cause *why)
{
	const char *folder = getenv("TMPDIR") ?: "/var/tmp";
	char path[PATH_MAX];
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/coco-broker.XXXXXX", folder) >= sizeof(path))
		return cause_set(why, -ENAMETOOLONG, "TMPDIR is too long");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return cause_set(why, -errno, "No file can be made in %s: %s", folder,
				 strerror(errno));
	(void) unlink(path);
	*ret_fd = fd;
	return 0;
}
