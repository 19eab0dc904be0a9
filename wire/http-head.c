/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/http-head.h"

#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKEN LETTERS DIGITS "!#$%&'*+-.^_`|~"
#define BLANKS " \t"
#define LENGTH_DIGITS_MAX 12

/*
 * Cut the next line off, which becomes a C string.  NULL when it has no CR LF at its end, or a CR,
 * LF or NUL inside.
 */
static char *next_line(char **text, size_t *len)
{
	char *line = *text, *end = memchr(line, '\n', *len);
	size_t n;

	if (!end || end == line || end[-1] != '\r')
		return NULL;
	n = (size_t)(end + 1 - line);
	end[-1] = '\0';
	*text += n;
	*len -= n;
	return strlen(line) == n - 2 && !strchr(line, '\r') ? line : NULL;
}

/* ---- the request line ---- */

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static bool is_dots(const char *segment, size_t len)
{
	return (len == 1 && segment[0] == '.') || (len == 2 && strncmp(segment, "..", 2) == 0);
}

/* "/" alone, or "/" before each of its segments, of which only the last may be empty. */
static bool path_is_plain(const char *path)
{
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		if (is_dots(path, n) || (n == 0 && *path))
			return false;
		path += n;
	}
	return *path == '\0';
}

static unsigned take_target(char *target, struct http_head *ret)
{
	char *query = strchr(target, '?');

	if (*target != '/' || strlen(target) > HTTP_PATH_MAX || !is_printable(target) ||
	    strchr(target, '#'))
		return 400;
	if (query)
		*query++ = '\0';
	if (strchr(target, '%') || !path_is_plain(target))
		return 400;
	ret->path = target;
	ret->query = query;
	return 0;
}

static unsigned take_method(const char *method, struct http_head *ret)
{
	static const char *const known[] = { "GET", "POST", "DELETE" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(method, known[i]) == 0) {
			ret->method = known[i];
			return 0;
		}
	return *method && method[strspn(method, TOKEN)] == '\0' ? 405 : 400;
}

/* HTTP/1.0 or HTTP/1.1; 1.0 carries one request each connection. */
static unsigned take_version(const char *version, bool *ret_is_1_1)
{
	if (strncmp(version, "HTTP/", 5) != 0 || strlen(version) != 8 || version[6] != '.' ||
	    !strchr(DIGITS, version[5]) || !strchr(DIGITS, version[7]))
		return 400;
	if (version[5] != '1' || version[7] > '1')
		return 505;
	*ret_is_1_1 = version[7] == '1';
	return 0;
}

static unsigned take_request_line(char *line, struct http_head *ret, bool *ret_is_1_1)
{
	char *target = strchr(line, ' '), *version = strrchr(line, ' ');
	unsigned status;

	if (!target || target == version)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	status = take_version(version, ret_is_1_1);
	if (status == 0)
		status = take_method(line, ret);
	return status ? status : take_target(target, ret);
}

/* ---- headers ---- */

/* What is remembered of the headers until all are there; each may be there once. */
struct headers {
	const char *host, *cookie, *authorization, *length, *coding, *expect;
	bool closes;
};

/* The value without the blanks around it, or NULL for bytes that no header may have. */
static char *trim_value(char *value)
{
	size_t n;

	value += strspn(value, BLANKS);
	n = strlen(value);
	while (n > 0 && strchr(BLANKS, value[n - 1]))
		value[--n] = '\0';
	for (const char *p = value; *p; p++)
		if ((*p > 0 && *p < ' ' && *p != '\t') || *p == 0x7f)
			return NULL;
	return value;
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if (*s < 0 || *s == '\t')
			return false;
	return true;
}

/* Connection: a list of words, and may be there more than once. */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len;

		list += strspn(list, BLANKS ",");
		len = strcspn(list, BLANKS ",");
		if (len == n && strncasecmp(list, word, n) == 0)
			return true;
		list += len;
	}
	return false;
}

static unsigned remember(const char **where, const char *value)
{
	if (*where || !is_ascii(value))
		return 400;
	*where = value;
	return 0;
}

static unsigned take_header(char *line, struct headers *h)
{
	const struct {
		const char *name;
		const char **where;
	} known[] = {
		{ "Host", &h->host },
		{ "Cookie", &h->cookie },
		{ "Authorization", &h->authorization },
		{ "Content-Length", &h->length },
		{ "Transfer-Encoding", &h->coding },
		{ "Expect", &h->expect },
	};
	size_t n = strspn(line, TOKEN);
	char *value;

	if (n == 0 || line[n] != ':')
		return 400;
	line[n] = '\0';
	value = trim_value(line + n + 1);
	if (!value)
		return 400;
	if (strcasecmp(line, "Connection") == 0)
		h->closes |= list_has(value, "close");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(line, known[i].name) == 0)
			return remember(known[i].where, value);
	return 0;
}

static unsigned take_length(const char *text, uint64_t *ret)
{
	size_t n = strlen(text);

	if (n == 0 || n > LENGTH_DIGITS_MAX || strspn(text, DIGITS) != n)
		return 400;
	*ret = 0;
	for (; *text; text++)
		*ret = *ret * 10 + (uint64_t)(*text - '0');
	return 0;
}

static unsigned take_body(const struct headers *h, bool is_1_1, struct http_head *ret)
{
	if (h->coding && (h->length || !is_1_1))
		return 400;
	if (h->coding && strcasecmp(h->coding, "chunked") != 0)
		return 501;
	ret->chunked = h->coding != NULL;
	return h->length ? take_length(h->length, &ret->length) : 0;
}

static unsigned conclude(const struct headers *h, bool is_1_1, struct http_head *ret)
{
	unsigned status = take_body(h, is_1_1, ret);

	if (status)
		return status;
	if (is_1_1 && !h->host)
		return 400;
	if (h->expect && is_1_1) {
		if (strcasecmp(h->expect, "100-continue") != 0)
			return 417;
		ret->expects_continue = ret->chunked || ret->length > 0;
	}
	ret->cookie = h->cookie;
	ret->authorization = h->authorization;
	ret->keep = is_1_1 && !h->closes;
	return 0;
}

unsigned http_head_parse(char *text, size_t len, struct http_head *ret)
{
	struct headers h = { NULL };
	bool is_1_1 = false;
	char *line = next_line(&text, &len);
	unsigned status;

	*ret = (struct http_head){ NULL };
	if (!line)
		return 400;
	status = take_request_line(line, ret, &is_1_1);
	while (status == 0) {
		line = next_line(&text, &len);
		if (!line)
			return 400;
		if (!*line)
			return len == 0 ? conclude(&h, is_1_1, ret) : 400;
		status = take_header(line, &h);
	}
	return status;
}
