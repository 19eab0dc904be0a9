/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel's log, of any bytes, and lines "NAME=VALUE", and /proc/meminfo. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot-log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct boot_log log;
	uint64_t n;

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = '\0';
	boot_log_parse(text, len, &log);
	assert(log.n_devices <= BOOT_DEVICES_MAX && log.n_bad <= log.n_lines);
	for (unsigned i = 0; i < log.n_devices; i++) {
		const struct boot_device *d = &log.devices[i];

		assert(d->start_usec <= d->end_usec && d->end_usec < BOOT_USEC_END);
		assert(memchr(d->name, 0, sizeof(d->name)));
		assert(!memchr(d->name, 27, strlen(d->name)));
	}
	if (boot_value(text, "A", &n) == 0)
		assert(strstr(text, "A="));
	if (boot_unaccepted(text, &n) == 0)
		assert(strstr(text, "\nUnaccepted:"));
	free(text);
	return 0;
}
