/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/record-io.h"

#include "base/json.h"
#include "base/parse.h"
#include "broker/core/record-mac.h"
#include "broker/serve/watch.h"

int record_get(struct service *s, const char *key, struct store_value *ret, struct cause *why)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	int r;

	r = store_get(s->store, key, &v, why);
	if (r < 0)
		return r;
	if (v.revision > 0) {
		r = record_verify(s->keys, key, v.data, v.len, &v.len);
		if (r == -EKEYREJECTED)
			return cause_set(why, -EBADMSG,
					 "'%s' in the store is damaged, or of another broker", key);
		if (r < 0)
			return cause_set_oom(why);
	}
	*ret = v;
	v.data = NULL;
	return 0;
}

int secret_get(struct service *s, const char *path, struct secret_record *ret,
	       uint64_t *ret_revision, struct cause *why)
{
	_cleanup_(store_value_done) struct store_value v = { .data = NULL };
	char key[RECORD_KEY_LEN];
	int r;

	key_secret(path, key);
	r = store_get(s->store, key, &v, why);
	if (r < 0)
		return r;
	*ret_revision = v.revision;
	if (v.revision == 0)
		return 0;
	r = secret_record_parse(v.data, v.len, ret);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	if (r == 0 && streq(ret->path, path))
		return 0;
	if (r == 0)
		secret_record_done(ret);
	return cause_set(why, -EBADMSG, "the record of '%s' in the store is damaged", path);
}

int line_text(struct json_object *line, const char *name, const char *text)
{
	return json_add_text(line, name, text);
}

int line_number(struct json_object *line, const char *name, uint64_t n)
{
	return json_add_number(line, name, (int64_t)MIN(n, (uint64_t)INT64_MAX));
}

int line_hex(struct json_object *line, const char *name, const uint8_t *data, size_t len)
{
	char text[2 * 64 + 1];

	assert(len <= 64);
	format_hex(data, len, text);
	return line_text(line, name, text);
}

struct json_object *line_new(const char *what, const char *path, const char *who)
{
	struct json_object *line = json_object_new_object();

	if (line && (!what || line_text(line, "what", what) == 0) &&
	    (!path || line_text(line, "path", path) == 0) &&
	    (!who || line_text(line, "who", who) == 0))
		return line;
	(void) json_object_put(line);
	return NULL;
}

void denial_tell(struct service *s, const struct denial *d)
{
	_cleanup_(json_putp) struct json_object *o = NULL;

	if (!s->watchers)
		return;
	o = line_new("denied", d->path[0] ? d->path : NULL, NULL);
	if (line_text(o, "id", d->id) == 0 && line_text(o, "step", d->step) == 0 &&
	    line_text(o, "code", d->code) == 0 && line_text(o, "reason", d->reason) == 0 &&
	    line_text(o, "peer", d->peer) == 0)
		watchers_tell(s->watchers, json_to_text(o, JSON_C_TO_STRING_PLAIN, NULL));
}
