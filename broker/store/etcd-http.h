/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BROKER_STORE_ETCD_HTTP_H
#define COCO_BROKER_STORE_ETCD_HTTP_H

#include "base/cause.h"
#include "base/secret.h"
#include "net/answer.h"
#include "wire/bytes.h"

/*
 * Requests to the nodes of an etcd over HTTP and TLS.  libcurl is loaded on demand.  Nothing is
 * believed about an answer but whose it is.  Several threads may ask at once: each request takes
 * one of the handles that nobody uses now, and with it the connections that it has kept open.
 */
struct etcd_http;

struct etcd_http_setup {
	const char *authority;		/* a PEM file; NULL: the system's */
	const char *certificate, *key;	/* PEM files of the client; NULL: none */
	uint64_t timeout_usec;		/* of a request with all of its answer */
};

/*
 * Nothing is connected yet.  The texts are copied.  A process with such requests ignores SIGPIPE.
 * Returns 0 with @ret, which is yours; -EOPNOTSUPP without libcurl; -ENOMEM.
 */
int etcd_http_new(const struct etcd_http_setup *setup, struct etcd_http **ret, struct cause *why);
struct etcd_http *etcd_http_free(struct etcd_http *h);
DEFINE_CLEANUP(struct etcd_http *, etcd_http_free)

#define ETCD_TOKEN_MAX 8192

struct etcd_exchange {
	/* asked; borrowed */
	const char *node;		/* "https://HOST:PORT" */
	const char *path;		/* "/v3/kv/range" */
	struct bytes body;
	/*
	 * Instead of @body: it is overwritten in libcurl's buffers too, as far as that is possible
	 * from outside of libcurl.
	 */
	const struct secret *secret_body;
	const struct secret *token;	/* for the header Authorization; NULL: none */
	size_t max;			/* bytes of the answer */
	uint64_t timeout_usec;		/* 0: that of the setup */
	/*
	 * libcurl sends a request again by itself when a kept connection turns out to be closed.
	 * With @once it cannot: the request gets a new connection.
	 */
	bool once;

	/* answered; etcd_exchange_done() frees it */
	int status;
	struct pieces answer;		/* followed by a NUL that is not counted */
	bool is_sent;			/* some of the request; set on errors too */
	bool may_be_twice;		/* libcurl may have sent it twice */
};

void etcd_exchange_done(struct etcd_exchange *x);

/*
 * Ask, and wait for the answer, whatever its status.
 * Returns 0 with an answer; -EAGAIN when the node does not answer, or not in time; -EACCES when it
 * is not the one that is trusted, or our certificate is not accepted; -EMSGSIZE when the answer is
 * longer than @max, or its header longer than 32 KiB; -EBADMSG when it is not HTTP; -EIO when a
 * file cannot be used; -ENOMEM.  Then @why has the cause, which is printable and may quote the
 * node.
 */
int etcd_http_ask(struct etcd_http *h, struct etcd_exchange *x, struct cause *why);

#endif
