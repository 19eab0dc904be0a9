/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/systemd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/parse.h"

/* ---- to systemd ---- */

/* The address in $NOTIFY_SOCKET.  Returns its length; 0 if nobody wants to know; or an errno. */
static int notify_address(struct sockaddr_un *ret)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len == 0)
		return 0;
	/* A name of the abstract kind begins with NUL, and has none at its end. */
	if ((path[0] != '/' && path[0] != '@') || len < 2 ||
	    len + (path[0] == '/') > sizeof(ret->sun_path))
		return -EINVAL;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, path, len);
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	return (int)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
}

int systemd_notify_fds(const char *text, const int *fds, size_t n)
{
	union {
		struct cmsghdr header;
		uint8_t bytes[CMSG_SPACE(SYSTEMD_NOTIFY_FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct sockaddr_un sa;
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1 };
	_cleanup_(closep) int fd = -EBADF;
	int len = notify_address(&sa);

	if (n > SYSTEMD_NOTIFY_FDS_MAX)
		return -E2BIG;
	if (len <= 0)
		return len;
	m.msg_namelen = (socklen_t)len;
	if (n > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 1;
}

int systemd_notify(const char *text)
{
	return systemd_notify_fds(text, NULL, 0);
}

int systemd_notify_reloading(void)
{
	char text[64];

	(void)!snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
			(unsigned long long)now_usec());
	return systemd_notify(text);
}

/* ---- from systemd ---- */

bool systemd_runs(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static void free_names(char **names, size_t n)
{
	while (names && n > 0)
		free(names[--n]);
	free(names);
}

/* The @n names in "one:two:three".  -EINVAL if there are more or fewer. */
static int split_names(const char *text, size_t n, char **names)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(text, ":");

		names[i] = strndup(text, len);
		if (!names[i])
			return -ENOMEM;
		text += len;
		if ((*text == ':') != (i + 1 < n))
			return -EINVAL;
		text += *text == ':';
	}
	return 0;
}

static int name_all(size_t n, char **names)
{
	for (size_t i = 0; i < n; i++) {
		names[i] = strdup("unknown");
		if (!names[i])
			return -ENOMEM;
	}
	return 0;
}

static int read_names(size_t n, char ***ret)
{
	const char *text = getenv("LISTEN_FDNAMES");
	char **names = calloc(n + 1, sizeof(*names));
	int r = -ENOMEM;

	if (names)
		r = text ? split_names(text, n, names) : name_all(n, names);
	if (r < 0)
		free_names(names, n);
	else
		*ret = names;
	return r;
}

int systemd_fds(char ***ret_names)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint32_t number, n;
	int r = 0;

	if (!pid || !count)
		return 0;
	if (parse_u32(pid, &number) < 0 || parse_u32(count, &n) < 0 ||
	    n > INT32_MAX - SYSTEMD_FDS_START)
		return -EINVAL;
	if (n == 0 || number != (uint32_t)getpid())
		return 0;
	for (int i = 0; i < (int)n; i++)
		if (fcntl(SYSTEMD_FDS_START + i, F_SETFD, FD_CLOEXEC) < 0)
			return -errno;
	if (ret_names)
		r = read_names(n, ret_names);
	return r < 0 ? r : (int)n;
}

void systemd_fds_forget(void)
{
	(void) unsetenv("LISTEN_PID");
	(void) unsetenv("LISTEN_FDS");
	(void) unsetenv("LISTEN_FDNAMES");
}

bool fd_is_unix_connection(int fd, int type)
{
	const struct {
		int name, value;
	} wanted[] = {
		{ SO_DOMAIN, AF_UNIX },
		{ SO_TYPE, type },
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
