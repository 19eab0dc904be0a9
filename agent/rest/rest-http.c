/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/rest/rest-http.h"

#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/macro.h"

#define LOOK_MSEC 20

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 410, "Gone" },
	{ 413, "Content Too Large" },
	{ 417, "Expectation Failed" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *reason_of(unsigned status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Error";
}

/* Wait for one of @events, or for the peer to go.  Returns 0, -ETIMEDOUT or an errno of poll(). */
static int wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = now_usec();
	int r;

	if (now >= deadline)
		return -ETIMEDOUT;
	r = poll(&p, 1, (int)MIN((deadline - now) / 1000 + 1, 60000));
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return 0;
}

static int read_some(int fd, char *buffer, size_t room, uint64_t deadline, size_t *ret_len)
{
	for (;;) {
		ssize_t n = recv(fd, buffer, room, MSG_DONTWAIT);
		int r;

		if (n > 0) {
			*ret_len = (size_t)n;
			return 0;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -ECONNRESET;
		r = wait_for(fd, POLLIN, deadline);
		if (r < 0)
			return r;
	}
}

int rest_http_read(int fd, uint64_t deadline, char buffer[static HTTP_HEAD_MAX],
		   struct http_head *ret)
{
	size_t len = 0, n, head;
	unsigned status;
	char *end = NULL;
	int r;

	while (!end) {
		/* What has been looked at is not looked at again, but for a part of the end. */
		size_t from = len > 3 ? len - 3 : 0;

		if (len == HTTP_HEAD_MAX)
			return 431;
		r = read_some(fd, buffer + len, HTTP_HEAD_MAX - len, deadline, &n);
		if (r < 0)
			return r == -ETIMEDOUT ? 408 : -ECONNRESET;
		len += n;
		end = memmem(buffer + from, len - from, "\r\n\r\n", 4);
	}
	head = (size_t)(end - buffer) + 4;
	status = http_head_parse(buffer, head, ret);
	if (status)
		return (int)status;
	return ret->chunked || ret->length > 0 ? 413 : 0;
}

static int send_all(int fd, const void *data, size_t len, uint64_t deadline)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -ECONNRESET;
		r = wait_for(fd, POLLOUT, deadline);
		if (r < 0)
			return r == -ETIMEDOUT ? r : -ECONNRESET;
	}
	return 0;
}

int rest_http_reply(int fd, unsigned status, const struct secret *body, uint64_t deadline)
{
	const char *reason = reason_of(status);
	size_t len = body ? secret_len(body) : strlen(reason) + 1;
	char head[512];
	int n, r;

	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s"
		     "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s%s",
		     status, reason, body ? "application/octet-stream" : "text/plain", len,
		     status == 405 ? "Allow: GET\r\n" : "",
		     status == 503 ? "Retry-After: 5\r\n" : "", body ? "" : reason,
		     body ? "" : "\n");
	assert(n > 0 && (size_t)n < sizeof(head));
	r = send_all(fd, head, (size_t)n, deadline);
	return r >= 0 && body ? send_all(fd, secret_data(body), len, deadline) : r;
}

/* What the peer sent that nobody reads would make close() an error at its end. */
static void drain(int fd)
{
	char dropped[4096];

	while (recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT) > 0)
		;
}

int rest_http_finish(int fd, uint64_t deadline)
{
	socklen_t len = sizeof(int);
	int unread, error;

	(void) shutdown(fd, SHUT_WR);
	for (;;) {
		if (ioctl(fd, SIOCOUTQ, &unread) < 0 ||
		    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
			return -errno;
		/* Who closes with unread bytes leaves an error, and nothing unread. */
		if (error)
			return -ECONNRESET;
		drain(fd);
		if (unread == 0)
			return 0;
		if (now_usec() >= deadline)
			return -ETIMEDOUT;
		/* A look costs nothing; poll() does not tell when the peer has read. */
		(void) poll(NULL, 0, LOOK_MSEC);
	}
}
