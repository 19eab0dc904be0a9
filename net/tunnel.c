/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/tunnel.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/io.h"
#include "net/relay.h"

#define FOLDER "/tmp/coco-tunnel-XXXXXX"
#define CONNECTIONS ((TUNNEL_FDS - 1) / 2)

struct tunnel {
	uint32_t cid, port;
	int listener;
	char folder[sizeof(FOLDER)];
	struct sockaddr_un address;
	struct relay *relays[CONNECTIONS];
	int error;
};

static int begin_listening(struct tunnel *t)
{
	if (!mkdtemp(t->folder)) {
		t->folder[0] = '\0';
		return -errno;
	}
	t->address.sun_family = AF_UNIX;
	(void) snprintf(t->address.sun_path, sizeof(t->address.sun_path), "%s/s", t->folder);
	t->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->listener < 0 ||
	    bind(t->listener, (struct sockaddr *)&t->address, sizeof(t->address)) < 0 ||
	    listen(t->listener, CONNECTIONS) < 0)
		return -errno;
	return 0;
}

int tunnel_new(uint32_t cid, uint32_t port, struct tunnel **ret, struct cause *why)
{
	_cleanup_(tunnel_freep) struct tunnel *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return cause_set_oom(why);
	*t = (struct tunnel){ .cid = cid, .port = port, .listener = -EBADF, .folder = FOLDER };
	r = begin_listening(t);
	if (r < 0)
		return cause_set_io(why, -r, "the way to the vsock cannot be made in /tmp: %s",
				    strerror(-r));
	*ret = TAKE_PTR(t);
	return 0;
}

struct tunnel *tunnel_free(struct tunnel *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < CONNECTIONS; i++)
		relay_free(t->relays[i]);
	(void) close_fd(t->listener);
	if (t->address.sun_path[0])
		(void) unlink(t->address.sun_path);
	if (t->folder[0])
		(void) rmdir(t->folder);
	free(t);
	return NULL;
}

const char *tunnel_path(const struct tunnel *t)
{
	return t->address.sun_path;
}

void tunnel_wants(const struct tunnel *t, struct pollfd ret[static TUNNEL_FDS])
{
	ret[0] = (struct pollfd){ .fd = t->listener, .events = POLLIN };
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct pollfd *p = &ret[1 + 2 * i];

		if (t->relays[i])
			relay_wants(t->relays[i], p);
		else
			p[0] = p[1] = (struct pollfd){ .fd = -1 };
	}
}

/* Returns a socket that connects, or a negative errno. */
static int connect_vsock(const struct tunnel *t)
{
	const struct sockaddr_vm address = { .svm_family = AF_VSOCK,
					     .svm_cid = t->cid,
					     .svm_port = t->port };
	_cleanup_(closep) int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	return TAKE_FD(fd);
}

/* The folder's mode keeps other users out; this keeps out another process of our user. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getpid();
}

static struct relay **find_free(struct tunnel *t)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (!t->relays[i])
			return &t->relays[i];
	return NULL;
}

/* Returns 0, or a negative errno when the vsock cannot be reached. */
static int take(struct tunnel *t, int near)
{
	_cleanup_(closep) int conn = near;
	struct relay **place = find_free(t);
	int far;

	if (!place || !is_ours(conn))
		return 0;
	far = connect_vsock(t);
	return far < 0 ? far : relay_new(TAKE_FD(conn), far, place);
}

void tunnel_serve(struct tunnel *t)
{
	int conn, r;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		r = t->relays[i] ? relay_move(t->relays[i]) : 1;
		if (r > 0)
			continue;
		if (r < 0)
			t->error = -r;
		t->relays[i] = relay_free(t->relays[i]);
	}
	conn = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0)
		return;
	r = take(t, conn);
	if (r < 0)
		t->error = -r;
}

int tunnel_take_error(struct tunnel *t)
{
	int error = t->error;

	t->error = 0;
	return error;
}

bool tunnel_is_connecting(const struct tunnel *t)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (t->relays[i] && !relay_is_connected(t->relays[i]))
			return true;
	return false;
}
