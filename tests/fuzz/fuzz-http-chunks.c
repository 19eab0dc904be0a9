/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A body in chunks is the same body, whatever pieces it comes in; the first byte says which. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/http-chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct result {
	uint8_t *body;
	size_t body_len, used;
	int error;
	enum http_chunks_state state;
};

static void take(struct result *r, struct http_chunks *c, const uint8_t *data, size_t len)
{
	struct bytes in = { data, len }, piece;

	while ((r->error = http_chunks_next(c, &in, &piece)) > 0) {
		assert(piece.len > 0 && piece.p >= data && piece.p + piece.len <= data + len);
		memcpy(r->body + r->body_len, piece.p, piece.len);
		r->body_len += piece.len;
	}
	assert(r->error == -EBADMSG || in.len == 0 || c->state == HTTP_CHUNKS_END);
	r->used += len - in.len;
	r->state = c->state;
}

static struct result read_all(const uint8_t *data, size_t len, size_t step)
{
	struct result r = { .body = malloc(len + 1) };
	struct http_chunks c = { 0 };

	assert(r.body);
	for (size_t at = 0; at < len && r.error == 0 && c.state != HTTP_CHUNKS_END; at += step)
		take(&r, &c, data + at, len - at < step ? len - at : step);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct result whole, pieces;
	size_t step;

	if (len < 1)
		return 0;
	step = (size_t)*data++ + 1;
	len--;
	whole = read_all(data, len, len + 1);
	pieces = read_all(data, len, step);
	assert(whole.error == pieces.error && whole.body_len == pieces.body_len);
	assert(memcmp(whole.body, pieces.body, whole.body_len) == 0);
	if (whole.error == 0)
		assert(whole.used == pieces.used && whole.state == pieces.state);
	/* A body is smaller than its chunks. */
	assert(whole.body_len == 0 || whole.body_len < whole.used);
	free(whole.body);
	free(pieces.body);
	return 0;
}
