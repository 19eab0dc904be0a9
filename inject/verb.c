/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/verb.h"

#include "base/json.h"
#include "base/text.h"

/* Every other errno comes from a file, a library or the memory. */
static const struct {
	int error;
	enum status status;
} statuses[] = {
	{ -EINVAL, STATUS_USAGE },
	{ -EBADMSG, STATUS_MALFORMED },
	{ -EMSGSIZE, STATUS_MALFORMED },
	{ -EKEYREJECTED, STATUS_CHECK },
	{ -ENOSPC, STATUS_CHECK },
	{ -EOPNOTSUPP, STATUS_CHECK },
	{ -EPERM, STATUS_CHECK },
	{ -ENODATA, STATUS_UNDECIDED },
};

enum status give_up_if(int r, const struct cause *why)
{
	if (r >= 0)
		return STATUS_GOOD;
	log_error("%s", why->text);
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].error == r)
			return statuses[i].status;
	return STATUS_IO;
}

enum status output_json(struct json_object *o)
{
	if (json_print(o, JSON_C_TO_STRING_PLAIN) < 0) {
		log_oom();
		return STATUS_IO;
	}
	return STATUS_GOOD;
}
