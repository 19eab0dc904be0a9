/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/http-loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/thread.h"
#include "broker/serve/http-connection.h"

/* How long nobody is let in when there are no descriptors or no memory for another connection. */
#define PAUSE_USEC 100000
/* Connections over the limit, until other loops have closed what is idle. */
#define OVER_MAX 32

/* The clock may be set at any time, so the certificate is looked at often. */
#define RENEW_SEC 3600
#define BUFFEREVENT_OPTIONS (BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS)

struct door {
	struct http_loop *loop;
	struct evconnlistener *listener;
	bool plain;
};

struct http_loop {
	struct http_core *core;
	struct event_base *base;
	struct event *woken, *pause, *renewal;
	int wake_fd;
	struct http_connections connections;
	pthread_t thread;
	bool runs;
	pthread_mutex_t lock;
	struct exchange_list answered;		/* under the lock */
	unsigned n_doors;
	struct door doors[];
};

void http_loop_wake(struct http_loop *l)
{
	static const uint64_t one = 1;

	(void) !write(l->wake_fd, &one, sizeof(one));
}

/* ---- connections that come ---- */

static void open_doors(struct http_loop *l, bool open)
{
	for (unsigned i = 0; i < l->n_doors; i++) {
		if (open)
			(void) evconnlistener_enable(l->doors[i].listener);
		else
			(void) evconnlistener_disable(l->doors[i].listener);
	}
}

static void on_pause_ends(evutil_socket_t fd, short what, void *userdata)
{
	struct http_loop *l = userdata;

	open_doors(l, !atomic_load(&l->core->stopping));
}

/*
 * No descriptors, mostly, and it is not connections that have them: http-server.c has looked.  What
 * waits at the door would wake us at once again.
 */
static void on_accept_error(struct evconnlistener *listener, void *userdata)
{
	static const struct timeval pause = { .tv_usec = PAUSE_USEC };
	struct door *d = userdata;

	metrics_count(d->loop->core->setup.metrics, METRIC_LIMITED_CONNECTIONS);
	open_doors(d->loop, false);
	(void) evtimer_add(d->loop->pause, &pause);
}

/* Leaves the place alone. */
static void describe_peer(const struct sockaddr *sa, struct http_peer *ret)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	strcpy(ret->text, "unix");
	if (sa->sa_family == AF_INET)
		(void) inet_ntop(AF_INET, &v4->sin_addr, ret->text, sizeof(ret->text));
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		(void) inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ret->text,
				 sizeof(ret->text));
	else if (sa->sa_family == AF_INET6)
		(void) inet_ntop(AF_INET6, &v6->sin6_addr, ret->text, sizeof(ret->text));
}

static void wake_others(struct http_loop *l)
{
	for (unsigned i = 0; i < l->core->n_loops; i++)
		if (l->core->loops[i] != l)
			http_loop_wake(l->core->loops[i]);
}

/*
 * Room for one more, if need be that of one that asks for nothing.  Another loop closes its own
 * ones, a moment later; until then there are a few too many.
 */
static bool make_room(struct http_loop *l)
{
	struct http_core *core = l->core;
	unsigned n = atomic_load(&core->n_connections);

	if (n < core->setup.connections_max)
		return true;
	metrics_count(core->setup.metrics, METRIC_LIMITED_CONNECTIONS);
	if (http_connections_close_idle(&l->connections))
		return true;
	if (n >= core->setup.connections_max + OVER_MAX ||
	    atomic_load(&core->n_idle) <= atomic_load(&core->n_unwanted))
		return false;
	atomic_fetch_add(&core->n_unwanted, 1);
	wake_others(l);
	return true;
}

static struct bufferevent *new_tls(struct http_loop *l, int fd)
{
	SSL *ssl = tls_accept(l->core->tls);
	struct bufferevent *b;

	if (!ssl)
		return NULL;
	b = bufferevent_openssl_socket_new(l->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
					   BUFFEREVENT_OPTIONS);
	if (!b)
		SSL_free(ssl);
	return b;
}

/*
 * A handshake costs more than a request, so it needs a token too.  Behind a plain listener is a
 * proxy or this machine, which has no bucket of its own.
 */
static bool may_enter(struct door *d, const struct sockaddr *sa, struct limits_place *ret)
{
	struct http_core *core = d->loop->core;
	uint64_t now = now_usec();
	enum limits_answer answer;
	uint32_t retry;

	*ret = limits_free_place();
	if (d->plain)
		return true;
	if (!limits_enter(core->limits, sa, now, ret)) {
		metrics_count(core->setup.metrics, METRIC_LIMITED_CONNECTIONS);
		return false;
	}
	answer = limits_take(core->limits, ret, now, &retry);
	if (answer == LIMITS_GOOD)
		return true;
	metrics_count(core->setup.metrics,
		      answer == LIMITS_ALL ? METRIC_LIMITED_ALL : METRIC_LIMITED_ADDRESS);
	limits_leave(core->limits, ret);
	return false;
}

static void begin(struct door *d, int fd, const struct http_peer *peer)
{
	struct http_loop *l = d->loop;
	struct bufferevent *b = d->plain ?
					bufferevent_socket_new(l->base, fd, BUFFEREVENT_OPTIONS) :
					new_tls(l, fd);

	if (!b) {
		limits_leave(l->core->limits, &peer->place);
		(void) close_fd(fd);
		return;
	}
	(void) http_connection_new(&l->connections, b, peer);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
		      int sa_len, void *userdata)
{
	struct door *d = userdata;
	struct http_peer peer;
	int one = 1;

	if (!may_enter(d, sa, &peer.place)) {
		(void) close_fd(fd);
		return;
	}
	if (!make_room(d->loop)) {
		limits_leave(d->loop->core->limits, &peer.place);
		(void) close_fd(fd);
		return;
	}
	describe_peer(sa, &peer);
	if (sa->sa_family != AF_UNIX)
		(void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	begin(d, fd, &peer);
}

/* ---- the thread ---- */

static void take_answers(struct http_loop *l)
{
	struct exchange_list answered = TAILQ_HEAD_INITIALIZER(answered);
	struct exchange *x;

	(void) pthread_mutex_lock(&l->lock);
	TAILQ_CONCAT(&answered, &l->answered, next);
	(void) pthread_mutex_unlock(&l->lock);
	while ((x = TAILQ_FIRST(&answered))) {
		TAILQ_REMOVE(&answered, x, next);
		http_connection_answer(&l->connections, x);
	}
}

static void close_unwanted(struct http_loop *l)
{
	unsigned n = atomic_exchange(&l->core->n_unwanted, 0);

	while (n > 0 && http_connections_close_idle(&l->connections))
		n--;
	/* Those of a third loop, which has been woken too. */
	if (n > 0 && atomic_load(&l->core->n_idle) >= n)
		atomic_fetch_add(&l->core->n_unwanted, n);
}

static void on_wake(evutil_socket_t fd, short what, void *userdata)
{
	struct http_loop *l = userdata;
	uint64_t n;

	(void) !read(fd, &n, sizeof(n));
	take_answers(l);
	close_unwanted(l);
	if (atomic_load(&l->core->stopping)) {
		open_doors(l, false);
		while (http_connections_close_idle(&l->connections))
			;
	}
}

static void on_renewal(evutil_socket_t fd, short what, void *userdata)
{
	struct http_loop *l = userdata;
	struct cause why;

	if (l->core->tls && tls_renew(l->core->tls, tls_now(), &why) < 0)
		log_warning("Failed to renew the TLS certificate, trying again: %s", why.text);
}

static bool has_ended(struct http_loop *l)
{
	if (atomic_load(&l->core->aborting))
		return true;
	return atomic_load(&l->core->stopping) && http_connections_empty(&l->connections);
}

static void *run(void *userdata)
{
	struct http_loop *l = userdata;

	while (!has_ended(l))
		if (event_base_loop(l->base, EVLOOP_ONCE) < 0)
			break;
	http_connections_close_all(&l->connections);
	return NULL;
}

void http_loop_answer(struct http_loop *l, struct exchange *x)
{
	bool first;

	(void) pthread_mutex_lock(&l->lock);
	first = TAILQ_EMPTY(&l->answered);
	TAILQ_INSERT_TAIL(&l->answered, x, next);
	(void) pthread_mutex_unlock(&l->lock);
	if (first)
		http_loop_wake(l);
}

bool http_loop_join(struct http_loop *l, uint64_t deadline_usec)
{
	struct timespec t = {
		.tv_sec = (time_t)(deadline_usec / 1000000),
		.tv_nsec = (long)(deadline_usec % 1000000 * 1000),
	};

	if (l->runs && pthread_clockjoin_np(l->thread, NULL, CLOCK_MONOTONIC, &t) == 0)
		l->runs = false;
	return !l->runs;
}

/* ---- begin and end ---- */

struct http_loop *http_loop_free(struct http_loop *l)
{
	struct exchange *x;

	if (!l)
		return NULL;
	assert(!l->runs);
	for (unsigned i = 0; i < l->n_doors; i++)
		evconnlistener_free(l->doors[i].listener);
	while ((x = TAILQ_FIRST(&l->answered))) {
		TAILQ_REMOVE(&l->answered, x, next);
		exchange_free(x);
	}
	if (l->woken)
		event_free(l->woken);
	if (l->pause)
		event_free(l->pause);
	if (l->renewal)
		event_free(l->renewal);
	if (l->base)
		event_base_free(l->base);
	(void) close_fd(l->wake_fd);
	(void) pthread_mutex_destroy(&l->lock);
	free(l);
	return NULL;
}
DEFINE_CLEANUP(struct http_loop *, http_loop_free)

static int add_door(struct http_loop *l, int fd, bool plain)
{
	struct door *d = &l->doors[l->n_doors];

	if (evutil_make_socket_nonblocking(fd) < 0)
		return -EIO;
	d->loop = l;
	d->plain = plain;
	/* The socket listens already, and stays open. */
	d->listener = evconnlistener_new(l->base, on_accept, d, LEV_OPT_CLOSE_ON_EXEC,
					 /* backlog= */ 0, fd);
	if (!d->listener)
		return -ENOMEM;
	evconnlistener_set_error_cb(d->listener, on_accept_error);
	l->n_doors++;
	return 0;
}

static int add_events(struct http_loop *l)
{
	static const struct timeval renew = { .tv_sec = RENEW_SEC };

	l->base = event_base_new();
	if (!l->base)
		return -ENOMEM;
	l->connections.base = l->base;
	l->woken = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	l->pause = evtimer_new(l->base, on_pause_ends, l);
	l->renewal = event_new(l->base, -1, EV_PERSIST, on_renewal, l);
	if (!l->woken || !l->pause || !l->renewal || event_add(l->woken, NULL) < 0 ||
	    event_add(l->renewal, &renew) < 0)
		return -ENOMEM;
	return 0;
}

int http_loop_new(struct http_core *core, struct http_loop **ret)
{
	_cleanup_(http_loop_freep) struct http_loop *l = NULL;
	int r;

	l = calloc(1, sizeof(*l) + core->setup.n_fds * sizeof(l->doors[0]));
	if (!l)
		return -ENOMEM;
	l->core = core;
	l->connections.core = core;
	l->connections.loop = l;
	TAILQ_INIT(&l->connections.idle);
	TAILQ_INIT(&l->connections.busy);
	TAILQ_INIT(&l->answered);
	(void) pthread_mutex_init(&l->lock, NULL);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0)
		return -EIO;
	r = add_events(l);
	for (unsigned i = 0; r >= 0 && i < core->setup.n_fds; i++)
		r = add_door(l, core->setup.fds[i], core->setup.plain[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

int http_loop_start(struct http_loop *l)
{
	int r = thread_start(&l->thread, run, l);

	l->runs = r >= 0;
	return r;
}
