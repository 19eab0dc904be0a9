/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening the connection to Azure's metadata service.  This is a file of its own because cocod
 * only opens the connection; cocod-worker speaks over it.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/gather/imds.h"
#include "base/io.h"
#include "base/parse.h"

#define ADDRESS 0xa9fea9feu	/* 169.254.169.254 */
#define PORT 80
#define ASSET_TAG "7783-7084-3265-9085-8269-3286-77"	/* every VM on Azure has it */

/*
 * On other machines the address may belong to somebody else.  A host that forges the tag gains
 * nothing but a connection.
 */
static bool is_azure(const char *root)
{
	_cleanup_(freep) char *tag = NULL;
	char path[PATH_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/sys/class/dmi/id/chassis_asset_tag", root);
	if (read_file_at(AT_FDCWD, path, 256, &tag, &len) < 0)
		return false;
	tag[strcspn(tag, "\n")] = '\0';
	return streq(tag, ASSET_TAG);
}

int imds_open(const char *root, const char *address)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(ADDRESS),
		.sin_port = htons(PORT),
	};
	_cleanup_(closep) int fd = -EBADF;
	const char *port_text;
	uint32_t port;

	if (address) {
		port_text = startswith(address, "127.0.0.1:");
		if (!port_text || parse_u32(port_text, &port) < 0 || port == 0 || port > UINT16_MAX)
			return -EINVAL;
		sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		sa.sin_port = htons((uint16_t)port);
	} else if (!is_azure(root)) {
		return -ENODEV;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS)
		return -errno;
	return TAKE_FD(fd);
}
