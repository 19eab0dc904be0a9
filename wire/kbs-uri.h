/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_KBS_URI_H
#define COCO_WIRE_KBS_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/broker.h"

/*
 * The names of secrets at a broker: kbs:///REPOSITORY/TYPE/TAG, or kbs+PLUGIN:///WORDS?QUERY for
 * what a plugin of the broker makes.  kbs: is kbs+resource:.
 *
 * Everywhere else a name is a path: "REPOSITORY/TYPE/TAG" for the plugin resource, and
 * "+PLUGIN/WORDS" for another.  Two names are the same secret exactly if their paths are the same
 * bytes.  The request is GET /kbs/v0/resource/REPOSITORY/TYPE/TAG, or GET /kbs/v0/PLUGIN/WORDS.
 */

struct kbs_uri {
	char path[BROKER_PATH_LEN];
	char host[BROKER_NAME_LEN];	/* "example.org:8080", or "" for the configured broker */
};

/*
 * Read the URI @text.  A word is a letter, digit, '_' or '-', and then these and '.'; a plugin is
 * letters, digits, '_' and '-'; a query is printable ASCII without '"', '<', '>', '\\', '^', '`',
 * '{', '|', '}' and '#'.
 *
 * Returns 0; -EINVAL for another scheme, or when a part has another form; -EMSGSIZE when a part
 * is too long.
 */
int kbs_uri_parse(const char *text, struct kbs_uri *ret);

/* True if @path is what kbs_uri_parse() gives as a path. */
bool kbs_path_is_valid(const char *path);

/* Write the URI of @path, "kbs:///a/b/c", with its NUL into @size bytes: BROKER_URL_LEN + 8 do. */
void kbs_path_format(const char *path, char *ret, size_t size);

/* Write what is behind "/kbs/v0/" in the request for @path: "resource/a/b/c". */
void kbs_path_request(const char *path, char *ret, size_t size);

/*
 * True if @path lies below @prefix, both valid paths or, for @prefix, a path cut off behind one of
 * its slashes: "default/" or "default/vm7/".  "" is above nothing.
 */
bool kbs_path_is_below(const char *path, const char *prefix);

#endif
