/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_BASE_JSON_H
#define COCO_BASE_JSON_H

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "base/text.h"

static inline void json_putp(struct json_object **o)
{
	if (*o)
		(void) json_object_put(*o);
}

/* ---- reading ---- */

/*
 * The text that @value is, as long as @value lives; NULL if it is none.  A text with a NUL in it
 * is none: what reads up to the NUL would take it for another.
 */
static inline const char *json_value_text(struct json_object *value)
{
	const char *text = json_object_is_type(value, json_type_string) ?
				   json_object_get_string(value) :
				   NULL;

	return text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* The same for the member @name of @o, which need be no object. */
static inline const char *json_text(struct json_object *o, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(o, name, &value) ? json_value_text(value) : NULL;
}

/* The same; "" if there is none. */
static inline const char *json_text_or_empty(struct json_object *o, const char *name)
{
	const char *text = json_text(o, name);

	return text ? text : "";
}

/*
 * ---- building ----
 * To json-c NULL is the value null; here it is a value for which there was no memory, and so is a
 * NULL @o or @array.  These return 0 or -ENOMEM, so that the results of several may be joined by |.
 * An object that lacks a member says something else: nobody gets it, see json_whole().
 */

/* Add the member @name.  @value is taken, also on failure. */
_warn_unused_
static inline int json_add(struct json_object *o, const char *name, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (o && json_object_object_add(o, name, value) == 0)
		return 0;
	(void) json_object_put(value);
	return -ENOMEM;
}

/* The same for an element. */
_warn_unused_
static inline int json_append(struct json_object *array, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (array && json_object_array_add(array, value) == 0)
		return 0;
	(void) json_object_put(value);
	return -ENOMEM;
}

_warn_unused_
static inline int json_append_text(struct json_object *array, const char *text)
{
	return json_append(array, json_object_new_string(text));
}

_warn_unused_
static inline int json_add_null(struct json_object *o, const char *name)
{
	return o && json_object_object_add(o, name, NULL) == 0 ? 0 : -ENOMEM;
}

_warn_unused_
static inline int json_add_text(struct json_object *o, const char *name, const char *text)
{
	return json_add(o, name, json_object_new_string(text));
}

/* The same; null if @text is NULL or "". */
_warn_unused_
static inline int json_add_text_or_null(struct json_object *o, const char *name, const char *text)
{
	return text && text[0] ? json_add_text(o, name, text) : json_add_null(o, name);
}

_warn_unused_
static inline int json_add_bool(struct json_object *o, const char *name, bool value)
{
	return json_add(o, name, json_object_new_boolean(value));
}

_warn_unused_
static inline int json_add_number(struct json_object *o, const char *name, int64_t value)
{
	return json_add(o, name, json_object_new_int64(value));
}

_warn_unused_
static inline int json_add_unsigned(struct json_object *o, const char *name, uint64_t value)
{
	return json_add(o, name, json_object_new_uint64(value));
}

/* null if the number is not @known. */
_warn_unused_
static inline int json_add_number_if(struct json_object *o, const char *name, bool known,
				     int64_t value)
{
	return known ? json_add_number(o, name, value) : json_add_null(o, name);
}

/* @o if all was added to it, which is what @r says; else NULL, and @o is freed. */
static inline struct json_object *json_whole(struct json_object *o, int r)
{
	if (r == 0)
		return o;
	json_putp(&o);
	return NULL;
}

/*
 * What --json prints is one object that says what it is: "coco-" and @name, the name of its schema
 * in schema/, and the version of that.  The version changes when a member goes away or means
 * something else; members may be added without.  Returns NULL without memory.
 */
#define JSON_VERSION 1

static inline struct json_object *json_document(const char *name)
{
	struct json_object *o = json_object_new_object();
	char schema[96];

	(void) snprintf(schema, sizeof(schema), "coco-%s", name);
	if (json_add_text(o, "schema", schema) == 0 &&
	    json_add(o, "version", json_object_new_int(JSON_VERSION)) == 0)
		return o;
	json_putp(&o);
	return NULL;
}

/*
 * The text of @o in the form JSON_C_TO_STRING_PLAIN or _PRETTY, as long as @o lives, and its length
 * if @ret_len is not NULL.  NULL if @o is, or without memory: json-c goes on when its buffer cannot
 * grow, and what did not fit is missing from the text; that malloc() failed is all that tells.
 */
static inline const char *json_to_text(struct json_object *o, int form, size_t *ret_len)
{
	const char *text;
	size_t len;
	int saved = errno;

	errno = 0;
	text = o ? json_object_to_json_string_length(o, form | JSON_C_TO_STRING_NOSLASHESCAPE,
						     &len) :
		   NULL;
	if (errno == ENOMEM)
		text = NULL;
	errno = saved;
	if (text && ret_len)
		*ret_len = len;
	return text;
}

/*
 * Print @o in the form JSON_C_TO_STRING_PLAIN or _PRETTY, and a line feed.  NULL is a document for
 * which there was no memory.  Returns 0 or -ENOMEM, as print_json_text().
 */
static inline int json_print(struct json_object *o, int form)
{
	return print_json_text(json_to_text(o, form, NULL));
}

#endif
