/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/broker-packet.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/json.h"
#include "base/parse.h"
#include "inject/output.h"
#include "ipc/admin-client.h"
#include "wire/kbs-uri.h"

/* ---- the request ---- */

static int add_hex(struct json_object *o, const char *name, const uint8_t *data, size_t len)
{
	char text[2 * (SEV_MEASURE_LEN + SEV_NONCE_LEN) + 1];

	format_hex(data, len, text);
	return json_add_text(o, name, text);
}

static int add_secret(struct json_object *list, const char *spec, struct cause *why)
{
	struct json_object *o;
	char guid_text[GUID_TEXT_LEN + 1];
	struct kbs_uri uri;
	struct guid guid;
	const char *from;
	int r;

	r = input_secret_spec(spec, &guid, &from, why);
	if (r < 0)
		return r;
	/* The broker is the one that is asked: one that the address names would not be. */
	if (kbs_uri_parse(from, &uri) < 0 || uri.host[0])
		return cause_set(why, -EINVAL,
				 "'%s' is not the name of a broker's secret, such as "
				 "kbs:///default/disk/key",
				 from);
	guid_format(&guid, guid_text);
	o = json_object_new_object();
	r |= json_add_text(o, "guid", guid_text);
	r |= json_add_text(o, "path", uri.path);
	r |= json_append(list, o);
	return r < 0 ? cause_set_oom(why) : 0;
}

static int add_secrets(struct json_object *o, const struct args *a, struct cause *why)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	if (json_add(o, "secrets", list) < 0)
		return cause_set_oom(why);
	for (size_t i = 0; r == 0 && i < a->secrets.n; i++)
		r = add_secret(list, a->secrets.items[i], why);
	return r;
}

static int add_launch(struct json_object *o, const struct broker_launch *l)
{
	char api[16];

	(void) snprintf(api, sizeof(api), "%u.%u", l->measured.api_major, l->measured.api_minor);
	if (json_add_number(o, "v", 1) < 0 || json_add_text(o, "do", "launch-packet") < 0 ||
	    json_add_text(o, "api", api) < 0 ||
	    json_add_number(o, "build", l->measured.build) < 0 ||
	    json_add_number(o, "policy", l->measured.policy) < 0 ||
	    add_hex(o, "digest", l->digest, sizeof(l->digest)) < 0 ||
	    add_hex(o, "measurement", l->blob, sizeof(l->blob)) < 0)
		return -ENOMEM;
	return json_add_number(o, "max", (int64_t)l->room);
}

/* ---- the keys ---- */

/* A pipe, which lies in no file and is never swapped out.  Both keys fit into it. */
static int keys_to_fd(const struct broker_launch *l)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = write_full(fds[1], secret_data(l->tek), secret_len(l->tek));
	if (r == 0)
		r = write_full(fds[1], secret_data(l->tik), secret_len(l->tik));
	(void) close(fds[1]);
	if (r == 0)
		return fds[0];
	(void) close(fds[0]);
	return r;
}

/* ---- the answer ---- */

static int take_refusal(struct json_object *answer, struct cause *why)
{
	const char *name = admin_text(answer, "errno"), *text = admin_text(answer, "error");

	if (streq(name, "ENOSPC"))
		return cause_set(why, -ENOSPC, "The broker: %s", text);
	if (streq(name, "EAGAIN") || streq(name, "EBUSY"))
		return cause_set(why, -ENODATA, "The broker, which can be asked again: %s", text);
	return cause_set(why, -EKEYREJECTED, "The broker refuses: %s", text);
}

static int take_packet(struct json_object *answer, size_t room, struct packet *ret,
		       struct cause *why)
{
	_cleanup_(freep) uint8_t *payload = malloc(room);
	struct packet p;
	ssize_t n;

	if (!payload)
		return cause_set_oom(why);
	n = base64_decode(admin_text(answer, "header"), p.header, sizeof(p.header));
	if (n != PACKET_HEADER_LEN)
		return cause_set(why, -EBADMSG, "What the broker sent is no packet");
	n = base64_decode(admin_text(answer, "payload"), payload, room);
	if (n <= 0 || n % PACKET_BLOCK_LEN != 0)
		return cause_set(why, -EBADMSG, "What the broker sent is no packet, or too long");
	p.payload = TAKE_PTR(payload);
	p.len = (size_t)n;
	*ret = p;
	return 0;
}

/* ---- all of it ---- */

static int call(const char *socket, struct admin_client *c, const char *text, int keys,
		struct cause *why)
{
	int r;

	r = admin_client_open(socket, /* timeout_usec= */ 0, c);
	if (r < 0)
		return cause_set(why, -ENODATA, "No broker answers at '%s': %s", socket,
				 strerror(-r));
	r = admin_client_call(c, text, keys, /* has_data= */ false);
	if (r == -EACCES)
		return cause_set(why, -EKEYREJECTED,
				 "The broker does not answer you: be root, or have Users= in "
				 "[Admin] of its settings name you");
	if (r < 0)
		return cause_set(why, r == -ENOMEM ? r : -ENODATA,
				 "The broker at '%s' does not answer: %s", socket, strerror(-r));
	return r > 0 ? take_refusal(c->answer, why) : 0;
}

static int ask(const struct args *a, const struct broker_launch *l, bool check,
	       struct admin_client *c, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *o = json_object_new_object();
	_cleanup_(closep) int keys = -EBADF;
	const char *text;
	int r;

	if (!o || add_launch(o, l) < 0 ||
	    (check && json_add_bool(o, "check", true) < 0))
		return cause_set_oom(why);
	r = add_secrets(o, a, why);
	if (r < 0)
		return r;
	text = json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL);
	if (!text)
		return cause_set_oom(why);
	keys = keys_to_fd(l);
	if (keys < 0)
		return cause_set_io(why, keys, "Failed to hand over the session's keys: %m");
	return call(a->broker ?: ADMIN_SOCKET_DEFAULT, c, text, keys, why);
}

int broker_packet(const struct args *a, const struct broker_launch *l, struct packet *ret,
		  struct cause *why)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r = ask(a, l, /* check= */ false, &c, why);

	return r < 0 ? r : take_packet(c.answer, l->room, ret, why);
}

int broker_check(const struct args *a, const struct broker_launch *l, struct cause *why)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };

	return ask(a, l, /* check= */ true, &c, why);
}
