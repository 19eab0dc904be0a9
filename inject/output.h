/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_OUTPUT_H
#define COCO_INJECT_OUTPUT_H

#include <sys/types.h>

#include "base/json.h"
#include "inject/verb.h"

/*
 * Write @path with mode 0600, whole or not at all.  An existing file is replaced with --force only.
 * "-" is standard output, which --json leaves no room for.
 *
 * Returns 0; -EINVAL when standard output is asked for twice; -EEXIST for a file that is to stay;
 * -EIO or -ENOMEM.  Then @why has the cause.
 */
int output_file(const struct args *a, const char *path, const void *data, size_t len,
		struct cause *why);

/* A file to be written. */
struct output {
	const char *path;
	const void *data;
	size_t len;
	mode_t mode;
};

/*
 * Write all @n files (OUTPUT_MAX at most) or none: each is complete beside its place before the
 * first appears there.  What exists is replaced with --force only, and put back when a later
 * one fails, where the file system can exchange two files.  "-" is standard output, for one of
 * them at most and not beside --json; it is written last.
 *
 * Returns as output_file().
 */
#define OUTPUT_MAX 8
int output_files(const struct args *a, const struct output *files, size_t n, struct cause *why);

/*
 * Add @data, at most 64 bytes, in hexadecimal digits under @key to @o.  Returns 0, or a negative
 * value without memory.
 */
int output_add_hex(struct json_object *o, const char *key, const uint8_t *data, size_t len);

#endif
