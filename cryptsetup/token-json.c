/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cryptsetup/token-json.h"

#include "base/json.h"
#include "base/parse.h"
#include "wire/jspan.h"

/* json-c takes the last of two members with one name, and says nothing. */
static bool is_unambiguous(const char *json, size_t len)
{
	struct bytes value;

	return jspan_check((struct bytes){ (const uint8_t *)json, len }, &value) == 0 &&
	       jspan_type(value) == JSPAN_OBJECT;
}

/* libcryptsetup assigns keyslots itself, and has made sure of more than this. */
static bool has_keyslots(struct json_object *o)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, "keyslots", &v) ||
	    !json_object_is_type(v, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!json_object_is_type(json_object_array_get_idx(v, i), json_type_string))
			return false;
	return true;
}

int token_json_secret(const char *json, char ret[static MSG_NAME_LEN + 1])
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	enum json_tokener_error error;
	const char *type, *name;
	size_t len;

	len = json ? strnlen(json, TOKEN_JSON_MAX + 1) : 0;
	if (len > TOKEN_JSON_MAX)
		return -EMSGSIZE;
	if (len == 0 || !is_unambiguous(json, len))
		return -EINVAL;
	o = json_tokener_parse_verbose(json, &error);
	if (!o)
		return error == json_tokener_success ? -ENOMEM : -EINVAL;
	type = json_text(o, "type");
	name = json_text(o, "coco-secret");
	if (!type || !streq(type, TOKEN_TYPE) || !has_keyslots(o) || !name ||
	    !name_is_valid(name, MSG_NAME_LEN))
		return -EINVAL;
	strcpy(ret, name);
	return 0;
}
