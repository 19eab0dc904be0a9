/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/exchange.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include <openssl/crypto.h>

#define JSON_TYPE "application/json"
/* Smaller bodies are on the heap; to map memory costs more than to read them. */
#define MAP_FROM 16384
/* Of an answer, and of the one header in it whose length we do not know. */
#define HEADERS_MAX 2048
#define RELEASE_MAX 1024

int exchange_new(size_t head_len, struct exchange **ret)
{
	struct exchange *x = calloc(1, sizeof(*x) + head_len);

	if (!x)
		return -ENOMEM;
	x->text_len = head_len;
	*ret = x;
	return 0;
}

void http_reply_done(struct http_reply *r)
{
	if (r->body)
		OPENSSL_cleanse(r->body, strlen(r->body));
	free(r->body);
	free(r->release);
	*r = (struct http_reply){ .status = 0 };
}

static void free_body(struct exchange *x)
{
	if (!x->body)
		return;
	OPENSSL_cleanse(x->body, x->body_len);
	if (x->body_max >= MAP_FROM)
		(void) munmap(x->body, x->body_max);
	else
		free(x->body);
}

struct exchange *exchange_free(struct exchange *x)
{
	if (!x)
		return NULL;
	free_body(x);
	http_reply_done(&x->reply);
	OPENSSL_cleanse(x->text, x->text_len);
	free(x);
	return NULL;
}

/*
 * The whole room at once, so that no copy is left behind when a body grows.  Mapped memory takes
 * none until it is written to: a client that announces much and sends little costs little.
 */
int exchange_expect_body(struct exchange *x, size_t max)
{
	void *p;

	if (max == 0)
		return 0;
	if (max < MAP_FROM) {
		p = malloc(max);
		if (!p)
			return -ENOMEM;
	} else {
		p = mmap(NULL, max, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			return -ENOMEM;
		(void) madvise(p, max, MADV_DONTDUMP);
		(void) madvise(p, max, MADV_NOHUGEPAGE);
	}
	x->body = p;
	x->body_max = max;
	return 0;
}

int exchange_add_body(struct exchange *x, struct bytes piece)
{
	if (piece.len > x->body_max - x->body_len)
		return -EMSGSIZE;
	if (piece.len > 0)
		memcpy(x->body + x->body_len, piece.p, piece.len);
	x->body_len += piece.len;
	return 0;
}

void exchange_handle(struct exchange *x, http_handler_t handler, void *userdata)
{
	struct http_request q = {
		.method = x->head.method,
		.path = x->head.path,
		.query = x->head.query,
		.body = { x->body, x->body_len },
		.cookie = x->head.cookie,
		.authorization = x->head.authorization,
		.peer = x->peer,
		.number = x->number,
	};

	x->reply = (struct http_reply){ .status = 500 };
	handler(userdata, &q, &x->reply);
}

/* ---- the answer ---- */

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} known[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 417, "Expectation Failed" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].status == status)
			return known[i].reason;
	return "Status";
}

static bool header_is_plain(const char *value)
{
	for (; value && *value; value++)
		if (*value < ' ' || *value > '~')
			return false;
	return true;
}

static void format_date(FILE *f)
{
	char date[40];
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) &&
	    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
		(void) fprintf(f, "Date: %s\r\n", date);
}

static void format_headers(FILE *f, const struct http_reply *r, size_t body_len, bool keep)
{
	(void) fprintf(f, "HTTP/1.1 %d %s\r\n", r->status, reason_of(r->status));
	format_date(f);
	if (body_len)
		(void) fprintf(f, "Content-Type: %s\r\n", r->type ?: JSON_TYPE);
	if (r->status != 204)
		(void) fprintf(f, "Content-Length: %zu\r\n", body_len);
	(void) fputs("Cache-Control: no-store\r\n", f);
	if (r->set_cookie[0])
		(void) fprintf(f, "Set-Cookie: %s\r\n", r->set_cookie);
	if (r->release)
		(void) fprintf(f, "Coco-Release: %s\r\n", r->release);
	if (r->retry_sec && (r->status == 429 || r->status == 503))
		(void) fprintf(f, "Retry-After: %u\r\n", (unsigned)r->retry_sec);
	if (r->status == 405)
		(void) fputs("Allow: GET, POST, DELETE\r\n", f);
	if (!keep)
		(void) fputs("Connection: close\r\n", f);
	(void) fputs("\r\n", f);
}

/* Returns the length; -EMSGSIZE when @size is too little. */
static ssize_t write_headers(const struct http_reply *r, size_t body_len, bool keep, char *text,
			     size_t size)
{
	FILE *f = fmemopen(text, size, "w");
	long len;
	bool failed;

	if (!f)
		return -ENOMEM;
	format_headers(f, r, body_len, keep);
	failed = fflush(f) != 0 || ferror(f);
	len = ftell(f);
	(void) fclose(f);
	return failed || len < 0 ? -EMSGSIZE : (ssize_t)len;
}

/* One block of the right size: one that grew would leave cookies and tokens behind. */
int exchange_format_reply(const struct http_reply *r, bool keep, char **ret, size_t *ret_len)
{
	static const struct http_reply failed = { .status = 500 };
	size_t body_len;
	ssize_t n;
	char *text;

	if (r->status < 200 || r->status > 599 || !header_is_plain(r->type) ||
	    !header_is_plain(r->release) || !header_is_plain(r->set_cookie) ||
	    (r->release && strlen(r->release) > RELEASE_MAX))
		r = &failed;
	body_len = r->body && r->status != 204 ? strlen(r->body) : 0;
	text = malloc(HEADERS_MAX + body_len);
	if (!text)
		return -ENOMEM;
	n = write_headers(r, body_len, keep, text, HEADERS_MAX);
	if (n < 0) {
		free(text);
		return (int)n;
	}
	if (body_len)
		memcpy(text + n, r->body, body_len);
	*ret = text;
	*ret_len = (size_t)n + body_len;
	return 0;
}
