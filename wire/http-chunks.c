/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/http-chunks.h"

/* Of a chunk's size.  No body is near to 4 GiB. */
#define SIZE_DIGITS_MAX 8

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static int take_size(struct http_chunks *c, uint8_t byte)
{
	int digit = digit_of(byte);

	if (byte == '\r' && c->n_digits > 0) {
		c->state = HTTP_CHUNKS_SIZE_LF;
		return 0;
	}
	if (digit < 0 || c->n_digits == SIZE_DIGITS_MAX)
		return -EBADMSG;
	c->n_digits++;
	c->left = c->left << 4 | (uint32_t)digit;
	return 0;
}

static int expect(struct http_chunks *c, uint8_t byte, uint8_t expected,
		  enum http_chunks_state next)
{
	if (byte != expected)
		return -EBADMSG;
	c->state = next;
	return 0;
}

/* One byte outside of a chunk's data. */
static int take_byte(struct http_chunks *c, uint8_t byte)
{
	switch (c->state) {
	case HTTP_CHUNKS_SIZE:
		return take_size(c, byte);
	case HTTP_CHUNKS_SIZE_LF:
		return expect(c, byte, '\n', c->left ? HTTP_CHUNKS_DATA : HTTP_CHUNKS_LAST_CR);
	case HTTP_CHUNKS_DATA_CR:
		return expect(c, byte, '\r', HTTP_CHUNKS_DATA_LF);
	case HTTP_CHUNKS_DATA_LF:
		c->n_digits = 0;
		return expect(c, byte, '\n', HTTP_CHUNKS_SIZE);
	case HTTP_CHUNKS_LAST_CR:
		return expect(c, byte, '\r', HTTP_CHUNKS_LAST_LF);
	case HTTP_CHUNKS_LAST_LF:
		return expect(c, byte, '\n', HTTP_CHUNKS_END);
	default:
		return -EBADMSG;
	}
}

static int take_data(struct http_chunks *c, struct bytes *in, struct bytes *ret)
{
	size_t n = in->len < c->left ? in->len : c->left;

	c->left -= (uint32_t)n;
	if (c->left == 0)
		c->state = HTTP_CHUNKS_DATA_CR;
	return bytes_take(in, n, ret);
}

int http_chunks_next(struct http_chunks *c, struct bytes *in, struct bytes *ret)
{
	while (in->len > 0 && c->state != HTTP_CHUNKS_END) {
		int r;

		if (c->state == HTTP_CHUNKS_DATA) {
			r = take_data(c, in, ret);
			return r < 0 ? r : 1;
		}
		r = take_byte(c, *in->p);
		if (r < 0)
			return r;
		(void) bytes_skip(in, 1);
	}
	return 0;
}
