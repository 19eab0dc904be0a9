/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/connection.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"

#define FIRST_PASSED 3

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

/*
 * How many descriptors systemd has passed to this process, as sd_listen_fds(3) documents it.  That
 * function is not called: with the libraries that libsystemd brings along, it takes longer to load
 * than a header takes to judge.
 */
static uint32_t n_passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint32_t for_pid, n;

	if (!pid || !fds || parse_u32(pid, &for_pid) < 0 || for_pid != (uint32_t)getpid() ||
	    parse_u32(fds, &n) < 0)
		n = 0;
	(void) unsetenv("LISTEN_PID");
	(void) unsetenv("LISTEN_FDS");
	(void) unsetenv("LISTEN_FDNAMES");
	return n;
}

/* True for a SOCK_SEQPACKET of AF_UNIX that is connected. */
static bool is_connection(int fd)
{
	const struct {
		int name, value;
	} wanted[] = {
		{ SO_DOMAIN, AF_UNIX },
		{ SO_TYPE, SOCK_SEQPACKET },
		{ SO_ACCEPTCONN, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int value;
		socklen_t len = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, wanted[i].name, &value, &len) < 0 ||
		    value != wanted[i].value)
			return false;
	}
	return true;
}

/* systemd passes nothing else: what is parsed here cannot reach the next connection. */
int connection_take(const char *program, const char *socket, int *ret)
{
	int flags;

	if (n_passed() != 1 || !is_connection(FIRST_PASSED))
		return log_error_errno(EINVAL,
				       "One connection is expected; %s is started by %s.socket, "
				       "not by hand",
				       program, socket);
	flags = fcntl(FIRST_PASSED, F_GETFL);
	if (flags < 0 || fcntl(FIRST_PASSED, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    fcntl(FIRST_PASSED, F_SETFD, FD_CLOEXEC) < 0)
		return log_error_errno(errno, "Failed to set up the connection: %m");
	*ret = FIRST_PASSED;
	return check_peer(FIRST_PASSED);
}
