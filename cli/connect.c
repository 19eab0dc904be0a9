/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/connect.h"

#include <unistd.h>

#include "base/log.h"
#include "ipc/client.h"

#define TIMEOUT_USEC (30 * 1000000ULL)

int cocod_connect(const char *socket, int *ret_fd)
{
	const char *ours = geteuid() == 0 ? COCOD_SOCKET : COCOD_USER_SOCKET;
	const char *path = socket ? socket : ours;
	int r = client_connect(path, TIMEOUT_USEC, ret_fd);

	if (r >= 0)
		return 0;
	log_error_errno(r, "Failed to reach cocod on '%s': %m", path);
	if (r == -EACCES)
		log_error("Only root may talk to cocod: try again with sudo");
	else if (streq(path, COCOD_USER_SOCKET))
		log_error("Only root may talk to cocod here, unless cocod-user.socket is enabled: "
			  "try again with sudo");
	else if (r == -ENOENT || r == -ECONNREFUSED)
		log_error("Is it running? Try: systemctl start cocod.socket");
	return r;
}
