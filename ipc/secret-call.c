/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ipc/secret-call.h"

#include <stdio.h>

/* The request @q of @len bytes, in which @offset is where to read from. */
static int read_chunks(int fd, uint16_t type, const void *q, size_t len, uint32_t *offset,
		       struct secret *s)
{
	do {
		size_t room = MIN(secret_len(s) - *offset, (size_t)MSG_BODY_MAX), n;
		int r;

		r = client_call(fd, type, q, len, -EBADF, secret_bytes(s) + *offset, room, &n);
		if (r < 0)
			return r;
		if (n != room)
			return -EPROTO;
		*offset += (uint32_t)n;
	} while (*offset < secret_len(s));
	return 0;
}

int secret_call_read(int fd, const char *name, uint64_t size, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct msg_read q = { 0 };
	int r;

	if (size > SECRET_MAX)
		return -EPROTO;
	r = secret_new((size_t)size, &s);
	if (r < 0)
		return r;
	snprintf(q.name, sizeof(q.name), "%s", name);
	/* An empty secret may be refused like any other. */
	r = read_chunks(fd, MSG_SECRET_READ, &q, sizeof(q), &q.offset, s);
	if (r >= 0)
		*ret = TAKE_PTR(s);
	return r;
}

int secret_call_bytes(int fd, uint16_t type, uint64_t size, struct secret **ret)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	struct msg_offset q = { 0 };
	int r;

	if (size > SECRET_MAX)
		return -EPROTO;
	r = secret_new((size_t)size, &s);
	if (r >= 0 && size > 0)
		r = read_chunks(fd, type, &q, sizeof(q), &q.offset, s);
	if (r >= 0)
		*ret = TAKE_PTR(s);
	return r;
}
