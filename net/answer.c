/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/answer.h"

#include <strings.h>

#include "base/blank.h"

#define FIRST_ALLOCATION 4096

int pieces_add(struct pieces *p, const void *data, size_t len, size_t max)
{
	size_t want = p->allocated ? p->allocated : FIRST_ALLOCATION;
	char *larger;

	if (len > max - p->len)
		return -EMSGSIZE;
	while (want <= p->len + len)
		want *= 2;
	if (want != p->allocated) {
		larger = realloc(p->data, want);
		if (!larger)
			return -ENOMEM;
		p->data = larger;
		p->allocated = want;
	}
	if (len)
		memcpy(p->data + p->len, data, len);
	p->len += len;
	p->data[p->len] = '\0';
	return 0;
}

void pieces_done(struct pieces *p)
{
	free(p->data);
	*p = (struct pieces){ NULL };
}

const char *header_value(const char *line, size_t len, const char *name, size_t *ret_len)
{
	size_t name_len = strlen(name);
	const char *p, *end = line + len;

	if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
		return NULL;
	for (p = line + name_len + 1; p < end && is_space(*p); p++)
		;
	while (end > p && is_space(end[-1]))
		end--;
	*ret_len = (size_t)(end - p);
	return p;
}

int header_keep(const char *value, size_t len, size_t max, char **ret)
{
	if (*ret || memchr(value, 0, len))
		return -EPROTO;
	if (len > max)
		return -EMSGSIZE;
	*ret = strndup(value, len);
	return *ret ? 0 : -ENOMEM;
}

static bool begins_with(const char *p, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(p, prefix, strlen(prefix)) == 0;
}

/* A server that names no number of seconds names no time: the caller has one of its own. */
static int take_retry(struct answer_header *h, const char *p, size_t len)
{
	uint64_t sec = 0;

	if (h->has_retry)
		return -EPROTO;
	h->has_retry = true;
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		sec = MIN(sec * 10 + (uint64_t)(p[i] - '0'), (uint64_t)UINT32_MAX);
	}
	h->retry_sec = (uint32_t)sec;
	return 0;
}

static int take_field(struct answer_header *h, const char *line, size_t len)
{
	const char *p;
	size_t n;

	/* A line that continues the one before it: some readers join the two, others do not. */
	if (is_blank(*line))
		return -EPROTO;
	if ((p = header_value(line, len, "Coco-Release", &n)))
		return header_keep(p, n, ANSWER_HEADER_MAX, &h->release);
	if ((p = header_value(line, len, "Retry-After", &n)))
		return take_retry(h, p, n);
	/* What stands in front of the server may have cookies of its own. */
	if ((p = header_value(line, len, "Set-Cookie", &n)) && begins_with(p, n, "kbs-session-id="))
		return header_keep(p, n, ANSWER_HEADER_MAX, &h->set_cookie);
	return 0;
}

/* "HTTP/1.1 100 Continue": the answer is still to come. */
static bool is_passing(const char *line, size_t len)
{
	const char *blank = memchr(line, ' ', len);

	return blank && blank + 1 < line + len && blank[1] == '1';
}

int answer_header_take(struct answer_header *h, const char *line, size_t len)
{
	if (len > ANSWER_HEADER_MAX - h->len)
		return -EMSGSIZE;
	h->len += len;
	if (h->at == ANSWER_TRAILER || len == 0)
		return 0;
	if (h->at == ANSWER_BEGIN) {
		h->at = is_passing(line, len) ? ANSWER_PASSING : ANSWER_HEADER;
		return 0;
	}
	/* An empty line is the end. */
	if (*line == '\n' || (*line == '\r' && len <= 2)) {
		h->at = h->at == ANSWER_PASSING ? ANSWER_BEGIN : ANSWER_TRAILER;
		return 0;
	}
	return h->at == ANSWER_PASSING ? 0 : take_field(h, line, len);
}

void answer_header_done(struct answer_header *h)
{
	free(h->set_cookie);
	free(h->release);
	*h = (struct answer_header){ NULL };
}
