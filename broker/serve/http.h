/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_SERVE_HTTP_H
#define COCO_BROKER_SERVE_HTTP_H

#include <openssl/evp.h>

#include "base/cause.h"
#include "broker/serve/metrics.h"
#include "wire/bytes.h"

/*
 * The broker's HTTP server: libevent and OpenSSL, one loop for each processor over the same
 * listening sockets.  A request that has come whole is put into a bounded queue, and one of the
 * threads that wait there calls the handler, which may block.  What is over a limit is answered at
 * once, before any work is done for it.
 *
 * HTTP itself is read by wire/http-head.h, not by libevent's evhttp: that one has no place where a
 * limit could depend on the path or on the peer before the body is in memory, takes what two
 * programs read differently, and ends the process in states that it does not expect.
 *
 * Limits of an address: a bucket of tokens, of which a request takes one, and a handshake of TLS
 * too; and a quarter of all connections.  Who has none left gets 429, or no handshake.  The relays
 * and whoever comes over a plain listener have no bucket of their own, as behind them are many:
 * only the bucket of all counts.  When all connections are taken, those that are idle longest make
 * room; one that is in the middle of a request does not.
 *
 * Memory: bodies are counted while they arrive and refused with 503 over HTTP_BODIES_MAX.  Beside
 * them each connection takes at most 16 KiB of input, 16 KiB of TLS and 16 KiB of its own state.
 *
 * The memory that libevent and OpenSSL give back is wiped first (serve/wipe.h), because an owner
 * may have sent a secret.
 */
struct http_server;

struct http_request {
	const char *method;		/* "GET", "POST", "DELETE" */
	const char *path;		/* decoded nowhere: with "%" it is refused */
	const char *query;		/* behind '?', or NULL */
	struct bytes body;
	const char *cookie;		/* the header Cookie, or NULL */
	const char *authorization;	/* the header Authorization, or NULL */
	const char *peer;		/* for people: "192.0.2.1", "unix" */
	uint64_t number;		/* of the request, for the log */
};

struct http_reply {
	int status;			/* 200, if the handler sets nothing: 500 */
	char *body;			/* a C string, taken over; NULL: none */
	const char *type;		/* of the content; NULL: "application/json" */
	char set_cookie[128];		/* value of the header, or "" */
	char *release;			/* value of Coco-Release, taken over, or NULL */
	uint32_t retry_sec;		/* Retry-After, with 429 and 503 */
};

/* Called by several threads at once.  @q is borrowed; @ret is all zero but for the status 500. */
typedef void (*http_handler_t)(void *userdata, const struct http_request *q,
			       struct http_reply *ret);

/* Fixed limits; what is 0 in the setup gets these. */
#define HTTP_BODY_MAX 4096			/* bytes, but for what http_body_max() says */
#define HTTP_HEADERS_MAX 8192
#define HTTP_CONNECTIONS_MAX 12000
#define HTTP_IDLE_SEC 60
#define HTTP_REQUEST_SEC 20			/* until all of a request is there */
#define HTTP_BODIES_MAX (256 * 1024 * 1024)	/* bytes of bodies, in all connections */
#define HTTP_QUEUE_MAX 1024			/* requests that wait for a thread; then 503 */

struct http_setup {
	const int *fds;			/* listening sockets: TCP, or unix; borrowed, stay open */
	/* for each: without TLS (unix, or on loopback behind a proxy) */
	const bool *plain;
	unsigned n_fds;
	unsigned n_loops, n_threads;	/* 0: one a processor; 32 */
	EVP_PKEY *identity;		/* issues the TLS certificate; borrowed */
	const char *identity_pem;	/* its certificate, sent along */
	const char *name;		/* in the TLS certificate: DNS name or address */
	const char *const *more_names;	/* ends with NULL; may be NULL */
	/* token buckets: requests a second and at once; for each /32 or /64, and for all */
	unsigned rate, burst, rate_all, burst_all;
	/* addresses without a bucket of their own; ends with NULL; may be NULL */
	const char *const *relays;
	unsigned connections_max;
	http_handler_t handler;
	void *userdata;
	struct metrics *metrics;	/* borrowed; may be NULL */
};

/*
 * Returns 0 with a server that runs; -EINVAL, also when RLIMIT_NOFILE does not allow the
 * connections that were asked for; -ENOMEM; -EIO.  What the setup points to is borrowed until
 * http_server_stop().  The TLS certificate is issued by the identity for 30 days and renewed 10
 * days before its end, without a break.  From now on this process ignores SIGPIPE.
 */
int http_server_new(const struct http_setup *s, struct http_server **ret, struct cause *why);

/*
 * Stop: no new connections and requests, those that are there are answered, at most for
 * @timeout_usec.  Then free it.  A handler that still runs is waited for, whatever it takes.
 */
struct http_server *http_server_stop(struct http_server *s, uint64_t timeout_usec);

/* How long the body of a request may be: MESSAGE_ATTESTATION_MAX for /attest and admin paths. */
size_t http_body_max(const char *method, const char *path);

#endif
