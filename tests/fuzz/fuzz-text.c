/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a text is: made printable it has nothing hidden, and nothing that json-c refuses as
 * UTF-8.  A JSON text reads the same when its hidden characters are escaped.
 */
#include <assert.h>
#include <json-c/json.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void assert_printable(const char *text, bool json)
{
	for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
		uint32_t c;

		n = utf8_next(text, left, &c);
		assert(n > 0 && n <= left);
		assert(!character_is_hidden(c) || (json && (c == '\n' || c == '\t')));
	}
}

static bool is_utf8(const char *text)
{
	size_t left = strlen(text), n = 1;
	uint32_t c;

	for (; left > 0 && n > 0; text += n, left -= n)
		n = utf8_next(text, left, &c);
	return n > 0;
}

static struct json_object *parse(const char *text)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o;

	assert(t);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, text, -1);
	if (json_tokener_get_error(t) != json_tokener_success) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

static void check_json(const char *text)
{
	struct json_object *o = parse(text), *again;
	/* As json-c prints it: the input may be escaped in other ways. */
	char *printable = json_text_printable(
		o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : text);

	assert(printable);
	assert_printable(printable, /* json= */ true);
	/* json-c accepts overlong forms. */
	if (o && is_utf8(text)) {
		again = parse(printable);
		/* Not json_object_equal(): a NaN is not equal to itself. */
		assert(streq(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			     json_object_to_json_string_ext(again, JSON_C_TO_STRING_PLAIN)));
		json_object_put(again);
	}
	json_object_put(o);
	free(printable);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *copy;

	assert(text);
	memcpy(text, data, len);
	text[len] = '\0';
	copy = strdup(text);
	assert(copy);
	check_json(text);
	make_printable(text);
	assert(strlen(text) <= strlen(copy));
	assert_printable(text, /* json= */ false);
	strcpy(copy, text);
	make_printable(copy);
	assert(streq(copy, text));
	free(copy);
	free(text);
	return 0;
}
