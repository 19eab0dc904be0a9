/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/qmp-text.h"

#include "base/json.h"

/* cpu-max of q35 in an answer to query-machines; 0 when it is not there. */
static uint64_t find_cpu_max(struct json_object *answer)
{
	struct json_object *list, *max;

	if (!json_object_object_get_ex(answer, "return", &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *machine = json_object_array_get_idx(list, i);
		const char *alias;

		if (!json_object_is_type(machine, json_type_object))
			continue;
		alias = json_text(machine, "alias");
		if (alias && streq(alias, "q35") &&
		    json_object_object_get_ex(machine, "cpu-max", &max) &&
		    json_object_is_type(max, json_type_int) && json_object_get_int64(max) > 0)
			return (uint64_t)json_object_get_int64(max);
	}
	return 0;
}

int qmp_cpu_max(const char *text, uint64_t *ret)
{
	_cleanup_(freep) char *copy = strdup(text);
	char *rest = copy, *line;
	uint64_t found = 0;

	if (!copy)
		return -ENOMEM;
	while ((line = strsep(&rest, "\n"))) {
		struct json_object *o;
		bool good;

		if (!*line)
			continue;
		o = json_tokener_parse(line);
		good = json_object_is_type(o, json_type_object);
		if (good && !found)
			found = find_cpu_max(o);
		(void) json_object_put(o);
		if (!good)
			return -EBADMSG;
	}
	if (!found)
		return -ENOENT;
	*ret = found;
	return 0;
}
