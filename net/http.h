/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_NET_HTTP_H
#define COCO_NET_HTTP_H

#include <stdatomic.h>

#include "base/macro.h"

/*
 * Get one file from a server, through libcurl, which is loaded on demand.  The answer has a
 * limited size, and is not looked into: the caller must find out whether it is the right file,
 * and true.
 *
 * Requests use HTTPS with TLS 1.2 or newer, and a certificate that the system's authorities vouch
 * for.  Redirects stay within HTTPS.  A busy server (429, 503) is asked again after the time that
 * it names.  Unencrypted requests go only to 127.0.0.1, or over a connection that the caller has
 * made.
 */
#define HTTP_HEADER_MAX 32768	/* bytes of the wanted header */

struct http {
	const char *agent;	/* "coco-inject" */
	/* a file of CA certificates in place of the system's; may be NULL */
	const char *ca;
	uint64_t timeout_usec;	/* for each request; 0: HTTP_TIMEOUT_USEC */
	bool impatient;		/* ask once only */
	const atomic_bool *stop;	/* NULL, or a request ends soon after it becomes true */
	/*
	 * With @use_fd: a TCP connection that does not block and whose connect() is in progress,
	 * for libcurl calls connect() again, which fails if the connection is known to be made.
	 * It stays the caller's and is good for one request.  No name, proxy or redirect is used.
	 */
	int fd;
	bool use_fd;
	int status;		/* the status of the last answer; 0 without one */
	char error[1280];	/* why the last request failed, for people; may quote the server */
};

#define HTTP_TIMEOUT_USEC (30 * 1000000ULL)

struct http_request {
	const char *url;
	size_t max;			/* bytes of the answer; at least one */
	const char *what;		/* "certificate": what the answer should be, for messages */
	const char *header;		/* NULL, or a header of the answer that is wanted too */
	const char *send_header;	/* NULL, or "Name: value" */
	const char *post;		/* NULL, or JSON to be sent */
};

struct http_answer {
	uint8_t *data;	/* followed by a NUL that is not counted */
	size_t len;
	char *header;	/* its value without blanks around it; NULL without the header */
};

void http_answer_done(struct http_answer *a);

/*
 * Returns 0 for NULL, for https:// with a host, or for http://127.0.0.1, perhaps with port and
 * path; otherwise -EINVAL.  User, query and fragment are not allowed.
 */
int http_check_base(const char *url);

/*
 * Make the request.  On success pass @ret to http_answer_done().
 *
 * A server that answers 429 or 503 is asked up to four times, each time after the time that it
 * names, at most a minute.
 *
 * Returns 0; -ENOENT when the server does not have the file; -EAGAIN when the server wants to be
 * left alone; -EINVAL for a connection of the caller's that blocks; -EHOSTUNREACH for every other
 * failure on the way, including an answer of more than @max bytes, or one with the header twice
 * or over HTTP_HEADER_MAX; -EOPNOTSUPP without libcurl; -ENOMEM.  After an error the reason is in
 * @h.
 */
int http_get(struct http *h, const struct http_request *q, struct http_answer *ret);

#endif
