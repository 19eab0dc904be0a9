/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of .probe/steps, of any bytes, and a step as cocod might answer with it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot-log.h"
#include "cli/boot-step.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct msg_stamp *s)
{
	assert(stamp_name(s->what) && s->usec < BOOT_USEC_END);
	assert(memchr(s->secret, 0, sizeof(s->secret)));
	assert(memchr(s->consumer, 0, sizeof(s->consumer)));
	assert(!memchr(s->secret, 27, strlen(s->secret)));
	assert(!memchr(s->consumer, 27, strlen(s->consumer)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = malloc(len + 1);
	struct msg_stamp s;

	if (!line)
		return 0;
	memcpy(line, data, len);
	line[len] = '\0';
	if (boot_step_read(line, &s))
		check(&s);
	if (len >= sizeof(s)) {
		memcpy(&s, data, sizeof(s));
		if (boot_step_take(&s))
			check(&s);
	}
	free(line);
	return 0;
}
