/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/admin-call.h"

#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "broker/serve/admin.h"
#include "broker/serve/settings.h"
#include "ipc/client.h"

/* The settings say where it is; without any it is where the units put it. */
static int find_socket(const struct args *args, char **ret)
{
	const char *path = args->config ? args->config : SETTINGS_PATH;
	struct broker_settings s = { .instance = NULL };
	struct cause why = { "" };
	int r;

	if (args->socket) {
		*ret = strdup(args->socket);
		return *ret ? 0 : -ENOMEM;
	}
	r = broker_settings_read(path, &s, &why);
	if (r < 0 && (args->config || r != -ENOENT))
		log_warning("%s; asking at %s", why.text, ADMIN_SOCKET_DEFAULT);
	*ret = strdup(r == 0 ? s.admin : ADMIN_SOCKET_DEFAULT);
	broker_settings_done(&s);
	return *ret ? 0 : -ENOMEM;
}

int admin_call_open(const struct args *args, struct admin_call *ret)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	*ret = (struct admin_call){ .fd = -EBADF, .lines = -EBADF };
	if (find_socket(args, &path) < 0) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	r = client_connect(path, /* timeout_usec= */ 0, &ret->fd);
	if (r == 0)
		return 0;
	if (r == -EACCES)
		log_error("The broker at %s may not be asked: be root, or have Users= in [Admin] "
			  "name you", path);
	else
		log_error_errno(r, "No broker answers at %s: %m; 'systemctl status coco-broker' "
				   "says more", path);
	return STATUS_NO_BROKER;
}

void admin_call_done(struct admin_call *c)
{
	c->fd = close_fd(c->fd);
	c->lines = close_fd(c->lines);
	(void) json_object_put(c->answer);
	c->answer = NULL;
}

/* ---- requests ---- */

static void add(struct json_object **request, const char *name, struct json_object *value)
{
	if (*request && value && json_object_object_add(*request, name, value) == 0)
		return;
	(void) json_object_put(value);
	(void) json_object_put(*request);
	*request = NULL;
}

void admin_add_text(struct json_object **request, const char *name, const char *text)
{
	add(request, name, json_object_new_string(text));
}

void admin_add_flag(struct json_object **request, const char *name, bool flag)
{
	add(request, name, json_object_new_boolean(flag));
}

struct json_object *admin_request(const char *what, const char *path)
{
	struct json_object *o = json_object_new_object();

	add(&o, "v", json_object_new_int(1));
	admin_add_text(&o, "do", what);
	if (path)
		admin_add_text(&o, "path", path);
	return o;
}

const char *admin_bare_path(const char *given)
{
	return startswith(given, "kbs:///") ?: given;
}

/* ---- answers ---- */

bool admin_print_json(const struct args *args, const struct admin_call *c)
{
	if (!args->json)
		return false;
	(void) print_json_text(
		json_object_to_json_string_ext(c->answer, JSON_C_TO_STRING_PLAIN));
	return true;
}

const char *answer_text(struct json_object *o, const char *name)
{
	struct json_object *value;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

uint64_t answer_number(struct json_object *o, const char *name)
{
	struct json_object *value;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_int))
		return 0;
	return json_object_get_uint64(value);
}

struct json_object *answer_list(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_is_type(o, json_type_object) &&
			       json_object_object_get_ex(o, name, &value) &&
			       json_object_is_type(value, json_type_array) ?
		       value :
		       NULL;
}

/* ---- the call ---- */

static int send_request(struct admin_call *c, const char *text, int secret_fd)
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	r = memfd_new_sealed("request", text, strlen(text), &fd);
	if (r == 0)
		r = frame_send(c->fd, ADMIN_REQUEST, 0, NULL, 0, fd);
	if (r == 0 && secret_fd >= 0)
		r = frame_send(c->fd, ADMIN_SECRET, 0, NULL, 0, secret_fd);
	return r;
}

static int receive(struct admin_call *c, uint16_t type, int *ret_fd)
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

static int receive_answer(struct admin_call *c)
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

static bool is_good(const struct admin_call *c)
{
	struct json_object *ok;

	return json_object_object_get_ex(c->answer, "ok", &ok) && json_object_get_boolean(ok);
}

int admin_call(struct admin_call *c, struct json_object *request, int secret_fd)
{
	bool lines = request && streq(answer_text(request, "do"), "audit-export");
	const char *text = request ? json_object_to_json_string_ext(
					     request, JSON_C_TO_STRING_PLAIN |
							      JSON_C_TO_STRING_NOSLASHESCAPE) :
				     NULL;
	int r;

	if (!text) {
		(void) json_object_put(request);
		(void) log_oom();
		return STATUS_FAILED;
	}
	r = send_request(c, text, secret_fd);
	(void) json_object_put(request);
	/* Whoever may not ask was told so, and then it was closed. */
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)
		r = receive_answer(c);
	if (r == 0 && is_good(c) && lines)
		r = receive(c, ADMIN_DATA, &c->lines);
	if (r == -EACCES) {
		log_error("The broker does not answer you: be root, or have Users= in [Admin] of "
			  "its settings name you");
		return STATUS_NO_BROKER;
	}
	if (r < 0) {
		log_error_errno(r, "The broker does not answer: %m; its journal may say why");
		return STATUS_NO_BROKER;
	}
	if (is_good(c))
		return 0;
	log_error("%s", answer_text(c->answer, "error"));
	return STATUS_REFUSED;
}

int admin_ask(const struct args *args, struct admin_call *ret, struct json_object *request)
{
	int r = admin_call_open(args, ret);

	if (r == 0)
		return admin_call(ret, request, -EBADF);
	(void) json_object_put(request);
	return r;
}
