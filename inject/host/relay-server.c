/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/host/relay-server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/io.h"
#include "base/log.h"
#include "base/systemd.h"
#include "inject/host/dial.h"
#include "net/relay.h"
#include "wire/broker-url.h"

#define CONNECT_MSEC 5000	/* to any address of the server */
#define IDLE_MSEC (15 * 60 * 1000)
#define PAUSE_MSEC 100		/* when there are too many connections, or files */
#define STACK_SIZE (256 * 1024)	/* the resolver wants some */
#define BACKLOG 1024

struct relay_server {
	struct broker_url to;
	char port[8];
	unsigned max;
	sigset_t waiting;	/* the signals that are not taken while it waits */
	int listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];	/* to remove, or "" */
	atomic_uint n_refs;	/* the owner, and each connection's thread: the last one frees it */
};

/* A connection has a thread of its own, for the resolver waits as long as it likes. */
struct connection {
	struct relay_server *server;
	int near;
};

static void unref(struct relay_server *s)
{
	if (atomic_fetch_sub(&s->n_refs, 1) == 1)
		free(s);
}

/* ---- the addresses ---- */

static int bind_unix(struct relay_server *s, const char *path, struct cause *why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;

	if (!*path || strlen(path) >= sizeof(a.sun_path))
		return cause_set(why, -EINVAL, "'unix:%.200s' has no path, or a long one", path);
	strcpy(a.sun_path, path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return cause_set_io(why, errno, "no socket can be made: %s", strerror(errno));
	/* A socket without a listener is what a relay left that was killed. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(s->listener, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ECONNREFUSED)
		(void) unlink(path);
	s->listener = close_fd(s->listener);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&a, sizeof(a)) < 0)
		return cause_set_io(why, errno, "'%s' cannot be listened on: %s", path,
				    strerror(errno));
	strcpy(s->path, path);
	return 0;
}

/* @text is what stands behind "vsock:": "[CID]:PORT". */
static int bind_vsock(struct relay_server *s, const char *text, struct cause *why)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };
	char url[64];
	struct broker_url u;

	/* Without a CID, read that of another as an example of one. */
	if ((size_t)snprintf(url, sizeof(url), "vsock://%s%s", *text == ':' ? "1" : "", text) >=
		    sizeof(url) ||
	    broker_url_parse(url, &u) < 0)
		return cause_set(why, -EINVAL, "'vsock:%.60s' is not vsock:[CID]:PORT", text);
	if (*text != ':')
		a.svm_cid = u.cid;
	a.svm_port = u.port;
	s->listener = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return cause_set_io(why, errno, "no vsock here: modprobe vhost_vsock (%s)",
				    strerror(errno));
	if (bind(s->listener, (struct sockaddr *)&a, sizeof(a)) < 0)
		return cause_set_io(why, errno, "'vsock:%s' cannot be listened on: %s", text,
				    strerror(errno));
	return 0;
}

static int bind_to(struct relay_server *s, const char *listen_on, struct cause *why)
{
	const char *rest = startswith(listen_on, "vsock:");

	if (rest)
		return bind_vsock(s, rest, why);
	rest = startswith(listen_on, "unix:");
	return rest ? bind_unix(s, rest, why) :
		      cause_set(why, -EINVAL, "'%.200s' is neither vsock:[CID]:PORT nor unix:PATH",
				listen_on);
}

static int take_target(struct relay_server *s, const char *to, struct cause *why)
{
	char url[BROKER_URL_LEN];

	/* An address of a proxy has a port that must be given. */
	if ((size_t)snprintf(url, sizeof(url), "http://%s", to) >= sizeof(url) ||
	    broker_proxy_parse(url, &s->to) < 0)
		return cause_set(why, -EINVAL, "'%.200s' is not HOST:PORT", to);
	(void) snprintf(s->port, sizeof(s->port), "%u", s->to.port);
	return 0;
}

/* ---- all of it ---- */

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = 1;
}

/* Only ppoll() is interrupted, in this thread; the others, which inherit the mask, never. */
static void catch_signals(sigset_t *ret_waiting)
{
	const struct sigaction action = { .sa_handler = on_signal };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	(void) pthread_sigmask(SIG_BLOCK, &mask, ret_waiting);
	sigdelset(ret_waiting, SIGTERM);
	sigdelset(ret_waiting, SIGINT);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGINT, &action, NULL);
}

int relay_server_new(const char *listen_on, const char *to, unsigned max,
		     struct relay_server **ret, struct cause *why)
{
	_cleanup_(relay_server_freep) struct relay_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return cause_set_oom(why);
	atomic_init(&s->n_refs, 1);
	s->listener = -EBADF;
	s->max = max;
	r = take_target(s, to, why);
	if (r >= 0)
		r = bind_to(s, listen_on, why);
	if (r < 0)
		return r;
	if (listen(s->listener, BACKLOG) < 0)
		return cause_set_io(why, errno, "'%s' cannot be listened on: %s", listen_on,
				    strerror(errno));
	catch_signals(&s->waiting);
	*ret = TAKE_PTR(s);
	return 0;
}

struct relay_server *relay_server_free(struct relay_server *s)
{
	if (!s)
		return NULL;
	(void) close_fd(s->listener);
	if (s->path[0])
		(void) unlink(s->path);
	unref(s);
	return NULL;
}

/* ---- one connection, in its thread ---- */

/* The name is resolved anew each time: the server may have moved. */
static int connect_server(const struct relay_server *s)
{
	const char *why;
	int fd = dial(s->to.host, s->port, CONNECT_MSEC, &why);

	if (fd == -ENXIO)
		log_warning("'%s' has no address: %s", s->to.host, why);
	else if (fd < 0)
		log_warning_errno(fd, "'%s:%s' cannot be reached: %m", s->to.host, s->port);
	return fd;
}

static void relay_until_end(struct relay *r)
{
	struct pollfd p[2];
	int n;

	while (relay_move(r) > 0) {
		relay_wants(r, p);
		n = poll(p, 2, IDLE_MSEC);
		if (n == 0 || (n < 0 && errno != EINTR))
			return;
	}
}

static void *serve(void *userdata)
{
	struct connection *c = userdata;
	struct relay_server *s = c->server;
	_cleanup_(closep) int near = c->near;
	_cleanup_(relay_freep) struct relay *r = NULL;
	int far = connect_server(s);

	free(c);
	if (far >= 0 && relay_new(TAKE_FD(near), far, &r) == 0)
		relay_until_end(r);
	else if (far >= 0)
		log_warning("A connection is refused: out of memory");
	r = relay_free(r);
	near = close_fd(near);
	unref(s);
	return NULL;
}

/* Returns 0, or a negative errno; @fd is taken. */
static int begin(struct relay_server *s, const pthread_attr_t *attributes, int fd)
{
	struct connection *c = malloc(sizeof(*c));
	pthread_t thread;
	int r = ENOMEM;

	if (c) {
		*c = (struct connection){ .server = s, .near = fd };
		atomic_fetch_add(&s->n_refs, 1);
		r = pthread_create(&thread, attributes, serve, c);
		if (r != 0)
			unref(s);
	}
	if (r != 0) {
		(void) close_fd(fd);
		free(c);
	}
	return -r;
}

/* ---- all connections ---- */

/* Each connection needs two files. */
static void allow_many_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void) setrlimit(RLIMIT_NOFILE, &l);
}

static void wait_for_more(const struct relay_server *s, bool paused)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MSEC * 1000000L };
	struct pollfd p = { .fd = s->listener, .events = POLLIN };

	(void) ppoll(&p, paused ? 0 : 1, paused ? &pause : NULL, &s->waiting);
}

static void tell_manager(const char *state)
{
	int r = systemd_notify(state);

	if (r < 0)
		log_warning_errno(r, "Failed to notify systemd, ignoring: %m");
}

static bool is_passing(int error)
{
	static const int errors[] = { EAGAIN,  EINTR,	 ECONNABORTED, EMFILE, ENFILE,
				      ENOBUFS, ENOMEM, EPROTO,       EPERM };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i] == error)
			return true;
	return false;
}

int relay_server_run(struct relay_server *s, struct cause *why)
{
	pthread_attr_t attributes;
	bool paused = false;
	int fd, r;

	allow_many_files();
	if (pthread_attr_init(&attributes) != 0 ||
	    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) != 0 ||
	    pthread_attr_setstacksize(&attributes, STACK_SIZE) != 0)
		return cause_set_oom(why);
	tell_manager("READY=1");
	while (!stop) {
		wait_for_more(s, paused);
		/* One of them is ours. */
		paused = atomic_load(&s->n_refs) - 1 >= s->max;
		if (paused || stop)
			continue;
		fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		r = fd < 0 ? -errno : begin(s, &attributes, fd);
		if (r < 0 && !is_passing(-r))
			return cause_set_io(why, -r, "no more connections can be taken: %s",
					    strerror(-r));
		paused = r < 0 && r != -EAGAIN && r != -EINTR && r != -ECONNABORTED;
		if (paused)
			log_warning_errno(r, "A connection must wait: %m");
	}
	tell_manager("STOPPING=1");
	return 0;
}
