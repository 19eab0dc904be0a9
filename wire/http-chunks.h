/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_HTTP_CHUNKS_H
#define COCO_WIRE_HTTP_CHUNKS_H

#include "wire/bytes.h"

/*
 * A body in chunks (RFC 9112, 7.1).  Extensions of chunks and trailers are refused: nobody who
 * speaks to us has any, and they are bytes that no limit of the body counts.
 */
enum http_chunks_state {
	HTTP_CHUNKS_SIZE, HTTP_CHUNKS_SIZE_LF,
	HTTP_CHUNKS_DATA, HTTP_CHUNKS_DATA_CR, HTTP_CHUNKS_DATA_LF,
	HTTP_CHUNKS_LAST_CR, HTTP_CHUNKS_LAST_LF,
	HTTP_CHUNKS_END,
};

struct http_chunks {		/* all zero at the beginning */
	enum http_chunks_state state;
	unsigned n_digits;
	uint32_t left;		/* of the chunk, bytes */
};

/*
 * Read on in @in, which moves.  @ret is a piece of the body, in @in's bytes.
 *
 * Returns 1 with a piece; 0 when @in is used up, or the body ends there: then @c->state is
 * HTTP_CHUNKS_END, and what is left in @in does not belong to it; -EBADMSG.
 */
int http_chunks_next(struct http_chunks *c, struct bytes *in, struct bytes *ret);

#endif
