/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request's head in any form: what is accepted has one meaning, within the limits, and its parts
 * are texts of the head.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/http-head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(const char *s, const char *text, size_t len)
{
	if (!s)
		return;
	assert(s >= text && s < text + len && memchr(s, '\0', (size_t)(text + len - s)));
	for (; *s; s++)
		assert(*s >= ' ' && *s <= '~');
}

static void check_good(const struct http_head *h, const char *text, size_t len)
{
	assert(strcmp(h->method, "GET") == 0 || strcmp(h->method, "POST") == 0 ||
	       strcmp(h->method, "DELETE") == 0);
	check_text(h->path, text, len);
	check_text(h->query, text, len);
	check_text(h->cookie, text, len);
	check_text(h->authorization, text, len);
	assert(h->path[0] == '/' && strlen(h->path) <= HTTP_PATH_MAX);
	assert(!strchr(h->path, '%') && !strstr(h->path, "//") && !strstr(h->path, "/../"));
	assert(!h->chunked || h->length == 0);
	assert(h->length < UINT64_C(1000000000000));
	assert(!h->expects_continue || h->chunked || h->length > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);
	size_t n = end ? (size_t)(end - data) + 4 : len;
	struct http_head h;
	unsigned status;
	char *text;

	/*
	 * Any bytes may be called a head, also such as have no end of one; nothing behind it may be
	 * read or written.
	 */
	text = malloc(n ? n : 1);
	assert(text);
	memcpy(text, data, n);
	status = http_head_parse(text, n, &h);
	assert(status == 0 || status == 400 || status == 405 || status == 417 || status == 501 ||
	       status == 505);
	if (status == 0)
		check_good(&h, text, n);
	free(text);
	return 0;
}
