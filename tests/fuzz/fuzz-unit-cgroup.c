/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input: a process's /proc/PID/cgroup.  A unit that is found has the name of one, and stands in a
 * line of the text behind a slash.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/credential-peer.h"
#include "wire/unit-cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char unit[UNIT_NAME_MAX + 1] = "", part[2][UNIT_NAME_MAX + 3];
	char *text = malloc(len + 1);
	bool template;

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	if (unit_of_cgroup(text, unit) == 0) {
		(void) snprintf(part[0], sizeof(part[0]), "/%s", unit);
		(void) snprintf(part[1], sizeof(part[1]), "/_%s", unit);
		assert(unit_name_is_valid(unit, &template) && !template);
		assert(strstr(text, part[0]) || strstr(text, part[1]));
		assert(!strchr(unit, '/') && !strchr(unit, '\n'));
	} else {
		assert(!unit[0]);
	}
	free(text);
	return 0;
}
