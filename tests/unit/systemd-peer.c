/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* base/systemd.h by libsystemd, so that the test of ours is seen to hold for it as well. */
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "base/clock.h"
#include "base/systemd.h"

int systemd_notify_fds(const char *text, const int *fds, size_t n)
{
	return sd_pid_notify_with_fds(0, false, text, fds, (unsigned)n);
}

int systemd_notify(const char *text)
{
	return sd_notify(false, text);
}

int systemd_notify_reloading(void)
{
	return sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu",
			  (unsigned long long)now_usec());
}

bool systemd_runs(void)
{
	return sd_booted() > 0;
}

int systemd_fds(char ***ret_names)
{
	return ret_names ? sd_listen_fds_with_names(false, ret_names) : sd_listen_fds(false);
}

void systemd_fds_forget(void)
{
	(void) sd_listen_fds(true);
}

bool fd_is_unix_connection(int fd, int type)
{
	return sd_is_socket(fd, AF_UNIX, type, 0) > 0;
}
