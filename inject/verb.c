/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/verb.h"

/* An errno that is not here is of a file, a library or the memory. */
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
