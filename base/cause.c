/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cause.h"

#include <stdarg.h>
#include <stdio.h>

int cause_set(struct cause *c, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(c->text, sizeof(c->text), format, ap);
	va_end(ap);
	return error;
}

int cause_set_io(struct cause *c, int error, const char *format, ...)
{
	int saved = errno;
	va_list ap;

	errno = error = abs(error);
	va_start(ap, format);
	(void) vsnprintf(c->text, sizeof(c->text), format, ap);
	va_end(ap);
	errno = saved;
	return error == ENOMEM ? -ENOMEM : -EIO;
}

int cause_set_oom(struct cause *c)
{
	return cause_set(c, -ENOMEM, "Out of memory");
}
