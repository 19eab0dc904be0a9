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

static struct json_object *copy(struct json_object *value);

static int add_member(struct json_object *to, const char *key, struct json_object *value)
{
	char buf[KEY_MAX];
	const char *name = spell(key, buf);

	if (is_time(key, value))
		return add_time(to, name, json_object_get_int64(value));
	return value ? json_add(to, name, copy(value)) : json_add_null(to, name);
}

/* The depth is that of the protocol's answers, which their reader bounds. */
static struct json_object *copy(struct json_object *value)
{
	_cleanup_(json_putp) struct json_object *to = NULL;

	if (json_object_is_type(value, json_type_object)) {
		to = json_object_new_object();
		json_object_object_foreach(value, key, member) {
			if (add_member(to, key, member) < 0)
				return NULL;
		}
		return TAKE_PTR(to);
	}
	if (!json_object_is_type(value, json_type_array))
		return json_object_get(value);
	to = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (json_append(to, copy(json_object_array_get_idx(value, i))) < 0)
			return NULL;
	return TAKE_PTR(to);
}

/* The protocol's own; and no answer says that it is another document. */
static bool is_protocol(const char *key)
{
	return streq(key, "v") || streq(key, "ok") || streq(key, "schema");
}

struct json_object *answer_document(struct json_object *answer, const char *name)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	char whole[KEY_MAX];

	(void) snprintf(whole, sizeof(whole), "broker-%s", name);
	o = json_document(whole);
	json_object_object_foreach(answer, key, value) {
		if (!is_protocol(key) && add_member(o, key, value) < 0)
			return NULL;
	}
	return TAKE_PTR(o);
}
