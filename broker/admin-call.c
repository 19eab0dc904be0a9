/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/admin-call.h"

#include "base/log.h"
#include "base/text.h"
#include "broker/answer-json.h"
#include "broker/serve/admin.h"
#include "broker/serve/settings.h"
#include "ipc/client.h"

/*
 * The settings say where it is; without any it is where the units put it.  @ret is yours.  Returns
 * 0, with the error of the settings in @why if they count for nothing, else ""; -ENOMEM.
 */
static int find_socket(const char *config, const char *socket, char **ret, struct cause *why)
{
	const char *path = config ? config : SETTINGS_PATH;
	struct broker_settings s = { .instance = NULL };
	int r;

	why->text[0] = '\0';
	if (socket) {
		*ret = strdup(socket);
		return *ret ? 0 : -ENOMEM;
	}
	r = broker_settings_read(path, &s, why);
	if (r >= 0 || (r == -ENOENT && !config))
		why->text[0] = '\0';
	*ret = strdup(r == 0 ? s.admin : ADMIN_SOCKET_DEFAULT);
	broker_settings_done(&s);
	return *ret ? 0 : -ENOMEM;
}

int admin_call_open(const struct args *args, struct admin_client *ret)
{
	_cleanup_(freep) char *path = NULL;
	struct cause why;
	int r;

	*ret = (struct admin_client){ .fd = -EBADF, .data = -EBADF };
	if (find_socket(args->config, args->socket, &path, &why) < 0) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	if (why.text[0])
		log_warning("%s; asking at %s", why.text, ADMIN_SOCKET_DEFAULT);
	r = admin_client_open(path, /* timeout_usec= */ 0, ret);
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

/* ---- completion ---- */

#define OFFER_USEC 2000000

/* All that is there, on one connection that is not waited for. */
static int ask_paths(const struct offers *o, struct admin_client *c)
{
	_cleanup_(freep) char *socket = NULL;
	struct json_object *request;
	struct cause why;
	const char *text;
	int r;

	r = find_socket(offers_given(o, "config"), offers_given(o, "socket"), &socket, &why);
	if (r == 0)
		r = admin_client_open(socket, OFFER_USEC, c);
	if (r < 0)
		return r;
	request = admin_request("secret-list", NULL);
	admin_add_text(&request, "prefix", o->text);
	text = json_to_text(request, JSON_C_TO_STRING_PLAIN, NULL);
	r = text ? admin_client_call(c, text, -EBADF, /* has_data= */ false) : -ENOMEM;
	(void) json_object_put(request);
	return r;
}

void admin_offer_paths(const struct offers *o)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *list;

	if (startswith(o->value, "FILE")) {
		offer_files(o);
		return;
	}
	if (ask_paths(o, &c) != 0)
		return;
	list = answer_list(c.answer, "secrets");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *s = json_object_array_get_idx(list, i);

		/* What is damaged has no path. */
		if (admin_text(s, "path")[0] && !admin_text(s, "what")[0])
			offer_word(o, admin_text(s, "path"), NULL);
	}
}

/* ---- requests ---- */

static void add(struct json_object **request, const char *name, struct json_object *value)
{
	if (json_add(*request, name, value) == 0)
		return;
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

int admin_print_document(struct json_object *answer, const char *name)
{
	_cleanup_(json_putp) struct json_object *o = answer_document(answer, name);

	if (json_print(o, JSON_C_TO_STRING_PLAIN) == 0)
		return STATUS_GOOD;
	(void) log_oom();
	return STATUS_FAILED;
}

bool admin_print_json(const struct args *args, const struct admin_client *c, const char *name,
		      int *status)
{
	if (args->json && admin_print_document(c->answer, name) != STATUS_GOOD)
		*status = STATUS_FAILED;
	return args->json;
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

int admin_call(struct admin_client *c, struct json_object *request, int secret_fd)
{
	bool lines = request && streq(admin_text(request, "do"), "audit-export");
	const char *text = json_to_text(request, JSON_C_TO_STRING_PLAIN, NULL);
	int r;

	if (!text) {
		(void) json_object_put(request);
		(void) log_oom();
		return STATUS_FAILED;
	}
	r = admin_client_call(c, text, secret_fd, lines);
	(void) json_object_put(request);
	if (r == -EACCES) {
		log_error("The broker does not answer you: be root, or have Users= in [Admin] of "
			  "its settings name you");
		return STATUS_NO_BROKER;
	}
	if (r < 0) {
		log_error_errno(r, "The broker does not answer: %m; its journal may say why");
		return STATUS_NO_BROKER;
	}
	if (r == 0)
		return 0;
	log_error("%s", admin_text(c->answer, "error"));
	return STATUS_REFUSED;
}

int admin_ask(const struct args *args, struct admin_client *ret, struct json_object *request)
{
	int r = admin_call_open(args, ret);

	if (r == 0)
		return admin_call(ret, request, -EBADF);
	(void) json_object_put(request);
	return r;
}
