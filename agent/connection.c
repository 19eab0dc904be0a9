/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/connection.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/systemd.h"

/*
 * The socket's mode already ensures this.  But a unit makes the socket, units can be changed, and
 * an answer tells about a device or a secret.
 */
static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return log_error_errno(errno, "Failed to ask who connected: %m");
	if (peer.uid != 0)
		return log_error_errno(EACCES, "Process %d of user %u may not connect, closing",
				       (int)peer.pid, (unsigned)peer.uid);
	return 0;
}

/* systemd passes nothing else: what is parsed here cannot reach the next connection. */
int connection_take(const char *program, const char *socket, int *ret)
{
	int n = systemd_fds(NULL), flags;

	systemd_fds_forget();
	if (n != 1 || !fd_is_unix_connection(SYSTEMD_FDS_START, SOCK_SEQPACKET))
		return log_error_errno(EINVAL,
				       "One connection is expected; %s is started by %s.socket, "
				       "not by hand",
				       program, socket);
	flags = fcntl(SYSTEMD_FDS_START, F_GETFL);
	if (flags < 0 || fcntl(SYSTEMD_FDS_START, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return log_error_errno(errno, "Failed to set up the connection: %m");
	*ret = SYSTEMD_FDS_START;
	return check_peer(SYSTEMD_FDS_START);
}
