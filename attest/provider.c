/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/provider.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

int cause_set(struct cause *c, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(c->text, sizeof(c->text), format, ap);
	va_end(ap);
	return error;
}

bool provider_pause(const struct attest_request *q, unsigned n)
{
	uint64_t usec = (q->retry_usec ? q->retry_usec : PROVIDER_RETRY_USEC) << (n - 1);
	struct timespec ts = { .tv_sec = (time_t)(usec / 1000000), .tv_nsec = (long)(usec % 1000000 * 1000) };

	if (n >= PROVIDER_TRIES)
		return false;
	(void) nanosleep(&ts, NULL);
	return true;
}
