/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a text is: json-c accepts what jspan_check() accepts, and both read the same names and
 * values from it.  (The reverse does not hold: json-c chooses one of two members of the same
 * name.  Its strict mode is not used: since 0.17 it accepts only ASCII strings.)
 */
#include <assert.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "wire/jspan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void compare(struct bytes value, struct json_object *o, const uint8_t *data, size_t len);

static void compare_object(struct bytes value, struct json_object *o, const uint8_t *data,
			   size_t len)
{
	struct bytes it = value, name, member, found;
	int n = 0;

	assert(json_object_is_type(o, json_type_object));
	while (jspan_next_member(&it, &name, &member) > 0) {
		struct json_object *other;
		char *key = strndup((const char *)name.p, name.len);

		assert(key && json_object_object_get_ex(o, key, &other));
		assert(jspan_member(value, key, &found) == 0 && found.p == member.p &&
		       found.len == member.len);
		compare(member, other, data, len);
		free(key);
		n++;
	}
	assert(n == json_object_object_length(o));
}

/* Move @b, which has all the rest of the text, past @value: an object by what takes objects. */
static void take(struct bytes *b, struct bytes value)
{
	static const struct jspan_field none[] = { { NULL } };

	if (jspan_type(value) == JSPAN_OBJECT)
		assert(jspan_object_take(b, none, /* closed= */ false, NULL, NULL) == 0);
	else
		assert(bytes_skip(b, value.len) == 0);
	assert(b->p == value.p + value.len);
}

static void compare_array(struct bytes value, struct json_object *o, const uint8_t *data,
			  size_t len)
{
	struct bytes element, b = { value.p, len - (size_t)(value.p - data) };
	const uint8_t *end = value.p + value.len;
	size_t n = 0;

	assert(json_object_is_type(o, json_type_array));
	while (jspan_next_element(&value, &element) > 0) {
		compare(element, json_object_array_get_idx(o, n++), data, len);
		assert(jspan_at_element(&b) == 1 && b.p == element.p);
		take(&b, element);
	}
	assert(jspan_at_element(&b) == 0 && b.p == end);
	assert(n == json_object_array_length(o));
}

/*
 * json-c 0.16 joins a surrogate pair and then looks at its low 16 bits again: a character
 * like U+1D800 becomes U+FFFD there.
 */
static bool json_c_loses(const char *text, size_t len)
{
	uint32_t c;

	while (len > 0) {
		size_t n = utf8_next(text, len, &c);

		if (n == 0 || (c > 0xffff && (c & 0xf800) == 0xd800))
			return true;
		text += n;
		len -= n;
	}
	return false;
}

static void compare_string(struct bytes value, struct json_object *o)
{
	struct bytes text;
	uint8_t hex[4];
	char *meant;
	size_t n;
	int64_t t;

	assert(json_object_is_type(o, json_type_string));
	(void) jspan_hex(value, hex, sizeof(hex));
	(void) jspan_time(value, &t);
	meant = malloc(value.len - 1);
	assert(meant);
	/* For half a pair, or a NUL, json-c may give anything. */
	if (jspan_string(value, meant, value.len - 1, &n) == 0 && !json_c_loses(meant, n)) {
		assert(n == (size_t)json_object_get_string_len(o));
		assert(memcmp(meant, json_object_get_string(o), n + 1) == 0);
	}
	free(meant);
	if (jspan_text(value, &text) < 0)
		return;
	assert(text.len == (size_t)json_object_get_string_len(o));
	assert(memcmp(text.p, json_object_get_string(o), text.len) == 0);
}

static void compare_number(struct bytes value, struct json_object *o)
{
	uint64_t v;

	assert(json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double));
	if (jspan_uint(value, INT64_MAX, &v) == 0)
		assert(json_object_is_type(o, json_type_int) &&
		       json_object_get_int64(o) == (int64_t)v);
}

static void compare(struct bytes value, struct json_object *o, const uint8_t *data, size_t len)
{
	assert(value.len > 0 && value.p >= data && (size_t)(value.p - data) <= len - value.len);
	switch (jspan_type(value)) {
	case JSPAN_OBJECT:
		compare_object(value, o, data, len);
		return;
	case JSPAN_ARRAY:
		compare_array(value, o, data, len);
		return;
	case JSPAN_STRING:
		compare_string(value, o);
		return;
	case JSPAN_NUMBER:
		compare_number(value, o);
		return;
	case JSPAN_TRUE:
	case JSPAN_FALSE:
		assert(json_object_is_type(o, json_type_boolean) &&
		       json_object_get_boolean(o) == (jspan_type(value) == JSPAN_TRUE));
		return;
	case JSPAN_NULL:
		assert(!o);
		return;
	}
}

/* The members that the check comes past are those that a walk finds. */
static void compare_members(struct bytes text, struct bytes checked)
{
	struct jspan_member list[3];
	struct bytes name, value;
	unsigned n, i = 0;

	assert(jspan_check_members(text, list, 3, &n) == 0);
	for (; jspan_next_member(&checked, &name, &value) > 0; i++)
		if (i < 3)
			assert(list[i].name.p == name.p && list[i].name.len == name.len &&
			       list[i].value.p == value.p && list[i].value.len == value.len);
	assert(i == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct json_tokener *t;
	struct json_object *o;
	struct bytes value;

	if (len > 65536 || jspan_check((struct bytes){ data, len }, &value) < 0)
		return 0;
	compare_members((struct bytes){ data, len }, value);
	t = json_tokener_new_ex(JSPAN_DEPTH_MAX + 1);
	assert(t);
	json_tokener_set_flags(t, JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, (const char *)value.p, (int)value.len);
	/* To json-c, a bare number could continue behind the end. */
	if (json_tokener_get_error(t) == json_tokener_continue)
		o = json_tokener_parse_ex(t, "", 1);
	assert(json_tokener_get_error(t) == json_tokener_success);
	compare(value, o, data, len);
	json_object_put(o);
	json_tokener_free(t);
	return 0;
}
