/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/http-connection.h"

#include <stdio.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"

/* What may lie in the input buffer; more than a head, or a head would never be too long. */
#define INPUT_MAX (2 * HTTP_HEADERS_MAX)
/* How long, and for how much, the rest of a refused request is read, so that its client gets to
 * see the answer: to close while bytes arrive resets the connection. */
#define LINGER_SEC 2
#define LINGER_MAX (256 * 1024)
#define RETRY_SEC 2
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

/*
 *	IDLE -> HEAD -> BODY -> BUSY -> REPLY -> IDLE
 *	          \______\________________/  \-> LINGER
 */
enum state {
	STATE_HANDSHAKE,	/* of TLS */
	STATE_IDLE,		/* nothing of a request is there */
	STATE_HEAD,
	STATE_BODY,
	STATE_BUSY,		/* a worker has the exchange */
	STATE_REPLY,		/* the answer is being written */
	STATE_LINGER,		/* it is written; what comes is thrown away */
};

struct http_connection {
	TAILQ_ENTRY(http_connection) next;
	struct http_connections *all;
	struct bufferevent *b;
	struct event *timer;
	struct exchange *x;	/* HEAD to BUSY; in BUSY the worker's */
	enum state state;
	bool keep;		/* open after the answer */
	uint32_t retry_sec;	/* what the limits said last */
	bool lingers;		/* the client may still be sending */
	size_t seen;		/* of the input: no end of a head there; LINGER: thrown away */
	struct http_peer peer;
};

/* ---- states ---- */

static struct http_connection_list *list_of(struct http_connection *c)
{
	return c->state == STATE_IDLE ? &c->all->idle : &c->all->busy;
}

static void leave(struct http_connection *c)
{
	TAILQ_REMOVE(list_of(c), c, next);
	if (c->state == STATE_IDLE)
		atomic_fetch_sub(&c->all->core->n_idle, 1);
}

static void enter(struct http_connection *c, enum state state, unsigned seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	leave(c);
	c->state = state;
	TAILQ_INSERT_TAIL(list_of(c), c, next);
	if (state == STATE_IDLE)
		atomic_fetch_add(&c->all->core->n_idle, 1);
	if (seconds)
		(void) evtimer_add(c->timer, &tv);
	else
		(void) evtimer_del(c->timer);
}

static void count_body(struct http_connections *all, int64_t change)
{
	atomic_fetch_add(&all->core->body_bytes, change);
	metrics_add(all->core->setup.metrics, GAUGE_BODY_BYTES, change);
}

static struct exchange *drop_exchange(struct http_connections *all, struct exchange *x)
{
	if (x)
		count_body(all, -(int64_t)x->body_len);
	return exchange_free(x);
}

static void destroy(struct http_connection *c)
{
	if (c->state == STATE_BUSY)
		c->x->connection = NULL;
	else
		drop_exchange(c->all, c->x);
	leave(c);
	limits_leave(c->all->core->limits, &c->peer.place);
	atomic_fetch_sub(&c->all->core->n_connections, 1);
	metrics_add(c->all->core->setup.metrics, GAUGE_CONNECTIONS, -1);
	event_free(c->timer);
	bufferevent_free(c->b);
	free(c);
}

/* ---- answers ---- */

static void free_text(const void *data, size_t len, void *userdata)
{
	OPENSSL_cleanse((void *)data, len);
	free((void *)data);
}

/* The connection may be gone afterwards. */
static void reply(struct http_connection *c, const struct http_reply *r)
{
	size_t len;
	char *text;

	c->keep = c->keep && !atomic_load(&c->all->core->stopping);
	if (exchange_format_reply(r, c->keep, &text, &len) < 0) {
		destroy(c);
		return;
	}
	c->x = drop_exchange(c->all, c->x);
	enter(c, STATE_REPLY, HTTP_REQUEST_SEC);
	(void) bufferevent_disable(c->b, EV_READ);
	if (evbuffer_add_reference(bufferevent_get_output(c->b), text, len, free_text, NULL) < 0) {
		free(text);
		destroy(c);
	}
}

/*
 * Refuse what has not come whole: the connection cannot be used any more.  With 429 it can, when
 * there is no body: a new one would cost both sides more.
 */
static void refuse(struct http_connection *c, unsigned status)
{
	struct http_reply r = { .status = (int)status };
	const struct http_head *h = c->x ? &c->x->head : NULL;

	if (status == 429 || status == 503)
		r.retry_sec = MAX(c->retry_sec, RETRY_SEC);
	else
		metrics_count(c->all->core->setup.metrics, METRIC_HTTP_MALFORMED);
	c->keep = status == 429 && h->keep && !h->chunked && h->length == 0;
	c->lingers = !c->keep;
	reply(c, &r);
}

void http_connection_answer(struct http_connections *all, struct exchange *x)
{
	struct http_connection *c = x->connection;
	struct http_reply r;

	metrics_time(all->core->setup.metrics, TIME_REQUEST, now_usec() - x->whole_usec);
	if (c) {
		c->state = STATE_REPLY;
		r = x->reply;
		x->reply = (struct http_reply){ .status = 0 };
		reply(c, &r);
		http_reply_done(&r);
	} else {
		drop_exchange(all, x);
	}
}

/* ---- a request ---- */

static void take_whole(struct http_connection *c)
{
	struct http_core *core = c->all->core;
	struct http_reply full = { .status = 503, .retry_sec = RETRY_SEC };

	c->x->connection = c;
	c->x->loop = c->all->loop;
	c->x->number = atomic_fetch_add(&core->n_requests, 1) + 1;
	c->x->whole_usec = now_usec();
	(void) snprintf(c->x->peer, sizeof(c->x->peer), "%s", c->peer.text);
	c->keep = c->x->head.keep;
	(void) bufferevent_disable(c->b, EV_READ);
	enter(c, STATE_BUSY, 0);
	if (workers_put(core->workers, c->x) < 0) {
		metrics_count(core->setup.metrics, METRIC_LIMITED_QUEUE);
		c->state = STATE_REPLY;
		reply(c, &full);
	}
}

/* Returns 0, or the status to refuse with. */
static unsigned add_body(struct http_connection *c, struct bytes piece)
{
	struct http_core *core = c->all->core;

	if (atomic_load(&core->body_bytes) + (int64_t)piece.len > HTTP_BODIES_MAX) {
		metrics_count(core->setup.metrics, METRIC_LIMITED_ALL);
		return 503;
	}
	if (exchange_add_body(c->x, piece) < 0)
		return 413;
	count_body(c->all, (int64_t)piece.len);
	return 0;
}

/* Take what @in has of the body; it moves. */
static unsigned take_piece(struct http_connection *c, struct bytes *in)
{
	struct exchange *x = c->x;
	struct bytes piece;
	unsigned status = 0;
	int r;

	if (!x->head.chunked) {
		(void) bytes_take(in, MIN(in->len, x->head.length - x->body_len), &piece);
		return add_body(c, piece);
	}
	while (status == 0 && (r = http_chunks_next(&x->chunks, in, &piece)) > 0)
		status = add_body(c, piece);
	return status ? status : r < 0 ? 400 : 0;
}

static bool body_is_whole(const struct exchange *x)
{
	return x->head.chunked ? x->chunks.state == HTTP_CHUNKS_END :
				 x->body_len == x->head.length;
}

static void take_body(struct http_connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->b);
	size_t n;

	while (!body_is_whole(c->x) && (n = evbuffer_get_contiguous_space(input)) > 0) {
		struct bytes in = { evbuffer_pullup(input, (ssize_t)n), n };
		unsigned status = take_piece(c, &in);

		if (status) {
			refuse(c, status);
			return;
		}
		(void) evbuffer_drain(input, n - in.len);
	}
	if (body_is_whole(c->x))
		take_whole(c);
}

/* Returns 0, or the status to refuse with. */
static unsigned begin_body(struct http_connection *c)
{
	const struct http_head *h = &c->x->head;
	size_t max = http_body_max(h->method, h->path);

	if (h->length > max)
		return 413;
	if (exchange_expect_body(c->x, h->chunked ? max : h->length) < 0)
		return 503;
	if (h->expects_continue && evbuffer_get_length(bufferevent_get_input(c->b)) == 0)
		(void) bufferevent_write(c->b, CONTINUE, strlen(CONTINUE));
	return 0;
}

/* Returns 0, or 429. */
static unsigned take_token(struct http_connection *c)
{
	struct http_core *core = c->all->core;

	switch (limits_take(core->limits, &c->peer.place, now_usec(), &c->retry_sec)) {
	case LIMITS_GOOD:
		return 0;
	case LIMITS_ADDRESS:
		metrics_count(core->setup.metrics, METRIC_LIMITED_ADDRESS);
		return 429;
	default:
		metrics_count(core->setup.metrics, METRIC_LIMITED_ALL);
		return 429;
	}
}

static unsigned read_head(struct http_connection *c, size_t len)
{
	struct evbuffer *input = bufferevent_get_input(c->b);
	unsigned status;

	if (exchange_new(len, &c->x) < 0)
		return 503;
	(void) evbuffer_remove(input, c->x->text, len);
	status = http_head_parse(c->x->text, len, &c->x->head);
	if (status == 0)
		status = take_token(c);
	return status ? status : begin_body(c);
}

/* Where the head ends, or 0; what has been looked at is not looked at again. */
static size_t find_head(struct http_connection *c, struct evbuffer *input)
{
	struct evbuffer_ptr from, at;

	if (evbuffer_ptr_set(input, &from, c->seen, EVBUFFER_PTR_SET) < 0)
		return 0;
	at = evbuffer_search(input, "\r\n\r\n", 4, &from);
	return at.pos < 0 ? 0 : (size_t)at.pos + 4;
}

static void take_head(struct http_connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->b);
	size_t len = evbuffer_get_length(input), head;
	unsigned status;

	if (len == 0)
		return;
	if (c->state == STATE_IDLE)
		enter(c, STATE_HEAD, HTTP_REQUEST_SEC);
	head = find_head(c, input);
	if (head == 0 && len <= HTTP_HEADERS_MAX) {
		c->seen = len > 3 ? len - 3 : 0;
		return;
	}
	c->seen = 0;
	if (head == 0 || head > HTTP_HEADERS_MAX) {
		refuse(c, 431);
		return;
	}
	status = read_head(c, head);
	if (status) {
		refuse(c, status);
		return;
	}
	enter(c, STATE_BODY, HTTP_REQUEST_SEC);
	take_body(c);
}

static void throw_away(struct http_connection *c)
{
	struct evbuffer *input = bufferevent_get_input(c->b);
	size_t n = evbuffer_get_length(input);

	(void) evbuffer_drain(input, n);
	c->seen += n;
	if (c->seen > LINGER_MAX)
		destroy(c);
}

/* ---- what libevent says ---- */

static void on_read(struct bufferevent *b, void *userdata)
{
	struct http_connection *c = userdata;

	if (c->state == STATE_IDLE || c->state == STATE_HEAD)
		take_head(c);
	else if (c->state == STATE_BODY)
		take_body(c);
	else if (c->state == STATE_LINGER)
		throw_away(c);
}

static void linger(struct http_connection *c)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->b);

	if (ssl) {
		(void) SSL_shutdown(ssl);
		ERR_clear_error();
	}
	(void) shutdown(bufferevent_getfd(c->b), SHUT_WR);
	c->seen = 0;
	enter(c, STATE_LINGER, LINGER_SEC);
	(void) bufferevent_enable(c->b, EV_READ);
	throw_away(c);
}

/* All is written. */
static void on_write(struct bufferevent *b, void *userdata)
{
	struct http_connection *c = userdata;

	if (c->state != STATE_REPLY || evbuffer_get_length(bufferevent_get_output(b)) > 0)
		return;
	if (c->lingers) {
		linger(c);
	} else if (!c->keep) {
		destroy(c);
	} else {
		enter(c, STATE_IDLE, HTTP_IDLE_SEC);
		(void) bufferevent_enable(c->b, EV_READ);
		take_head(c);
	}
}

/*
 * A client may close its direction behind a request and still wait for the answer.  That it has
 * gone altogether shows when the answer is written.
 */
static void on_event(struct bufferevent *b, short what, void *userdata)
{
	struct http_connection *c = userdata;

	if (what & BEV_EVENT_CONNECTED) {
		enter(c, STATE_IDLE, HTTP_IDLE_SEC);
		return;
	}
	if ((what & BEV_EVENT_ERROR) && bufferevent_get_openssl_error(b))
		metrics_count(c->all->core->setup.metrics, METRIC_TLS_ERRORS);
	if (!(what & BEV_EVENT_ERROR) && (c->state == STATE_BUSY || c->state == STATE_REPLY))
		c->keep = false;
	else
		destroy(c);
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct http_connection *c = userdata;

	if (c->state == STATE_HEAD || c->state == STATE_BODY)
		refuse(c, 408);
	else
		destroy(c);
}

/* ---- all of them ---- */

int http_connection_new(struct http_connections *all, struct bufferevent *b,
			const struct http_peer *peer)
{
	struct http_connection *c = calloc(1, sizeof(*c));
	bool tls = bufferevent_openssl_get_ssl(b) != NULL;

	if (c)
		c->timer = evtimer_new(all->base, on_timer, c);
	if (!c || !c->timer) {
		free(c);
		bufferevent_free(b);
		limits_leave(all->core->limits, &peer->place);
		return -ENOMEM;
	}
	c->all = all;
	c->b = b;
	c->peer = *peer;
	c->state = STATE_HANDSHAKE;
	TAILQ_INSERT_TAIL(&all->busy, c, next);
	atomic_fetch_add(&all->core->n_connections, 1);
	metrics_add(all->core->setup.metrics, GAUGE_CONNECTIONS, 1);
	bufferevent_setcb(b, on_read, on_write, on_event, c);
	bufferevent_setwatermark(b, EV_READ, 0, INPUT_MAX);
	if (tls)
		enter(c, STATE_HANDSHAKE, HTTP_REQUEST_SEC);
	else
		enter(c, STATE_IDLE, HTTP_IDLE_SEC);
	if (bufferevent_enable(b, EV_READ | EV_WRITE) < 0)
		destroy(c);
	return 0;
}

bool http_connections_close_idle(struct http_connections *all)
{
	struct http_connection *c = TAILQ_FIRST(&all->idle);

	if (c)
		destroy(c);
	return c != NULL;
}

void http_connections_close_all(struct http_connections *all)
{
	struct http_connection *c;

	while (http_connections_close_idle(all))
		;
	while ((c = TAILQ_FIRST(&all->busy)))
		destroy(c);
}

bool http_connections_empty(const struct http_connections *all)
{
	return TAILQ_EMPTY(&all->idle) && TAILQ_EMPTY(&all->busy);
}
