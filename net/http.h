/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_HTTP_H
#define COCO_NET_HTTP_H

#include "base/macro.h"

/*
 * One file from a server, through libcurl, which is loaded then.  What comes is bounded, and
 * nothing of it is looked into: whether it is what was wanted, and true, is the caller's to
 * find out.
 *
 * Over HTTPS with TLS 1.2 or newer and a certificate that the system's authorities vouch for;
 * redirects stay within HTTPS, and a server that is busy (429, 503) is asked again after the
 * time that it wants.  In the clear only to 127.0.0.1, or over a connection that the caller
 * made himself.
 */
#define HTTP_HEADER_MAX 32768	/* bytes of the one header that is asked for */

struct http {
	const char *agent;	/* "coco-inject" */
	const char *ca;		/* a file of CA certificates in place of the system's; may be NULL */
	uint64_t timeout_usec;	/* of each request; 0: HTTP_TIMEOUT_USEC */
	bool impatient;		/* ask once, whatever the server says */
	int fd;			/* with @use_fd: a TCP connection, connected or connecting; it stays the caller's, is good for one request, and no name, proxy or redirect is used */
	bool use_fd;
	int status;		/* of the last answer; 0 when there was none */
	char error[1280];	/* of the last request that failed, for people; has the server's words, in quotes */
};

#define HTTP_TIMEOUT_USEC (30 * 1000000ULL)

struct http_request {
	const char *url;
	size_t max;			/* bytes of the answer; at least one */
	const char *what;		/* "certificate": what the answer should be, for messages */
	const char *header;		/* NULL, or the header of the answer that is wanted too */
	const char *send_header;	/* NULL, or "Name: value" */
	const char *post;		/* NULL, or JSON to be sent */
};

struct http_answer {
	uint8_t *data;	/* a NUL follows that is not counted */
	size_t len;
	char *header;	/* its value without blanks around it; NULL when there is none */
};

void http_answer_done(struct http_answer *a);

/*
 * 0 for NULL, https:// with a host, or http://127.0.0.1, perhaps with port and path; else
 * -EINVAL.  No user, query or fragment.
 */
int http_check_base(const char *url);

/*
 * Make the request.  @ret is to be http_answer_done() when this succeeded.
 *
 * A server that says 429 or 503 is asked again, four times at most, after the time that it
 * wants, a minute at most.
 *
 * Returns 0; -ENOENT when the server does not have it; -EAGAIN when it wants to be left alone;
 * -EHOSTUNREACH for every other failure on the way, an answer of more than @max bytes or with
 * the header twice or over HTTP_HEADER_MAX included; -EOPNOTSUPP when there is no libcurl;
 * -ENOMEM.  Then the reason is in @h.
 */
int http_get(struct http *h, const struct http_request *q, struct http_answer *ret);

#endif
