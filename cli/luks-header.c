/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/luks-header.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "ipc/client.h"

#define WORKER_USEC (30 * 1000000ULL)	/* it ends itself earlier */

static int lock(int fd, const char *path)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	log_info("Another program has locked '%s', waiting for it", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int luks_device_open(const char *path, bool write, int *ret_fd, struct stat *ret_st)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	/* Not to wait for whoever opens the other end of a FIFO. */
	fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return log_error_errno(errno, "Failed to open '%s'%s: %m", path,
				       write ? " for writing" : "");
	if (!S_ISBLK(ret_st->st_mode) && !S_ISREG(ret_st->st_mode))
		return log_error_errno(ENOTBLK, "'%s' is neither a block device nor an image",
				       path);
	/* libcryptsetup itself locks an image, each time that it reads or writes its header. */
	r = write && S_ISBLK(ret_st->st_mode) ? lock(fd, path) : 0;
	if (r < 0)
		return log_error_errno(r, "Failed to lock '%s': %m", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int luks_header_judge(int fd, const char *allow_tokens, const char *pins, struct luks_verdict *ret)
{
	_cleanup_(closep) int conn = -EBADF;
	struct luks_question q = { "" };
	struct luks_verdict v;
	int r;

	snprintf(q.allow_tokens, sizeof(q.allow_tokens), "%s", allow_tokens);
	snprintf(q.pins, sizeof(q.pins), "%s", pins);
	r = client_connect(WORKER_LUKS_SOCKET, WORKER_USEC, &conn);
	if (r < 0) {
		log_error_errno(r, "Failed to reach cocod-worker on '%s': %m", WORKER_LUKS_SOCKET);
		log_error("%s", r == -EACCES ? "Only root may ask it: try again with sudo" :
					       "Is its socket there? Try: systemctl start "
					       "cocod-worker-luks.socket");
		return r;
	}
	r = client_call(conn, MSG_LUKS_CHECK, &q, sizeof(q), fd, &v, sizeof(v), NULL);
	if (r >= 0 && (!memchr(v.reason, 0, sizeof(v.reason)) ||
		       !memchr(v.uuid, 0, sizeof(v.uuid)) ||
		       !memchr(v.pins, 0, sizeof(v.pins)) || v.error > 0))
		r = -EPROTO;
	if (r < 0)
		return log_error_errno(r,
				       "cocod-worker gave no verdict on the header (%m); "
				       WORKER_LUKS_ADVICE);
	make_printable(v.reason);
	make_printable(v.uuid);
	make_printable(v.pins);
	*ret = v;
	return 0;
}

const char *luks_verdict_name(const struct luks_verdict *v)
{
	switch (-v->error) {
	case 0:
		return "good";
	case EKEYREJECTED:
		return "refused";
	case EBADMSG:
		return "malformed";
	case EOPNOTSUPP:
		return "no-luks";
	default:
		return "unread";
	}
}
