/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/cdh.h"

#include <string.h>

#include "base/macro.h"
#include "wire/kbs-uri.h"

#define RESOURCE "/cdh/resource/"

bool cdh_path_is_valid(const char *path)
{
	return path[0] != '+' && !strchr(path, '?') && kbs_path_is_valid(path);
}

bool cdh_target_parse(const char *target, char ret[static BROKER_PATH_LEN])
{
	const char *path = startswith(target, RESOURCE);

	if (!path || !cdh_path_is_valid(path))
		return false;
	strcpy(ret, path);
	return true;
}
