/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json_tokener.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/boot-time.h"

#define DEPTH_MAX 8

/* A time that cannot be one of ours is not known. */
static struct boot_known number_of(struct json_object *o, const char *key)
{
	struct json_object *m;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &m) || !json_object_is_type(m, json_type_int))
		return (struct boot_known){ false, 0 };
	n = json_object_get_int64(m);
	return (struct boot_known){ n >= 0 && n < 2 * (int64_t)BOOT_USEC_END, (uint64_t)n };
}

/* Returns 0, -EBADMSG or -EOPNOTSUPP. */
static int check(struct json_object *o)
{
	struct json_object *m;

	if (!json_object_is_type(o, json_type_object) ||
	    !streq(json_text_or_empty(o, "schema"), "coco-boot-time") ||
	    !json_object_object_get_ex(o, "version", &m) ||
	    !json_object_is_type(m, json_type_int))
		return -EBADMSG;
	if (json_object_get_int64(m) != JSON_VERSION)
		return -EOPNOTSUPP;
	if (!json_object_object_get_ex(o, "rows", &m) || !json_object_is_type(m, json_type_array) ||
	    json_object_array_length(m) > BOOT_ROWS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < json_object_array_length(m); i++)
		if (!json_object_is_type(json_object_array_get_idx(m, i), json_type_object))
			return -EBADMSG;
	return 0;
}

int boot_json_read(const char *text, size_t len, struct json_object **ret)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o;
	int r;

	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	o = json_tokener_parse_ex(tokener, text, (int)len);
	r = json_tokener_get_error(tokener) == json_tokener_success &&
			    strspn(text + json_tokener_get_parse_end(tokener), " \n\t\r") ==
				    len - json_tokener_get_parse_end(tokener) ?
		    check(o) :
		    -EBADMSG;
	json_tokener_free(tokener);
	if (r < 0)
		json_object_put(o);
	else
		*ret = o;
	return r;
}

static void print_change(const char *group, const char *name, struct boot_known before,
			 struct boot_known now)
{
	double a = (double)before.usec / 1e6, b = (double)now.usec / 1e6;

	if (before.known && now.known)
		print("%+12.3f s  %s %s: %.3f s, before %.3f s\n", b - a, group, name, b, a);
	else if (now.known)
		print("%12s    %s %s: %.3f s\n", "new", group, name, b);
	else if (before.known)
		print("%12s    %s %s: before %.3f s\n", "unknown", group, name, a);
}

static struct json_object *find(struct json_object *rows, const struct boot_row *r)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *o = json_object_array_get_idx(rows, i);

		if (streq(json_text_or_empty(o, "group"), r->group) &&
		    streq(json_text_or_empty(o, "name"), r->name))
			return o;
	}
	return NULL;
}

static bool has(const struct boot_times *t, struct json_object *o)
{
	for (unsigned i = 0; i < t->n_rows; i++)
		if (streq(json_text_or_empty(o, "group"), t->rows[i].group) &&
		    streq(json_text_or_empty(o, "name"), t->rows[i].name))
			return true;
	return false;
}

int boot_diff(const struct boot_times *t, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	struct json_object *o, *rows, *at;
	size_t len = 0;
	int r;

	r = read_file_at(AT_FDCWD, path, BOOT_DIFF_MAX, &text, &len);
	if (r >= 0)
		r = boot_json_read(text, len, &o);
	if (r < 0)
		return r;
	(void) json_object_object_get_ex(o, "rows", &rows);
	print_change("total", "", number_of(o, "total_usec"), t->total);
	for (unsigned i = 0; i < t->n_rows; i++) {
		at = find(rows, &t->rows[i]);
		print_change(t->rows[i].group, t->rows[i].name,
			     at ? number_of(at, "usec") : (struct boot_known){ false, 0 },
			     t->rows[i].span);
	}
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		at = json_object_array_get_idx(rows, i);
		if (!has(t, at))
			print_change(json_text_or_empty(at, "group"),
				     json_text_or_empty(at, "name"), number_of(at, "usec"),
				     (struct boot_known){ false, 0 });
	}
	json_object_put(o);
	return 0;
}
