/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/notes.h"

#include <stdarg.h>
#include <stdio.h>

void plan_note(struct plan_notes *notes, const char *format, ...)
{
	va_list ap;

	if (notes->n == PLAN_NOTES_MAX)
		return;
	va_start(ap, format);
	(void) vsnprintf(notes->text[notes->n++], PLAN_NOTE_LEN, format, ap);
	va_end(ap);
}
