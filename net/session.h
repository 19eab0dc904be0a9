/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_SESSION_H
#define COCO_NET_SESSION_H

#include "base/cause.h"

/*
 * Requests to one server over TLS, on a connection that is kept open between them.  libcurl is
 * loaded on demand.  Nothing is believed about an answer but whose it is; the caller reads it.
 *
 * There are no redirects, no cookies but the caller's, no passwords, no compression, and no proxy
 * but the caller's: what the environment says does not matter.  A name is resolved anew for each
 * connection.  A process with a session ignores SIGPIPE.
 */
struct http_session;

enum http_trust {
	/*
	 * A key of the PEM text's certificates issued the server's certificate, or it is one of
	 * them.  No date counts: the machine's clock may be in the hands of those who are to be
	 * kept out.
	 */
	HTTP_TRUST_IDENTITY = 1,
	/* The server's key has this hash; its certificate does not matter. */
	HTTP_TRUST_PUBLIC_KEY,
	/* The PEM text's certificates are the authorities.  Names and dates count. */
	HTTP_TRUST_AUTHORITY,
};

struct http_session_setup {
	const char *url;		/* https://HOST[:PORT] or vsock://CID:PORT */
	/*
	 * The name that the server's certificate must have.  NULL or "": the host of @url.  A
	 * vsock has none: then with an identity no name is asked for, and an authority without
	 * a name is refused.
	 */
	const char *server_name;
	enum http_trust trust;
	const char *pem;		/* not NUL-terminated; NULL for a public key */
	size_t pem_len;
	const char *public_key;		/* "sha256//" and 44 digits of base64; else NULL or "" */
	const char *proxy;		/* http:// or https://, or NULL or ""; not for a vsock */
	uint64_t connect_usec;		/* for a connection, until TLS is agreed upon */
	uint64_t request_usec;		/* for a request and all of its answer */
	const char *agent;		/* "cocod-net", for the header User-Agent */
};

/*
 * Nothing is connected yet.  @s and its texts are needed only during the call.
 *
 * Returns 0; -EINVAL for an address, a name, a PEM text or a hash of another form, or without
 * trust; -EOPNOTSUPP without libcurl, or with one without OpenSSL; -EIO when a tunnel to a vsock
 * cannot be made; -ENOMEM.  Then @why has the cause.
 */
int http_session_new(const struct http_session_setup *s, struct http_session **ret,
		     struct cause *why);

struct http_session *http_session_free(struct http_session *s);
DEFINE_CLEANUP(struct http_session *, http_session_free)

struct http_exchange {
	/* asked; borrowed */
	const char *method;		/* "GET" or "POST" */
	const char *path;		/* "/kbs/v0/auth" */
	const char *body;		/* JSON, with "POST" */
	const char *cookie;		/* "NAME=VALUE", or NULL */
	size_t max;			/* bytes of the answer */

	/* answered; http_exchange_done() frees it */
	int status;
	uint32_t retry_sec;		/* Retry-After in seconds; 0 without, or for a date */
	char *answer;			/* followed by a NUL that is not counted */
	size_t answer_len;
	/* the value of the header Set-Cookie that names kbs-session-id; or NULL */
	char *set_cookie;
	char *release;			/* the value of the header Coco-Release, or NULL */
};

void http_exchange_done(struct http_exchange *x);

/*
 * Ask, and wait for the answer, whatever its status.
 *
 * Returns 0; then, and only then, what @x answers is filled in.  -EHOSTUNREACH when nobody
 * answers, or the connection is lost; -ETIMEDOUT; -EKEYREJECTED when the server is not the one
 * that is trusted; -EMSGSIZE when the answer is longer than the caller allows, or its header
 * longer than 32 KiB; -EPROTO when it is not HTTP over TLS, or has a header twice that may be
 * there once; -EOPNOTSUPP; -ENOMEM.  Then @why has the cause, which is printable and may quote
 * the server.
 */
int http_session_ask(struct http_session *s, struct http_exchange *x, struct cause *why);

#endif
