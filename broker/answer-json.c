/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/answer-json.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/macro.h"

#define KEY_MAX 64

/* Members of the protocol that are seconds since 1970, 0 for never. */
static const char *const times[] = {
	"at",	  "asked",  "changed", "expires",	     "fetched", "from",
	"issued", "used",   "kept-since-refused", "kept-since-released",
};

static bool is_time(const char *key, struct json_object *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (streq(key, times[i]))
			return json_object_is_type(value, json_type_int);
	return false;
}

/* As documents spell it. */
static const char *spell(const char *key, char buf[static KEY_MAX])
{
	if (streq(key, "at"))
		return "time";
	/* A document has one of its own. */
	if (streq(key, "version"))
		return "secret_version";
	(void) snprintf(buf, KEY_MAX, "%s", key);
	for (char *c = buf; *c; c++)
		if (*c == '-')
			*c = '_';
	return buf;
}

static int add_time(struct json_object *o, const char *key, int64_t sec)
{
	char text[TIME_TEXT_MAX];

	return sec > 0 && time_format(sec, text) ? json_add_text(o, key, text) :
						   json_add_null(o, key);
}

static int add_members(struct json_object *to, struct json_object *from);

static struct json_object *copy(struct json_object *value)
{
	_cleanup_(json_putp) struct json_object *to = NULL;

	if (json_object_is_type(value, json_type_object)) {
		to = json_object_new_object();
		return add_members(to, value) == 0 ? TAKE_PTR(to) : NULL;
	}
	if (!json_object_is_type(value, json_type_array))
		return json_object_get(value);
	to = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (json_append(to, copy(json_object_array_get_idx(value, i))) < 0)
			return NULL;
	return TAKE_PTR(to);
}

/* The depth is that of the protocol's answers, which their reader bounds. */
static int add_members(struct json_object *to, struct json_object *from)
{
	char buf[KEY_MAX];
	int r = 0;

	json_object_object_foreach(from, key, value) {
		const char *name = spell(key, buf);

		if (is_time(key, value))
			r = add_time(to, name, json_object_get_int64(value));
		else if (!value)
			r = json_add_null(to, name);
		else
			r = json_add(to, name, copy(value));
		if (r < 0)
			return r;
	}
	return 0;
}

struct json_object *answer_document(struct json_object *answer, const char *name)
{
	_cleanup_(json_putp) struct json_object *o = NULL, *rest = json_object_new_object();
	char whole[KEY_MAX];

	(void) snprintf(whole, sizeof(whole), "broker-%s", name);
	o = json_document(whole);
	if (add_members(rest, answer) < 0)
		return NULL;
	json_object_object_del(rest, "v");
	json_object_object_del(rest, "ok");
	json_object_object_del(rest, "schema");
	json_object_object_foreach(rest, key, value) {
		if ((value ? json_add(o, key, json_object_get(value)) : json_add_null(o, key)) < 0)
			return NULL;
	}
	return TAKE_PTR(o);
}
