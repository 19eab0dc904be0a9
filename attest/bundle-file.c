/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/bundle-file.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/json.h"
#include "wire/jspan.h"

#define FORMAT "coco-evidence"
#define FORMAT_VERSION 1

/* ---- writing ---- */

static struct json_object *item_to_json(const struct bundle_item *i)
{
	struct json_object *o = json_object_new_object();
	_cleanup_(freep) char *text = NULL;
	int r = json_add_text(o, "kind", bundle_kind_name(i->kind));

	if (bundle_kind_is_text(i->kind))
		r |= json_add_text(o, "text", (const char *)i->data);
	else if (base64_encode(i->data, i->len, &text) < 0)
		r = -ENOMEM;
	else
		r |= json_add_text(o, "data", text);
	return json_whole(o, r);
}

struct json_object *bundle_to_json(const struct bundle *b, const char *made)
{
	struct json_object *o = json_object_new_object(), *items = json_object_new_array();
	int r = 0;

	r |= json_add_text(o, "format", FORMAT);
	r |= json_add_number(o, "version", FORMAT_VERSION);
	r |= json_add_text(o, "made", made);
	for (size_t i = 0; i < b->n_items; i++)
		r |= json_append(items, item_to_json(&b->items[i]));
	r |= json_add(o, "items", items);
	return json_whole(o, r);
}

/* ---- reading ---- */

/* The members of one item; they point into the text. */
struct item {
	struct bytes kind, text, data;	/* without length if missing */
};

/* A copy of @value as a C string, which is yours. */
static int take_string(struct bytes value, char **ret, size_t *ret_len)
{
	_cleanup_(freep) char *text = malloc(value.len + 1);
	int r;

	if (!text)
		return -ENOMEM;
	r = jspan_string(value, text, value.len + 1, ret_len);
	if (r == 0)
		*ret = TAKE_PTR(text);
	return r;
}

static int add_data(struct bundle *b, enum bundle_kind kind, const char *text, size_t len)
{
	_cleanup_(freep) uint8_t *data = malloc(len / 4 * 3 + 3);
	ssize_t n;

	if (!data)
		return -ENOMEM;
	n = base64_decode(text, data, len / 4 * 3 + 3);
	return n < 0 ? (int)n : bundle_add(b, kind, data, (size_t)n);
}

static int take_kind(struct bytes value, enum bundle_kind *ret, const char **ret_problem)
{
	_cleanup_(freep) char *name = NULL;
	size_t len;
	int r;

	*ret_problem = "an item has no kind";
	r = take_string(value, &name, &len);
	if (r < 0)
		return r;
	*ret_problem = "an item is of a kind that this version does not know";
	r = bundle_kind_parse(name, ret);
	if (r < 0)
		return r;
	/* The sender must not choose by what it is judged. */
	*ret_problem = "it brings a policy, roots to trust or a memory along, which are the "
		       "verifier's to choose";
	return bundle_kind_is_rule(*ret) ? -EBADMSG : 0;
}

static int add_item(struct bundle *b, struct bytes element, const char **ret_problem)
{
	static const struct jspan_field fields[] = {
		{ "kind", jspan_read_value, offsetof(struct item, kind), .optional = true },
		{ "text", jspan_read_value, offsetof(struct item, text), .optional = true },
		{ "data", jspan_read_value, offsetof(struct item, data), .optional = true },
		{ NULL },
	};
	_cleanup_(freep) char *content = NULL;
	struct item item = { { NULL } };
	enum bundle_kind kind;
	size_t len;
	bool text;
	int r;

	*ret_problem = "an item is not an object";
	r = jspan_object_read(element, fields, /* closed= */ false, &item, NULL);
	if (r == 0)
		r = take_kind(item.kind, &kind, ret_problem);
	if (r < 0)
		return r;
	*ret_problem = "an item has no content, or not in its form";
	text = bundle_kind_is_text(kind);
	r = take_string(text ? item.text : item.data, &content, &len);
	if (r == 0)
		r = text ? bundle_add(b, kind, content, len) : add_data(b, kind, content, len);
	if (r == -EEXIST) {
		*ret_problem = "an item is there twice";
		r = -EBADMSG;
	} else if (r == -EMSGSIZE)
		*ret_problem = "it is too large";
	return r;
}

static int check_version(struct bytes o, const char **ret_problem)
{
	struct bytes value;
	uint64_t version;
	int r;

	*ret_problem = "its version is not 1";
	r = jspan_member(o, "version", &value);
	if (r == 0)
		r = jspan_uint(value, UINT64_MAX, &version);
	if (r == -ERANGE)
		*ret_problem = "its version is a number too large";
	if (r < 0)
		return r == -ERANGE ? r : -EOPNOTSUPP;
	return version == FORMAT_VERSION ? 0 : -EOPNOTSUPP;
}

static int take_json(struct bundle *b, struct bytes o, const char **ret_problem)
{
	struct bytes format, items, item;
	int r;

	*ret_problem = "it is not a bundle of evidence (\"format\" is not \"" FORMAT "\")";
	if (jspan_type(o) != JSPAN_OBJECT || jspan_member(o, "format", &format) < 0 ||
	    !jspan_text_is(format, FORMAT))
		return -EBADMSG;
	r = check_version(o, ret_problem);
	if (r < 0)
		return r;
	*ret_problem = "it has no items";
	if (jspan_member(o, "items", &items) < 0 || jspan_type(items) != JSPAN_ARRAY)
		return -EBADMSG;
	while ((r = jspan_next_element(&items, &item)) > 0) {
		r = add_item(b, item, ret_problem);
		if (r < 0)
			return r;
	}
	return r;
}

int bundle_parse(const char *text, size_t len, struct bundle *ret, const char **ret_problem)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	struct bytes o;
	int r;

	r = jspan_check((struct bytes){ (const uint8_t *)text, len }, &o);
	*ret_problem = r == -EMSGSIZE ?
			       "it is nested too deep, or an object of it has too many members" :
			       "it is not JSON in UTF-8, or a member stands twice";
	if (r == 0)
		r = take_json(&b, o, ret_problem);
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
	r = read_file_at(AT_FDCWD, streq(path, "-") ? "/dev/stdin" : path, BUNDLE_FILE_MAX, &text,
			 &len);
	if (r == -EFBIG)
		*ret_problem = "it is too large";
	return r < 0 ? r : bundle_parse(text, len, ret, ret_problem);
}
