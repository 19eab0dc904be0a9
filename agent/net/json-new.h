/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_AGENT_NET_JSON_NEW_H
#define COCO_AGENT_NET_JSON_NEW_H

#include <errno.h>
#include <json-c/json.h>

/*
 * Building JSON with json-c.  To json-c NULL is the value null; here it is a value for which there
 * was no memory, and so is a NULL @o or @array.
 */

static inline void json_putp(struct json_object **o)
{
	if (*o)
		json_object_put(*o);
}

/* Add the member @name.  @value is taken, also on failure.  Returns 0 or -ENOMEM. */
static inline int json_add(struct json_object *o, const char *name, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (o && json_object_object_add(o, name, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

/* The same for an element. */
static inline int json_append(struct json_object *array, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (array && json_object_array_add(array, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

#endif
