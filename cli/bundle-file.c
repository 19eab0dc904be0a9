/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bundle-file.h"

#include <fcntl.h>
#include <json-c/json_tokener.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"

#define FORMAT "coco-evidence"
#define FORMAT_VERSION 1
#define DEPTH_MAX 8

/* ---- writing ---- */

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *item_to_json(const struct bundle_item *i)
{
	struct json_object *o = json_object_new_object();
	_cleanup_(freep) char *text = NULL;

	if (!o)
		return NULL;
	add_string(o, "kind", bundle_kind_name(i->kind));
	if (bundle_kind_is_text(i->kind)) {
		add_string(o, "text", (const char *)i->data);
		return o;
	}
	if (base64_encode(i->data, i->len, &text) < 0) {
		json_object_put(o);
		return NULL;
	}
	add_string(o, "data", text);
	return o;
}

struct json_object *bundle_to_json(const struct bundle *b, const char *made)
{
	struct json_object *o = json_object_new_object(), *items = json_object_new_array();

	add_string(o, "format", FORMAT);
	json_object_object_add(o, "version", json_object_new_int(FORMAT_VERSION));
	add_string(o, "made", made);
	json_object_object_add(o, "items", items);
	for (size_t i = 0; i < b->n_items; i++) {
		struct json_object *item = item_to_json(&b->items[i]);

		if (!item) {
			json_object_put(o);
			return NULL;
		}
		json_object_array_add(items, item);
	}
	return o;
}

/* ---- reading ---- */

static const char *string_of(struct json_object *o, const char *key, size_t *ret_len)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	*ret_len = (size_t)json_object_get_string_len(v);
	return json_object_get_string(v);
}

static int add_data(struct bundle *b, enum bundle_kind kind, const char *text, size_t len)
{
	_cleanup_(freep) uint8_t *data = NULL;
	ssize_t n;

	/* A NUL written as \u0000 would hide what follows. */
	if (strlen(text) != len)
		return -EBADMSG;
	data = malloc(len / 4 * 3 + 3);
	if (!data)
		return -ENOMEM;
	n = base64_decode(text, data, len / 4 * 3 + 3);
	return n < 0 ? (int)n : bundle_add(b, kind, data, (size_t)n);
}

static int add_item(struct bundle *b, struct json_object *o, const char **ret_problem)
{
	const char *name, *value;
	enum bundle_kind kind;
	size_t len;
	int r;

	*ret_problem = "an item has no kind";
	if (!json_object_is_type(o, json_type_object) || !(name = string_of(o, "kind", &len)))
		return -EBADMSG;
	*ret_problem = "an item is of a kind that this version does not know";
	r = bundle_kind_parse(name, &kind);
	if (r < 0)
		return r;
	/* What judges is the judge's own. */
	*ret_problem = "it brings a policy, roots to trust or a memory along, which are the verifier's to choose";
	if (bundle_kind_is_rule(kind))
		return -EBADMSG;
	*ret_problem = "an item has no content, or not in its form";
	value = string_of(o, bundle_kind_is_text(kind) ? "text" : "data", &len);
	if (!value)
		return -EBADMSG;
	r = bundle_kind_is_text(kind) ? bundle_add(b, kind, value, len) : add_data(b, kind, value, len);
	if (r == -EEXIST) {
		*ret_problem = "an item is there twice";
		r = -EBADMSG;
	} else if (r == -EMSGSIZE)
		*ret_problem = "it is too large";
	return r;
}

static int take_json(struct bundle *b, struct json_object *o, const char **ret_problem)
{
	struct json_object *version, *items;
	const char *format;
	size_t len;
	int r = 0;

	*ret_problem = "it is no bundle of evidence (\"format\" is not \"" FORMAT "\")";
	format = json_object_is_type(o, json_type_object) ? string_of(o, "format", &len) : NULL;
	if (!format || !streq(format, FORMAT))
		return -EBADMSG;
	*ret_problem = "its version is not 1";
	if (!json_object_object_get_ex(o, "version", &version) ||
	    !json_object_is_type(version, json_type_int) ||
	    json_object_get_int64(version) != FORMAT_VERSION)
		return -EOPNOTSUPP;
	*ret_problem = "it has no items";
	if (!json_object_object_get_ex(o, "items", &items) ||
	    !json_object_is_type(items, json_type_array))
		return -EBADMSG;
	for (size_t i = 0; r >= 0 && i < json_object_array_length(items); i++)
		r = add_item(b, json_object_array_get_idx(items, i), ret_problem);
	return r;
}

int bundle_parse(const char *text, size_t len, struct bundle *ret, const char **ret_problem)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct json_object *o;
	int r = -EBADMSG;

	if (!tok)
		return -ENOMEM;
	*ret_problem = "it is no JSON";
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)MIN(len, (size_t)BUNDLE_FILE_MAX));
	if (o && strspn(text + json_tokener_get_parse_end(tok), " \t\r\n") ==
			 len - json_tokener_get_parse_end(tok))
		r = take_json(&b, o, ret_problem);
	json_object_put(o);
	json_tokener_free(tok);
	if (r < 0)
		return r;
	*ret = b;
	b = (struct bundle){ 0 };
	return 0;
}

int bundle_file_read(const char *path, struct bundle *ret, const char **ret_problem)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r;

	*ret_problem = "it cannot be read";
	r = read_file_at(AT_FDCWD, streq(path, "-") ? "/dev/stdin" : path, BUNDLE_FILE_MAX, &text, &len);
	if (r == -EFBIG)
		*ret_problem = "it is too large";
	return r < 0 ? r : bundle_parse(text, len, ret, ret_problem);
}
