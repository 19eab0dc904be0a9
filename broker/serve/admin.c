/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/admin.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/thread.h"
#include "broker/serve/watch.h"
#include "ipc/frame.h"

#define CONNECTIONS_MAX 16
#define NAMES_MAX 32
#define GROUPS_MAX 256

struct admin_server {
	struct service *s;
	int listen_fd;
	int stop_fd;			/* readable when all is to end */
	uid_t uids[NAMES_MAX];
	gid_t gids[NAMES_MAX];
	unsigned n_uids, n_gids;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned n;			/* connections */
};

struct connection {
	struct admin_server *a;
	int fd;
	uid_t uid;
};

/* ---- who may ask ---- */

static int take_name(struct admin_server *a, const char *name, struct cause *why)
{
	const struct passwd *user = getpwnam(name);
	const struct group *group = getgrnam(name);

	if (!user && !group)
		return cause_set(why, -EINVAL,
				 "Users= in [Admin] names '%s', and there is no such user or group",
				 name);
	if (a->n_uids == NAMES_MAX || a->n_gids == NAMES_MAX)
		return cause_set(why, -EINVAL, "Users= in [Admin] has more than %d names",
				 NAMES_MAX);
	if (user)
		a->uids[a->n_uids++] = user->pw_uid;
	if (group)
		a->gids[a->n_gids++] = group->gr_gid;
	return 0;
}

static int take_names(struct admin_server *a, const char *names, struct cause *why)
{
	char name[256];
	int r;

	for (const char *p = names ? names : ""; *p;) {
		size_t len = strcspn(p, " \t");

		if (len >= sizeof(name))
			return cause_set(why, -EINVAL, "Users= in [Admin] has too long a name");
		if (len > 0) {
			(void) snprintf(name, sizeof(name), "%.*s", (int)len, p);
			r = take_name(a, name, why);
			if (r < 0)
				return r;
		}
		p += len + (p[len] != '\0');
	}
	return 0;
}

/* Asked each time, so that somebody who was taken out of a group is out. */
static bool is_in_group(const struct admin_server *a, uid_t uid, gid_t gid)
{
	const struct passwd *user = getpwuid(uid);
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;

	if (!user || getgrouplist(user->pw_name, gid, groups, &n) < 0)
		return false;
	for (int i = 0; i < n; i++)
		for (unsigned k = 0; k < a->n_gids; k++)
			if (groups[i] == a->gids[k])
				return true;
	return false;
}

static bool may_ask(const struct admin_server *a, const struct ucred *peer)
{
	if (peer->uid == 0)
		return true;
	for (unsigned i = 0; i < a->n_uids; i++)
		if (peer->uid == a->uids[i])
			return true;
	return a->n_gids > 0 && is_in_group(a, peer->uid, peer->gid);
}

/* ---- a connection ---- */

/* Wait for a frame, or for the end of the server.  Returns 1 with a frame, 0 at the end. */
static int wait_frame(struct connection *c)
{
	struct pollfd p[] = { { .fd = c->fd, .events = POLLIN },
			      { .fd = c->a->stop_fd, .events = POLLIN } };

	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return 0;
	return !p[1].revents;
}

/* Receive a frame of @type with a descriptor, which is @ret_fd. */
static int receive(struct connection *c, uint16_t type, int *ret_fd)
{
	struct msg_header h;
	int r;

	*ret_fd = -EBADF;
	if (!wait_frame(c))
		return 0;
	r = frame_recv(c->fd, &h, NULL, 0, ret_fd);
	if (r <= 0)
		return r;
	return h.type == type && *ret_fd >= 0 ? 1 : -EPROTO;
}

static int send_text(struct connection *c, const char *text, int lines)
{
	return admin_send(c->fd, ADMIN_ANSWER, text, ADMIN_DATA, lines);
}

/* A file that somebody keeps writing to is not read for ever. */
static int read_request(int fd, char **ret, size_t *ret_len)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_SET) < 0)
		return -EPROTO;
	return read_file_fd(fd, ADMIN_REQUEST_MAX, ret, ret_len);
}

static int receive_secret(struct connection *c, struct bytes request, struct secret **ret)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	*ret = NULL;
	if (!admin_takes_secret(request))
		return 1;
	r = receive(c, ADMIN_SECRET, &fd);
	if (r <= 0)
		return r;
	r = secret_read(fd, JWE_CIPHERTEXT_MAX, ret);
	/* A directory, a socket of others: what cannot be read is no secret. */
	return r < 0 ? r : 1;
}

/* From now on the connection is the watchers'. */
static int hand_on(struct connection *c)
{
	int fd = fcntl(c->fd, F_DUPFD_CLOEXEC, 3);

	if (fd >= 0)
		(void) watchers_add(c->a->s->watchers, fd);
	return 0;
}

/* Returns 1 for the next request, 0 at the end, or a negative errno. */
static int serve_one(struct connection *c)
{
	_cleanup_(closep) int fd = -EBADF, file = -EBADF, lines = -EBADF;
	_cleanup_(freep) char *text = NULL, *answer = NULL;
	_cleanup_(secret_freep) struct secret *secret = NULL;
	struct bytes request;
	size_t len = 0;
	int r;

	r = receive(c, ADMIN_REQUEST, &fd);
	if (r <= 0)
		return r;
	r = read_request(fd, &text, &len);
	if (r < 0)
		return r;
	request = (struct bytes){ (const uint8_t *)text, len };
	r = receive_secret(c, request, &secret);
	if (r == -EMSGSIZE)
		return send_text(c, "{\"v\":1,\"ok\":false,\"errno\":\"EMSGSIZE\",\"error\":"
				    "\"a secret has at most 65536 bytes\"}", -EBADF) < 0 ? 0 : 1;
	if (r > 0 && admin_takes_file(request))
		r = receive(c, ADMIN_SECRET, &file);
	if (r <= 0)
		return r;
	r = admin_answer(c->a->s, request, secret, file, (uint32_t)c->uid, &answer, &lines);
	if (r == 0)
		r = send_text(c, answer, lines);
	if (r < 0)
		return r;
	if (admin_is_watch(request) && startswith(answer, "{\"v\":1,\"ok\":true"))
		return hand_on(c);
	return 1;
}

static void *serve(void *userdata)
{
	struct connection *c = userdata;
	struct admin_server *a = c->a;
	int r;

	do
		r = serve_one(c);
	while (r > 0);
	if (r < 0)
		log_warning_errno(r, "A request of uid %u on the admin socket is ended: %m",
				  (unsigned)c->uid);
	(void) close(c->fd);
	free(c);
	(void) pthread_mutex_lock(&a->lock);
	a->n--;
	(void) pthread_cond_signal(&a->ended);
	(void) pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- the socket ---- */

static bool has_room(struct admin_server *a)
{
	bool room;

	(void) pthread_mutex_lock(&a->lock);
	room = a->n < CONNECTIONS_MAX;
	a->n += room;
	(void) pthread_mutex_unlock(&a->lock);
	return room;
}

static void forget(struct admin_server *a)
{
	(void) pthread_mutex_lock(&a->lock);
	a->n--;
	(void) pthread_mutex_unlock(&a->lock);
}

static void begin(struct admin_server *a, int fd)
{
	struct connection *c = NULL;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	pthread_t thread;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || !may_ask(a, &peer)) {
		log_warning("uid %u may not use the admin socket: Users= in [Admin] does not name "
			    "it", (unsigned)peer.uid);
		(void) frame_send(fd, ADMIN_ANSWER, -EACCES, NULL, 0, -EBADF);
		(void) close(fd);
		return;
	}
	if (has_room(a)) {
		c = malloc(sizeof(*c));
		if (c)
			*c = (struct connection){ .a = a, .fd = fd, .uid = peer.uid };
		if (c && thread_start(&thread, serve, c) == 0) {
			(void) pthread_detach(thread);
			return;
		}
		free(c);
		forget(a);
	}
	(void) frame_send(fd, ADMIN_ANSWER, -EBUSY, NULL, 0, -EBADF);
	(void) close(fd);
}

static void *run(void *userdata)
{
	struct admin_server *a = userdata;
	struct pollfd p[] = { { .fd = a->listen_fd, .events = POLLIN },
			      { .fd = a->stop_fd, .events = POLLIN } };
	int fd;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			break;
		fd = p[0].revents ? accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (fd >= 0)
			begin(a, fd);
		else if (p[0].revents && errno == EMFILE)
			(void) poll(NULL, 0, 100);	/* until a descriptor is free */
	}
	return NULL;
}

int admin_server_new(struct service *s, int listen_fd, const char *users,
		     struct admin_server **ret, struct cause *why)
{
	struct admin_server *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return cause_set_oom(why);
	a->s = s;
	a->listen_fd = listen_fd;
	a->stop_fd = eventfd(0, EFD_CLOEXEC);
	(void) pthread_mutex_init(&a->lock, NULL);
	(void) pthread_cond_init(&a->ended, NULL);
	r = a->stop_fd < 0 ? cause_set_io(why, errno, "there can be no eventfd: %m") :
			     take_names(a, users, why);
	if (r == 0) {
		r = thread_start(&a->thread, run, a);
		if (r < 0)
			r = cause_set(why, -EIO, "there can be no thread for the admin socket");
	}
	if (r < 0) {
		(void) close_fd(a->stop_fd);
		free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct admin_server *admin_server_free(struct admin_server *a)
{
	static const uint64_t one = 1;

	if (!a)
		return NULL;
	(void) write_full(a->stop_fd, &one, sizeof(one));
	(void) pthread_join(a->thread, NULL);
	(void) pthread_mutex_lock(&a->lock);
	while (a->n > 0)
		(void) pthread_cond_wait(&a->ended, &a->lock);
	(void) pthread_mutex_unlock(&a->lock);
	(void) close_fd(a->stop_fd);
	(void) pthread_cond_destroy(&a->ended);
	(void) pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}
