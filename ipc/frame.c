/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ipc/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/io.h"

union control {
	struct cmsghdr align;
	uint8_t buf[CMSG_SPACE(sizeof(int))];
};

int frame_send(int fd, uint16_t type, int error, const void *body, size_t len, int pass_fd)
{
	struct msg_header h = {
		.magic = MSG_MAGIC,
		.version = MSG_VERSION,
		.type = type,
		.len = (uint32_t)len,
		.error = error,
	};
	struct iovec iov[] = {
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = (void *)body, .iov_len = len },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };
	union control control = { 0 };

	if (len > MSG_BODY_MAX)
		return -EMSGSIZE;
	if (pass_fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass_fd, sizeof(int));
	}
	for (;;) {
		if (sendmsg(fd, &m, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/*
 * Returns the first descriptor that was passed.  Alignment leaves room for a second one, which is
 * closed.
 */
static int control_fd(struct msghdr *m)
{
	int first = -EBADF;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ?
				   (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) :
				   0;

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (first < 0)
				first = fd;
			else
				(void) close_fd(fd);
		}
	}
	return first;
}

int frame_recv(int fd, struct msg_header *ret_header, void *body, size_t size, int *ret_fd)
{
	_cleanup_(closep) int passed = -EBADF;
	struct msg_header h;
	struct iovec iov[] = {
		{ .iov_base = &h, .iov_len = sizeof(h) },
		{ .iov_base = body, .iov_len = size },
	};
	union control control;
	struct msghdr m = {
		.msg_iov = iov,
		.msg_iovlen = size ? 2 : 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	passed = control_fd(&m);
	if (n == 0)
		return 0;
	if ((size_t)n < sizeof(h) || (m.msg_flags & MSG_TRUNC))
		return -EPROTO;
	if (h.magic != MSG_MAGIC || h.version != MSG_VERSION || h.len != (size_t)n - sizeof(h) ||
	    h.error > 0)
		return -EPROTO;

	*ret_header = h;
	if (ret_fd)
		*ret_fd = TAKE_FD(passed);
	return 1;
}
