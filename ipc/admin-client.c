/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ipc/admin-client.h"

#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "ipc/client.h"

int admin_client_open(const char *path, uint64_t timeout_usec, struct admin_client *ret)
{
	*ret = (struct admin_client){ .fd = -EBADF, .data = -EBADF };
	return client_connect(path, timeout_usec, &ret->fd);
}

void admin_client_done(struct admin_client *c)
{
	c->fd = close_fd(c->fd);
	c->data = close_fd(c->data);
	(void) json_object_put(c->answer);
	c->answer = NULL;
}

const char *admin_text(struct json_object *o, const char *name)
{
	return json_text_or_empty(o, name);
}

int admin_send(int fd, uint16_t type, const char *text, uint16_t more_type, int more_fd)
{
	_cleanup_(closep) int file = -EBADF;
	int r;

	r = memfd_new_sealed("admin", text, strlen(text), &file);
	if (r == 0)
		r = frame_send(fd, type, 0, NULL, 0, file);
	if (r == 0 && more_fd >= 0)
		r = frame_send(fd, more_type, 0, NULL, 0, more_fd);
	return r;
}

static int receive(struct admin_client *c, uint16_t type, int *ret_fd)
{
	struct msg_header h;
	int r;

	r = frame_recv(c->fd, &h, NULL, 0, ret_fd);
	/* The broker closed it without having read all; what it said before comes after that. */
	if (r == -ECONNRESET)
		r = frame_recv(c->fd, &h, NULL, 0, ret_fd);
	if (r == 0)
		return -ECONNRESET;
	if (r < 0)
		return r;
	if (h.error < 0)
		return h.error;
	return h.type == type && *ret_fd >= 0 ? 0 : -EPROTO;
}

static int receive_answer(struct admin_client *c)
{
	_cleanup_(closep) int fd = -EBADF;
	_cleanup_(freep) char *text = NULL;
	int r;

	r = receive(c, ADMIN_ANSWER, &fd);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = read_file_fd(fd, ADMIN_ANSWER_MAX, &text, NULL);
	if (r < 0)
		return r;
	(void) json_object_put(c->answer);
	c->answer = json_tokener_parse(text);
	return json_object_is_type(c->answer, json_type_object) ? 0 : -EPROTO;
}

static bool is_good(const struct admin_client *c)
{
	struct json_object *ok;

	return json_object_object_get_ex(c->answer, "ok", &ok) && json_object_get_boolean(ok);
}

int admin_client_call(struct admin_client *c, const char *text, int extra_fd, bool has_data)
{
	int r = admin_send(c->fd, ADMIN_REQUEST, text, ADMIN_SECRET, extra_fd);

	/* Whoever may not ask was told so, and then it was closed. */
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)
		r = receive_answer(c);
	if (r < 0)
		return r;
	if (!is_good(c))
		return 1;
	if (!has_data)
		return 0;
	c->data = close_fd(c->data);
	return receive(c, ADMIN_DATA, &c->data);
}
