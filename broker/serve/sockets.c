/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "base/systemd.h"

/* A whole fleet may boot at once; the kernel has a cap of its own. */
#define BACKLOG 4096
#define HOST_MAX 128

static const char *const names[] = { "tls", "unix", "plain", "admin" };
enum kind { KIND_TLS, KIND_UNIX, KIND_PLAIN, KIND_ADMIN };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage room;
};

static bool is_loopback(const union address *a)
{
	switch (a->any.sa_family) {
	case AF_INET:
		return ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	default:
		return false;
	}
}

/* True if a socket of this kind may have this address. */
static bool fits(enum kind kind, const union address *a)
{
	bool is_unix = a->any.sa_family == AF_UNIX;

	switch (kind) {
	case KIND_TLS:	/* on a unix socket it comes from a vsock */
		return true;
	case KIND_UNIX:
	case KIND_ADMIN:
		return is_unix;
	case KIND_PLAIN:
		return is_loopback(a);
	}
	return false;
}

/* The admin socket has messages, all others streams of bytes. */
static int type_of(enum kind kind)
{
	return (kind == KIND_ADMIN ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC;
}

static bool has_type(int fd, enum kind kind)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       (type | SOCK_CLOEXEC) == type_of(kind);
}

/* Takes @fd over. */
static int add(struct sockets *s, enum kind kind, int fd, const char *what, struct cause *why)
{
	union address a = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(a);

	if (getsockname(fd, &a.any, &len) < 0 || !fits(kind, &a) || !has_type(fd, kind) ||
	    (kind == KIND_ADMIN ? s->admin >= 0 : s->n == SOCKETS_MAX)) {
		(void) close(fd);
		return cause_set(why, -EINVAL,
				 kind == KIND_PLAIN ?
					 "%s: without TLS only a loopback address is served" :
					 "%s: the socket is not of the kind '%s', or there are too "
					 "many",
				 what, names[kind]);
	}
	if (kind == KIND_ADMIN) {
		s->admin = fd;
	} else {
		s->plain[s->n] = kind != KIND_TLS;
		s->fds[s->n++] = fd;
	}
	return 0;
}

/* ---- from systemd ---- */

static int add_passed(struct sockets *s, int fd, const char *name, struct cause *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return add(s, (enum kind)i, fd, "a socket of systemd", why);
	(void) close(fd);
	return cause_set(why, -EINVAL,
			 "a socket of systemd is named '%.40s': FileDescriptorName= must be tls, "
			 "unix, plain or admin",
			 name);
}

/* Returns how many there were, or a negative errno. */
static int take_passed(struct sockets *s, struct cause *why)
{
	char **passed = NULL;
	int n, r = 0;

	n = systemd_fds(&passed);
	systemd_fds_forget();
	if (n < 0)
		return cause_set(why, n, "the sockets of systemd cannot be taken");
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = add_passed(s, SYSTEMD_FDS_START + i, passed[i], why);
		else
			(void) close(SYSTEMD_FDS_START + i);
		free(passed[i]);
	}
	free(passed);
	return r < 0 ? r : n;
}

/* ---- from the settings ---- */

/* "HOST:PORT" with an address in figures, IPv6 in brackets. */
static int parse_address(const char *text, union address *ret, socklen_t *ret_len)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	struct addrinfo *found = NULL;
	char host[HOST_MAX];
	uint32_t port;
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (len == 0 || len >= sizeof(host) || parse_u32(colon + 1, &port) < 0 ||
	    port > UINT16_MAX)
		return -EINVAL;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0 || !found)
		return -EINVAL;
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	*ret_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/* A socket that nobody listens on any more is what a broker that was killed has left. */
static void remove_stale(const union address *a, socklen_t len, enum kind kind)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, type_of(kind), 0);
	struct stat st;

	if (fd >= 0 && lstat(a->un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, &a->any, len) < 0 && errno == ECONNREFUSED)
		(void) unlink(a->un.sun_path);
}

static int open_socket(const union address *a, socklen_t len, enum kind kind)
{
	_cleanup_(closep) int fd = socket(a->any.sa_family, type_of(kind), 0);
	static const int one = 1;

	if (fd < 0)
		return -errno;
	if (a->any.sa_family == AF_UNIX)
		remove_stale(a, len, kind);
	else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, &a->any, len) < 0)
		return -errno;
	/* Who may ask is decided by evidence, and for the admin socket by the peer's uid. */
	if (a->any.sa_family == AF_UNIX && chmod(a->un.sun_path, 0666) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int open_at(struct sockets *s, enum kind kind, const char *text, struct cause *why)
{
	union address a = { .any.sa_family = AF_UNIX };
	socklen_t len = sizeof(a.un);
	int fd;

	if (text[0] == '/') {
		if (strlen(text) >= sizeof(a.un.sun_path))
			return cause_set(why, -EINVAL, "%s is too long for a socket", text);
		memcpy(a.un.sun_path, text, strlen(text) + 1);
	} else if (parse_address(text, &a, &len) < 0)
		return cause_set(why, -EINVAL,
				 "'%.80s' is not an address in figures with a port: 0.0.0.0:8443, "
				 "[::]:8443",
				 text);
	fd = open_socket(&a, len, kind);
	if (fd < 0)
		return cause_set(why, fd, "cannot listen on %s: %s", text, strerror(-fd));
	return add(s, kind, fd, text, why);
}

static int open_list(struct sockets *s, enum kind kind, char *const *list, struct cause *why)
{
	int r = 0;

	for (unsigned i = 0; r >= 0 && list[i]; i++)
		r = open_at(s, kind, list[i], why);
	return r;
}

int sockets_take(const struct broker_settings *s, struct sockets *ret, struct cause *why)
{
	int r;

	*ret = (struct sockets){ .admin = -EBADF };
	r = take_passed(ret, why);
	if (r == 0) {
		r = open_list(ret, KIND_TLS, s->tls, why);
		if (r >= 0)
			r = open_list(ret, KIND_UNIX, s->unix_paths, why);
		if (r >= 0)
			r = open_list(ret, KIND_PLAIN, s->plain, why);
		if (r >= 0)
			r = open_at(ret, KIND_ADMIN, s->admin, why);
	}
	if (r < 0)
		return r;
	if (ret->n == 0)
		return cause_set(why, -EINVAL,
				 "there is nothing to listen on: set Tls= in [Listen], or start "
				 "coco-broker.socket");
	return 0;
}

void sockets_done(struct sockets *s)
{
	for (unsigned i = 0; i < s->n; i++)
		s->fds[i] = close_fd(s->fds[i]);
	s->n = 0;
	s->admin = close_fd(s->admin);
}
