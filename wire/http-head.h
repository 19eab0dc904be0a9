/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_HTTP_HEAD_H
#define COCO_WIRE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The head of an HTTP/1.1 request (RFC 9112): the request line, the headers and the empty line
 * behind them.  What two programs could read differently is refused, so that no proxy in front of
 * us sees other requests than we do: a line that does not end with CR LF, a folded header, a blank
 * before a colon, a length given twice or beside chunks.  So is a path that two could read
 * differently: with "%", "//", or a segment "." or "..".
 */
#define HTTP_HEAD_MAX 8192		/* bytes */
#define HTTP_PATH_MAX 1024		/* characters, with the query */

struct http_head {
	const char *method;		/* "GET", "POST" or "DELETE" */
	const char *path;		/* begins with "/" */
	const char *query;		/* behind "?", or NULL */
	const char *cookie;		/* the header, or NULL */
	const char *authorization;	/* the header, or NULL */
	uint64_t length;		/* of the body; 0 if it is chunked */
	bool chunked;
	bool expects_continue;		/* the client waits for "100 Continue" before the body */
	bool keep;			/* the connection may carry another request */
};

/*
 * Read the head @text of @len bytes, up to the first empty line and with it, and write NULs into
 * it; @ret points there.  @text[len] may be anything and is not read.
 *
 * Returns 0, or the status to answer with: 400 malformed; 405 another method; 417 an expectation
 * other than 100-continue; 501 another transfer coding; 505 another version.
 */
unsigned http_head_parse(char *text, size_t len, struct http_head *ret);

#endif
