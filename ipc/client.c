/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ipc/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/io.h"

static int set_address(struct sockaddr_un *sa, const char *path)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(sa->sun_path))
		return -ENAMETOOLONG;
	strcpy(sa->sun_path, path);
	return 0;
}

int client_connect(const char *path, uint64_t timeout_usec, int *ret_fd)
{
	struct timeval tv = {
		.tv_sec = (time_t)(timeout_usec / 1000000),
		.tv_usec = (suseconds_t)(timeout_usec % 1000000),
	};
	_cleanup_(closep) int fd = -EBADF;
	struct sockaddr_un sa;
	int r;

	r = set_address(&sa, path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int client_connect_now(const char *path, int *ret_fd)
{
	_cleanup_(closep) int fd = -EBADF;
	struct sockaddr_un sa;
	int r;

	r = set_address(&sa, path);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int client_call(int fd, uint16_t type, const void *body, size_t len, int pass_fd, void *reply,
		size_t size, size_t *ret_len)
{
	struct msg_header h;
	int r;

	r = frame_send(fd, type, 0, body, len, pass_fd);
	if (r == 0)
		r = frame_recv(fd, &h, reply, size, NULL);
	if (r == -EAGAIN)
		return -ETIMEDOUT;
	if (r < 0)
		return r;
	if (r == 0)
		return -ECONNRESET;
	if (h.type != type)
		return -EPROTO;
	if (h.error < 0)
		return h.error;
	if (!ret_len && h.len != size)
		return -EPROTO;
	if (ret_len)
		*ret_len = h.len;
	return 0;
}
