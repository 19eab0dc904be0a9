/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_INJECT_OUTPUT_H
#define COCO_INJECT_OUTPUT_H

#include <json.h>

#include "inject/verb.h"

static inline void json_putp(struct json_object **o)
{
	if (*o)
		(void) json_object_put(*o);
}

/*
 * Write @path with mode 0600, whole or not at all.  An existing file is replaced with --force only.
 * Returns STATUS_GOOD, or says why and returns STATUS_IO.
 */
enum status output_file(const struct args *a, const char *path, const void *data, size_t len);

/* Print @o in one line to standard output.  Returns STATUS_GOOD, or STATUS_IO without memory (an @o of NULL too). */
enum status output_json(struct json_object *o);

#endif
