/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/host/qmp.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "inject/output.h"
#include "wire/jspan.h"

#define DEPTH_MAX (JSPAN_DEPTH_MAX + 2)	/* jspan is the judge */

struct qmp {
	int fd;
	uint64_t timeout_usec;
	struct json_tokener *tokener;
	unsigned last_id;
	char error[512];
	size_t begin, end;		/* what of buf is not yet read */
	char buf[QMP_LINE_MAX];
};

/*
 * Wait until @events are possible.  The deadline is for the whole answer: a peer that sends a
 * byte now and then does not get more.
 */
static int wait_for(const struct qmp *q, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = q->fd, .events = events };

	for (;;) {
		uint64_t now = now_usec(), left = deadline > now ? deadline - now : 0;
		int r;

		/* Also when there is more to read: a peer that never pauses gets no more time. */
		if (left == 0)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)MIN((left + 999) / 1000, (uint64_t)INT32_MAX));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static uint64_t deadline_of(const struct qmp *q)
{
	uint64_t now = now_usec();

	return q->timeout_usec > UINT64_MAX - now ? UINT64_MAX : now + q->timeout_usec;
}

static int send_all(const struct qmp *q, const char *text, size_t len, uint64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(q->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			int r = wait_for(q, POLLOUT, deadline);

			if (r < 0)
				return r;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE ? -ECONNRESET : -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill(struct qmp *q, uint64_t deadline)
{
	ssize_t n;
	int r;

	if (q->begin > 0) {
		memmove(q->buf, q->buf + q->begin, q->end - q->begin);
		q->end -= q->begin;
		q->begin = 0;
	}
	if (q->end == sizeof(q->buf))
		return -EPROTO;
	r = wait_for(q, POLLIN, deadline);
	if (r < 0)
		return r;
	n = recv(q->fd, q->buf + q->end, sizeof(q->buf) - q->end, MSG_DONTWAIT);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	q->end += (size_t)n;
	return 0;
}

/* @p is a number of @len bytes: a whole one, of over 64 bits. */
static bool is_large_number(const uint8_t *p, size_t len)
{
	bool negative = p[0] == '-';
	uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX, v = 0;

	for (size_t i = negative; i < len; i++) {
		uint64_t digit = (uint64_t)(p[i] - '0');

		if (p[i] < '0' || p[i] > '9')
			return false;
		if (v > (max - digit) / 10)
			return true;
		v = v * 10 + digit;
	}
	return false;
}

/*
 * json-c makes another number of a whole one that 64 bits do not hold, and not always the same, and
 * of -0, which is no whole number to our other readers.  @text is good JSON.
 */
static int check_numbers(struct bytes text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		size_t len = 0;

		if (quoted && text.p[i] == '\\')
			i++;
		else if (text.p[i] == '"')
			quoted = !quoted;
		else if (!quoted)
			while (i + len < text.len && strchr("+-.0123456789eE", text.p[i + len]) &&
			       text.p[i + len] != '\0')
				len++;
		if (len == 0)
			continue;
		if (is_large_number(text.p + i, len))
			return -ERANGE;
		if (len == 2 && memcmp(text.p + i, "-0", 2) == 0)
			return -EPROTO;
		i += len - 1;
	}
	return 0;
}

/* The rules are jspan's, the same with every json-c: its strict mode has refused all but ASCII. */
static int parse_line(struct qmp *q, const char *line, size_t len, struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	struct bytes value;
	int r;

	if (jspan_check((struct bytes){ (const uint8_t *)line, len }, &value) < 0 ||
	    jspan_type(value) != JSPAN_OBJECT)
		return -EPROTO;
	r = check_numbers(value);
	if (r < 0)
		return r;
	json_tokener_reset(q->tokener);
	o = json_tokener_parse_ex(q->tokener, (const char *)value.p, (int)value.len);
	if (!o || json_tokener_get_error(q->tokener) != json_tokener_success)
		return -EPROTO;
	*ret = TAKE_PTR(o);
	return 0;
}

/* The next line as a JSON object. */
static int read_object(struct qmp *q, uint64_t deadline, struct json_object **ret)
{
	size_t scanned = 0, len;
	char *line, *nl;
	int r;

	while (!(nl = memchr(q->buf + q->begin + scanned, '\n', q->end - q->begin - scanned))) {
		scanned = q->end - q->begin;
		r = fill(q, deadline);
		if (r < 0)
			return r;
	}
	line = q->buf + q->begin;
	len = (size_t)(nl - line);
	q->begin += len + 1;

	return parse_line(q, line, len, ret);
}

/* QEMU's text, for the log: nothing in it may move a terminal's cursor. */
static void keep_error(struct qmp *q, struct json_object *error)
{
	const char *text = json_text(error, "desc");

	snprintf(q->error, sizeof(q->error), "%s", text ? text : "no description");
	make_printable(q->error);
}

/*
 * QEMU answers a line that it cannot read without its id; any other reply has the one that was
 * sent.
 */
static bool id_matches(struct json_object *reply, const char *id, bool error)
{
	const char *text = json_text(reply, "id");

	if (!json_object_object_get_ex(reply, "id", NULL))
		return error;
	return text && streq(text, id);
}

static int read_reply(struct qmp *q, const char *id, uint64_t deadline, struct json_object **ret)
{
	for (;;) {
		_cleanup_(json_putp) struct json_object *o = NULL;
		struct json_object *event, *error, *value;
		bool has_error, has_value;
		int r;

		r = read_object(q, deadline, &o);
		if (r < 0)
			return r;
		if (json_object_object_get_ex(o, "event", &event)) {
			log_debug("QEMU's event %s", json_object_get_string(event));
			continue;
		}
		has_error = json_object_object_get_ex(o, "error", &error);
		has_value = json_object_object_get_ex(o, "return", &value);
		if (has_error == has_value || !id_matches(o, id, has_error))
			return -EPROTO;
		if (has_error) {
			keep_error(q, error);
			return -EREMOTEIO;
		}
		*ret = json_object_get(value);
		return 0;
	}
}

int qmp_call(struct qmp *q, const char *command, struct json_object *arguments,
	     struct json_object **ret)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	uint64_t deadline = deadline_of(q);
	const char *text;
	size_t len;
	char id[32];
	int r;

	snprintf(id, sizeof(id), "coco-%u", ++q->last_id);
	if (json_add_text(o, "execute", command) < 0 || json_add_text(o, "id", id) < 0 ||
	    (arguments && json_add(o, "arguments", json_object_get(arguments)) < 0))
		return -ENOMEM;
	text = json_to_text(o, JSON_C_TO_STRING_PLAIN, &len);
	if (!text)
		return -ENOMEM;

	r = send_all(q, text, len, deadline);
	if (r == 0)
		r = send_all(q, "\n", 1, deadline);
	if (r < 0)
		return r;
	return read_reply(q, id, deadline, ret);
}

static int negotiate(struct qmp *q)
{
	_cleanup_(json_putp) struct json_object *greeting = NULL, *reply = NULL;
	struct json_object *v;
	int r;

	r = read_object(q, deadline_of(q), &greeting);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(greeting, "QMP", &v))
		return -EPROTO;
	return qmp_call(q, "qmp_capabilities", NULL, &reply);
}

int qmp_new(int fd, uint64_t timeout_usec, struct qmp **ret)
{
	_cleanup_(qmp_freep) struct qmp *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->fd = -EBADF;
	q->timeout_usec = timeout_usec;
	q->tokener = json_tokener_new_ex(DEPTH_MAX);
	if (!q->tokener)
		return -ENOMEM;
	q->fd = fd;
	r = negotiate(q);
	if (r < 0) {
		q->fd = -EBADF;
		return r;
	}
	*ret = TAKE_PTR(q);
	return 0;
}

int qmp_connect(const char *path, uint64_t timeout_usec, struct qmp **ret)
{
	_cleanup_(closep) int fd = -EBADF;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	/* A blocking connect() would wait without end behind other clients. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		return errno == EAGAIN ? -EBUSY : -errno;
	r = qmp_new(fd, timeout_usec, ret);
	if (r < 0)
		return r;
	TAKE_FD(fd);
	return 0;
}

struct qmp *qmp_free(struct qmp *q)
{
	if (!q)
		return NULL;
	close_fd(q->fd);
	if (q->tokener)
		json_tokener_free(q->tokener);
	free(q);
	return NULL;
}

const char *qmp_error_desc(const struct qmp *q)
{
	return q->error;
}
