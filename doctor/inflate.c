/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/inflate.h"

#include <zlib.h>

/* For inflateInit2(): a gzip header, and no other. */
#define GZIP_ONLY (16 + MAX_WBITS)

static void inflate_endp(z_stream *z)
{
	(void) inflateEnd(z);
}

int inflate_text(const void *data, size_t len, size_t max, char **ret)
{
	_cleanup_(inflate_endp) z_stream z = { 0 };
	_cleanup_(freep) char *text = NULL;
	int r;

	if (len > UINT32_MAX || max >= UINT32_MAX)
		return -EFBIG;
	text = malloc(max + 1);
	if (!text || inflateInit2(&z, GZIP_ONLY) != Z_OK)
		return -ENOMEM;
	z.next_in = (void *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = (void *)text;
	z.avail_out = (uInt)max;
	r = inflate(&z, Z_FINISH);
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	/* Z_BUF_ERROR: no room is left, or no more bytes came. */
	if (r != Z_STREAM_END)
		return r == Z_BUF_ERROR && z.avail_out == 0 ? -EFBIG : -EBADMSG;
	text[max - z.avail_out] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}
