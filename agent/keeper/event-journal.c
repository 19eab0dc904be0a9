/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/event-journal.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"

static bool is_plain(const struct iovec *field)
{
	const char *text = field->iov_base;

	return field->iov_len > 1 && text[0] != '=' && memchr(text, '=', field->iov_len) &&
	       !memchr(text, '\n', field->iov_len);
}

/* A datagram of lines, of which each is a field. */
int event_journal_send(const struct iovec *fields, int n)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX,
				  .sun_path = "/run/systemd/journal/socket" };
	struct iovec pieces[2 * EVENT_JOURNAL_MAX];
	struct msghdr m = { .msg_name = &sa, .msg_namelen = sizeof(sa), .msg_iov = pieces };
	_cleanup_(closep) int fd = -EBADF;

	if (n < 1 || n > EVENT_JOURNAL_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (!is_plain(&fields[i]))
			return -EINVAL;
		pieces[m.msg_iovlen++] = fields[i];
		pieces[m.msg_iovlen++] = (struct iovec){ (void *)"\n", 1 };
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
