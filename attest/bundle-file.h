/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_ATTEST_BUNDLE_FILE_H
#define COCO_ATTEST_BUNDLE_FILE_H

#include <json-c/json_object.h>

#include "attest/bundle.h"

/* A bundle of evidence as one JSON file, see cocod-evidence(5). */

#define BUNDLE_FILE_MAX (8 * 1024 * 1024)	/* bytes */

/*
 * The bundle as JSON; @made is the time at which it was made, as text.  The object is yours, for
 * json_object_put(); NULL without memory.
 */
struct json_object *bundle_to_json(const struct bundle *b, const char *made);

/*
 * Read the bundle @path ("-": standard input); @ret is to be bundle_done() when this succeeded.
 *
 * @ret_problem is set on failure: what is wrong with it, in words, constant.
 * Returns 0; -EBADMSG when it is not a bundle, which has no member twice and is valid UTF-8;
 * -EOPNOTSUPP for a version or an unknown kind of item; -ERANGE for a version of more
 * than 64 bits; -EMSGSIZE and -EFBIG when it is too large or nested too deep; -ENOMEM; an errno of
 * open(2) or read(2).
 */
int bundle_file_read(const char *path, struct bundle *ret, const char **ret_problem);

/* The same from @len bytes of @text, which need not end with NUL. */
int bundle_parse(const char *text, size_t len, struct bundle *ret, const char **ret_problem);

#endif
